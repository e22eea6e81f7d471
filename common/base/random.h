// A small fast source of random numbers for inner loops: one multiplication a number (wyrand,
// https://github.com/wangyi-fudan/wyhash). The same seed gives the same numbers. Not for
// secrets.
//
//   Random random(options.seed);
//   const std::uint32_t word = random.Below(vocabulary_size);
#pragma once

#include <cstdint>

namespace mannequin {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    state_ += 0xA0761D6478BD642FULL;
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(state_) * (state_ ^ 0xE7037ED1A0B428DBULL);
    return static_cast<std::uint64_t>(product >> 64) ^ static_cast<std::uint64_t>(product);
  }
  // 0 to n - 1.
  std::uint32_t Below(std::uint32_t n) { return static_cast<std::uint32_t>(((Next() >> 32) * n) >> 32); }
  // -0.5 to 0.5.
  float Centred() { return static_cast<float>(static_cast<double>(Next() >> 40) / (1 << 24) - 0.5); }

 private:
  std::uint64_t state_;
};

}  // namespace mannequin

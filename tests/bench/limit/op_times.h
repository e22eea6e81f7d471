// Where the time of torch's operations goes, by kind: convolutions, their gradients, and so on.
//
//   const OpTimes times;
//   Step();
//   std::string shares = times.Shares();   // "convolution_backward 38 %, convolution 21 %, ..."
#pragma once

#include <cstdint>
#include <string>

namespace mannequin {

// Counts from its making on, for the whole process: one at a time.
class OpTimes {
 public:
  OpTimes();
  ~OpTimes();
  OpTimes(const OpTimes&) = delete;
  OpTimes& operator=(const OpTimes&) = delete;

  // The largest, as shares of all time since the making, and what was outside of torch.
  std::string Shares(int most = 8) const;

 private:
  std::uint64_t handle_;
  std::int64_t begin_;
};

}  // namespace mannequin

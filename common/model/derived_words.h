// The words that DeriveAttributes knows.
//
//   const TitleWord* word = FindTitleWord(TitleWordKey("gray"));   // kColor, "grey"
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace mannequin {

// What a word can be in a title; one word can be several things.
enum TitleWordUse : uint16_t {
  // A colour by itself: `value`.
  kColor = 1 << 0,
  // Makes a shade with the colour behind it: "navy" blue.
  kShade = 1 << 1,
  // A colour, or none, or several: nobody knows. With it no colour is certain.
  kMaybeColor = 1 << 2,
  // Behind a colour it says that not the product has it, or that it is no colour at all.
  kNotItsColor = 1 << 3,
  kGender = 1 << 4,
  // A gender with "'s" behind it only.
  kSingularGender = 1 << 5,
  kMaterial = 1 << 6,
  // Before a material: not the real one.
  kImitation = 1 << 7,
  // Behind a material: made to look like it, or to care for it, or only in part of it.
  kNotItsMaterial = 1 << 8,
  kSizeMarker = 1 << 9,
  // A size in letters.
  kSizeName = 1 << 10,
  // Before or behind a size: it is an amount's or a bed's.
  kNotItsSize = 1 << 11,
  // In a category: titles there are those of works and mean what they like.
  kOfWorks = 1 << 12,
  // In a category: colours there are names of shades, scents and tastes.
  kOfTastes = 1 << 13,
};

struct TitleWord {
  // Lower case.
  absl::string_view text;
  uint16_t uses;
  // What the attribute says; empty: `text`.
  absl::string_view value;
};

// A word's first 16 bytes, in lower case, as two numbers, so that a lookup compares no strings.
class TitleWordKey {
 public:
  static constexpr size_t kLongest = 16;
  // `lower`: in lower case.
  constexpr explicit TitleWordKey(absl::string_view lower) : size_(lower.size()) {
    for (size_t i = 0; i < size_ && i < kLongest; ++i) {
      const uint64_t byte = static_cast<unsigned char>(lower[i]);
      (i < 8 ? low_ : high_) |= byte << (i % 8 * 8);
    }
  }
  // The same of `size` bytes, above 0, of which kLongest can be read. Little-endian only.
  TitleWordKey(const char* lower, size_t size) : size_(size) {
    std::memcpy(&low_, lower, sizeof low_);
    std::memcpy(&high_, lower + sizeof low_, sizeof high_);
    const auto keep = [](size_t bytes) { return bytes >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * bytes)) - 1; };
    low_ &= keep(size);
    high_ &= size > 8 ? keep(size - 8) : 0;
  }

  constexpr size_t size() const { return size_; }
  constexpr unsigned char first() const { return static_cast<unsigned char>(low_ & 0xFF); }
  // Of 9 bits.
  constexpr size_t Hash() const { return static_cast<size_t>((low_ ^ high_ * 31) * 0x9E3779B97F4A7C15u >> 55); }
  constexpr bool operator==(const TitleWordKey& other) const {
    return low_ == other.low_ && high_ == other.high_ && size_ == other.size_;
  }

 private:
  uint64_t low_ = 0;
  uint64_t high_ = 0;
  size_t size_;
};

// Null when it is none of ours. Thread-safe.
const TitleWord* FindTitleWord(const TitleWordKey& key);

// Whether `shade` before `color` is a colour's name, e.g. "sky" before "blue".
bool IsShade(absl::string_view shade, absl::string_view color);

}  // namespace mannequin

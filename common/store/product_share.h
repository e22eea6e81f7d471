// Which of several equal shares a product or an origin is in: how processes divide a catalogue.
//
//   if (ShareOf(product.id(), 4) == own_share) Judge(product);
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace mannequin {

inline constexpr int kMaxShares = 64;

// 0 to `shares` - 1, of about as many names each; the same in every program, whatever it is
// built with. FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/), both halves of it.
inline int ShareOf(absl::string_view name, int shares) {
  std::uint32_t hash = 2166136261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<int>((hash ^ hash >> 16) % static_cast<std::uint32_t>(shares));
}

}  // namespace mannequin

// What a text is known by in v1.Embedding.text_hash.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "common/base/sha256.h"

namespace mannequin {

// The first 8 bytes, the lowest first, of the text's SHA-256.
inline std::uint64_t TextHash(absl::string_view text) {
  const std::string bytes = absl::HexStringToBytes(Sha256Hex(text).substr(0, 16));
  std::uint64_t hash = 0;
  for (int i = 7; i >= 0; --i) hash = hash << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return hash;
}

}  // namespace mannequin

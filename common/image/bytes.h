// Big- and little-endian fields of picture formats. The caller has checked the length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

inline std::uint32_t Byte(absl::string_view b, std::size_t at) { return static_cast<std::uint8_t>(b[at]); }
inline std::uint32_t Big16(absl::string_view b, std::size_t at) { return Byte(b, at) << 8 | Byte(b, at + 1); }
inline std::uint32_t Big32(absl::string_view b, std::size_t at) { return Big16(b, at) << 16 | Big16(b, at + 2); }
inline std::uint64_t Big64(absl::string_view b, std::size_t at) {
  return std::uint64_t{Big32(b, at)} << 32 | Big32(b, at + 4);
}
inline std::uint32_t Little16(absl::string_view b, std::size_t at) { return Byte(b, at) | Byte(b, at + 1) << 8; }
inline std::uint32_t Little24(absl::string_view b, std::size_t at) { return Little16(b, at) | Byte(b, at + 2) << 16; }
inline std::uint32_t Little32(absl::string_view b, std::size_t at) {
  return Little16(b, at) | Little16(b, at + 2) << 16;
}

inline std::string Big32Bytes(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}
inline std::string Little32Bytes(std::uint32_t value) {
  return {static_cast<char>(value), static_cast<char>(value >> 8), static_cast<char>(value >> 16),
          static_cast<char>(value >> 24)};
}

}  // namespace mannequin

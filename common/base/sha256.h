// SHA-256 (FIPS 180-4) by OpenSSL.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// 64 lower-case hex digits.
std::string Sha256Hex(absl::string_view bytes);

// Of a file, read in pieces. NOT_FOUND, or UNKNOWN with the system's words.
absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path);

}  // namespace mannequin

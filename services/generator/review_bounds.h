// The bounds of what a reviewer sends, as in image_generator.proto.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mannequin {

inline constexpr std::size_t kMaxReasonBytes = 1024;
inline constexpr std::size_t kMaxReviewerBytes = 256;

inline absl::Status CheckBytes(absl::string_view field, absl::string_view text, std::size_t most) {
  if (text.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", text.size(), " bytes, expected at most ", most));
}

inline absl::Status CheckReviewed(const std::string& product_id) {
  return product_id.empty() ? absl::InvalidArgumentError("product_id: empty") : absl::OkStatus();
}

}  // namespace mannequin

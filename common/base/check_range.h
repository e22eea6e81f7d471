// Whether an option is within its bounds.
//
//   absl::Status status = CheckRange("doc2vec: window", options.window, 1, 20);
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// INVALID_ARGUMENT naming the option and its bounds.
template <typename Number>
absl::Status CheckRange(absl::string_view name, Number value, Number low, Number high) {
  // Written so that a value that is not a number fails.
  if (value >= low && value <= high) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", value, " is not ", low, " to ", high));
}

}  // namespace mannequin

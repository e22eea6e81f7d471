// The three macros that this Abseil does not have.
//
//   RETURN_IF_ERROR(store.Open());
//   ASSIGN_OR_RETURN(std::string text, ReadFile(path));
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define MANNEQUIN_CONCAT_(a, b) a##b
#define MANNEQUIN_CONCAT(a, b) MANNEQUIN_CONCAT_(a, b)

#define RETURN_IF_ERROR(expression)                                          \
  do {                                                                       \
    if (absl::Status status_ = (expression); !status_.ok()) return status_;  \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expression) \
  ASSIGN_OR_RETURN_(MANNEQUIN_CONCAT(result_, __LINE__), lhs, expression)
#define ASSIGN_OR_RETURN_(result, lhs, expression) \
  auto result = (expression);                      \
  if (!result.ok()) return result.status();        \
  lhs = *std::move(result)

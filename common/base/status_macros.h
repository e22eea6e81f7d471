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

// A name of its own for each use, so that one may stand in a lambda inside another.
#define RETURN_IF_ERROR(expression) RETURN_IF_ERROR_(MANNEQUIN_CONCAT(status_, __COUNTER__), expression)
#define RETURN_IF_ERROR_(status, expression)                             \
  do {                                                                   \
    if (absl::Status status = (expression); !status.ok()) return status; \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expression) ASSIGN_OR_RETURN_(MANNEQUIN_CONCAT(result_, __COUNTER__), lhs, expression)
#define ASSIGN_OR_RETURN_(result, lhs, expression) \
  auto result = (expression);                      \
  if (!result.ok()) return result.status();        \
  lhs = *std::move(result)

// All rows of a query, however many, with the memory of a page.
//
//   RETURN_IF_ERROR(VisitRows(connection, "SELECT id, record FROM products ORDER BY id", {},
//                             [&](const Result& rows, int row) -> absl::StatusOr<bool> { ... }));
#pragma once

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/store/postgres/connection.h"

namespace mannequin::store {

// What whoever reads all of something at one moment runs in.
inline constexpr char kSnapshot[] = "ISOLATION LEVEL REPEATABLE READ READ ONLY";

// Calls `visit` with each row until it answers false; `page_done` after each page, when the connection is free for
// other statements. In a transaction, which says of when the rows are; one cursor at a time.
absl::Status VisitRows(
    Connection& connection, const std::string& select, const Parameters& parameters,
    absl::FunctionRef<absl::StatusOr<bool>(const Result& rows, int row)> visit,
    absl::FunctionRef<absl::Status()> page_done = [] { return absl::OkStatus(); });

}  // namespace mannequin::store

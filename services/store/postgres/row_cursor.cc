#include "services/store/postgres/row_cursor.h"

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace mannequin::store {
namespace {

// Enough that round trips do not count.
constexpr int kRows = 1000;

}  // namespace

absl::Status VisitRows(Connection& connection, const std::string& select, const Parameters& parameters,
                       absl::FunctionRef<absl::StatusOr<bool>(const Result& rows, int row)> visit,
                       absl::FunctionRef<absl::Status()> page_done) {
  RETURN_IF_ERROR(connection.Run(absl::StrCat("DECLARE rows NO SCROLL CURSOR FOR ", select), parameters).status());
  const std::string fetch = absl::StrCat("FETCH ", kRows, " FROM rows");
  for (bool more = true; more;) {
    ASSIGN_OR_RETURN(const Result page, connection.Run(fetch, {}));
    more = page.rows() == kRows;
    for (int row = 0; row < page.rows(); ++row) {
      ASSIGN_OR_RETURN(const bool go_on, visit(page, row));
      if (go_on) continue;
      more = false;
      break;
    }
    RETURN_IF_ERROR(page_done());
  }
  return connection.Execute("CLOSE rows");
}

}  // namespace mannequin::store

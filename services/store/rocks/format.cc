#include "services/store/rocks/format.h"

#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "rocksdb/write_batch.h"
#include "services/store/rocks/integrity_check.h"
#include "services/store/rocks/rocks_status.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {

absl::Status BringUpToFormat(Database& db) {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, db.Get(Family::kCounters, kFormatKey));
  int format = 1;
  if (text && !absl::SimpleAtoi(*text, &format)) {
    return absl::DataLossError(absl::StrCat(Describe("read", Family::kCounters, kFormatKey), ": not a number"));
  }
  if (format == kFormat) return absl::OkStatus();
  if (format > kFormat) {
    return absl::FailedPreconditionError(absl::StrCat("data folder ", db.folder(), ": has format ", format,
                                                      ", this program knows up to ", kFormat,
                                                      "; open it with the newer program that made it"));
  }
  ASSIGN_OR_RETURN(const std::optional<std::string> statistics, db.Get(Family::kCounters, kStatisticsKey));
  if (statistics) {
    spdlog::info("data folder {}: from format {} to {}, every record is read once", db.folder(), format, kFormat);
    RETURN_IF_ERROR(RebuildIndexes(db));
  }
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(FromRocks(batch.Put(db.handle(Family::kCounters), ToSlice(kFormatKey), absl::StrCat(kFormat)),
                            "write the format"));
  ASSIGN_OR_RETURN(const std::uint64_t ticket, db.Apply(batch));
  return db.Sync(ticket);
}

}  // namespace mannequin::store

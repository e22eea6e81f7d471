#include "services/store/rocks/rocks_status.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mannequin::store {

absl::Status FromRocks(const rocksdb::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  const std::string words = status.ToString();
  if (status.IsCorruption()) {
    return absl::DataLossError(absl::StrCat(what, ": stored bytes are damaged, restore the latest backup: ", words));
  }
  if (status.IsPathNotFound()) {
    return absl::DataLossError(absl::StrCat(what, ": a file is gone, restore the latest backup: ", words));
  }
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::SubCode::kSpaceLimit) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, ": the disk is full; reads go on, and so do writes once there is space: ", words));
  }
  // What RocksDB has no code for: the words are strerror's.
  if (status.IsIOError() && absl::StrContains(words, "Disk quota exceeded")) {
    return absl::ResourceExhaustedError(absl::StrCat(
        what, ": the disk quota is used up; make room, and open the store again if writes still fail: ", words));
  }
  if (status.IsIOError() && absl::StrContains(words, "Read-only file system")) {
    return absl::FailedPreconditionError(
        absl::StrCat(what, ": the disk is mounted read-only; mount it for writing and open the store again: ", words));
  }
  if (status.IsShutdownInProgress() || status.IsBusy() || status.IsTryAgain()) {
    return absl::UnavailableError(absl::StrCat(what, ": ", words));
  }
  return absl::InternalError(absl::StrCat(what, ": ", words));
}

}  // namespace mannequin::store

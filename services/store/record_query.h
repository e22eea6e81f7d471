// Records in id order, all or those of one state: placeholders by state,
// verdicts by kind.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "rocksdb/snapshot.h"
#include "services/store/database.h"
#include "services/store/prefix_cursor.h"
#include "services/store/rocks_status.h"

namespace mannequin::store {

// Calls `visit` with each Record of `family` after the id `after`, in id order, on one
// snapshot, until it answers false: those below `prefix`, or all when that is empty.
template <typename Record>
absl::Status VisitRecords(const Database& db, Family family, const std::string& prefix, absl::string_view after,
                          const std::function<bool(const Record&)>& visit) {
  rocksdb::ManagedSnapshot snapshot(&db.rocks());
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  if (!prefix.empty()) {
    PrefixCursor ids(db, prefix, options);
    for (ids.SeekAfter(after); ids.Valid(); ids.Next()) {
      ASSIGN_OR_RETURN(const std::optional<Record> record, db.Read<Record>(family, ids.id(), options));
      if (!record) return absl::DataLossError(Describe("read", family, ids.id()) + ": in the index, but gone");
      if (!visit(*record)) return absl::OkStatus();
    }
    return ids.status();
  }
  const auto records = db.NewIterator(family, options);
  records->Seek(ToSlice(after));
  if (!after.empty() && records->Valid() && ToView(records->key()) == after) records->Next();
  for (; records->Valid(); records->Next()) {
    ASSIGN_OR_RETURN(const Record record, Decode<Record>(family, ToView(records->key()), ToView(records->value())));
    if (!visit(record)) return absl::OkStatus();
  }
  return FromRocks(records->status(), absl::StrCat("list ", FamilyName(family)));
}

}  // namespace mannequin::store

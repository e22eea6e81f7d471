// Records in id order, all or those of one state: placeholders by state,
// verdicts by kind.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "rocksdb/snapshot.h"
#include "services/store/record_store.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/prefix_cursor.h"
#include "services/store/rocks/rocks_status.h"

namespace mannequin::store {

// Calls `visit` with each Record of `family` after the id `after`, in id order, on one
// snapshot, until it answers false: those below `prefix`, or all when that is empty.
template <typename Record>
absl::Status VisitRecords(const Database& db, Family family, const std::string& prefix, absl::string_view after,
                          RecordVisitor<Record> visit) {
  rocksdb::ManagedSnapshot snapshot(&db.rocks());
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  // Pages are small; a scan of everything must not drive out what point reads use.
  options.fill_cache = !after.empty() || !prefix.empty();
  if (!prefix.empty()) {
    PrefixCursor ids(db, prefix, options);
    for (ids.SeekAfter(after); ids.Valid(); ids.Next()) {
      ASSIGN_OR_RETURN(const std::optional<Record> record, db.Read<Record>(family, ids.id(), options));
      if (!record) return absl::DataLossError(Describe("read", family, ids.id()) + ": in the index, but gone");
      ASSIGN_OR_RETURN(const bool more, visit(*record));
      if (!more) return absl::OkStatus();
    }
    return ids.status();
  }
  const auto records = db.NewIterator(family, options);
  records->Seek(ToSlice(after));
  if (!after.empty() && records->Valid() && ToView(records->key()) == after) records->Next();
  for (; records->Valid(); records->Next()) {
    ASSIGN_OR_RETURN(const Record record, Decode<Record>(family, ToView(records->key()), ToView(records->value())));
    ASSIGN_OR_RETURN(const bool more, visit(record));
    if (!more) return absl::OkStatus();
  }
  return FromRocks(records->status(), absl::StrCat("list ", FamilyName(family)));
}

}  // namespace mannequin::store

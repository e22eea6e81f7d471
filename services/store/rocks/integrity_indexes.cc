// The index against the records.
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/index_entry.h"
#include "services/store/rocks/integrity_check.h"
#include "services/store/rocks/rocks_status.h"

namespace mannequin::store {
namespace {

constexpr std::size_t kRepairBatch = 1000;
constexpr std::size_t kRebuildBytes = std::size_t{4} << 20;

bool IsIdempotencyKey(absl::string_view entry) { return entry.substr(0, 1) == IdempotencyKey(""); }

template <typename Record>
absl::StatusOr<bool> HasEntry(Family family, absl::string_view id, const std::string& bytes, absl::string_view entry) {
  ASSIGN_OR_RETURN(const Record record, Decode<Record>(family, id, bytes));
  return absl::c_linear_search(IndexEntries(record), entry);
}

template <typename Record>
absl::Status PutEntries(Database& db, Family family, rocksdb::WriteBatch& batch) {
  const auto records = db.NewIterator(family);
  for (records->SeekToFirst(); records->Valid(); records->Next()) {
    ASSIGN_OR_RETURN(const Record record, Decode<Record>(family, ToView(records->key()), ToView(records->value())));
    for (const std::string& entry : IndexEntries(record)) {
      RETURN_IF_ERROR(FromRocks(batch.Put(db.handle(Family::kIndex), entry, ""), "rebuild the index"));
    }
    if (batch.GetDataSize() < kRebuildBytes) continue;
    RETURN_IF_ERROR(db.Apply(batch).status());
    batch.Clear();
  }
  return FromRocks(records->status(), absl::StrCat("rebuild the index of ", FamilyName(family)));
}

}  // namespace

absl::StatusOr<bool> RecordHasEntry(
    const std::function<absl::StatusOr<std::optional<std::string>>(Family, absl::string_view)>& read,
    absl::string_view entry) {
  const std::optional<IndexEntry> parsed = ParseIndexEntry(entry);
  if (!parsed) return false;
  ASSIGN_OR_RETURN(const std::optional<std::string> bytes, read(parsed->family, parsed->id));
  if (!bytes) return false;
  switch (parsed->family) {
    case Family::kProducts:
      return HasEntry<v1::StoredProduct>(parsed->family, parsed->id, *bytes, entry);
    case Family::kPlaceholders:
      return HasEntry<v1::Placeholder>(parsed->family, parsed->id, *bytes, entry);
    case Family::kVerdicts:
      return HasEntry<v1::Verdict>(parsed->family, parsed->id, *bytes, entry);
    default:
      return HasEntry<v1::Job>(parsed->family, parsed->id, *bytes, entry);
  }
}

absl::Status RebuildIndexes(Database& db) {
  rocksdb::WriteBatch batch;
  RETURN_IF_ERROR(PutEntries<v1::StoredProduct>(db, Family::kProducts, batch));
  RETURN_IF_ERROR(PutEntries<v1::Placeholder>(db, Family::kPlaceholders, batch));
  RETURN_IF_ERROR(PutEntries<v1::Verdict>(db, Family::kVerdicts, batch));
  RETURN_IF_ERROR(PutEntries<v1::Job>(db, Family::kJobs, batch));
  ASSIGN_OR_RETURN(const std::uint64_t ticket, db.Apply(batch));
  return db.Sync(ticket);
}

absl::Status IntegrityCheck::CheckIndexes() {
  RETURN_IF_ERROR(report_.Begin("indexes", entries_));
  const auto entries = db_.NewIterator(Family::kIndex, Options());
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    const std::string entry = entries->key().ToString();
    RETURN_IF_ERROR(report_.Advance());
    if (!IsIdempotencyKey(entry)) {
      kept_entries_.Add(entry);
      continue;
    }
    // No record says that there is such a key: only that its job is there can be seen.
    const auto job = db_.Get(Family::kJobs, ToView(entries->value()), Options());
    if (records_read_ && job.ok() && !job->has_value()) RETURN_IF_ERROR(AddWrongEntry(entry, /*missing=*/false));
  }
  if (!entries->status().ok()) {
    RETURN_IF_ERROR(report_.Fault(
        "index", absl::StrCat("cannot be read: ", entries->status().ToString(), "; restore the latest backup")));
    return FlushWrongEntries();
  }
  if (records_read_) {
    const std::vector<bool> differs = MultisetDigest::Difference(expected_entries_, kept_entries_);
    if (absl::c_linear_search(differs, true)) RETURN_IF_ERROR(CheckEntries(differs));
  }
  return FlushWrongEntries();
}

absl::Status IntegrityCheck::CheckEntries(const std::vector<bool>& buckets) {
  RETURN_IF_ERROR(VisitEntries([&](const std::string& entry) -> absl::Status {
    if (!buckets[MultisetDigest::BucketOf(entry)]) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::optional<std::string> kept, db_.Get(Family::kIndex, entry, Options()));
    return kept ? absl::OkStatus() : AddWrongEntry(entry, /*missing=*/true);
  }));
  const auto entries = db_.NewIterator(Family::kIndex, Options());
  for (entries->SeekToFirst(); entries->Valid(); entries->Next()) {
    const std::string entry = entries->key().ToString();
    if (IsIdempotencyKey(entry) || !buckets[MultisetDigest::BucketOf(entry)]) continue;
    ASSIGN_OR_RETURN(
        const bool wanted,
        RecordHasEntry([&](Family family, absl::string_view id) { return db_.Get(family, id, Options()); }, entry));
    if (!wanted) RETURN_IF_ERROR(AddWrongEntry(entry, /*missing=*/false));
  }
  return FromRocks(entries->status(), "check the index");
}

absl::Status IntegrityCheck::AddWrongEntry(const std::string& entry, bool missing) {
  wrong_entries_.push_back({entry, missing});
  return wrong_entries_.size() < kRepairBatch ? absl::OkStatus() : FlushWrongEntries();
}

absl::Status IntegrityCheck::FlushWrongEntries() {
  const std::vector<WrongEntry> wrong = std::exchange(wrong_entries_, {});
  if (write_ && !wrong.empty()) {
    RETURN_IF_ERROR(write_([&](RocksEdit& edit) -> absl::Status {
      for (const auto& [entry, missing] : wrong) {
        if (IsIdempotencyKey(entry)) {
          edit.DeleteIndexEntry(entry);
          continue;
        }
        ASSIGN_OR_RETURN(
            const bool wanted,
            RecordHasEntry([&](Family family, absl::string_view id) { return edit.Get(family, id); }, entry));
        if (wanted) {
          edit.PutIndexEntry(entry);
        } else {
          edit.DeleteIndexEntry(entry);
        }
      }
      return absl::OkStatus();
    }));
  }
  for (const auto& [entry, missing] : wrong) {
    RETURN_IF_ERROR(report_.Fault(DescribeIndexEntry(entry),
                                  absl::StrCat(missing ? "is missing: its record is not found by this condition"
                                                       : "points to a record that does not have it, or is not there",
                                               write_ ? "" : "; --repair makes the index anew"),
                                  static_cast<bool>(write_)));
  }
  return absl::OkStatus();
}

}  // namespace mannequin::store

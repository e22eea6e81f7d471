// Reads everything that a store keeps and tells what does not fit together; on request
// makes anew what records say: indexes, reference counts, statistics, and what verdicts say of their
// reviews.
//
//   IntegrityCheck check(db, write, visit);
//   RETURN_IF_ERROR(check.Run());
//
// Stages, all on one snapshot, so that writes go on meanwhile:
//
//   checksums   every block of every table
//   records     each decodes and lies under its own id, verdicts and reviews say the same; what
//               they say of the index, of pictures and of the counts is summed up
//               (multiset_digest.h)
//   images      every picture against its SHA-256, every count of references against
//               the products and placeholders that show the picture
//   renditions  each decodes and belongs to a picture
//   indexes     the entries against those that records have, in both directions
//   statistics  what is kept against what was counted
//
// Memory does not grow with the store: only where two sums differ does a second pass look
// for what it is. What depends on records is not judged when some could not be read, lest
// a repair deletes what belongs to them.
//
// A repair takes changes of bounded size, each made anew from what is there by then and
// not from the snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "common/base/clock.h"
#include "rocksdb/snapshot.h"
#include "services/store/integrity_report.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/multiset_digest.h"
#include "services/store/rocks/rocks_edit.h"
#include "services/store/statistics.h"

namespace mannequin::store {

// What one check remembers at most; the rest is for the next one.
struct IntegrityLimits {
  // Pictures that are lost, and as many without a count, so that it can repair them.
  std::size_t pictures = 100'000;
  // References that a second pass holds at once.
  std::int64_t references = 1'000'000;
};

// One check; not thread-safe. Two repairs at once would each add what it saw missing, so
// that only one check of a store may run at a time. `db`, `clock` and `visit` must outlive it.
class IntegrityCheck {
 public:
  // Makes one change, under the lock of writers, durable when it returns OK.
  using Write = std::function<absl::Status(const std::function<absl::Status(RocksEdit&)>&)>;

  // An empty `write`: nothing is repaired.
  IntegrityCheck(const Database& db, const Clock& clock, Write write, const IntegrityReport::Visit& visit,
                 const IntegrityLimits& limits = {});

  // Damage is a fault and no error; an error is `visit`'s, a repair's, or that of a second
  // pass over what the first one could read: then nothing is repaired from what it saw.
  absl::Status Run();

 private:
  // A picture whose count, or itself, may be wrong.
  struct Picture {
    std::int64_t shown = 0;            // by products and placeholders
    std::optional<std::int64_t> kept;  // what image_references says
    std::int64_t let_go = 0;           // by repairs of this check
  };
  // By key. Bounded by the callers.
  using Pictures = std::map<std::string, Picture>;

  absl::Status CheckTables();

  absl::Status CheckRecords();
  // What a verdict says of its review against the review.
  absl::Status CheckDecision(const v1::Verdict& verdict);
  // Calls `visit` with each record of the family that can be read. With `faults`, what
  // cannot is a fault, and so is a record under another key than its own; without, as in
  // a second pass, an error.
  template <typename Record>
  absl::Status Scan(Family family, bool faults, const std::function<absl::Status(const Record&)>& visit);
  // Records with index entries, read once more.
  absl::Status VisitEntries(const std::function<absl::Status(const std::string&)>& visit);
  // Pictures that records show, read once more: the record's family, its id, the key.
  absl::Status VisitShown(const std::function<absl::Status(Family, const std::string&, const std::string&)>& visit);

  absl::Status CheckImages();
  absl::Status CheckImage(const std::string& key, const absl::StatusOr<std::optional<v1::Image>>& image);
  absl::Status CountReferences(const std::string& key, absl::string_view count);
  // Remembers a picture that has no count.
  void AddUncounted(const std::string& key);
  absl::Status Lose(const std::string& key, const std::string& why);
  absl::Status CheckReferences();
  absl::Status CheckPictures(const std::vector<bool>& buckets);
  absl::Status CheckPicture(const std::string& key, const Picture& picture);
  // Lets go of lost pictures: their products become PENDING again.
  absl::Status CheckUsersOfLost(Pictures& pictures);

  absl::Status CheckRenditions();
  absl::Status CheckRendition(const std::string& key, absl::string_view bytes, bool has_picture);

  absl::Status CheckIndexes();
  absl::Status CheckEntries(const std::vector<bool>& buckets);
  // Gathers faults of the index, and repairs them a batch at a time.
  absl::Status AddWrongEntry(const std::string& entry, bool missing);
  absl::Status FlushWrongEntries();

  absl::Status CheckStatistics();

  rocksdb::ReadOptions Options();

  const Database& db_;
  const Clock& clock_;
  const Write write_;
  const IntegrityLimits limits_;
  IntegrityReport report_;
  rocksdb::ManagedSnapshot snapshot_;
  Statistics kept_statistics_;
  Statistics counted_;

  bool records_read_ = true;
  MultisetDigest expected_entries_, kept_entries_;
  MultisetDigest shown_pictures_, kept_pictures_;
  std::int64_t entries_ = 0;

  bool images_read_ = true;  // else they are not counted to the end
  bool counts_read_ = true;
  absl::flat_hash_map<std::string, std::string> lost_;  // pictures, and why
  absl::flat_hash_set<std::string> uncounted_;          // pictures without a count
  std::int64_t uncounted_left_out_ = 0;
  struct WrongEntry {
    std::string entry;
    bool missing;
  };
  std::vector<WrongEntry> wrong_entries_;
};

// Whether the record that it is for has this entry just now, as `read` answers records.
// DATA_LOSS when the record cannot be read.
absl::StatusOr<bool> RecordHasEntry(
    const std::function<absl::StatusOr<std::optional<std::string>>(Family, absl::string_view)>& read,
    absl::string_view entry);

// Puts the entries of every record into the index, in batches, and leaves those that are
// there: for a database of a format that had fewer. Before anybody else uses `db`.
absl::Status RebuildIndexes(Database& db);

}  // namespace mannequin::store

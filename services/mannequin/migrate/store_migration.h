// Moves a store to PostgreSQL and a bucket while it serves: whatever differs is copied, pass by
// pass, until what is left is small enough to stop changes for.
//
//   StoreMigration migration(source, target);
//   ASSIGN_OR_RETURN(const MigrationPass pass, migration.Run(progress));   // as often as one likes
//   ASSIGN_OR_RETURN(const MigrationPass last, migration.Finish(progress));
//
// A pass compares every record of the source with the target's, byte for byte, so it needs no notes
// of its own: a migration that was killed goes on by beginning again, and a pass that copies nothing
// is the proof that both hold the same. Pictures are compared by their hashes, which is what they
// are kept under.
//
// Not for two stores that are both written to.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/store/product_store.h"
#include "services/store/postgres/postgres_store.h"

namespace mannequin {

struct MigrationPass {
  struct Records {
    std::int64_t read = 0;
    std::int64_t copied = 0;
    // Shown pictures that the source has let go of since: the next pass has the record as it is then.
    std::int64_t left = 0;
    // Checkpoints of ingests that have ended.
    std::int64_t dropped = 0;
  };
  std::map<v1::RecordKind, Records> kinds;
  std::int64_t pictures = 0;
  std::int64_t picture_bytes = 0;

  std::int64_t copied() const;
  std::int64_t left() const;
};

// Not thread-safe.
class StoreMigration {
 public:
  // What is under way, and records of its kind so far. False ends it as CANCELLED.
  using Visit = std::function<bool(v1::RecordKind kind, const MigrationPass& pass)>;

  // Both must outlive it. `source` is seldom this process's.
  StoreMigration(ProductStore& source, PostgresStore& target) : source_(source), target_(target) {}

  // FAILED_PRECONDITION when the target holds records that the source does not: it is another
  // store's. DATA_LOSS when a picture's bytes are not those of its hash.
  absl::StatusOr<MigrationPass> Run(const Visit& visit);

  // Stops the source's changes, copies what is left, and proves by one more pass and by the counts
  // that both hold the same. The source stays read-only then; when it cannot be done it takes
  // changes again.
  absl::StatusOr<MigrationPass> Finish(const Visit& visit);

 private:
  using Batch = std::vector<v1::ExportedRecord>;

  absl::Status RunKind(v1::RecordKind kind, MigrationPass& pass, const Visit& visit);
  // Compares a run of the source's records, all behind `after`, with those of the target.
  absl::Status CompareBatch(v1::RecordKind kind, const std::string& after, const Batch& batch, MigrationPass& pass);
  absl::Status DropStrays(v1::RecordKind kind, const std::vector<std::string>& keys, MigrationPass::Records& records);
  absl::Status Copy(v1::RecordKind kind, const Batch& batch, MigrationPass& pass);
  // `shown`: by record; `all`: the same together.
  absl::Status CopyChange(v1::RecordKind kind, Batch change, const std::vector<std::vector<std::string>>& shown,
                          const std::vector<std::string>& all, MigrationPass& pass);
  absl::StatusOr<MigrationPass> FinishReadOnly(const Visit& visit);
  absl::Status CompareCounts();

  ProductStore& source_;
  PostgresStore& target_;
};

// "products", "verdicts", ...
std::string KindName(v1::RecordKind kind);

}  // namespace mannequin

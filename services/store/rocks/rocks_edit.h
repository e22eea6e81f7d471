// One atomic change of a RocksDB store: a batch that indexes and reference counts follow.
//
//   RocksEdit edit(db, statistics, now, leases);
//   ... Database::Apply(edit.Finish())
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "rocksdb/write_batch.h"
#include "services/store/edit.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/fetch_leases.h"

namespace mannequin::store {

// Not thread-safe. Under the store's writer mutex, so that what was read stays as it is.
class RocksEdit final : public Edit {
 public:
  // `statistics`: of the whole store; so they are afterwards.
  RocksEdit(const Database& db, const Statistics& statistics, const google::protobuf::Timestamp& now,
            FetchLeases& leases)
      : Edit(statistics, now), db_(db), leases_(leases) {}

  absl::StatusOr<std::optional<std::string>> Get(Family family, absl::string_view key) override;
  // Reads are calls into this process.
  absl::Status Prefetch(Family, std::vector<std::string>) override { return absl::OkStatus(); }
  absl::Status AddImage(const v1::Image& image, absl::string_view sha256,
                        const google::protobuf::RepeatedPtrField<v1::Rendition>& renditions) override;
  absl::Status AddReference(absl::string_view sha256) override;
  absl::Status DropImage(absl::string_view sha256) override;
  absl::StatusOr<std::optional<std::string>> JobOfKey(absl::string_view idempotency_key) override;
  void PutJobKey(absl::string_view idempotency_key, absl::string_view job_id) override;
  absl::StatusOr<std::optional<v1::Job>> NextOpenJob(const std::vector<v1::JobKind>& kinds, const std::string& only,
                                                     const std::string& after, absl::Time now) override;
  // At once, whatever becomes of the edit: a lease that is let go costs at most one GET more.
  absl::Status ReleaseFetch(const std::string& product_id, const std::optional<std::string>& worker) override;
  absl::Status PutIngestCheckpoint(const v1::IngestCheckpoint& checkpoint) override;

  // For repairs, out of records that are sure; what changes records keeps these right.
  void PutIndexEntry(absl::string_view entry) { Put(Family::kIndex, entry, ""); }
  void DeleteIndexEntry(absl::string_view entry) { Delete(Family::kIndex, entry); }
  // `key` is the picture's; below 1 the picture goes, readable or not.
  absl::Status PutImageReferences(absl::string_view key, std::int64_t references);
  // Nothing when it is not there.
  absl::Status DeleteRendition(absl::string_view key);
  void AddToStatistics(const Statistics& difference);

  bool empty() const { return batch_.Count() == 0; }
  // Entries of the index of products that are to be fetched and were not, or from another
  // origin.
  const std::vector<std::string>& added_fetches() const { return added_fetches_; }
  // With the statistics as its last record.
  rocksdb::WriteBatch& Finish();

 private:
  void Keep(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) override;
  void Keep(const std::optional<v1::Placeholder>& before, const v1::Placeholder& after) override;
  void Keep(const std::optional<v1::Verdict>& before, const v1::Verdict& after) override;
  void Keep(const std::optional<v1::Job>& before, const v1::Job& after) override;
  void Keep(bool existed, const v1::Embedding& embedding) override;
  void Keep(bool existed, const v1::Review& review) override;

  // Index entries of a record that changes.
  template <typename Record>
  void MoveIndex(const std::optional<Record>& before, const Record& after);
  absl::Status DeleteRenditions(absl::string_view image_key);
  void Put(Family family, absl::string_view key, absl::string_view value);
  void Delete(Family family, absl::string_view key);

  const Database& db_;
  FetchLeases& leases_;
  rocksdb::WriteBatch batch_;
  std::vector<std::string> added_fetches_;
  // What Get sees before the database: written here, or nothing when deleted here. Index
  // entries are not among it: nobody asks for one that his own edit has put.
  std::array<absl::flat_hash_map<std::string, std::optional<std::string>>, kFamilies> written_;
};

}  // namespace mannequin::store

// One atomic change of a store on PostgreSQL: reads lock their rows, writes are gathered and go
// out in a handful of statements, however many records they are.
//
//   PostgresEdit edit(connection, now, uploads);
//   RETURN_IF_ERROR(body(edit));
//   RETURN_IF_ERROR(edit.Flush());   // then COMMIT
//
// Locks are taken in this order, and within a table in the order of the keys: what is read, products'
// rows, the queue, pictures, statistics. Others that come in another order are told so by the
// server, and run again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "services/store/edit.h"
#include "services/store/postgres/connection.h"
#include "services/store/postgres/picture_objects.h"

namespace mannequin::store {

// Not thread-safe; in a transaction of READ COMMITTED. Besides their own errors all calls answer
// ABORTED when the transaction must run again from the start.
class PostgresEdit final : public Edit {
 public:
  // `uploads`: pictures that are in the bucket, but in no row. All must outlive it.
  PostgresEdit(Connection& connection, const google::protobuf::Timestamp& now, const Uploads& uploads)
      : Edit(Statistics(), now), connection_(connection), uploads_(uploads) {}

  absl::StatusOr<std::optional<std::string>> Get(Family family, absl::string_view key) override;
  absl::Status Prefetch(Family family, std::vector<std::string> keys) override;
  absl::Status AddImage(const v1::Image& image, absl::string_view sha256,
                        const google::protobuf::RepeatedPtrField<v1::Rendition>& renditions) override;
  absl::Status AddReference(absl::string_view sha256) override;
  absl::Status DropImage(absl::string_view sha256) override;
  absl::StatusOr<std::optional<std::string>> JobOfKey(absl::string_view idempotency_key) override;
  void PutJobKey(absl::string_view idempotency_key, absl::string_view job_id) override;
  absl::StatusOr<std::optional<v1::Job>> NextOpenJob(const std::vector<v1::JobKind>& kinds, const std::string& only,
                                                     const std::string& after, absl::Time now) override;
  absl::Status ReleaseFetch(const std::string& product_id, const std::optional<std::string>& worker) override;
  absl::Status PutIngestCheckpoint(const v1::IngestCheckpoint& checkpoint) override;

  // Sends what was put; nothing more may be put then.
  absl::Status Flush();

 private:
  void Keep(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) override;
  void Keep(const std::optional<v1::Placeholder>& before, const v1::Placeholder& after) override;
  void Keep(const std::optional<v1::Verdict>& before, const v1::Verdict& after) override;
  void Keep(const std::optional<v1::Job>& before, const v1::Job& after) override;
  void Keep(bool existed, const v1::Embedding& embedding) override;
  void Keep(bool existed, const v1::Review& review) override;

  // A record that was put, with the columns that find it.
  struct Row {
    bool existed = false;
    std::string record;
    // In the order of the table's columns behind the record.
    std::vector<std::int64_t> numbers;
    std::string brand;  // of products
  };
  // What else a product has rows for, before this edit and behind it.
  struct ProductRows {
    std::vector<std::string> categories_before, categories;
    std::optional<std::string> origin_before, origin;
  };
  using Rows = std::map<std::string, Row>;

  Row& RowOf(Family family, const std::string& key, bool existed, std::string record);
  // INSERT the rows that are new and UPDATE the others. `columns`: of `Row::numbers`, with types.
  absl::Status FlushRows(Family family, const std::vector<std::pair<std::string, std::string>>& columns);
  absl::Status FlushCategories();
  absl::Status FlushFetches();
  absl::Status FlushImages();
  absl::Status InsertImages(const std::vector<std::string>& hashes);
  absl::Status ChangeUses(const std::vector<std::string>& hashes);
  absl::Status FlushStatistics();

  Connection& connection_;
  const Uploads& uploads_;
  // As they were read, locked.
  std::array<absl::flat_hash_map<std::string, std::optional<std::string>>, kFamilies> read_;
  std::array<Rows, kFamilies> rows_;
  std::map<std::string, ProductRows> products_;
  // References that come or go, by the hash in hex.
  std::map<std::string, std::int64_t> uses_;
  std::vector<std::pair<std::string, std::string>> job_keys_;
  std::vector<std::pair<std::string, std::optional<std::string>>> releases_;
};

}  // namespace mannequin::store

// One atomic change: reads see what it has already written, indexes and statistics
// follow each record by themselves.
//
//   Edit edit(db, statistics);
//   ASSIGN_OR_RETURN(std::optional<v1::StoredProduct> before, edit.Read<v1::StoredProduct>(Family::kProducts, id));
//   RETURN_IF_ERROR(edit.PutProduct(before, after));
//   ... Database::Apply(edit.Finish())
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/job.pb.h"
#include "mannequin/v1/placeholder.pb.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/verdict.pb.h"
#include "rocksdb/write_batch.h"
#include "services/store/database.h"
#include "services/store/keys.h"
#include "services/store/placeholder_history.h"
#include "services/store/statistics.h"

namespace mannequin::store {

// Not thread-safe. `before` is always what Read answered for the record.
class Edit {
 public:
  // `now`: what the changes' times are to be, behind those of all changes before.
  Edit(const Database& db, const Statistics& statistics, const google::protobuf::Timestamp& now)
      : db_(db), statistics_(statistics), now_(now) {}
  const google::protobuf::Timestamp& now() const { return now_; }

  // The record with this edit's writes; nothing when there is none.
  template <typename Message>
  absl::StatusOr<std::optional<Message>> Read(Family family, absl::string_view key) {
    absl::StatusOr<std::optional<std::string>> bytes = Get(family, key);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) return std::optional<Message>();
    absl::StatusOr<Message> message = Decode<Message>(family, key, **bytes);
    if (!message.ok()) return message.status();
    return std::optional<Message>(*std::move(message));
  }
  absl::StatusOr<std::optional<std::string>> Get(Family family, absl::string_view key);

  void PutProduct(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after);
  void PutEmbedding(bool existed, const v1::Embedding& embedding);
  void PutJob(const std::optional<v1::Job>& before, const v1::Job& after);
  void PutIdempotencyKey(absl::string_view key, absl::string_view job_id);
  // Answers the record as it is kept: WithHistory.
  v1::Placeholder PutPlaceholder(const std::optional<v1::Placeholder>& before, v1::Placeholder after,
                                 const PlaceholderDecision& decision = {});
  void PutVerdict(const std::optional<v1::Verdict>& before, const v1::Verdict& after);
  void PutReview(bool existed, const v1::Review& review);

  // Keeps a picture for one more product or placeholder; written once, however many
  // refer to it. `sha256` is that of `image.data()`.
  // Renditions come with the first reference; later ones find them there.
  absl::Status AddImage(const v1::Image& image, absl::string_view sha256,
                        const google::protobuf::RepeatedPtrField<v1::Rendition>& renditions = {});
  // One reference less; the last takes the picture and its renditions along. Nothing for
  // an empty hash.
  absl::Status DropImage(absl::string_view sha256);

  // Records how far the ingest of a source is; drops that when it has `finished`.
  void PutIngestCheckpoint(const v1::IngestCheckpoint& checkpoint);

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
  const Statistics& statistics() const { return statistics_; }

 private:
  // Index entries of a record that changes.
  template <typename Record>
  void MoveIndex(const std::optional<Record>& before, const Record& after);
  absl::Status DeleteRenditions(absl::string_view image_key);
  void Put(Family family, absl::string_view key, absl::string_view value);
  void Delete(Family family, absl::string_view key);

  const Database& db_;
  Statistics statistics_;
  const google::protobuf::Timestamp now_;
  rocksdb::WriteBatch batch_;
  std::vector<std::string> added_fetches_;
  // What Get sees before the database: written here, or nothing when deleted here. Index
  // entries are not among it: nobody asks for one that his own edit has put.
  std::array<absl::flat_hash_map<std::string, std::optional<std::string>>, kFamilies> written_;
};

}  // namespace mannequin::store

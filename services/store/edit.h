// One atomic change of records: reads see what it has already written, statistics follow
// each record by themselves. What a change means is written against this, once; an engine
// says how its records are read, kept and found again (RocksEdit, PostgresEdit).
//
//   RETURN_IF_ERROR(edit.Prefetch(Family::kProducts, ids));
//   ASSIGN_OR_RETURN(std::optional<v1::StoredProduct> before, edit.Read<v1::StoredProduct>(Family::kProducts, id));
//   edit.PutProduct(before, after);
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mannequin/v1/job.pb.h"
#include "mannequin/v1/placeholder.pb.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/product_store.pb.h"
#include "mannequin/v1/verdict.pb.h"
#include "services/store/keys.h"
#include "services/store/placeholder_history.h"
#include "services/store/record.h"
#include "services/store/statistics.h"

namespace mannequin::store {

// Not thread-safe. `before` is always what Read answered for the record.
class Edit {
 public:
  // `now`: what the changes' times are to be, behind those of all changes before.
  Edit(const Statistics& statistics, const google::protobuf::Timestamp& now) : now_(now), statistics_(statistics) {}
  virtual ~Edit() = default;
  Edit(const Edit&) = delete;
  Edit& operator=(const Edit&) = delete;
  const google::protobuf::Timestamp& now() const { return now_; }

  // The record with this edit's writes; nothing when there is none. It stays as it was read
  // until the edit is over, whoever else writes.
  template <typename Message>
  absl::StatusOr<std::optional<Message>> Read(Family family, absl::string_view key) {
    absl::StatusOr<std::optional<std::string>> bytes = Get(family, key);
    if (!bytes.ok()) return bytes.status();
    if (!bytes->has_value()) return std::optional<Message>();
    absl::StatusOr<Message> message = Decode<Message>(family, key, **bytes);
    if (!message.ok()) return message.status();
    return std::optional<Message>(*std::move(message));
  }
  virtual absl::StatusOr<std::optional<std::string>> Get(Family family, absl::string_view key) = 0;
  // What Get will be asked for: one round trip instead of one each. Nothing depends on it.
  virtual absl::Status Prefetch(Family family, std::vector<std::string> keys) = 0;

  void PutProduct(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after);
  void PutEmbedding(bool existed, const v1::Embedding& embedding);
  void PutJob(const std::optional<v1::Job>& before, const v1::Job& after);
  // Answers the record as it is kept: WithHistory.
  v1::Placeholder PutPlaceholder(const std::optional<v1::Placeholder>& before, v1::Placeholder after,
                                 const PlaceholderDecision& decision = {});
  void PutVerdict(const std::optional<v1::Verdict>& before, const v1::Verdict& after);
  void PutReview(bool existed, const v1::Review& review);

  // A record of another store, as it was there, whatever is here: with its history, times and pictures.
  // The pictures must be kept already or be among those of the change: AddReference.
  absl::Status Import(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after);
  absl::Status Import(const std::optional<v1::Placeholder>& before, const v1::Placeholder& after);

  // Keeps a picture for one more product or placeholder; written once, however many
  // refer to it. `sha256` is that of `image.data()`.
  // Renditions come with the first reference; later ones find them there.
  virtual absl::Status AddImage(const v1::Image& image, absl::string_view sha256,
                                const google::protobuf::RepeatedPtrField<v1::Rendition>& renditions) = 0;
  // The same for one that is kept already, or that is among the pictures of the change where an engine takes them
  // from there; NOT_FOUND or ABORTED otherwise.
  virtual absl::Status AddReference(absl::string_view sha256) = 0;
  // One reference less; the last takes the picture and its renditions along. Nothing for
  // an empty hash.
  virtual absl::Status DropImage(absl::string_view sha256) = 0;

  // The job that was created with that key.
  virtual absl::StatusOr<std::optional<std::string>> JobOfKey(absl::string_view idempotency_key) = 0;
  virtual void PutJobKey(absl::string_view idempotency_key, absl::string_view job_id) = 0;
  // The oldest job of `kinds` behind the id `after` (empty: any) that is QUEUED, or RUNNING with a lease
  // that has ended; `only` (empty: any) is the one that may be it.
  virtual absl::StatusOr<std::optional<v1::Job>> NextOpenJob(const std::vector<v1::JobKind>& kinds,
                                                             const std::string& only, const std::string& after,
                                                             absl::Time now) = 0;

  // Nobody holds the fetch of that product any more; with a worker's name only when it is the holder.
  virtual absl::Status ReleaseFetch(const std::string& product_id, const std::optional<std::string>& worker) = 0;

  // Records how far the ingest of a source is; drops that when it has `finished`.
  virtual absl::Status PutIngestCheckpoint(const v1::IngestCheckpoint& checkpoint) = 0;

  const Statistics& statistics() const { return statistics_; }

 protected:
  // Keeps the record under its key, and whatever finds it. `existed`: there is one by now.
  virtual void Keep(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) = 0;
  virtual void Keep(const std::optional<v1::Placeholder>& before, const v1::Placeholder& after) = 0;
  virtual void Keep(const std::optional<v1::Verdict>& before, const v1::Verdict& after) = 0;
  virtual void Keep(const std::optional<v1::Job>& before, const v1::Job& after) = 0;
  virtual void Keep(bool existed, const v1::Embedding& embedding) = 0;
  virtual void Keep(bool existed, const v1::Review& review) = 0;

  Statistics& mutable_statistics() { return statistics_; }

 private:
  const google::protobuf::Timestamp now_;
  Statistics statistics_;
};

}  // namespace mannequin::store

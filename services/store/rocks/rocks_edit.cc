#include "services/store/rocks/rocks_edit.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/prefix_cursor.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin::store {

absl::StatusOr<std::optional<std::string>> RocksEdit::Get(Family family, absl::string_view key) {
  const auto& written = written_[static_cast<std::size_t>(family)];
  const auto found = written.find(key);
  return found != written.end() ? found->second : db_.Get(family, key);
}

void RocksEdit::Keep(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) {
  Put(Family::kProducts, after.product().id(), after.SerializeAsString());
  MoveIndex(before, after);
}

void RocksEdit::Keep(const std::optional<v1::Placeholder>& before, const v1::Placeholder& after) {
  Put(Family::kPlaceholders, after.product_id(), after.SerializeAsString());
  MoveIndex(before, after);
}

void RocksEdit::Keep(const std::optional<v1::Verdict>& before, const v1::Verdict& after) {
  Put(Family::kVerdicts, after.product_id(), after.SerializeAsString());
  MoveIndex(before, after);
}

void RocksEdit::Keep(const std::optional<v1::Job>& before, const v1::Job& after) {
  Put(Family::kJobs, after.id(), after.SerializeAsString());
  MoveIndex(before, after);
}

void RocksEdit::Keep(bool, const v1::Embedding& embedding) {
  Put(Family::kEmbeddings, embedding.product_id(), embedding.SerializeAsString());
}

void RocksEdit::Keep(bool, const v1::Review& review) {
  Put(Family::kReviews, ReviewKey(review.product_id(), review.image_sha256()), review.SerializeAsString());
}

absl::StatusOr<std::optional<std::string>> RocksEdit::JobOfKey(absl::string_view idempotency_key) {
  return Get(Family::kIndex, IdempotencyKey(idempotency_key));
}

void RocksEdit::PutJobKey(absl::string_view idempotency_key, absl::string_view job_id) {
  Put(Family::kIndex, IdempotencyKey(idempotency_key), job_id);
}

absl::StatusOr<std::optional<v1::Job>> RocksEdit::NextOpenJob(const std::vector<v1::JobKind>& kinds,
                                                              const std::string& only, const std::string& after,
                                                              absl::Time now) {
  std::optional<v1::Job> oldest;
  for (const v1::JobKind kind : kinds) {
    PrefixCursor open(db_, QueuePrefix(kind));
    if (only.empty()) {
      open.SeekAfter(after);
    } else if (only > after) {
      open.Seek(only);
    } else {
      return std::optional<v1::Job>();
    }
    for (; open.Valid(); open.Next()) {
      const std::string id(open.id());
      if ((oldest && id >= oldest->id()) || (!only.empty() && id != only)) break;
      ASSIGN_OR_RETURN(std::optional<v1::Job> job, Read<v1::Job>(Family::kJobs, id));
      if (!job) return absl::DataLossError(absl::StrCat("jobs/", id, ": in the queue, but gone"));
      // No lease is longer than kMaxLease: a later end is of a clock that was set back before this process began.
      const absl::Time ends = FromProto(job->lease_expires_at());
      if (job->state() != v1::JOB_STATE_QUEUED && ends > now && ends <= now + kMaxLease) continue;
      oldest = std::move(job);
      break;
    }
    RETURN_IF_ERROR(open.status());
  }
  return oldest;
}

absl::Status RocksEdit::ReleaseFetch(const std::string& product_id, const std::optional<std::string>& worker) {
  if (worker) {
    leases_.ReleaseIfHeldBy(product_id, *worker);
  } else {
    leases_.Release(product_id);
  }
  return absl::OkStatus();
}

template <typename Record>
void RocksEdit::MoveIndex(const std::optional<Record>& before, const Record& after) {
  // Both lists are sorted: one walk finds what went and what came.
  const std::vector<std::string> old = before ? IndexEntries(*before) : std::vector<std::string>();
  const std::vector<std::string> now = IndexEntries(after);
  auto gone = old.begin();
  for (auto entry = now.begin(); entry != now.end() || gone != old.end();) {
    if (entry == now.end() || (gone != old.end() && *gone < *entry)) {
      Delete(Family::kIndex, *gone++);
    } else if (gone == old.end() || *entry < *gone) {
      Put(Family::kIndex, *entry++, "");
    } else {
      ++entry;
      ++gone;
    }
  }
}

absl::Status RocksEdit::AddImage(const v1::Image& image, absl::string_view sha256,
                                 const google::protobuf::RepeatedPtrField<v1::Rendition>& renditions) {
  ASSIGN_OR_RETURN(const std::string key, ImageKey(sha256));
  ASSIGN_OR_RETURN(const std::optional<std::string> count, Get(Family::kImageReferences, key));
  std::int64_t references = 0;
  if (count && !absl::SimpleAtoi(*count, &references)) {
    return absl::DataLossError(absl::StrCat("image_references/", sha256, ": not a number"));
  }
  Put(Family::kImageReferences, key, absl::StrCat(references + 1));
  if (references > 0) return absl::OkStatus();
  Put(Family::kImages, key, image.SerializeAsString());
  for (const v1::Rendition& rendition : renditions) {
    Put(Family::kRenditions, RenditionKey(key, rendition.side()), rendition.SerializeAsString());
    mutable_statistics().rendition_bytes += static_cast<std::int64_t>(rendition.data().size());
  }
  ++mutable_statistics().images;
  mutable_statistics().image_bytes += static_cast<std::int64_t>(image.data().size());
  return absl::OkStatus();
}

absl::Status RocksEdit::AddReference(absl::string_view sha256) {
  ASSIGN_OR_RETURN(const std::string key, ImageKey(sha256));
  ASSIGN_OR_RETURN(const std::optional<std::string> count, Get(Family::kImageReferences, key));
  if (!count) return absl::NotFoundError(absl::StrCat("images/", sha256, ": not in the store"));
  // What is kept already is not written again.
  return AddImage({}, sha256, {});
}

absl::Status RocksEdit::DropImage(absl::string_view sha256) {
  if (sha256.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::string key, ImageKey(sha256));
  ASSIGN_OR_RETURN(const std::optional<std::string> count, Get(Family::kImageReferences, key));
  std::int64_t references = 0;
  if (!count || !absl::SimpleAtoi(*count, &references) || references < 1) {
    return absl::DataLossError(absl::StrCat("image_references/", sha256, ": no count of a picture that is in use"));
  }
  if (references > 1) {
    Put(Family::kImageReferences, key, absl::StrCat(references - 1));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<v1::Image> image, Read<v1::Image>(Family::kImages, key));
  if (!image) return absl::DataLossError(absl::StrCat("images/", sha256, ": a picture that is in use is gone"));
  Delete(Family::kImageReferences, key);
  Delete(Family::kImages, key);
  --mutable_statistics().images;
  mutable_statistics().image_bytes -= static_cast<std::int64_t>(image->data().size());
  return DeleteRenditions(key);
}

absl::Status RocksEdit::DeleteRenditions(absl::string_view image_key) {
  std::vector<std::string> keys;
  PrefixCursor kept(db_, Family::kRenditions, std::string(image_key));
  for (kept.SeekAfter(""); kept.Valid(); kept.Next()) keys.push_back(absl::StrCat(image_key, kept.id()));
  RETURN_IF_ERROR(kept.status());
  // This edit's own come besides.
  for (const auto& [key, value] : written_[static_cast<std::size_t>(Family::kRenditions)]) {
    if (value && absl::StartsWith(key, image_key)) keys.push_back(key);
  }
  for (const std::string& key : keys) RETURN_IF_ERROR(DeleteRendition(key));
  return absl::OkStatus();
}

absl::Status RocksEdit::DeleteRendition(absl::string_view key) {
  const absl::StatusOr<std::optional<v1::Rendition>> rendition = Read<v1::Rendition>(Family::kRenditions, key);
  if (rendition.ok() && !rendition->has_value()) return absl::OkStatus();
  // One that cannot be read goes as well; only its bytes are not known.
  if (rendition.ok()) mutable_statistics().rendition_bytes -= static_cast<std::int64_t>((*rendition)->data().size());
  Delete(Family::kRenditions, key);
  return absl::OkStatus();
}

absl::Status RocksEdit::PutIngestCheckpoint(const v1::IngestCheckpoint& checkpoint) {
  const std::string key = IngestCheckpointKey(checkpoint.source());
  if (checkpoint.finished()) {
    Delete(Family::kCounters, key);
  } else {
    Put(Family::kCounters, key, checkpoint.SerializeAsString());
  }
  return absl::OkStatus();
}

absl::Status RocksEdit::PutImageReferences(absl::string_view key, std::int64_t references) {
  if (references > 0) {
    Put(Family::kImageReferences, key, absl::StrCat(references));
    return absl::OkStatus();
  }
  const absl::StatusOr<std::optional<v1::Image>> image = Read<v1::Image>(Family::kImages, key);
  const bool gone = image.ok() && !image->has_value();
  if (!gone) --mutable_statistics().images;
  if (image.ok() && !gone) mutable_statistics().image_bytes -= static_cast<std::int64_t>((*image)->data().size());
  Delete(Family::kImageReferences, key);
  Delete(Family::kImages, key);
  return DeleteRenditions(key);
}

void RocksEdit::AddToStatistics(const Statistics& difference) {
  mutable_statistics().Add(difference, 1);
  Put(Family::kCounters, kStatisticsKey, "");  // makes the edit not empty; Finish says what
}

rocksdb::WriteBatch& RocksEdit::Finish() {
  Put(Family::kCounters, kStatisticsKey, statistics().ToProto().SerializeAsString());
  return batch_;
}

// Neither fails: the batch is memory without a bound.
void RocksEdit::Put(Family family, absl::string_view key, absl::string_view value) {
  batch_.Put(db_.handle(family), ToSlice(key), ToSlice(value)).PermitUncheckedError();
  if (family != Family::kIndex) written_[static_cast<std::size_t>(family)][key] = std::string(value);
  if (family == Family::kIndex && absl::StartsWith(key, kFetchTag)) added_fetches_.emplace_back(key);
}

void RocksEdit::Delete(Family family, absl::string_view key) {
  batch_.Delete(db_.handle(family), ToSlice(key)).PermitUncheckedError();
  if (family != Family::kIndex) written_[static_cast<std::size_t>(family)][key] = std::nullopt;
}

}  // namespace mannequin::store

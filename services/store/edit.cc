#include "services/store/edit.h"

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/prefix_cursor.h"
#include "services/store/rocks_status.h"

namespace mannequin::store {

absl::StatusOr<std::optional<std::string>> Edit::Get(Family family, absl::string_view key) {
  const auto& written = written_[static_cast<std::size_t>(family)];
  const auto found = written.find(key);
  return found != written.end() ? found->second : db_.Get(family, key);
}

void Edit::PutProduct(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) {
  Put(Family::kProducts, after.product().id(), after.SerializeAsString());
  MoveIndex(before, after);
  if (before) {
    statistics_.CountImage(before->image(), -1);
  } else {
    ++statistics_.products;
  }
  statistics_.CountImage(after.image(), 1);
}

void Edit::PutEmbedding(bool existed, const v1::Embedding& embedding) {
  Put(Family::kEmbeddings, embedding.product_id(), embedding.SerializeAsString());
  if (!existed) ++statistics_.embeddings;
}

void Edit::PutJob(const std::optional<v1::Job>& before, const v1::Job& after) {
  Put(Family::kJobs, after.id(), after.SerializeAsString());
  MoveIndex(before, after);
}

void Edit::PutIdempotencyKey(absl::string_view key, absl::string_view job_id) {
  Put(Family::kIndex, IdempotencyKey(key), job_id);
}

v1::Placeholder Edit::PutPlaceholder(const std::optional<v1::Placeholder>& before, v1::Placeholder after,
                                     const PlaceholderDecision& decision) {
  after = WithHistory(before, std::move(after), now_, decision);
  Put(Family::kPlaceholders, after.product_id(), after.SerializeAsString());
  MoveIndex(before, after);
  if (!before) ++statistics_.placeholders;
  return after;
}

void Edit::PutVerdict(const std::optional<v1::Verdict>& before, const v1::Verdict& after) {
  Put(Family::kVerdicts, after.product_id(), after.SerializeAsString());
  MoveIndex(before, after);
  if (!before) ++statistics_.verdicts;
}

void Edit::PutReview(bool existed, const v1::Review& review) {
  Put(Family::kReviews, ReviewKey(review.product_id(), review.image_sha256()), review.SerializeAsString());
  if (!existed) ++statistics_.reviews;
}

template <typename Record>
void Edit::MoveIndex(const std::optional<Record>& before, const Record& after) {
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

absl::Status Edit::AddImage(const v1::Image& image, absl::string_view sha256,
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
    statistics_.rendition_bytes += static_cast<std::int64_t>(rendition.data().size());
  }
  ++statistics_.images;
  statistics_.image_bytes += static_cast<std::int64_t>(image.data().size());
  return absl::OkStatus();
}

absl::Status Edit::DropImage(absl::string_view sha256) {
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
  --statistics_.images;
  statistics_.image_bytes -= static_cast<std::int64_t>(image->data().size());
  return DeleteRenditions(key);
}

absl::Status Edit::DeleteRenditions(absl::string_view image_key) {
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

absl::Status Edit::DeleteRendition(absl::string_view key) {
  const absl::StatusOr<std::optional<v1::Rendition>> rendition = Read<v1::Rendition>(Family::kRenditions, key);
  if (rendition.ok() && !rendition->has_value()) return absl::OkStatus();
  // One that cannot be read goes as well; only its bytes are not known.
  if (rendition.ok()) statistics_.rendition_bytes -= static_cast<std::int64_t>((*rendition)->data().size());
  Delete(Family::kRenditions, key);
  return absl::OkStatus();
}

void Edit::PutIngestCheckpoint(const v1::IngestCheckpoint& checkpoint) {
  const std::string key = IngestCheckpointKey(checkpoint.source());
  if (checkpoint.finished()) {
    Delete(Family::kCounters, key);
  } else {
    Put(Family::kCounters, key, checkpoint.SerializeAsString());
  }
}

absl::Status Edit::PutImageReferences(absl::string_view key, std::int64_t references) {
  if (references > 0) {
    Put(Family::kImageReferences, key, absl::StrCat(references));
    return absl::OkStatus();
  }
  const absl::StatusOr<std::optional<v1::Image>> image = Read<v1::Image>(Family::kImages, key);
  const bool gone = image.ok() && !image->has_value();
  if (!gone) --statistics_.images;
  if (image.ok() && !gone) statistics_.image_bytes -= static_cast<std::int64_t>((*image)->data().size());
  Delete(Family::kImageReferences, key);
  Delete(Family::kImages, key);
  return DeleteRenditions(key);
}

void Edit::AddToStatistics(const Statistics& difference) {
  statistics_.Add(difference, 1);
  Put(Family::kCounters, kStatisticsKey, "");  // makes the edit not empty; Finish says what
}

rocksdb::WriteBatch& Edit::Finish() {
  Put(Family::kCounters, kStatisticsKey, statistics_.ToProto().SerializeAsString());
  return batch_;
}

// Neither fails: the batch is memory without a bound.
void Edit::Put(Family family, absl::string_view key, absl::string_view value) {
  batch_.Put(db_.handle(family), ToSlice(key), ToSlice(value)).PermitUncheckedError();
  if (family != Family::kIndex) written_[static_cast<std::size_t>(family)][key] = std::string(value);
  if (family == Family::kIndex && absl::StartsWith(key, kFetchTag)) added_fetches_.emplace_back(key);
}

void Edit::Delete(Family family, absl::string_view key) {
  batch_.Delete(db_.handle(family), ToSlice(key)).PermitUncheckedError();
  if (family != Family::kIndex) written_[static_cast<std::size_t>(family)][key] = std::nullopt;
}

}  // namespace mannequin::store

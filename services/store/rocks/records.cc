// How RecordStore's calls find their records in RocksDB.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "rocksdb/snapshot.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/prefix_cursor.h"
#include "services/store/rocks/product_query.h"
#include "services/store/rocks/record_query.h"
#include "services/store/rocks/rocks_edit.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {

using store::Family;

namespace {

// The smallest rendition with at least that side.
absl::StatusOr<std::optional<v1::Image>> ReadRendition(const store::Database& db, const std::string& image_key,
                                                       int side, const rocksdb::ReadOptions& options) {
  store::PrefixCursor renditions(db, Family::kRenditions, image_key, options);
  renditions.Seek(store::RenditionKey("", std::min(side, 0xffff)));
  RETURN_IF_ERROR(renditions.status());
  if (!renditions.Valid()) return std::optional<v1::Image>();
  const std::string key = absl::StrCat(image_key, renditions.id());
  ASSIGN_OR_RETURN(std::optional<v1::Rendition> rendition, db.Read<v1::Rendition>(Family::kRenditions, key, options));
  if (!rendition) return std::optional<v1::Image>();
  v1::Image image;
  image.set_data(std::move(*rendition->mutable_data()));
  image.set_media_type("image/jpeg");
  image.set_width(rendition->width());
  image.set_height(rendition->height());
  return std::optional<v1::Image>(std::move(image));
}

// Where records of a kind are: those below a prefix of a family's keys.
struct RawPlace {
  Family family;
  std::string prefix;
};

RawPlace PlaceOf(v1::RecordKind kind) {
  switch (kind) {
    case v1::RECORD_KIND_EMBEDDING:
      return {Family::kEmbeddings, ""};
    case v1::RECORD_KIND_JOB:
      return {Family::kJobs, ""};
    case v1::RECORD_KIND_JOB_KEY:
      return {Family::kIndex, std::string(store::kIdempotencyTag)};
    case v1::RECORD_KIND_PLACEHOLDER:
      return {Family::kPlaceholders, ""};
    case v1::RECORD_KIND_VERDICT:
      return {Family::kVerdicts, ""};
    case v1::RECORD_KIND_REVIEW:
      return {Family::kReviews, ""};
    case v1::RECORD_KIND_INGEST_CHECKPOINT:
      return {Family::kCounters, std::string(store::kIngestPrefix)};
    default:
      return {Family::kProducts, ""};
  }
}

}  // namespace

absl::Status RocksStore::Write(const std::function<absl::Status(store::Edit&)>& body,
                               const std::vector<store::NewPicture>&) {
  return WriteRocks([&](store::RocksEdit& edit) { return body(edit); });
}

absl::StatusOr<std::optional<std::string>> RocksStore::Get(Family family, absl::string_view key) {
  return db_->Get(family, key);
}

absl::StatusOr<std::vector<std::optional<std::string>>> RocksStore::GetMany(Family family,
                                                                            const std::vector<std::string>& keys) {
  std::vector<std::optional<std::string>> records;
  records.reserve(keys.size());
  for (const std::string& key : keys) {
    ASSIGN_OR_RETURN(std::optional<std::string> record, db_->Get(family, key));
    records.push_back(std::move(record));
  }
  return records;
}

absl::StatusOr<std::optional<v1::Image>> RocksStore::ReadImage(const std::string& sha256, int at_least_side) {
  ASSIGN_OR_RETURN(const std::string key, store::ImageKey(sha256));
  if (at_least_side > 0) {
    ASSIGN_OR_RETURN(std::optional<v1::Image> image, ReadRendition(*db_, key, at_least_side, {}));
    if (image) return image;
  }
  return db_->Read<v1::Image>(Family::kImages, key);
}

absl::StatusOr<std::optional<v1::IngestCheckpoint>> RocksStore::ReadIngestCheckpoint(const std::string& source) {
  return db_->Read<v1::IngestCheckpoint>(Family::kCounters, store::IngestCheckpointKey(source));
}

absl::Status RocksStore::VisitProducts(const v1::ProductFilter& filter, absl::string_view after, bool,
                                       store::ProductVisitor visit) {
  return store::VisitProducts(*db_, filter, after, visit);
}

absl::Status RocksStore::VisitEmbeddings(store::RecordVisitor<v1::Embedding> visit) {
  return store::VisitRecords<v1::Embedding>(*db_, Family::kEmbeddings, "", "", visit);
}

absl::Status RocksStore::VisitJobs(v1::JobKind kind, v1::JobState state, const std::string& before,
                                   store::RecordVisitor<v1::Job> visit) {
  // Workers ask for these several times a second: the queue alone holds all of them.
  if (kind != v1::JOB_KIND_UNSPECIFIED && (state == v1::JOB_STATE_QUEUED || state == v1::JOB_STATE_RUNNING)) {
    store::PrefixCursor open(*db_, store::QueuePrefix(kind));
    for (open.SeekBefore(before); open.Valid(); open.Previous()) {
      ASSIGN_OR_RETURN(const std::optional<v1::Job> job, db_->Read<v1::Job>(Family::kJobs, std::string(open.id())));
      // It may have ended since the cursor was made.
      if (!job) continue;
      ASSIGN_OR_RETURN(const bool more, visit(*job));
      if (!more) break;
    }
    return open.status();
  }
  const auto jobs = db_->NewIterator(Family::kJobs);
  if (before.empty()) {
    jobs->SeekToLast();
  } else {
    jobs->SeekForPrev(before);
    if (jobs->Valid() && jobs->key() == rocksdb::Slice(before)) jobs->Prev();
  }
  for (; jobs->Valid(); jobs->Prev()) {
    ASSIGN_OR_RETURN(const v1::Job job,
                     store::Decode<v1::Job>(Family::kJobs, store::ToView(jobs->key()), store::ToView(jobs->value())));
    ASSIGN_OR_RETURN(const bool more, visit(job));
    if (!more) break;
  }
  return store::FromRocks(jobs->status(), "list jobs");
}

absl::Status RocksStore::VisitPlaceholders(v1::PlaceholderState state, const std::string& after,
                                           store::RecordVisitor<v1::Placeholder> visit) {
  const std::string prefix = state == v1::PLACEHOLDER_STATE_UNSPECIFIED ? "" : store::PlaceholderStatePrefix(state);
  return store::VisitRecords<v1::Placeholder>(*db_, Family::kPlaceholders, prefix, after, visit);
}

absl::Status RocksStore::VisitVerdicts(const store::VerdictCondition& condition, const std::string& after,
                                       store::RecordVisitor<v1::Verdict> visit) {
  std::string prefix;
  if (condition.kind != v1::VERDICT_KIND_UNSPECIFIED) {
    prefix = condition.unreviewed ? store::UnreviewedPrefix(condition.kind) : store::VerdictKindPrefix(condition.kind);
  }
  return store::VisitRecords<v1::Verdict>(*db_, Family::kVerdicts, prefix, after, visit);
}

absl::Status RocksStore::VisitReviews(const std::string& after, store::RecordVisitor<v1::Review> visit) {
  return store::VisitRecords<v1::Review>(*db_, Family::kReviews, "", after, visit);
}

absl::Status RocksStore::VisitRaw(v1::RecordKind kind, const std::string& after, store::RawVisitor visit) {
  const RawPlace place = PlaceOf(kind);
  rocksdb::ReadOptions options;
  // A scan of everything must not drive out what point reads use.
  options.fill_cache = false;
  const auto records = db_->NewIterator(place.family, options);
  const std::string start = absl::StrCat(place.prefix, after);
  records->Seek(start);
  if (!after.empty() && records->Valid() && records->key() == rocksdb::Slice(start)) records->Next();
  for (; records->Valid(); records->Next()) {
    absl::string_view key = store::ToView(records->key());
    if (!absl::ConsumePrefix(&key, place.prefix)) break;
    RETURN_IF_ERROR(visit(key, store::ToView(records->value())));
  }
  return store::FromRocks(records->status(), "export records");
}

absl::StatusOr<std::optional<v1::ExportPicturesResponse>> RocksStore::ReadPicture(const std::string& sha256) {
  ASSIGN_OR_RETURN(const std::string key, store::ImageKey(sha256));
  rocksdb::ManagedSnapshot snapshot(&db_->rocks());
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  options.fill_cache = false;
  ASSIGN_OR_RETURN(std::optional<v1::Image> image, db_->Read<v1::Image>(Family::kImages, key, options));
  if (!image) return std::optional<v1::ExportPicturesResponse>();
  v1::ExportPicturesResponse picture;
  *picture.mutable_image() = *std::move(image);
  picture.mutable_image()->set_sha256(sha256);
  store::PrefixCursor renditions(*db_, Family::kRenditions, key, options);
  for (renditions.SeekAfter(""); renditions.Valid(); renditions.Next()) {
    const std::string rendition_key = absl::StrCat(key, renditions.id());
    ASSIGN_OR_RETURN(std::optional<v1::Rendition> rendition,
                     db_->Read<v1::Rendition>(Family::kRenditions, rendition_key, options));
    if (rendition) *picture.add_renditions() = *std::move(rendition);
  }
  RETURN_IF_ERROR(renditions.status());
  return std::optional<v1::ExportPicturesResponse>(std::move(picture));
}

}  // namespace mannequin

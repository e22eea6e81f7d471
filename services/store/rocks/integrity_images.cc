// Pictures and the counts of their references.
#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/store/lost_picture.h"
#include "services/store/rocks/integrity_check.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/timestamp.h"

namespace mannequin::store {
namespace {

std::string NameOf(absl::string_view key) { return absl::StrCat("images/", absl::BytesToHexString(key)); }

}  // namespace

absl::Status IntegrityCheck::CheckImages() {
  RETURN_IF_ERROR(report_.Begin("images", kept_statistics_.images));
  const auto images = db_.NewIterator(Family::kImages, Options());
  const auto counts = db_.NewIterator(Family::kImageReferences, Options());
  images->SeekToFirst();
  counts->SeekToFirst();
  // Both families in step: they have the same keys.
  while (images->Valid() || counts->Valid() || !images->status().ok()) {
    // Where the pictures' own walk cannot go on, each count leads to one.
    const bool damaged = !images->Valid() && !images->status().ok();
    if (damaged && !counts->Valid()) {
      RETURN_IF_ERROR(
          report_.Fault("images", absl::StrCat("the last of them cannot be read: ", images->status().ToString(),
                                               "; restore the latest backup")));
      images_read_ = false;
      break;
    }
    const bool counted = counts->Valid() && (!images->Valid() || counts->key().compare(images->key()) <= 0);
    const std::string key = counted ? counts->key().ToString() : images->key().ToString();
    if (damaged) {
      RETURN_IF_ERROR(CheckImage(key, db_.Read<v1::Image>(Family::kImages, key, Options())));
      images->Seek(key + '\0');
    } else if (images->Valid() && images->key() == rocksdb::Slice(key)) {
      const absl::StatusOr<v1::Image> image = Decode<v1::Image>(Family::kImages, key, ToView(images->value()));
      RETURN_IF_ERROR(CheckImage(key, image.ok() ? absl::StatusOr<std::optional<v1::Image>>(*image) : image.status()));
      images->Next();
    } else {
      RETURN_IF_ERROR(CheckImage(key, std::optional<v1::Image>()));
    }
    if (counted) {
      RETURN_IF_ERROR(CountReferences(key, ToView(counts->value())));
      counts->Next();
    } else {
      AddUncounted(key);
    }
    RETURN_IF_ERROR(report_.Advance());
  }
  if (!counts->status().ok()) {
    counts_read_ = false;
    RETURN_IF_ERROR(report_.Fault("image_references", absl::StrCat("cannot be read: ", counts->status().ToString(),
                                                                   "; restore the latest backup")));
  }
  if (counts_read_ && uncounted_left_out_ > 0) {
    RETURN_IF_ERROR(report_.Fault("image_references", absl::StrCat("lack the counts of ", uncounted_left_out_,
                                                                   " more pictures; --repair, then check again")));
  }
  return CheckReferences();
}

absl::Status IntegrityCheck::CheckImage(const std::string& key, const absl::StatusOr<std::optional<v1::Image>>& image) {
  if (!image.ok()) {
    ++counted_.images;
    return Lose(key, std::string(image.status().message()));
  }
  if (!image->has_value()) return Lose(key, "the picture is not there");
  ++counted_.images;
  counted_.image_bytes += static_cast<std::int64_t>((*image)->data().size());
  const std::string sha256 = Sha256Hex((*image)->data());
  if (sha256 == absl::BytesToHexString(key)) return absl::OkStatus();
  return Lose(key, absl::StrCat("the picture's bytes are damaged, their SHA-256 is ", sha256));
}

absl::Status IntegrityCheck::CountReferences(const std::string& key, absl::string_view count) {
  std::int64_t references = 0;
  if (!absl::SimpleAtoi(count, &references) || references < 1) {
    // Counts as 0, so that it differs wherever the picture is shown, or is found as lost.
    AddUncounted(key);
    return absl::OkStatus();
  }
  kept_pictures_.Add(key, references);
  return absl::OkStatus();
}

void IntegrityCheck::AddUncounted(const std::string& key) {
  if (uncounted_.size() < limits_.pictures) {
    uncounted_.insert(key);
  } else {
    ++uncounted_left_out_;
  }
}

absl::Status IntegrityCheck::Lose(const std::string& key, const std::string& why) {
  if (lost_.size() < limits_.pictures) {
    lost_.emplace(key, why);
    return absl::OkStatus();
  }
  return report_.Fault(NameOf(key), absl::StrCat(why, "; too many to repair at once, restore the latest backup"));
}

absl::Status IntegrityCheck::CheckReferences() {
  if (!records_read_ || !counts_read_) {
    for (const auto& [key, why] : lost_) {
      RETURN_IF_ERROR(report_.Fault(NameOf(key), absl::StrCat(why, "; restore the latest backup")));
    }
    return absl::OkStatus();
  }
  std::vector<bool> differs = MultisetDigest::Difference(shown_pictures_, kept_pictures_);
  for (const auto& [key, why] : lost_) differs[MultisetDigest::BucketOf(key)] = true;
  for (const std::string& key : uncounted_) differs[MultisetDigest::BucketOf(key)] = true;
  // As many buckets at a time as memory holds.
  std::vector<bool> buckets(MultisetDigest::kBuckets);
  std::int64_t held = 0;
  for (std::size_t bucket = 0; bucket < MultisetDigest::kBuckets; ++bucket) {
    if (!differs[bucket]) continue;
    buckets[bucket] = true;
    held += std::max(shown_pictures_.size(bucket), kept_pictures_.size(bucket)) + 1;
    if (held < limits_.references) continue;
    RETURN_IF_ERROR(CheckPictures(buckets));
    buckets.assign(MultisetDigest::kBuckets, false);
    held = 0;
  }
  return held > 0 ? CheckPictures(buckets) : absl::OkStatus();
}

absl::Status IntegrityCheck::CheckPictures(const std::vector<bool>& buckets) {
  Pictures pictures;
  RETURN_IF_ERROR(VisitShown([&](Family, const std::string&, const std::string& key) {
    if (buckets[MultisetDigest::BucketOf(key)]) ++pictures[key].shown;
    return absl::OkStatus();
  }));
  const auto counts = db_.NewIterator(Family::kImageReferences, Options());
  for (counts->SeekToFirst(); counts->Valid(); counts->Next()) {
    const std::string key = counts->key().ToString();
    if (!buckets[MultisetDigest::BucketOf(key)]) continue;
    std::int64_t references = 0;
    pictures[key].kept = absl::SimpleAtoi(ToView(counts->value()), &references) ? references : 0;
  }
  RETURN_IF_ERROR(FromRocks(counts->status(), "read image_references once more"));
  for (const std::string& key : uncounted_) {
    if (buckets[MultisetDigest::BucketOf(key)]) pictures[key];
  }
  for (const auto& [key, picture] : pictures) {
    if (picture.shown == 0 || picture.kept || uncounted_.count(key) > 0) continue;
    // Shown and without a count: not there, or one of those that were too many to remember.
    const absl::StatusOr<std::optional<std::string>> image = db_.Get(Family::kImages, key, Options());
    if (image.ok() && !image->has_value()) RETURN_IF_ERROR(Lose(key, "the picture is not there"));
  }
  RETURN_IF_ERROR(CheckUsersOfLost(pictures));
  for (const auto& [key, picture] : pictures) RETURN_IF_ERROR(CheckPicture(key, picture));
  return absl::OkStatus();
}

absl::Status IntegrityCheck::CheckUsersOfLost(Pictures& pictures) {
  return VisitShown([&](Family family, const std::string& id, const std::string& key) -> absl::Status {
    const auto picture = pictures.find(key);
    if (picture == pictures.end() || lost_.count(key) == 0) return absl::OkStatus();
    const std::string sha256 = absl::BytesToHexString(key);
    bool done = false;
    if (write_) {
      RETURN_IF_ERROR(write_([&](RocksEdit& edit) -> absl::Status {
        ASSIGN_OR_RETURN(done, LetGoOfPicture(edit, family, id, sha256));
        return absl::OkStatus();
      }));
      if (done) ++picture->second.let_go;
    }
    return report_.Fault(absl::StrCat(FamilyName(family), "/", id),
                         absl::StrCat("its picture ", sha256, " is lost; ", CureOfLostPicture(family, done)), done);
  });
}

absl::Status IntegrityCheck::CheckPicture(const std::string& key, const Picture& picture) {
  const auto lost = lost_.find(key);
  const std::int64_t kept = picture.kept.value_or(0);
  if (lost == lost_.end() && kept == picture.shown && kept > 0) return absl::OkStatus();
  if (write_) {
    RETURN_IF_ERROR(write_([&](RocksEdit& edit) -> absl::Status {
      ASSIGN_OR_RETURN(const std::optional<std::string> text, edit.Get(Family::kImageReferences, key));
      std::int64_t now = 0;
      if (text && !absl::SimpleAtoi(*text, &now)) now = 0;
      // What was written since has moved the count from what was kept.
      return edit.PutImageReferences(key, now + picture.shown - kept - picture.let_go);
    }));
  }
  std::string words;
  absl::string_view cure = "--repair counts anew";
  if (lost != lost_.end()) {
    words = lost->second;
    cure = "restore the latest backup, or --repair lets go of it";
  } else if (picture.shown == 0) {
    words = "no product or placeholder shows it";
    cure = "--repair deletes it";
  } else {
    words = absl::StrCat("kept for ", kept, " products and placeholders, but ", picture.shown, " show it");
  }
  return report_.Fault(NameOf(key), absl::StrCat(words, write_ ? "" : "; ", write_ ? "" : cure),
                       static_cast<bool>(write_));
}

}  // namespace mannequin::store

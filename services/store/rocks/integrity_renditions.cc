// Renditions against the pictures that they were made of.
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/integrity_check.h"
#include "services/store/rocks/rocks_status.h"

namespace mannequin::store {

absl::Status IntegrityCheck::CheckRenditions() {
  RETURN_IF_ERROR(report_.Begin("renditions", 0));
  const auto renditions = db_.NewIterator(Family::kRenditions, Options());
  // As many keys as pictures, and small: a walk of the pictures would read them all.
  const auto counts = db_.NewIterator(Family::kImageReferences, Options());
  counts->SeekToFirst();
  for (renditions->SeekToFirst(); renditions->Valid(); renditions->Next()) {
    const std::string key = renditions->key().ToString();
    const rocksdb::Slice picture(key.data(), std::min(key.size(), kImageKeyBytes));
    while (counts->Valid() && counts->key().compare(picture) < 0) counts->Next();
    bool has_picture = counts->Valid() && counts->key() == picture;
    if (!has_picture) {
      // A count that is missing is another fault; one that cannot be read is no sign of any.
      const auto image = db_.Get(Family::kImages, ToView(picture), Options());
      has_picture = !image.ok() || image->has_value();
    }
    RETURN_IF_ERROR(CheckRendition(key, ToView(renditions->value()), has_picture));
    RETURN_IF_ERROR(report_.Advance());
  }
  if (renditions->status().ok()) return absl::OkStatus();
  images_read_ = false;
  return report_.Fault("renditions", absl::StrCat("cannot be read to their end: ", renditions->status().ToString(),
                                                  "; restore the latest backup"));
}

absl::Status IntegrityCheck::CheckRendition(const std::string& key, absl::string_view bytes, bool has_picture) {
  const absl::StatusOr<v1::Rendition> rendition = Decode<v1::Rendition>(Family::kRenditions, key, bytes);
  const bool whole = rendition.ok() && key.size() == kImageKeyBytes + 2 &&
                     key == RenditionKey(absl::string_view(key).substr(0, kImageKeyBytes), rendition->side());
  if (rendition.ok()) counted_.rendition_bytes += static_cast<std::int64_t>(rendition->data().size());
  if (whole && has_picture) return absl::OkStatus();
  if (write_) {
    RETURN_IF_ERROR(write_([&](RocksEdit& edit) -> absl::Status {
      // The picture may have come meanwhile, with this rendition made anew.
      ASSIGN_OR_RETURN(const auto image, edit.Get(Family::kImages, key.substr(0, kImageKeyBytes)));
      return whole && image ? absl::OkStatus() : edit.DeleteRendition(key);
    }));
  }
  return report_.Fault(absl::StrCat("renditions/", absl::BytesToHexString(key)),
                       absl::StrCat(whole ? "no picture is kept that it was made of" : "is damaged",
                                    write_ ? "" : "; --repair deletes it, the picture itself is not touched"),
                       static_cast<bool>(write_));
}

}  // namespace mannequin::store

#include "services/store/postgres/picture_objects.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/status_macros.h"

namespace mannequin::store {
namespace {

constexpr std::int64_t kSweepBatch = 1000;

// The first digits spread the objects over the bucket's own partitions.
std::string NewObject(const std::string& sha256, absl::Time now) {
  return absl::StrCat("images/", sha256.substr(0, 2), "/", sha256, NewId("-", now));
}

Upload UploadOf(const NewPicture& picture, absl::Time now) {
  Upload upload;
  upload.object = NewObject(*picture.sha256, now);
  v1::Image& image = *upload.record.mutable_image();
  image.set_media_type(picture.image->media_type());
  image.set_width(picture.image->width());
  image.set_height(picture.image->height());
  upload.bytes = static_cast<std::int64_t>(picture.image->data().size());
  for (const v1::Rendition& rendition : *picture.renditions) {
    v1::Rendition& kept = *upload.record.add_renditions();
    kept.set_side(rendition.side());
    kept.set_width(rendition.width());
    kept.set_height(rendition.height());
    upload.rendition_bytes += static_cast<std::int64_t>(rendition.data().size());
  }
  return upload;
}

}  // namespace

std::string RenditionObject(absl::string_view object, int side) { return absl::StrCat(object, ".", side); }

std::vector<std::string> ObjectsOf(const std::string& object, const PictureRecord& record) {
  std::vector<std::string> objects = {object};
  for (const v1::Rendition& rendition : record.renditions()) {
    objects.push_back(RenditionObject(object, rendition.side()));
  }
  return objects;
}

absl::StatusOr<Uploads> PictureObjects::Upload(const std::vector<NewPicture>& pictures) {
  Uploads uploads;
  if (pictures.empty()) return uploads;
  absl::flat_hash_map<std::string, const NewPicture*> by_hash;
  std::vector<std::string> hashes;
  for (const NewPicture& picture : pictures) {
    by_hash[*picture.sha256] = &picture;
    hashes.push_back(*picture.sha256);
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> missing, Missing(hashes));
  if (missing.empty()) return uploads;
  const absl::Time now = clock_.Now();
  std::vector<Bucket::Object> objects;
  for (const std::string& sha256 : missing) {
    const NewPicture* picture = by_hash[sha256];
    const std::string& object = (uploads[sha256] = UploadOf(*picture, now)).object;
    objects.push_back({object, picture->image->data(), picture->image->media_type()});
    for (const v1::Rendition& rendition : *picture->renditions) {
      objects.push_back({RenditionObject(object, rendition.side()), rendition.data(), "image/jpeg"});
    }
  }
  std::vector<std::string> names;
  for (const Bucket::Object& object : objects) names.push_back(object.key);
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) {
    return connection
        .Run("INSERT INTO doomed_objects (object, doom_at) SELECT unnest($1), $2 ON CONFLICT DO NOTHING",
             Parameters().Texts(names).Int(absl::ToUnixNanos(now + kUploadGrace)))
        .status();
  }));
  RETURN_IF_ERROR(bucket_.Put(objects));
  return uploads;
}

absl::StatusOr<PictureObjects::Place> PictureObjects::Find(const std::string& sha256) {
  ASSIGN_OR_RETURN(const std::string key, ImageKey(sha256));
  Place place;
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result found, connection.Run("SELECT object, record FROM images WHERE sha256 = $1",
                                                        Parameters().Bytes(key)));
    if (found.rows() == 0) return absl::OkStatus();
    place.object = std::string(found.Bytes(0, 0));
    ASSIGN_OR_RETURN(place.record, Decode<PictureRecord>(Family::kImages, key, found.Bytes(0, 1)));
    return absl::OkStatus();
  }));
  return place;
}

absl::StatusOr<std::string> PictureObjects::ReadObject(const std::string& sha256, const std::string& object) {
  absl::StatusOr<std::string> bytes = bucket_.Get(object);
  if (!absl::IsNotFound(bytes.status())) return bytes;
  return absl::DataLossError(absl::StrCat("images/", sha256, ": its object ", object, " is not in the bucket"));
}

absl::StatusOr<std::optional<v1::Image>> PictureObjects::Read(const std::string& sha256, int at_least_side) {
  ASSIGN_OR_RETURN(Place place, Find(sha256));
  if (place.object.empty()) return std::optional<v1::Image>();
  v1::Image image = std::move(*place.record.mutable_image());
  const v1::Rendition* best = nullptr;
  for (const v1::Rendition& rendition : place.record.renditions()) {
    const bool large_enough = at_least_side > 0 && rendition.side() >= at_least_side;
    if (large_enough && (best == nullptr || rendition.side() < best->side())) best = &rendition;
  }
  std::string object = place.object;
  if (best != nullptr) {
    object = RenditionObject(object, best->side());
    image.set_media_type("image/jpeg");
    image.set_width(best->width());
    image.set_height(best->height());
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadObject(sha256, object));
  image.set_data(std::move(bytes));
  return std::optional<v1::Image>(std::move(image));
}

absl::StatusOr<std::optional<v1::ExportPicturesResponse>> PictureObjects::ReadWhole(const std::string& sha256) {
  ASSIGN_OR_RETURN(Place place, Find(sha256));
  if (place.object.empty()) return std::optional<v1::ExportPicturesResponse>();
  v1::ExportPicturesResponse picture;
  *picture.mutable_image() = std::move(*place.record.mutable_image());
  picture.mutable_image()->set_sha256(sha256);
  ASSIGN_OR_RETURN(*picture.mutable_image()->mutable_data(), ReadObject(sha256, place.object));
  for (v1::Rendition& rendition : *place.record.mutable_renditions()) {
    ASSIGN_OR_RETURN(*rendition.mutable_data(), ReadObject(sha256, RenditionObject(place.object, rendition.side())));
    *picture.add_renditions() = std::move(rendition);
  }
  return std::optional<v1::ExportPicturesResponse>(std::move(picture));
}

absl::StatusOr<std::vector<std::string>> PictureObjects::Missing(const std::vector<std::string>& sha256s) {
  std::vector<std::string> keys;
  for (const std::string& sha256 : sha256s) {
    ASSIGN_OR_RETURN(std::string key, ImageKey(sha256));
    keys.push_back(std::move(key));
  }
  absl::flat_hash_set<std::string> kept;
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result found,
                     connection.Run("SELECT encode(sha256, 'hex') FROM images WHERE sha256 = ANY($1)",
                                    Parameters().ByteStrings(keys)));
    for (int row = 0; row < found.rows(); ++row) kept.emplace(found.Bytes(row, 0));
    return absl::OkStatus();
  }));
  std::vector<std::string> missing;
  for (const std::string& sha256 : sha256s) {
    if (kept.insert(sha256).second) missing.push_back(sha256);
  }
  return missing;
}

absl::StatusOr<std::int64_t> PictureObjects::Sweep() {
  std::int64_t swept = 0;
  for (std::int64_t batch = kSweepBatch; batch == kSweepBatch; swept += batch) {
    RETURN_IF_ERROR(pool_.Transact("", [&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const Result doomed,
                       connection.Run("SELECT object FROM doomed_objects WHERE doom_at <= $1 "
                                      "ORDER BY doom_at LIMIT $2 FOR UPDATE SKIP LOCKED",
                                      Parameters().Int(absl::ToUnixNanos(clock_.Now())).Int(kSweepBatch)));
      batch = doomed.rows();
      std::vector<std::string> objects;
      for (int row = 0; row < doomed.rows(); ++row) objects.emplace_back(doomed.Bytes(row, 0));
      if (objects.empty()) return absl::OkStatus();
      // The rows go last: what is not deleted stays doomed.
      RETURN_IF_ERROR(bucket_.Delete(objects));
      return connection.Run("DELETE FROM doomed_objects WHERE object = ANY($1)", Parameters().Texts(objects)).status();
    }));
  }
  return swept;
}

}  // namespace mannequin::store

#include "services/store/postgres/picture_objects.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/store/postgres/metrics.h"

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
  upload.bytes = static_cast<std::int64_t>(picture.image->data().size());
  upload.record.set_media_type(picture.image->media_type());
  upload.record.set_width(picture.image->width());
  upload.record.set_height(picture.image->height());
  upload.record.set_bytes(upload.bytes);
  for (const v1::Rendition& rendition : *picture.renditions) {
    v1::PictureRendition& kept = *upload.record.add_renditions();
    kept.set_side(rendition.side());
    kept.set_width(rendition.width());
    kept.set_height(rendition.height());
    kept.set_begin(upload.bytes + upload.rendition_bytes);
    kept.set_bytes(static_cast<std::int64_t>(rendition.data().size()));
    kept.set_sha256(absl::HexStringToBytes(Sha256Hex(rendition.data())));
    upload.rendition_bytes += kept.bytes();
  }
  return upload;
}

// All bytes of its object.
std::string DataOf(const NewPicture& picture) {
  std::string data = picture.image->data();
  for (const v1::Rendition& rendition : *picture.renditions) data += rendition.data();
  return data;
}

}  // namespace

std::string FaultOf(absl::string_view data, const std::string& sha256, const v1::PictureRecord& record) {
  const auto part = [&](std::int64_t begin, std::int64_t bytes) {
    const auto first = static_cast<std::size_t>(std::min<std::int64_t>(begin, static_cast<std::int64_t>(data.size())));
    return data.substr(first, static_cast<std::size_t>(bytes));
  };
  if (Sha256Hex(part(0, record.bytes())) != sha256) return "holds other bytes than the picture's";
  for (const v1::PictureRendition& rendition : record.renditions()) {
    if (absl::HexStringToBytes(Sha256Hex(part(rendition.begin(), rendition.bytes()))) != rendition.sha256()) {
      return absl::StrCat("holds other bytes than the rendition's of ", rendition.side(), " pixels");
    }
  }
  return "";
}

absl::Status PictureObjects::Upload(const std::vector<NewPicture>& pictures, Uploads& uploads) {
  absl::flat_hash_map<std::string, const NewPicture*> by_hash;
  std::vector<std::string> hashes;
  for (const NewPicture& picture : pictures) {
    if (uploads.contains(*picture.sha256)) continue;
    by_hash[*picture.sha256] = &picture;
    hashes.push_back(*picture.sha256);
  }
  if (hashes.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::vector<std::string> missing, Missing(hashes));
  if (missing.empty()) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  Uploads written;
  std::vector<std::string> data;
  data.reserve(missing.size());
  std::vector<Bucket::Object> objects;
  for (const std::string& sha256 : missing) {
    const NewPicture& picture = *by_hash[sha256];
    data.push_back(DataOf(picture));
    const std::string& object = (written[sha256] = UploadOf(picture, now)).object;
    objects.push_back({object, data.back(), picture.image->media_type()});
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
  for (const std::string& bytes : data) store_metrics::CountUploadedBytes(static_cast<double>(bytes.size()));
  uploads.merge(written);
  return absl::OkStatus();
}

absl::StatusOr<PictureObjects::Place> PictureObjects::Find(const std::string& sha256) {
  ASSIGN_OR_RETURN(const std::string key, ImageKey(sha256));
  Place place;
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result found,
                     connection.Run("SELECT object, record FROM images WHERE sha256 = $1", Parameters().Bytes(key)));
    if (found.rows() == 0) return absl::OkStatus();
    place.object = std::string(found.Bytes(0, 0));
    ASSIGN_OR_RETURN(place.record, Decode<v1::PictureRecord>(Family::kImages, key, found.Bytes(0, 1)));
    return absl::OkStatus();
  }));
  return place;
}

absl::StatusOr<std::string> PictureObjects::ReadPart(const std::string& sha256, const std::string& object,
                                                     std::int64_t begin, std::int64_t bytes,
                                                     const std::string& part_sha256) {
  absl::StatusOr<std::string> data = bucket_.GetPart(object, begin, bytes, part_sha256);
  if (!absl::IsNotFound(data.status())) return data;
  return absl::DataLossError(absl::StrCat("images/", sha256, ": its object ", object, " is not in the bucket"));
}

absl::StatusOr<std::optional<v1::Image>> PictureObjects::Read(const std::string& sha256, int at_least_side) {
  ASSIGN_OR_RETURN(const Place place, Find(sha256));
  if (place.object.empty()) return std::optional<v1::Image>();
  const v1::PictureRendition* best = nullptr;
  for (const v1::PictureRendition& rendition : place.record.renditions()) {
    const bool large_enough = at_least_side > 0 && rendition.side() >= at_least_side;
    if (large_enough && (best == nullptr || rendition.side() < best->side())) best = &rendition;
  }
  v1::Image image;
  if (best == nullptr) {
    image.set_media_type(place.record.media_type());
    image.set_width(place.record.width());
    image.set_height(place.record.height());
    ASSIGN_OR_RETURN(*image.mutable_data(), ReadPart(sha256, place.object, 0, place.record.bytes(), sha256));
  } else {
    image.set_media_type("image/jpeg");
    image.set_width(best->width());
    image.set_height(best->height());
    ASSIGN_OR_RETURN(*image.mutable_data(), ReadPart(sha256, place.object, best->begin(), best->bytes(),
                                                     absl::BytesToHexString(best->sha256())));
  }
  return std::optional<v1::Image>(std::move(image));
}

absl::StatusOr<std::optional<v1::ExportPicturesResponse>> PictureObjects::ReadWhole(const std::string& sha256) {
  ASSIGN_OR_RETURN(const Place place, Find(sha256));
  if (place.object.empty()) return std::optional<v1::ExportPicturesResponse>();
  absl::StatusOr<std::string> data = bucket_.Get(place.object);
  if (absl::IsNotFound(data.status())) {
    return absl::DataLossError(absl::StrCat("images/", sha256, ": its object ", place.object, " is not in the bucket"));
  }
  RETURN_IF_ERROR(data.status());
  const std::string fault = FaultOf(*data, sha256, place.record);
  if (!fault.empty())
    return absl::DataLossError(absl::StrCat("images/", sha256, ": its object ", place.object, " ", fault));
  v1::ExportPicturesResponse picture;
  v1::Image& image = *picture.mutable_image();
  image.set_sha256(sha256);
  image.set_media_type(place.record.media_type());
  image.set_width(place.record.width());
  image.set_height(place.record.height());
  for (const v1::PictureRendition& kept : place.record.renditions()) {
    v1::Rendition& rendition = *picture.add_renditions();
    rendition.set_side(kept.side());
    rendition.set_width(kept.width());
    rendition.set_height(kept.height());
    rendition.set_data(data->substr(static_cast<std::size_t>(kept.begin()), static_cast<std::size_t>(kept.bytes())));
  }
  data->resize(static_cast<std::size_t>(place.record.bytes()));
  image.set_data(*std::move(data));
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
  store_metrics::CountSweptObjects(static_cast<double>(swept));
  return swept;
}

}  // namespace mannequin::store

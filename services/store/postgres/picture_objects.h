// Pictures in a bucket, each with its renditions in one object, and the rows that say which of its
// objects count. A request to a bucket costs time and money whatever its size: one writes all, and one
// reads what is asked for.
//
// An object is written before the change that refers to it, and deleted after the one that lets
// go of it. In between, whatever crashes, it is a row of `doomed_objects`: an upload begins as
// doomed in an hour, the change takes that row away together with the first reference; the last
// reference that goes puts one back, ten minutes ahead for those who read just now. Nothing else
// deletes objects, and an object's name is never used again, so a late deletion hits nothing new.
//
//   Uploads uploads;
//   RETURN_IF_ERROR(objects.Upload(pictures, uploads));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "mannequin/v1/picture_record.pb.h"
#include "services/store/bucket/bucket.h"
#include "services/store/postgres/connection_pool.h"
#include "services/store/record_store.h"

namespace mannequin::store {

inline constexpr absl::Duration kUploadGrace = absl::Hours(1);
inline constexpr absl::Duration kReadGrace = absl::Minutes(10);

// A picture that is in the bucket, but in no row.
struct Upload {
  std::string object;
  v1::PictureRecord record;
  std::int64_t bytes = 0;
  std::int64_t rendition_bytes = 0;
};
// By SHA-256 in hex.
using Uploads = absl::flat_hash_map<std::string, Upload>;

// What is wrong with an object that holds that picture; empty when nothing is.
std::string FaultOf(absl::string_view data, const std::string& sha256, const v1::PictureRecord& record);

// Thread-safe. `pool`, `bucket` and `clock` must outlive it.
class PictureObjects {
 public:
  PictureObjects(ConnectionPool& pool, Bucket& bucket, const Clock& clock)
      : pool_(pool), bucket_(bucket), clock_(clock) {}

  // Writes those that no row has and that are not among `uploads` yet, with their renditions, and adds
  // them to it. Without a change that takes them over within an hour they go again.
  absl::Status Upload(const std::vector<NewPicture>& pictures, Uploads& uploads);

  // As RecordStore::ReadImage. DATA_LOSS when its object is gone or is not what was written.
  absl::StatusOr<std::optional<v1::Image>> Read(const std::string& sha256, int at_least_side);

  // The picture with all its renditions; else as Read.
  absl::StatusOr<std::optional<v1::ExportPicturesResponse>> ReadWhole(const std::string& sha256);
  // Of these hashes, those that no row has.
  absl::StatusOr<std::vector<std::string>> Missing(const std::vector<std::string>& sha256s);

  // Deletes what is doomed by now; answers how many objects that were. Several processes may at
  // once.
  absl::StatusOr<std::int64_t> Sweep();

 private:
  // Where it is and what is known of it; no object when no row has it.
  struct Place {
    std::string object;
    v1::PictureRecord record;
  };
  absl::StatusOr<Place> Find(const std::string& sha256);
  absl::StatusOr<std::string> ReadPart(const std::string& sha256, const std::string& object, std::int64_t begin,
                                       std::int64_t bytes, const std::string& part_sha256);

  ConnectionPool& pool_;
  Bucket& bucket_;
  const Clock& clock_;
};

}  // namespace mannequin::store

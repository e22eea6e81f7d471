// Bytes under keys in an S3 bucket: what RocksDB's blob files are to a store on one machine.
//
//   ASSIGN_OR_RETURN(const std::unique_ptr<Bucket> bucket, Bucket::Open(config));
//   RETURN_IF_ERROR(bucket->Put({{.key = "images/ab12", .data = jpeg, .media_type = "image/jpeg"}}));
//   ASSIGN_OR_RETURN(const std::string bytes, bucket->Get("images/ab12"));
//
// Requests are signed by AWS Signature Version 4
// (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html) with the
// SHA-256 of their body, so the server refuses bytes that changed on the way up. What comes
// down is checked against the checksum that was put with it.
//
// Not for listing products or for anything that must change together: a bucket has neither
// transactions nor an order of its own. The database says which keys count.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin::store {

// Thread-safe. Errors of all calls: UNAVAILABLE when the server does not answer, or goes on
// to say 5xx or SlowDown, after the retries (five tries with growing, random pauses, half a
// minute in all); PERMISSION_DENIED with the server's own words when it refuses the
// credentials; RESOURCE_EXHAUSTED when it is out of room or above a quota.
class Bucket {
 public:
  struct Object {
    // 1 to 512 bytes of letters, digits and "-_./"; the configured prefix comes before it.
    std::string key;
    // At least one byte.
    absl::string_view data;
    std::string media_type;
  };

  // Makes the bucket when it is not there. INVALID_ARGUMENT names the field of the
  // configuration and its bound; NOT_FOUND when there is no such bucket and it may not be made.
  static absl::StatusOr<std::unique_ptr<Bucket>> Open(const config::v1::BucketConfig& config);
  virtual ~Bucket() = default;

  // All of them, at most `max_transfers` at once; on the server's disk when it returns OK.
  // After an error some may be there. An object of that key is replaced.
  virtual absl::Status Put(absl::Span<const Object> objects) = 0;
  // NOT_FOUND; DATA_LOSS when the bytes are not those that were put.
  virtual absl::StatusOr<std::string> Get(absl::string_view key) = 0;
  // Its bytes, without reading it; nothing when it is not there.
  virtual absl::StatusOr<std::optional<std::int64_t>> Size(absl::string_view key) = 0;
  // Those that are not there are no error.
  virtual absl::Status Delete(absl::Span<const std::string> keys) = 0;
  // Each key that begins with `prefix` (the configured one left out), in order, with its
  // bytes; page by page, on this thread. Ends early with the status that `visit` answers when
  // it is not OK.
  virtual absl::Status List(absl::string_view prefix,
                            const std::function<absl::Status(absl::string_view key, std::int64_t bytes)>& visit) = 0;
};

}  // namespace mannequin::store

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

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "mannequin/config/v1/config.pb.h"
#include "services/store/bucket/bucket_time.h"

namespace mannequin::store {

class S3Client;
struct HttpAnswer;
class Workers;

// Thread-safe. Errors of all calls: UNAVAILABLE when the server does not answer, or goes on
// to say 5xx or SlowDown, after the retries (five tries with growing, random pauses, half a
// minute in all); PERMISSION_DENIED with the server's own words when it refuses the
// credentials, also those that the file has by then; RESOURCE_EXHAUSTED when it is out of
// room or above a quota; FAILED_PRECONDITION when the bucket is gone or is somewhere else
// (naming the field of the configuration), the server's certificate is not trusted, or this
// machine's clock is off. No message holds a secret. No proxy of the environment is used and
// no redirect followed.
class Bucket {
 public:
  struct Object {
    // 1 to 512 bytes of letters, digits and "-_./"; the configured prefix comes before it. No
    // part between slashes is empty, "." or "..": servers that keep files take them for paths.
    std::string key;
    // At least one byte.
    absl::string_view data;
    // Printable ASCII, e.g. "image/jpeg"; empty: "application/octet-stream".
    std::string media_type = {};
  };

  // Makes the bucket when it is not there. INVALID_ARGUMENT names the field of the
  // configuration and its bound; NOT_FOUND when there is no such bucket and it may not be made,
  // or no file of that name.
  static absl::StatusOr<std::unique_ptr<Bucket>> Open(const config::v1::BucketConfig& config, BucketTime time = {});
  // No call may be under way.
  ~Bucket();
  Bucket(const Bucket&) = delete;
  Bucket& operator=(const Bucket&) = delete;

  // All of them, at most `max_transfers` at once; on the server's disk when it returns OK.
  // After an error some may be there. An object of that key is replaced. INVALID_ARGUMENT
  // before anything is put. A process that is killed meanwhile may leave parts of a big one on
  // the server: a rule AbortIncompleteMultipartUpload of the bucket removes them.
  absl::Status Put(absl::Span<const Object> objects);
  // NOT_FOUND; DATA_LOSS when the bytes are not those that were put, or the object does not say
  // which they were.
  absl::StatusOr<std::string> Get(absl::string_view key);
  // `bytes` of them (at least one) from the byte `begin` on, counted from 0. NOT_FOUND; DATA_LOSS when their SHA-256
  // (lower-case hex) is another one, or the object ends before.
  absl::StatusOr<std::string> GetPart(absl::string_view key, std::int64_t begin, std::int64_t bytes,
                                      absl::string_view sha256);
  // Its bytes, without reading it; nothing when it is not there.
  absl::StatusOr<std::optional<std::int64_t>> Size(absl::string_view key);
  // Those that are not there are no error. After an error some may be gone.
  absl::Status Delete(absl::Span<const std::string> keys);
  // Each key that begins with `prefix` (the configured one left out), in order, with its
  // bytes; page by page, on this thread. Ends early with the status that `visit` answers when
  // it is not OK.
  absl::Status List(absl::string_view prefix,
                    const std::function<absl::Status(absl::string_view key, std::int64_t bytes)>& visit);

 private:
  Bucket(std::string name, std::string prefix, std::int64_t part_bytes, std::unique_ptr<S3Client> client,
         std::unique_ptr<Workers> workers);

  // `verify` says whether an answer is what was put.
  absl::StatusOr<std::string> Read(absl::string_view key,
                                   const std::vector<std::pair<std::string, std::string>>& headers,
                                   const std::function<absl::Status(const HttpAnswer&)>& verify);
  absl::Status MakeIfMissing(absl::string_view region);
  std::string PathOf(absl::string_view key) const;
  absl::Status PutOne(const Object& object);
  absl::Status PutInParts(const Object& object);
  absl::Status PutParts(const Object& object, const std::string& upload, const std::string& sha256);
  absl::Status DeleteBatch(absl::Span<const std::string> keys);

  const std::string name_;
  const std::string prefix_;
  const std::int64_t part_bytes_;
  const std::unique_ptr<S3Client> client_;
  const std::unique_ptr<Workers> workers_;
};

}  // namespace mannequin::store

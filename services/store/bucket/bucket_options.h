// A BucketConfig, checked and with its defaults.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "mannequin/config/v1/config.pb.h"
#include "services/store/bucket/s3_client.h"

namespace mannequin::store {

struct BucketOptions {
  S3Client::Options client;
  std::string name;
  std::string prefix;
  std::int64_t part_bytes = 0;
};

// INVALID_ARGUMENT names the field and its bound; NOT_FOUND when `ca_file` is not there.
absl::StatusOr<BucketOptions> BucketOptionsOf(const config::v1::BucketConfig& config);

// Whether it is letters, digits and "-_./", no part of it between slashes empty, "." or "..".
bool IsKey(absl::string_view text);

}  // namespace mannequin::store

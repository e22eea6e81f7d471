// The XML that an S3 server says and is told, and no more of it than a bucket needs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace mannequin::store {

// <Error>; all empty where the bytes are none, as behind a HEAD or from a proxy.
struct S3Error {
  std::string code;
  std::string message;
  // Only of DeleteObjects.
  std::string key;
  // Where the server names another one.
  std::string region;
  std::string endpoint;
};
S3Error ParseError(absl::string_view xml);

// <ListBucketResult>
struct S3Page {
  struct Entry {
    std::string key;
    std::int64_t bytes = 0;
  };
  std::vector<Entry> entries;
  // Empty: this was the last page.
  std::string next;
};
// DATA_LOSS when it is not whole.
absl::StatusOr<S3Page> ParsePage(absl::string_view xml);

// <InitiateMultipartUploadResult>. DATA_LOSS when it names no upload.
absl::StatusOr<std::string> ParseUploadId(absl::string_view xml);

// <DeleteResult> of a quiet request: those that could not be deleted. DATA_LOSS when it is none.
absl::StatusOr<std::vector<S3Error>> ParseDeleteErrors(absl::string_view xml);

// Whether it is a <CompleteMultipartUploadResult>.
bool IsCompleted(absl::string_view xml);

// <CompleteMultipartUpload>; `etags` in the order of the parts.
std::string CompleteXml(absl::Span<const std::string> etags);
// <Delete>, quiet.
std::string DeleteXml(absl::Span<const std::string> keys);
// <CreateBucketConfiguration>; empty for us-east-1, which must not be named.
std::string CreateBucketXml(absl::string_view region);

}  // namespace mannequin::store

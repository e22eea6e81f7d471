// Column families and the grammar of their keys. README.md says what each keeps.
//
//   products          id                      -> StoredProduct
//   images            sha256 (32 raw bytes)   -> Image; its own `sha256` does not count
//   image_references  sha256 (32 raw bytes)   -> count, decimal: products and placeholders
//   renditions        sha256 side             -> Rendition; side in 2 bytes, the highest first
//   embeddings        id                      -> Embedding
//   jobs              job id                  -> Job
//   placeholders      id                      -> Placeholder
//   verdicts          id                      -> Verdict
//   reviews           id 00 sha256 (64 hex)   -> Review, of that picture
//   counters          "statistics"            -> GetStatisticsResponse without disk_bytes
//                     "format"                -> version of this grammar, decimal
//                     "read_only"             -> why no changes are taken; not there: they are
//                     "ingest/" source        -> IngestCheckpoint
//   index             entry                   -> empty, but for 'k'
//
//   entry    := 'c' text* end id   a product, once for each ancestor of its category
//             | 'b' text id        a product with a brand
//             | 's' byte id        a product, by ImageState
//             | 'f' text id        a product whose image is to be fetched, by its URL's origin
//             | 'u' time id        a product, by updated_at
//             | 'p' byte id        a placeholder, by PlaceholderState
//             | 'v' byte id        a verdict, by VerdictKind
//             | 'w' byte id        a verdict that nobody has reviewed, by VerdictKind
//             | 'q' byte job-id    a QUEUED or RUNNING job, by JobKind
//             | 'k' bytes          an idempotency key -> job id
//   text     := bytes with 00 written as 00 FF, then 00 01
//   end      := 00 00
//   time     := nanoseconds since the epoch, 8 bytes, the highest first
//
// An id is a product's: no control characters, so it never looks like `end`. Below one
// prefix the entries lie in id order, which makes a page in id order one seek, and a
// conjunction of conditions a merge.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "mannequin/v1/job.pb.h"
#include "mannequin/v1/placeholder.pb.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/verdict.pb.h"

namespace mannequin::store {

enum class Family {
  kProducts,
  kImages,
  kImageReferences,
  kRenditions,
  kEmbeddings,
  kIndex,
  kJobs,
  kPlaceholders,
  kVerdicts,
  kReviews,
  kCounters,
};
inline constexpr int kFamilies = 11;
// "products", "images", ...
absl::string_view FamilyName(Family family);

// Takes one `text` of the grammar off the front of `rest`; false when there is none.
bool TakeText(absl::string_view& rest, std::string& text);

// Prefixes of the index; an entry is a prefix with an id after it.
std::string CategoryPrefix(const google::protobuf::RepeatedPtrField<std::string>& path, int depth);
std::string BrandPrefix(absl::string_view brand);
std::string ImageStatePrefix(v1::ImageState state);
// Of all products to be fetched, by origin; after it the origin as a text, then an id.
inline constexpr absl::string_view kFetchTag = "f";
std::string FetchPrefix(absl::string_view origin);
// The origin that an entry is of; nothing when it is no such entry.
std::optional<std::string> OriginOfFetch(absl::string_view entry);
// Of all products that were updated at that time.
std::string UpdatedPrefix(const google::protobuf::Timestamp& time);
// Of all products, by the time of their update; after it the time, then an id.
inline constexpr absl::string_view kUpdatedTag = "u";
inline constexpr std::size_t kUpdatedTimeBytes = 8;
// Of what stands behind the tag.
absl::Time TimeOfUpdate(absl::string_view entry);
std::string PlaceholderStatePrefix(v1::PlaceholderState state);
std::string VerdictKindPrefix(v1::VerdictKind kind);
std::string UnreviewedPrefix(v1::VerdictKind kind);
std::string QueuePrefix(v1::JobKind kind);
std::string IdempotencyKey(absl::string_view key);

inline constexpr absl::string_view kStatisticsKey = "statistics";
inline constexpr absl::string_view kFormatKey = "format";
inline constexpr absl::string_view kReadOnlyKey = "read_only";
inline constexpr absl::string_view kIngestPrefix = "ingest/";
inline constexpr absl::string_view kIdempotencyTag = "k";
std::string IngestCheckpointKey(absl::string_view source);

// Calls `visit` with each prefix below which the index lists a product with that image,
// in no order; but for UpdatedPrefix, which changes with every write. `refresh`: as in
// ImageInfo.
void VisitIndexPrefixes(const v1::Product& product, v1::ImageState state, bool refresh,
                        absl::FunctionRef<void(absl::string_view)> visit);
// Every index entry of a record, sorted: the one place that says which ones it has. An
// idempotency key is no part of its job's record, and so is not among them.
std::vector<std::string> IndexEntries(const v1::StoredProduct& product);
std::vector<std::string> IndexEntries(const v1::Placeholder& placeholder);
std::vector<std::string> IndexEntries(const v1::Verdict& verdict);
std::vector<std::string> IndexEntries(const v1::Job& job);

// Of the review of that product's picture; in the order of the products' ids.
std::string ReviewKey(absl::string_view product_id, absl::string_view image_sha256);

// "ab12..." to 32 bytes. INVALID_ARGUMENT when it is not 64 lower-case hex digits.
absl::StatusOr<std::string> ImageKey(absl::string_view sha256);
// Of a rendition of the picture with that key.
std::string RenditionKey(absl::string_view image_key, int side);
inline constexpr std::size_t kImageKeyBytes = 32;

}  // namespace mannequin::store

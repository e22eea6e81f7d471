// The bounds of the protos, as checks. Each answers INVALID_ARGUMENT with the field,
// what it holds and what is allowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/product_store.pb.h"
#include "mannequin/v1/verdict.pb.h"

namespace mannequin::store {

inline constexpr std::size_t kMaxImageBytes = std::size_t{16} << 20;

// UTF-8 of `least` to `most` bytes. Protobuf refuses to read back what is not UTF-8, so
// nothing else may get in.
absl::Status CheckText(absl::string_view field, absl::string_view text, std::size_t least, std::size_t most);
absl::Status CheckCount(absl::string_view field, std::int64_t count, std::int64_t least, std::int64_t most);
// 0 to 1, and a number.
absl::Status CheckShare(absl::string_view field, double value);
// As in product.proto.
absl::Status CheckCategoryPath(absl::string_view field, const google::protobuf::RepeatedPtrField<std::string>& path);
// 1 to 128 bytes of UTF-8 without control characters.
absl::Status CheckProductId(absl::string_view field, absl::string_view id);
absl::Status CheckWorker(absl::string_view worker);
inline constexpr absl::Duration kMaxLease = absl::Hours(1);
// 1 s to kMaxLease.
absl::StatusOr<absl::Duration> LeaseDuration(const google::protobuf::Duration& lease);

absl::Status CheckProduct(const v1::Product& product);
absl::Status CheckUpsert(const v1::UpsertProductsRequest& request);
// `where` comes before each field, e.g. "embeddings[3].".
// The picture's SHA-256; `image.sha256` must be empty or equal.
absl::StatusOr<std::string> CheckImage(absl::string_view where, const v1::Image& image);
absl::Status CheckRenditions(absl::string_view field,
                             const google::protobuf::RepeatedPtrField<v1::Rendition>& renditions);
absl::Status CheckEmbedding(absl::string_view where, const v1::Embedding& embedding);
absl::Status CheckVerdict(absl::string_view where, const v1::Verdict& verdict);
// Without `verdict` and `reviewed_at`, which the store sets.
absl::Status CheckReview(absl::string_view where, const v1::Review& review);

absl::Status CheckFilter(const v1::ProductFilter& filter);

// `text` cut to at most `most` bytes at a character's edge, with anything that is not
// UTF-8 as '?': for words that come from servers and libraries.
std::string CleanText(absl::string_view text, std::size_t most);

}  // namespace mannequin::store

// One picture now, by the same safe path as a crawl, stored nowhere.
//
//   absl::StatusOr<v1::Image> image = FetchOne(engine, url, {}, absl::Seconds(30));
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mannequin/v1/product.pb.h"
#include "services/fetcher/image_check.h"
#include "services/fetcher/transfer.h"

namespace mannequin {

// Blocks until it is there. Thread-safe. Errors: INVALID_ARGUMENT (not an http or https
// URL), PERMISSION_DENIED (address not allowed), NOT_FOUND (404, 410),
// FAILED_PRECONDITION (not a picture, none of a product, empty, too large), UNAVAILABLE (all else).
absl::StatusOr<v1::Image> FetchOne(TransferEngine& engine, const std::string& url, const ImageCheckOptions& check,
                                   absl::Duration timeout);

}  // namespace mannequin

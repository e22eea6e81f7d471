// The picture that a request names by its address. Fetched by the fetcher, whose safe path lets nobody into our
// own network and no answer go on for ever.
//
//   ASSIGN_OR_RETURN(v1::Image image, FetchImageUrl(fetcher, request.image_url(), deadline));
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "mannequin/v1/product.pb.h"
#include "services/scorer/neighbour_service.h"

namespace mannequin {

// Blocks until it is there. Thread-safe. Every message begins with "image_url: ". INVALID_ARGUMENT for a URL over
// kMaxImageUrlBytes, or not http or https; FAILED_PRECONDITION without a fetcher; DEADLINE_EXCEEDED; UNAVAILABLE while
// the fetcher cannot be reached; else FetchImage's errors.
absl::StatusOr<v1::Image> FetchImageUrl(const NeighbourService<v1::ImageFetcher>& fetcher, const std::string& url,
                                        absl::Time deadline);

}  // namespace mannequin

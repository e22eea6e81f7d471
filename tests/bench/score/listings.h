// Listings of the fashion catalogue with their pictures, as requests that a scorer judges.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mannequin/v1/abuse_scorer.pb.h"

namespace mannequin {

// The first `most` pictures of the archive whose product the catalogue has in one of
// `categories`. INVALID_ARGUMENT when there is none; errors of reading.
absl::StatusOr<std::vector<v1::ScoreListingRequest>> ReadListings(const std::string& catalog, const std::string& images,
                                                                  const std::vector<std::string>& categories,
                                                                  std::size_t most);

// The first `most` pictures, all of one product.
absl::StatusOr<std::vector<v1::ScoreListingRequest>> ReadPictures(const std::string& images, const v1::Product& product,
                                                                  std::size_t most);

}  // namespace mannequin

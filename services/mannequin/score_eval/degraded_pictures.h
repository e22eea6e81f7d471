// Pictures of low quality made of honest ones, for `mannequin score eval`: blurred, enlarged, compressed, cut and put
// together, fixed by a seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/mannequin/score_eval/test_listings.h"
#include "services/scorer/quality_rules.h"

namespace mannequin {

struct DegradedPicture {
  const char* what;  // "blurred: Gaussian of 1.5 to 3 pixels of 224"
  Defect defect = Defect::kBlurred;
  std::string image;  // encoded
};

// One of each kind of product `i`'s picture, in a fixed order; collages with other products' pictures. Errors name the
// picture that cannot be read.
absl::StatusOr<std::vector<DegradedPicture>> DegradedOf(const std::vector<EvalProduct>& products, std::size_t i,
                                                        std::uint64_t seed);

// The probability of each defect, by Defect. Errors of decoding.
absl::StatusOr<std::vector<double>> DefectsOf(const std::string& image);

}  // namespace mannequin

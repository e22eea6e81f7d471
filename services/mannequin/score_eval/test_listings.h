// The listings that `mannequin score eval` asks about: honest pictures of a catalogue, and the
// same pictures abused in known ways, fixed by a seed. Phrases and fonts are none of those
// that a training paints with.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/statusor.h"
#include "common/image/image.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin {

enum class Abuse {
  kNone,
  kOverlay,         // a slogan, badge, ribbon, tag or border in one of eight scripts
  kSmallText,       // letters of 3 to 5 % of the picture's height
  kFaintWatermark,  // of 30 % opacity
  kInsideProduct,   // letters on the product itself, nothing behind them
  kOtherCategory,   // the picture of another category
  kOtherColor,      // of another colour of the same category
  kPastedTitle,     // of another category, and the listing's own title laid over it
};
inline constexpr int kAbuses = 8;
const char* AbuseName(Abuse abuse);
bool IsOverlay(Abuse abuse);
bool IsMismatch(Abuse abuse);

// A product of the catalogue and its picture as it was found.
struct EvalProduct {
  v1::Product product;
  std::string image;  // encoded
};

struct TestListing {
  std::size_t product = 0;  // whose words are shown
  Abuse abuse = Abuse::kNone;
  std::string script;  // of an overlay's words
  std::string image;   // encoded
};

// Of product `i`, every abuse that can be made of it: kOtherColor where another product
// of its category has another colour, kOtherCategory where there is another category. Errors name
// the picture that cannot be read.
absl::StatusOr<std::vector<TestListing>> ListingsOf(const std::vector<EvalProduct>& products, std::size_t i,
                                                    std::uint64_t seed);

}  // namespace mannequin

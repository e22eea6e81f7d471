#include "services/mannequin/score_eval/degraded_pictures.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <random>
#include <utility>

#include "absl/random/distributions.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/picture_measures.h"
#include "common/image/resize.h"

namespace mannequin {
namespace {

constexpr int kQuality = 90;  // of the JPEG that a seller uploads

int Scaled(int length, double factor) { return std::max(1, static_cast<int>(std::lround(length * factor))); }

Pixels Blurred(const Pixels& pixels, double sigma) {
  const int reach = static_cast<int>(std::ceil(3 * sigma));
  std::vector<double> kernel;
  double sum = 0;
  for (int i = -reach; i <= reach; ++i) sum += kernel.emplace_back(std::exp(-i * i / (2 * sigma * sigma)));
  Pixels from = pixels, to = pixels;
  for (const bool upright : {false, true}) {
    for (int y = 0; y < pixels.height; ++y) {
      for (int x = 0; x < pixels.width; ++x) {
        for (int c = 0; c < 3; ++c) {
          double level = 0;
          for (int i = -reach; i <= reach; ++i) {
            const int u = upright ? x : std::clamp(x + i, 0, pixels.width - 1);
            const int v = upright ? std::clamp(y + i, 0, pixels.height - 1) : y;
            level += kernel[static_cast<std::size_t>(i + reach)] *
                     from.rgb[static_cast<std::size_t>(3 * (v * pixels.width + u) + c)];
          }
          to.rgb[static_cast<std::size_t>(3 * (y * pixels.width + x) + c)] =
              static_cast<std::uint8_t>(std::lround(level / sum));
        }
      }
    }
    from = to;
  }
  return to;
}

Pixels Cropped(const Pixels& pixels, int left, int top, int width, int height) {
  Pixels crop{width, height, {}};
  for (int y = 0; y < height; ++y) {
    const auto row = pixels.rgb.begin() + std::ptrdiff_t{3} * ((top + y) * pixels.width + left);
    crop.rgb.insert(crop.rgb.end(), row, row + std::ptrdiff_t{3} * width);
  }
  return crop;
}

void Paste(const Pixels& pixels, int left, int top, Pixels& onto) {
  for (int y = 0; y < pixels.height; ++y) {
    std::copy_n(pixels.rgb.begin() + std::ptrdiff_t{3} * y * pixels.width, 3 * pixels.width,
                onto.rgb.begin() + std::ptrdiff_t{3} * ((top + y) * onto.width + left));
  }
}

absl::StatusOr<Pixels> Decoded(const EvalProduct& product) {
  absl::StatusOr<Pixels> pixels = DecodeImage(product.image);
  if (pixels.ok()) return pixels;
  return absl::Status(pixels.status().code(), absl::StrCat(product.product.id(), ": ", pixels.status().message()));
}

}  // namespace

absl::StatusOr<std::vector<DegradedPicture>> DegradedOf(const std::vector<EvalProduct>& products, std::size_t i,
                                                        std::uint64_t seed) {
  // Another sequence than the listings': those stay the same whatever is added here.
  std::seed_seq sequence{seed & 0xffffffff, seed >> 32, static_cast<std::uint64_t>(i), std::uint64_t{2}};
  std::mt19937_64 random(sequence);
  ASSIGN_OR_RETURN(const Pixels own, Decoded(products[i]));
  const int width = own.width, height = own.height;
  std::vector<DegradedPicture> made;
  const auto add = [&](const char* what, Defect defect, const Pixels& pixels, int quality = kQuality) -> absl::Status {
    ASSIGN_OR_RETURN(std::string image, EncodeImage(pixels, "image/jpeg", quality));
    made.push_back({what, defect, std::move(image)});
    return absl::OkStatus();
  };
  const auto other = [&] { return Decoded(products[random() % products.size()]); };

  const double sigma = absl::Uniform(random, 1.5, 3.0) * std::min(width, height) / 224;
  RETURN_IF_ERROR(add("blurred: Gaussian of 1.5 to 3 pixels of 224", Defect::kBlurred, Blurred(own, sigma)));
  RETURN_IF_ERROR(add("enlarged from a quarter of its size", Defect::kBlurred,
                      Resize(Resize(own, Scaled(width, 0.25), Scaled(height, 0.25)), width, height)));

  const int quality = absl::Uniform(absl::IntervalClosed, random, 5, 30);
  RETURN_IF_ERROR(add("JPEG of quality 5 to 30", Defect::kOverCompressed, own, quality));
  ASSIGN_OR_RETURN(const Pixels compressed, DecodeImage(made.back().image));
  RETURN_IF_ERROR(add("JPEG of quality 5 to 30, saved again with 90", Defect::kOverCompressed, compressed));

  // Half of the width, from the left or the right, goes.
  const int left = random() % 2 == 0 ? 0 : width / 2;
  RETURN_IF_ERROR(add("cut through the middle", Defect::kCutOff, Cropped(own, left, 0, width / 2, height)));
  const int most = Scaled(width, 0.8);
  RETURN_IF_ERROR(add("a fifth cut from a side", Defect::kCutOff,
                      Cropped(own, random() % 2 == 0 ? 0 : width - most, 0, most, height)));

  Pixels four{width, height, std::vector<std::uint8_t>(own.rgb.size(), 255)};
  Pixels two = four;
  for (int k = 0; k < 4; ++k) {
    ASSIGN_OR_RETURN(const Pixels cell, k == 0 ? absl::StatusOr<Pixels>(own) : other());
    Paste(Resize(cell, width / 2, height / 2), (k % 2) * (width / 2), (k / 2) * (height / 2), four);
  }
  RETURN_IF_ERROR(add("collage of 2 x 2", Defect::kCollage, four));
  Pixels wide{2 * width, height, std::vector<std::uint8_t>(2 * own.rgb.size(), 255)};
  ASSIGN_OR_RETURN(Pixels beside, other());
  beside = Resize(beside, width, height);
  Paste(own, 0, 0, wide);
  Paste(beside, width, 0, wide);
  RETURN_IF_ERROR(add("collage of 1 x 2, whole pictures", Defect::kCollage, wide));
  Paste(Cropped(own, width / 4, 0, width / 2, height), 0, 0, two);
  Paste(Cropped(beside, width / 4, 0, width / 2, height), width / 2, 0, two);
  RETURN_IF_ERROR(add("collage of 1 x 2, their middles", Defect::kCollage, two));
  return made;
}

absl::StatusOr<std::vector<double>> DefectsOf(const std::string& image) {
  ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(image));
  ASSIGN_OR_RETURN(const Pixels pixels, DecodeForMeasures(image, header, 0));
  std::vector<double> probabilities;
  for (const QualityFinding& finding : JudgeQuality(ReadPictureMeasures(image, header, pixels))) {
    probabilities.push_back(finding.probability);
  }
  return probabilities;
}

}  // namespace mannequin

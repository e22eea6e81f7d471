#include "services/trainer/judge_batches.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "absl/random/distributions.h"
#include "common/image/jpeg.h"
#include "common/image/resize.h"
#include "common/nn/shape.h"

namespace mannequin {
namespace {

constexpr std::size_t kGroup = 4;       // products of a category
constexpr double kOverlaidShare = 0.5;  // of the sharp ones
constexpr double kUnsharpShare = 0.3;
constexpr double kJpegShare = 0.25;
constexpr int kLeastQuality = 55, kMostQuality = 95;  // of the JPEG
constexpr double kLeastSize = 0.4;                    // of the side, before it is enlarged again
constexpr double kBrightness = 0.12;                  // more or less of each level
constexpr int kMostMoved = 16;                        // a part of the side

// Shifted; what comes in repeats the edge.
Pixels Moved(const Pixels& image, int dx, int dy) {
  const int side = image.width;
  Pixels moved{side, side, std::vector<std::uint8_t>(image.rgb.size())};
  for (int y = 0; y < side; ++y) {
    const int from_y = std::clamp(y - dy, 0, side - 1);
    for (int x = 0; x < side; ++x) {
      const int from_x = std::clamp(x - dx, 0, side - 1);
      std::copy_n(&image.rgb[static_cast<std::size_t>((from_y * side + from_x) * 3)], 3,
                  &moved.rgb[static_cast<std::size_t>((y * side + x) * 3)]);
    }
  }
  return moved;
}

void Brighten(Pixels& image, double factor) {
  std::array<std::uint8_t, 256> levels;
  for (std::size_t i = 0; i < levels.size(); ++i) {
    levels[i] = static_cast<std::uint8_t>(std::clamp(std::lround(static_cast<double>(i) * factor), 0L, 255L));
  }
  for (std::uint8_t& level : image.rgb) level = levels[level];
}

Pixels Unsharp(const Pixels& image, double size) {
  const int small = std::max(1, static_cast<int>(image.width * size));
  return Resize(Resize(image, small, small), image.width, image.width);
}

// What a seller's programme does to it. What cannot be packed stays as it is.
Pixels ThroughJpeg(Pixels image, int quality) {
  const absl::StatusOr<std::string> encoded = EncodeJpeg(image, quality);
  if (!encoded.ok()) return image;
  absl::StatusOr<JpegPicture> decoded = DecodeJpeg(*encoded, 0, 0);
  return decoded.ok() ? std::move(decoded->pixels) : image;
}

}  // namespace

JudgeBatches::JudgeBatches(const Pack& pack, const OverlayBank& bank, const std::vector<int>& color_of,
                           std::uint64_t seed)
    : pack_(pack),
      bank_(bank),
      color_of_(color_of),
      seed_(seed),
      any_(pack.training, false),
      sharp_(pack.training, true) {}

JudgeBatch JudgeBatches::Make(std::int64_t step) const {
  const int side = pack_.resolution(), most_moved = side / kMostMoved;
  const std::size_t cells = static_cast<std::size_t>((side / kJudgeCell) * (side / kJudgeCell));
  const auto number = static_cast<std::uint64_t>(step);
  std::seed_seq sequence{seed_ & 0xffffffff, seed_ >> 32, std::uint64_t{4}, number & 0xffffffff, number >> 32};
  std::mt19937_64 random(sequence);
  JudgeBatch batch;
  batch.overlay_cells.assign(kBatch * cells, 0.0f);
  const std::vector<std::size_t>* group = nullptr;
  for (std::size_t i = 0; i < kBatch; ++i) {
    if (i % kGroup == 0) group = &(i < kBatch / 2 ? sharp_ : any_).Pick(random);
    const PackedProduct& product = pack_.training[(*group)[random() % group->size()]];
    Pixels image = Moved(pack_.ImageOf(product), absl::Uniform(absl::IntervalClosed, random, -most_moved, most_moved),
                         absl::Uniform(absl::IntervalClosed, random, -most_moved, most_moved));
    Brighten(image, absl::Uniform(random, 1 - kBrightness, 1 + kBrightness));
    const bool unsharp = absl::Bernoulli(random, kUnsharpShare);
    const double size = absl::Uniform(random, kLeastSize, 1.0);
    // Before the overlay, or with it.
    const bool before = absl::Bernoulli(random, 0.5);
    if (unsharp && before) image = Unsharp(image, size);
    float* map = batch.overlay_cells.data() + i * cells;
    const bool overlaid = !bank_.empty() && !product.small && absl::Bernoulli(random, kOverlaidShare);
    if (overlaid) BlendRandomOverlay(image, bank_, random, map, kJudgeCell);
    if (unsharp && !before) image = Unsharp(image, std::max(size, 0.7));
    const bool packed = absl::Bernoulli(random, kJpegShare);
    const int quality = absl::Uniform(absl::IntervalClosed, random, kLeastQuality, kMostQuality);
    if (packed) image = ThroughJpeg(std::move(image), quality);
    batch.overlaid.push_back(std::any_of(map, map + cells, [](float cell) { return cell > 0; }) ? 1.0f : 0.0f);
    batch.sharp.push_back(product.small ? 0.0f : 1.0f);
    batch.images.insert(batch.images.end(), image.rgb.begin(), image.rgb.end());
    const float* text = pack_.text(product.slot, static_cast<int>(random() % kShuffles));
    batch.texts.insert(batch.texts.end(), text, text + pack_.text_dimension());
    batch.categories.push_back(product.category);
    batch.colors.push_back(product.color < 0 ? -1 : color_of_[static_cast<std::size_t>(product.color)]);
  }
  return batch;
}

}  // namespace mannequin

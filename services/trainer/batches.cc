#include "services/trainer/batches.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>
#include <random>

#include "absl/random/distributions.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr std::size_t kAhead = 3;  // batches ready at most
constexpr int kChanged = 12;       // levels of 255 from which a pixel counts as painted
constexpr int kCellPixels = 10;    // painted ones from which a cell counts

std::mt19937_64 RandomOf(std::uint64_t seed, std::uint64_t stream, std::uint64_t number) {
  std::seed_seq sequence{seed & 0xffffffff, seed >> 32, stream, number & 0xffffffff, number >> 32};
  return std::mt19937_64(sequence);
}

// A shuffle of our own: std::shuffle and absl differ from build to build.
void Shuffle(std::vector<std::size_t>& order, std::mt19937_64 random) {
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
}

void Mirror(std::uint8_t* image, int side) {
  for (int y = 0; y < side; ++y) {
    std::uint8_t* row = image + y * side * 3;
    for (int x = 0; x < side / 2; ++x) std::swap_ranges(row + x * 3, row + x * 3 + 3, row + (side - 1 - x) * 3);
  }
}

// Means of 2x2 pixels.
void CopyHalved(const std::uint8_t* from, int side, std::uint8_t* to) {
  const std::size_t line = static_cast<std::size_t>(side) * 3;
  for (int y = 0; y < side / 2; ++y) {
    const std::uint8_t* above = from + static_cast<std::size_t>(2 * y) * line;
    for (int x = 0; x < side / 2; ++x, above += 6) {
      for (int c = 0; c < 3; ++c) {
        *to++ = static_cast<std::uint8_t>((above[c] + above[c + 3] + above[line + c] + above[line + c + 3] + 2) / 4);
      }
    }
  }
}

}  // namespace

absl::StatusOr<OverlayBank> RenderOverlayBank(int count, int resolution, std::uint64_t seed, SpecifyOverlay specify) {
  std::mt19937_64 random = RandomOf(seed, 1, 0);
  OverlayBank bank;
  while (bank.size() < static_cast<std::size_t>(count)) {
    OverlaySpec spec = specify(random, resolution);
    ASSIGN_OR_RETURN(OverlayPatch patch, RenderOverlay(spec));
    bank.emplace_back(std::move(spec), std::move(patch));
  }
  return bank;
}

void BlendRandomOverlay(Pixels& image, const OverlayBank& bank, absl::BitGenRef random, float* cells, int cell) {
  const int side = image.width, across = side / cell;
  const std::vector<std::uint8_t> before = image.rgb;
  const auto& [spec, patch] = bank[absl::Uniform<std::size_t>(random, 0, bank.size())];
  const int jitter = spec.kind == OverlayKind::kBorder ? 0 : side / 8;
  Blend(image, patch, spec.x + absl::Uniform(absl::IntervalClosed, random, -jitter, jitter),
        spec.y + absl::Uniform(absl::IntervalClosed, random, -jitter, jitter), spec.opacity);
  std::vector<int> painted(static_cast<std::size_t>(across * across));
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const std::size_t at = static_cast<std::size_t>(y * side + x) * 3;
      int change = 0;
      for (std::size_t c = at; c < at + 3; ++c) change = std::max(change, std::abs(int{image.rgb[c]} - int{before[c]}));
      if (change >= kChanged) ++painted[static_cast<std::size_t>(y / cell * across + x / cell)];
    }
  }
  for (std::size_t i = 0; i < painted.size(); ++i) {
    cells[i] = painted[i] >= kCellPixels ? 1.0f : 0.0f;
  }
}

BatchSource::BatchSource(const Pack& pack, const std::vector<PackedProduct>& products, const OverlayBank& bank,
                         const BatchOptions& options, std::int64_t first_step)
    : pack_(pack), products_(products), bank_(bank), options_(options) {
  if (options.balance) {
    any_ = CategoryChoice(products, false);
    large_ = CategoryChoice(products, true);
  }
  batches_ = std::make_unique<Prefetcher<Batch>>([this](std::int64_t step) { return Make(step); }, first_step, kAhead);
}

std::size_t BatchSource::Pick(std::int64_t step, std::size_t row, bool half_size, std::mt19937_64& random) {
  if (options_.balance) {
    const std::vector<std::size_t>& products = (half_size ? any_ : large_).Pick(random);
    return products[random() % products.size()];
  }
  const auto population = static_cast<std::int64_t>(products_.size());
  const std::int64_t position = step * options_.batch + static_cast<std::int64_t>(row);
  if (position / population != epoch_) {
    epoch_ = position / population;
    order_.resize(products_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    Shuffle(order_, RandomOf(options_.seed, 3, static_cast<std::uint64_t>(epoch_)));
  }
  return order_[static_cast<std::size_t>(position % population)];
}

Batch BatchSource::Make(std::int64_t step) {
  const int side = pack_.resolution(), dimension = pack_.text_dimension();
  const bool grown = step >= options_.half_size_steps;
  const bool half_size = !grown || (options_.half_size_steps > 0 && (step - options_.half_size_steps) % 2 == 1);
  const std::size_t bytes = static_cast<std::size_t>(pack_.image_bytes());
  const std::size_t cells = static_cast<std::size_t>((side / kOverlayCell) * (side / kOverlayCell));
  const auto count = static_cast<std::size_t>(options_.batch);
  Batch batch;
  batch.step = step;
  batch.side = half_size ? side / 2 : side;
  batch.grown = grown;
  const std::size_t kept_bytes = static_cast<std::size_t>(3 * batch.side * batch.side);
  batch.images.resize(count * kept_bytes);
  batch.texts.resize(count * static_cast<std::size_t>(dimension));
  batch.labels.resize(count);
  batch.honest.assign(count, 1.0f);
  batch.overlay_cells.assign(count * cells, 0.0f);
  const auto overlaid =
      bank_.empty() ? std::size_t{0} : static_cast<std::size_t>(options_.overlay_share * options_.batch + 0.5);
  batch.clean = static_cast<std::int64_t>(count - std::min(overlaid, count - 1));
  std::mt19937_64 random = RandomOf(options_.seed, 2, static_cast<std::uint64_t>(step));
  Pixels pixels{side, side, std::vector<std::uint8_t>(bytes)};
  for (std::size_t i = 0; i < count; ++i) {
    const PackedProduct& product = products_[Pick(step, i, half_size, random)];
    pack_.ReadImage(product.slot, pixels.rgb.data());
    if (options_.flip && random() % 2 == 0) Mirror(pixels.rgb.data(), side);
    std::copy_n(pack_.text(product.slot, static_cast<int>(random() % kShuffles)), dimension,
                batch.texts.data() + i * static_cast<std::size_t>(dimension));
    batch.labels[i] = product.category;
    if (i >= static_cast<std::size_t>(batch.clean)) {
      float* map = batch.overlay_cells.data() + i * cells;
      BlendRandomOverlay(pixels, bank_, random, map);
      batch.honest[i] = std::any_of(map, map + cells, [](float cell) { return cell > 0; }) ? 0.0f : 1.0f;
    }
    std::uint8_t* image = batch.images.data() + i * kept_bytes;
    if (half_size) {
      CopyHalved(pixels.rgb.data(), side, image);
    } else {
      std::copy_n(pixels.rgb.data(), bytes, image);
    }
  }
  return batch;
}

}  // namespace mannequin

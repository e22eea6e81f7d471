// Batches of training data, assembled ahead on a thread of their own.
//
//   BatchSource source(*pack, {.batch = 64, .seed = 1}, first_step);
//   Batch batch = source.Next();   // for first_step, then the next, ...
//
// What a batch holds depends on the seed and its step alone, so that a training that
// resumes sees what it would have seen.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/prefetcher.h"
#include "common/image/overlay.h"
#include "services/trainer/category_choice.h"
#include "services/trainer/pack.h"

namespace mannequin {

// Overlays rendered once, to be blended many times.
using OverlayBank = std::vector<std::pair<OverlaySpec, OverlayPatch>>;
// `specify` is RandomOverlay or VariedOverlay.
using SpecifyOverlay = OverlaySpec (*)(absl::BitGenRef random, int image_size);
absl::StatusOr<OverlayBank> RenderOverlayBank(int count, int resolution, std::uint64_t seed,
                                              SpecifyOverlay specify = RandomOverlay);

// Side of the overlay map's cells, pixels: the discriminator's stride there.
inline constexpr int kOverlayCell = 8;

// Blends an overlay of the bank into the square image, at a place of its own, and marks the
// cells (row-major, `cell` pixels wide) that it changed: 1 where it did, else 0.
void BlendRandomOverlay(Pixels& image, const OverlayBank& bank, absl::BitGenRef random, float* cells,
                        int cell = kOverlayCell);

struct Batch {
  std::int64_t step = 0;
  int side = 0;                      // S, pixels: the pack's resolution R, or half of it
  bool grown = true;                 // all of the resolution is trained by now
  std::int64_t clean = 0;            // rows before this one have no overlay, those from it on do
  std::vector<std::uint8_t> images;  // [B, S, S, 3]
  std::vector<float> texts;          // [B, T]
  std::vector<std::int64_t> labels;  // [B] category of image and text
  // [B]: 1 for a clean image; 0 for one with an overlay, which is no honest picture of
  // its product.
  std::vector<float> honest;
  std::vector<float> overlay_cells;  // [B, R/8, R/8]
};

struct BatchOptions {
  int batch = 64;
  std::uint64_t seed = 0;
  double overlay_share = 0.25;  // of the images that get an overlay; one at least stays clean
  bool flip = true;             // half of the images are mirrored
  // A category of n products is drawn as if it had sqrt(n), with repetition, instead of
  // each product once an epoch.
  bool balance = false;
  // Steps at half the resolution, from the first on; if there are any, every other one after them
  // as well. Products whose picture is small are used in these only, if there are any others:
  // with what few large ones a catalogue has alone, shapes that were learnt are lost again.
  std::int64_t half_size_steps = 0;
};

// Next() belongs to one thread.
class BatchSource {
 public:
  // `products` of the pack (its training part), in random order.
  BatchSource(const Pack& pack, const std::vector<PackedProduct>& products, const OverlayBank& bank,
              const BatchOptions& options, std::int64_t first_step);
  Batch Next() { return batches_->Next(); }
  // Spent waiting in Next() so far.
  double wait_seconds() const { return batches_->wait_seconds(); }

 private:
  Batch Make(std::int64_t step);
  std::size_t Pick(std::int64_t step, std::size_t row, bool half_size, std::mt19937_64& random);

  const Pack& pack_;
  const std::vector<PackedProduct>& products_;
  const OverlayBank& bank_;
  const BatchOptions options_;
  std::int64_t epoch_ = -1;
  std::vector<std::size_t> order_;  // of the epoch
  CategoryChoice any_, large_;
  std::unique_ptr<Prefetcher<Batch>> batches_;  // last: its thread uses the others
};

}  // namespace mannequin

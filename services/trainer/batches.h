// Batches of training data, assembled ahead on a thread of their own.
//
//   BatchSource source(*pack, {.batch = 64, .seed = 1}, first_step);
//   Batch batch = source.Next();   // for first_step, then the next, ...
//
// What a batch holds depends on the seed and its step alone, so that a training that
// resumes sees what it would have seen.
#pragma once

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/image/overlay.h"
#include "services/trainer/pack.h"

namespace mannequin {

// Overlays rendered once, to be blended many times.
using OverlayBank = std::vector<std::pair<OverlaySpec, OverlayPatch>>;
absl::StatusOr<OverlayBank> RenderOverlayBank(int count, int resolution, std::uint64_t seed);

// Side of the overlay map's cells, pixels: the discriminator's stride there.
inline constexpr int kOverlayCell = 8;

// Blends an overlay of the bank into the R x R image, at a place of its own, and marks
// the cells ([R/8, R/8], row-major) that it changed: 1 where it did, else 0.
void BlendRandomOverlay(Pixels& image, const OverlayBank& bank, absl::BitGenRef random, float* cells);

struct Batch {
  std::int64_t step = 0;
  std::vector<std::uint8_t> images;  // [B, R, R, 3]
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
  double overlay_share = 0.25;  // of the images that get an overlay
  bool flip = true;             // half of the images are mirrored
};

// Next() belongs to one thread.
class BatchSource {
 public:
  // `products` of the pack (its training part), in random order, each once an epoch.
  BatchSource(const Pack& pack, const std::vector<PackedProduct>& products, const OverlayBank& bank,
              const BatchOptions& options, std::int64_t first_step);
  ~BatchSource();

  Batch Next();
  // Spent waiting in Next() so far.
  double wait_seconds() const { return wait_seconds_; }

 private:
  void Loop();
  Batch Make(std::int64_t step);

  const Pack& pack_;
  const std::vector<PackedProduct>& products_;
  const OverlayBank& bank_;
  const BatchOptions options_;
  std::int64_t next_step_;
  std::int64_t epoch_ = -1;
  std::vector<std::size_t> order_;  // of the epoch
  double wait_seconds_ = 0;
  absl::Mutex mutex_;
  std::deque<Batch> ready_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mannequin

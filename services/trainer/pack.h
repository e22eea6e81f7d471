// The training products decoded once: pixels in a memory-mapped file, text vectors and
// categories in memory. What the training reads at random, thousands of times a second.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Pack> pack, BuildPack(store, encoder, options, stopping, progress));
//   const std::uint8_t* rgb = pack->image(i);
//
// File: count x resolution x resolution x 3 bytes, interleaved sRGB, one image after
// another. It is rebuilt by each run from the store and is no interchange format.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/image/image.h"
#include "common/store/product_store.h"
#include "common/text/text_encoder.h"

namespace mannequin {

struct PackOptions {
  std::string path;               // of the file to write
  int resolution = 128;           // pixels of a side
  std::int64_t max_products = 0;  // 0: all
  int min_category_images = 8;
  int threads = 0;         // that decode and embed; 0: one a core
  std::uint64_t seed = 0;  // of the texts' shuffling
};

// Text vectors of a product: its text in this many random orders.
inline constexpr int kShuffles = 4;
// Share of the products that training never sees, by the hash of their id.
inline constexpr double kHeldOutShare = 0.1;

struct PackedProduct {
  std::string id;
  int category = 0;       // index into Pack::categories
  std::int64_t slot = 0;  // of its image and texts
  bool small = false;     // the original's longer side is under three quarters of the resolution
  int color = -1;         // index into Pack::colors; -1 when it has none
};

// Where a product falls in [0, 1): the head of SHA-256 of its id. Below kHeldOutShare it
// is held out, whatever the run, the order or the rest of the catalogue.
double SplitPosition(const std::string& id);

// Immutable once built; thread-safe.
class Pack {
 public:
  ~Pack();
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;

  const std::uint8_t* image(std::int64_t slot) const { return pixels_ + slot * image_bytes(); }
  Pixels ImageOf(const PackedProduct& product) const;
  // kShuffles vectors of text_dimension() each.
  const float* text(std::int64_t slot, int shuffle) const {
    return texts_.data() + (slot * kShuffles + shuffle) * text_dimension_;
  }
  std::int64_t image_bytes() const { return std::int64_t{3} * resolution_ * resolution_; }
  int resolution() const { return resolution_; }
  int text_dimension() const { return text_dimension_; }

  std::vector<std::string> categories;  // leaf names, sorted
  std::vector<std::string> colors;      // values of the attribute "color" or "colour", lower case, sorted
  std::vector<PackedProduct> training;  // in order of their ids
  std::vector<PackedProduct> held_out;
  std::int64_t unreadable = 0;  // images that could not be had or decoded: left out
  std::int64_t no_text = 0;     // products whose text has nothing known: left out
  std::int64_t rare = 0;        // products of categories with too few images: left out
  std::int64_t opted_out = 0;   // products on the opt-out list: left out

 private:
  friend class PackBuilder;
  Pack() = default;

  std::string path_;
  int resolution_ = 0, text_dimension_ = 0;
  std::uint8_t* pixels_ = nullptr;
  std::size_t mapped_bytes_ = 0;
  std::vector<float> texts_;
};

// FAILED_PRECONDITION, saying what to do, when fewer than 16 images or fewer than two
// categories remain; CANCELLED once `stopping()`; the store's errors. `progress` hears
// the share done, 0 to 1, now and then.
absl::StatusOr<std::unique_ptr<Pack>> BuildPack(ProductStore& store, const TextEncoder& encoder,
                                                const PackOptions& options, const std::function<bool()>& stopping,
                                                const std::function<void(double)>& progress);

}  // namespace mannequin

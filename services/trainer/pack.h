// The training products decoded once: a folder that several processes map at once, which
// a training reads at random, thousands of times a second.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Pack> pack, BuildPack(store, encoder, options, stopping, progress));
//   ASSIGN_OR_RETURN(std::unique_ptr<Pack> same, Pack::Open(options.folder));   // in another process
//   same->ReadImage(slot, rgb);
//
//   pack.u8     count x resolution x resolution x 3 bytes, interleaved sRGB, one image after
//               another; or pack.jpeg, JPEG files one after another, where pixels would not fit, or
//               pictures as they are stored
//   texts.f32   count x kShuffles x dimension, in the machine's byte order
//   index.pb    SHA-256 of the rest, a line; v1.PackIndex. Written last, atomically
//
// It is built by each training from the store and is no interchange format.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/image/image.h"
#include "common/store/product_store.h"
#include "common/text/text_encoder.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "mannequin/v1/training_process.pb.h"

namespace mannequin {

struct PackOptions {
  std::string folder;             // made when it is not there
  int resolution = 128;           // pixels of a side
  std::int64_t max_products = 0;  // 0: all
  int min_category_images = 8;
  int threads = 0;         // that decode and embed; 0: one a core
  std::uint64_t seed = 0;  // of the texts' shuffling
  v1::TrainingFilter filter = {};
  // File of ids, one a line, "#" begins a comment: products that train nothing. Empty: none.
  std::string opt_out = {};
  // Of the file of pixels; a bigger one would be JPEG.
  std::int64_t max_bytes = std::int64_t{32} << 30;
  // Keeps pictures as the store has them and decodes them at each read, as who serves does: small, slow, and true to
  // the last level.
  bool as_stored = false;
  // Packs this one's products, categories and colours, whatever the catalogue has by now; the
  // choice above is not asked then. Outlives the call.
  const class Pack* like = nullptr;
};

// Files of the folder.
inline constexpr char kPackIndex[] = "index.pb", kPackPixels[] = "pack.u8", kPackJpeg[] = "pack.jpeg",
                      kPackTexts[] = "texts.f32";
// Text vectors of a product: its text in this many random orders.
inline constexpr int kShuffles = 4;
// Share of the products that training never sees, by the hash of their id; of these, the share
// that calibrates. On the rest of them verdicts can be measured.
inline constexpr double kHeldOutShare = 0.1, kCalibratingShare = 0.5;
// The attribute that is the colour.
inline constexpr char kColorAttribute[] = "color";

struct PackedProduct {
  std::string id;
  int category = 0;       // index into Pack::categories
  std::int64_t slot = 0;  // of its image and texts
  bool small = false;     // the original's longer side has fewer than 3/4 of the pixels: it was blown up
  std::string brand = {};
  int color = -1;  // index into Pack::colors; -1: none is known
  std::vector<std::string> category_path = {};
};

// Where a product falls in [0, 1): the head of SHA-256 of its id. Below kHeldOutShare it
// is held out, whatever the run, the order or the rest of the catalogue.
double SplitPosition(const std::string& id);

// Immutable; thread-safe. The files stay when it goes: RemovePack.
class Pack {
 public:
  // NOT_FOUND without an index; DATA_LOSS when a file is damaged, or not the one that the
  // index is of.
  static absl::StatusOr<std::unique_ptr<Pack>> Open(const std::string& folder);
  ~Pack();
  Pack(const Pack&) = delete;
  Pack& operator=(const Pack&) = delete;

  // `rgb` has image_bytes(). White should a JPEG have been damaged since Open.
  void ReadImage(std::int64_t slot, std::uint8_t* rgb) const;
  Pixels ImageOf(const PackedProduct& product) const;
  // kShuffles vectors of text_dimension() each.
  const float* text(std::int64_t slot, int shuffle) const {
    return texts_ + (slot * kShuffles + shuffle) * text_dimension_;
  }
  std::int64_t image_bytes() const { return std::int64_t{3} * resolution_ * resolution_; }
  int resolution() const { return resolution_; }
  int text_dimension() const { return text_dimension_; }
  bool jpeg() const { return jpeg_; }

  std::vector<std::string> categories;  // leaf names, sorted
  std::vector<std::string> colors;      // lower case, sorted
  std::vector<PackedProduct> training;  // in order of their ids
  std::vector<PackedProduct> held_out;
  std::int64_t unreadable = 0;  // images that could not be had or decoded: left out
  std::int64_t no_text = 0;     // products whose text has nothing known: left out
  std::int64_t rare = 0;        // products of categories with too few images: left out
  std::int64_t opted_out = 0;   // products on the opt-out list: left out

 private:
  struct Place {
    std::int64_t offset = 0, size = 0;
  };

  Pack() = default;
  absl::Status Check(const v1::PackIndex& index, const std::string& folder) const;

  int resolution_ = 0, text_dimension_ = 0;
  bool jpeg_ = false;
  const std::uint8_t* images_ = nullptr;
  const float* texts_ = nullptr;
  std::size_t images_bytes_ = 0, texts_bytes_ = 0;
  std::vector<Place> places_;  // of the JPEGs, by slot
};

// Replaces the folder's pack. FAILED_PRECONDITION, saying what to do, when fewer than 16
// images or fewer than two categories remain; NOT_FOUND and the like, naming it, for a list
// of opt-outs that cannot be read; RESOURCE_EXHAUSTED when the disk is full; CANCELLED once
// `stopping()`; the store's errors. `progress` hears the share done, 0 to 1, now and then.
absl::StatusOr<std::unique_ptr<Pack>> BuildPack(ProductStore& store, const TextEncoder& encoder,
                                                const PackOptions& options, const std::function<bool()>& stopping,
                                                const std::function<void(double)>& progress);

// OK when there is none.
absl::Status RemovePack(const std::string& folder);

}  // namespace mannequin

// A small convolutional network that learns to tell the leaf category and the colour of a
// catalogue's real images. Its pooled layer is the space in which drawn images are
// compared with real ones, and its answers say whether a drawn image shows what its text asks for.
// It comes out of the catalogue itself, so nothing is downloaded; its figures compare
// only with those of the same classifier (digest()).
//
//   ASSIGN_OR_RETURN(const auto classifier, FeatureClassifier::Train(images, {.seed = 1}, stopping));
//   const SeenImages seen = classifier->See(drawn);
//
// Images of any size are averaged down to 64x64. A residual network of 34 million multiplications
// an image: 3x3 convolutions of 32 to 128 maps, a global mean, two linear heads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/trainer/quality.h"

namespace mannequin {

// Training images, read again and again: all square, and of one size.
struct LabelledImages {
  std::function<Pixels(std::size_t i)> image;
  std::vector<int> categories;  // an image each, 0 to category_count - 1
  std::vector<int> colors;      // an image each, -1 when it has none
  int category_count = 0;
  int color_count = 0;  // 0: no colours are learnt
};

struct FeatureClassifierOptions {
  std::uint64_t seed = 0;
  std::string device;      // as CheckDevice
  std::int64_t steps = 0;  // 0: StepsFor
};

struct SeenImages {
  FeatureMatrix features;       // [N, kFeatures]
  std::vector<int> categories;  // the likeliest, an image each
  std::vector<int> colors;      // the same; -1 where none were learnt

  void Append(const SeenImages& more);
};

// Immutable once trained; thread-safe.
class FeatureClassifier {
 public:
  static constexpr int kSide = 64;
  static constexpr std::size_t kFeatures = 128;

  // The number of steps depends on the number of images alone (StepsFor), so that the
  // same images and seed give the same classifier on the same machine and number of
  // threads. INVALID_ARGUMENT without images or when a label is out of range; CANCELLED
  // once `stopping()`; CheckDevice's errors.
  static absl::StatusOr<std::unique_ptr<FeatureClassifier>> Train(const LabelledImages& images,
                                                                  const FeatureClassifierOptions& options,
                                                                  const std::function<bool()>& stopping);
  ~FeatureClassifier();

  // Square images, not all of one size.
  SeenImages See(const std::vector<Pixels>& images) const;
  // SHA-256 of the weights.
  const std::string& digest() const;

  // 64 images each: 15 times each image, but at least 20 steps and at most 1,500.
  static std::int64_t StepsFor(std::size_t images);

  struct Impl;
  explicit FeatureClassifier(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin

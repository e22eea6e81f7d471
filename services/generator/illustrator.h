// Draws products from their text, and says how sure it is that each picture shows one.
//
//   Illustrator illustrator;
//   illustrator.Use(model);
//   ASSIGN_OR_RETURN(std::vector<Illustration> drawn, illustrator.Draw({{.product = &shirt, .seed = 7}}));
//   if (drawn[0].pictures.empty()) say(drawn[0].no_image_reason);
//
// Confidence is the probability of the listed category by the discriminator's head that
// sees the image alone: a picture that could be anything is not offered as one thing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/image/image.h"
#include "mannequin/v1/product.pb.h"
#include "services/generator/model.h"

namespace mannequin {

struct DrawRequest {
  const v1::Product* product = nullptr;  // outlives the call
  std::uint64_t seed = 0;
  int candidates = 8;  // drawn, 1 to 64
  int keep = 1;        // of them at most, best first
};

struct Picture {
  Pixels pixels;
  double confidence = 0;   // 0 to 1
  std::uint64_t seed = 0;  // draws this very picture as the only candidate
};

struct Illustration {
  std::vector<Picture> pictures;  // best first
  std::string no_image_reason;    // set when there are none
  std::string bundle_version;
};

// The seed of candidate `index`: the first one's is `seed` itself.
std::uint64_t CandidateSeed(std::uint64_t seed, int index);

// Thread-safe.
class Illustrator {
 public:
  // From now on draws by `model`; what is being drawn ends by the one it began with.
  void Use(std::shared_ptr<const GeneratorModel> model);

  // One illustration a request, in their order; passes of up to 64 pictures serve all of
  // them. The same requests give the same pixels on one build and bundle. An unknown
  // category, a text without a known piece and candidates under the bundle's confidence
  // floor give no picture and the reason. FAILED_PRECONDITION without a generator.
  absl::StatusOr<std::vector<Illustration>> Draw(const std::vector<DrawRequest>& requests) const;

 private:
  mutable absl::Mutex mutex_;
  std::shared_ptr<const GeneratorModel> model_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin

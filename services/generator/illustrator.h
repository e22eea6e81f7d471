// Draws products from their text, and says how sure it is that each picture shows one.
//
//   Illustrator illustrator({});
//   ASSIGN_OR_RETURN(Illustration drawn, illustrator.Draw(model, {.product = &shirt, .seed = 7}, deadline));
//   if (drawn.pictures.empty()) say(drawn.no_image_reason);
//
// Confidence is DrawnConfidence (common/nn/abuse_features.h), which the bundle's floor bounds: a picture that could be
// anything is not offered as one thing. It is then weighed with the bundle's measured precision, the share of its
// pictures that lie among photographs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/batcher.h"
#include "common/image/image.h"
#include "mannequin/v1/product.pb.h"
#include "services/generator/model.h"

namespace mannequin {

struct DrawRequest {
  const v1::Product* product = nullptr;  // outlives the call
  std::uint64_t seed = 0;
  int candidates = 8;  // drawn, 1 to 64
  int keep = 1;        // of them at most, best first
  // Set: the text is Slerp's of the two, and the nearer one's category counts.
  const v1::Product* toward = nullptr;
  double toward_weight = 0;          // 0 to 1
  bool include_unconfident = false;  // pictures under the bundle's floor too
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

// The seed of a product among many drawn with one `seed`: another one for each id, the same
// on every machine.
std::uint64_t ProductSeed(std::uint64_t seed, absl::string_view product_id);

// Which of a request's products is judged: the nearer one, at one half `toward`.
const v1::Product& Judged(const DrawRequest& request);

// One illustration a request, in their order; passes of up to 64 pictures serve all of
// them. The same requests give the same pixels on one build and bundle, whatever they are
// drawn beside. An unknown category, a text without a known piece and candidates under the
// bundle's confidence floor give no picture and the reason. `model` has a generator.
absl::StatusOr<std::vector<Illustration>> DrawAll(const GeneratorModel& model,
                                                  const std::vector<DrawRequest>& requests);

struct IllustratorOptions {
  int max_pictures = 64;  // candidates of concurrent requests that are drawn together
  int max_queue = 256;    // requests that may wait
};

// DrawAll for requests that come one by one: those that wait share passes. Thread-safe.
class Illustrator {
 public:
  explicit Illustrator(const IllustratorOptions& options);
  ~Illustrator();

  // Errors of Batcher::Run.
  absl::StatusOr<Illustration> Draw(std::shared_ptr<const GeneratorModel> model, const DrawRequest& request,
                                    absl::Time deadline);
  // Every Draw that waits or comes later is CANCELLED. Idempotent.
  void Stop();

  struct Sitting;

 private:
  Batcher<std::shared_ptr<Sitting>, Illustration> batcher_;
};

}  // namespace mannequin

#include "services/generator/illustrator.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/model/described_product.h"
#include "common/nn/abuse_features.h"
#include "services/generator/metrics.h"
#include "services/generator/text_path.h"

namespace mannequin {

// What one request needs to be drawn, or why it cannot be: nothing in it is the caller's.
struct Illustrator::Sitting {
  std::shared_ptr<const GeneratorModel> model;  // not set in DrawAll
  std::uint64_t seed = 0;
  int candidates = 0;
  int keep = 0;
  bool include_unconfident = false;
  Listed judged;
  std::vector<float> text;
  std::string obstacle;
};

namespace {

using Sitting = Illustrator::Sitting;

// Pictures in one pass: enough to fill the cores, few enough for a laptop's memory.
constexpr std::size_t kPass = 64;

// A candidate to draw, and the request that it is for.
struct Candidate {
  std::size_t request;
  std::uint64_t seed;
};

// What `product` says it is and its text vector, or why there are none.
std::string Read(const GeneratorModel& model, const v1::Product& product, Listed& listed, std::vector<float>& values) {
  const std::string leaf = LeafCategory(product);
  listed = {model.gan->CategoryIndex(leaf), model.gan->ColorIndex(ListedColor(product))};
  if (leaf.empty()) return "the product has no category";
  if (listed.category < 0) {
    return absl::StrCat("category \"", leaf, "\" is not known to bundle ", model.manifest.version());
  }
  absl::StatusOr<EncodedText> text = model.text->Encode(ProductText(product));
  if (!text.ok()) return absl::StrCat("text: ", text.status().message());
  values = std::move(text->values);
  return "";
}

Sitting Prepare(const GeneratorModel& model, const DrawRequest& request) {
  Sitting sitting;
  sitting.seed = request.seed;
  sitting.candidates = request.candidates;
  sitting.keep = request.keep;
  sitting.include_unconfident = request.include_unconfident;
  sitting.obstacle = Read(model, *request.product, sitting.judged, sitting.text);
  if (!sitting.obstacle.empty() || request.toward == nullptr) return sitting;
  Listed other;
  std::vector<float> text;
  sitting.obstacle = Read(model, *request.toward, other, text);
  if (!sitting.obstacle.empty()) return sitting;
  sitting.text = Slerp(sitting.text, text, request.toward_weight);
  if (&Judged(request) == request.toward) sitting.judged = other;
  return sitting;
}

// How many pictures to draw for `wanted`. Passes of these sizes give the same bytes for the
// same picture, which passes of odd sizes do not: a product of matrices is cut otherwise.
std::size_t PassSize(std::size_t wanted) {
  for (const std::size_t size : {1u, 2u, 4u, 8u}) {
    if (wanted <= size) return size;
  }
  return (wanted + 7) / 8 * 8;
}

// Draws `candidates` in one pass and gives each picture to its request's illustration.
absl::Status DrawPass(const GeneratorModel& model, const std::vector<const Sitting*>& sittings,
                      const std::vector<Candidate>& candidates, std::vector<Illustration>& illustrations) {
  std::vector<std::vector<float>> texts;
  std::vector<std::uint64_t> seeds;
  for (std::size_t i = 0; i < PassSize(candidates.size()); ++i) {
    // The last one again fills the pass; what it gives is dropped.
    const Candidate& candidate = candidates[std::min(i, candidates.size() - 1)];
    texts.push_back(sittings[candidate.request]->text);
    seeds.push_back(candidate.seed);
  }
  generator_metrics::ObservePass(candidates.size());
  ASSIGN_OR_RETURN(std::vector<Pixels> drawn, Generate(*model.gan, texts, seeds));
  ASSIGN_OR_RETURN(const std::vector<Judgement> judged, Discriminate(*model.gan, drawn, texts));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t request = candidates[i].request;
    ASSIGN_OR_RETURN(const double confidence,
                     DrawnConfidence(model.manifest.gan(), judged[i], sittings[request]->judged));
    illustrations[request].pictures.push_back({std::move(drawn[i]), confidence, candidates[i].seed});
  }
  return absl::OkStatus();
}

// Best first, none under the floor, `keep` at most.
void KeepBest(double floor, const Sitting& sitting, Illustration& illustration) {
  std::vector<Picture>& pictures = illustration.pictures;
  std::stable_sort(pictures.begin(), pictures.end(),
                   [](const Picture& a, const Picture& b) { return a.confidence > b.confidence; });
  if (sitting.include_unconfident) floor = 0;
  if (pictures.front().confidence < floor) {
    illustration.no_image_reason =
        absl::StrFormat("no candidate is confident enough: the best of %d has %.3f, the bundle's floor is %.3f",
                        sitting.candidates, pictures.front().confidence, floor);
    pictures.clear();
    return;
  }
  const auto keep = static_cast<std::size_t>(sitting.keep);
  std::size_t kept = 0;
  while (kept < std::min(keep, pictures.size()) && pictures[kept].confidence >= floor) ++kept;
  pictures.resize(kept);
}

absl::StatusOr<std::vector<Illustration>> DrawSittings(const GeneratorModel& model,
                                                       const std::vector<const Sitting*>& sittings) {
  std::vector<Candidate> candidates;
  std::vector<Illustration> illustrations(sittings.size());
  for (std::size_t i = 0; i < sittings.size(); ++i) {
    illustrations[i].bundle_version = model.manifest.version();
    illustrations[i].no_image_reason = sittings[i]->obstacle;
    if (!sittings[i]->obstacle.empty()) continue;
    for (int k = 0; k < sittings[i]->candidates; ++k) candidates.push_back({i, CandidateSeed(sittings[i]->seed, k)});
  }
  for (std::size_t begin = 0; begin < candidates.size(); begin += kPass) {
    const auto first = candidates.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = candidates.begin() + static_cast<std::ptrdiff_t>(std::min(begin + kPass, candidates.size()));
    RETURN_IF_ERROR(DrawPass(model, sittings, {first, last}, illustrations));
  }
  for (std::size_t i = 0; i < sittings.size(); ++i) {
    if (illustrations[i].pictures.empty()) continue;
    KeepBest(model.manifest.gan().confidence_floor(), *sittings[i], illustrations[i]);
    // What a picture shows can be told of a smear too: whether it looks like a photograph is known of the bundle.
    const v1::Quality& quality = model.manifest.gan().quality();
    if (quality.products() == 0) continue;
    for (Picture& picture : illustrations[i].pictures) picture.confidence *= quality.precision();
  }
  return illustrations;
}

// A batch of sittings to one bundle or, around a promotion or where requests name bundles,
// to several.
absl::StatusOr<std::vector<Illustration>> DrawBatch(std::vector<std::shared_ptr<Sitting>> batch) {
  std::vector<Illustration> illustrations(batch.size());
  std::vector<bool> done(batch.size());
  for (std::size_t first = 0; first < batch.size(); ++first) {
    if (done[first]) continue;
    std::vector<std::size_t> places;
    std::vector<const Sitting*> sittings;
    for (std::size_t i = first; i < batch.size(); ++i) {
      if (batch[i]->model != batch[first]->model) continue;
      places.push_back(i);
      sittings.push_back(batch[i].get());
      done[i] = true;
    }
    ASSIGN_OR_RETURN(std::vector<Illustration> drawn, DrawSittings(*batch[first]->model, sittings));
    for (std::size_t k = 0; k < places.size(); ++k) illustrations[places[k]] = std::move(drawn[k]);
  }
  return illustrations;
}

}  // namespace

std::uint64_t CandidateSeed(std::uint64_t seed, int index) {
  if (index == 0) return seed;
  // SplitMix64 (Steele, Lea, Flood 2014): neighbours' seeds have nothing in common.
  std::uint64_t z = seed + static_cast<std::uint64_t>(index) * 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::uint64_t ProductSeed(std::uint64_t seed, absl::string_view product_id) {
  // FNV-1a: the same on every machine, unlike std::hash.
  std::uint64_t hash = 0xCBF29CE484222325u;
  for (const char c : product_id) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return seed ^ hash;
}

const v1::Product& Judged(const DrawRequest& request) {
  return request.toward != nullptr && request.toward_weight >= 0.5 ? *request.toward : *request.product;
}

absl::StatusOr<std::vector<Illustration>> DrawAll(const GeneratorModel& model,
                                                  const std::vector<DrawRequest>& requests) {
  std::vector<Sitting> sittings;
  std::vector<const Sitting*> pointers;
  sittings.reserve(requests.size());
  for (const DrawRequest& request : requests) pointers.push_back(&sittings.emplace_back(Prepare(model, request)));
  return DrawSittings(model, pointers);
}

Illustrator::Illustrator(const IllustratorOptions& options)
    : batcher_({.max_batch = options.max_pictures, .max_queue = options.max_queue}, &DrawBatch,
               [](const std::shared_ptr<Sitting>& sitting) { return sitting->candidates; }) {}

Illustrator::~Illustrator() = default;

absl::StatusOr<Illustration> Illustrator::Draw(std::shared_ptr<const GeneratorModel> model, const DrawRequest& request,
                                               absl::Time deadline) {
  auto sitting = std::make_shared<Sitting>(Prepare(*model, request));
  sitting->model = std::move(model);
  if (!sitting->obstacle.empty()) {
    // Nothing to compute: nothing to wait for.
    return Illustration{{}, sitting->obstacle, sitting->model->manifest.version()};
  }
  return batcher_.Run(std::move(sitting), deadline);
}

void Illustrator::Stop() { batcher_.Stop(); }

}  // namespace mannequin

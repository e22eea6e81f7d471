#include "services/generator/illustrator.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "common/model/described_product.h"
#include "common/nn/abuse_features.h"

namespace mannequin {
namespace {

// Pictures in one pass: enough to fill the cores, few enough for a laptop's memory.
constexpr std::size_t kPass = 64;

// A candidate to draw, and the request that it is for.
struct Candidate {
  std::size_t request;
  std::uint64_t seed;
};

// What one request needs to be drawn, or why it cannot be.
struct Plan {
  int listed = -1;
  std::vector<float> text;
  std::string obstacle;
};

Plan MakePlan(const GeneratorModel& model, const v1::Product& product) {
  Plan plan;
  const std::string leaf = LeafCategory(product);
  plan.listed = model.gan->CategoryIndex(leaf);
  if (plan.listed < 0) {
    plan.obstacle = leaf.empty()
                        ? "the product has no category"
                        : absl::StrCat("category \"", leaf, "\" is not known to bundle ", model.manifest.version());
    return plan;
  }
  absl::StatusOr<EncodedText> text = model.text->Encode(ProductText(product));
  if (text.ok()) {
    plan.text = std::move(text->values);
  } else {
    plan.obstacle = absl::StrCat("text: ", text.status().message());
  }
  return plan;
}

// Draws `candidates` in one pass and gives each picture to its request's illustration.
absl::Status DrawPass(const GeneratorModel& model, const std::vector<Plan>& plans,
                      const std::vector<Candidate>& candidates, std::vector<Illustration>& illustrations) {
  std::vector<std::vector<float>> texts;
  std::vector<std::uint64_t> seeds;
  for (const Candidate& candidate : candidates) {
    texts.push_back(plans[candidate.request].text);
    seeds.push_back(candidate.seed);
  }
  ASSIGN_OR_RETURN(std::vector<Pixels> drawn, Generate(*model.gan, texts, seeds));
  ASSIGN_OR_RETURN(const std::vector<Judgement> judged, Discriminate(*model.gan, drawn, texts));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const std::size_t request = candidates[i].request;
    illustrations[request].pictures.push_back(
        {std::move(drawn[i]), CategoryProbability(judged[i], plans[request].listed), candidates[i].seed});
  }
  return absl::OkStatus();
}

// Best first, none under the floor, `keep` at most.
void KeepBest(double floor, int keep, Illustration& illustration) {
  std::vector<Picture>& pictures = illustration.pictures;
  std::stable_sort(pictures.begin(), pictures.end(),
                   [](const Picture& a, const Picture& b) { return a.confidence > b.confidence; });
  if (pictures.front().confidence < floor) {
    illustration.no_image_reason =
        absl::StrFormat("no candidate is confident enough (the bundle's floor is %.2f)", floor);
    pictures.clear();
    return;
  }
  std::size_t kept = 0;
  while (kept < pictures.size() && kept < static_cast<std::size_t>(keep) && pictures[kept].confidence >= floor) ++kept;
  pictures.resize(kept);
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

void Illustrator::Use(std::shared_ptr<const GeneratorModel> model) {
  absl::MutexLock lock(&mutex_);
  model_ = std::move(model);
}

absl::StatusOr<std::vector<Illustration>> Illustrator::Draw(const std::vector<DrawRequest>& requests) const {
  std::shared_ptr<const GeneratorModel> model;
  {
    absl::MutexLock lock(&mutex_);
    model = model_;
  }
  if (model == nullptr || !model->gan) {
    return absl::FailedPreconditionError("no bundle with a generator is promoted; run `mannequin train start`");
  }
  std::vector<Plan> plans;
  std::vector<Candidate> candidates;
  std::vector<Illustration> illustrations(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    plans.push_back(MakePlan(*model, *requests[i].product));
    illustrations[i].bundle_version = model->manifest.version();
    illustrations[i].no_image_reason = plans[i].obstacle;
    if (!plans[i].obstacle.empty()) continue;
    for (int k = 0; k < requests[i].candidates; ++k) candidates.push_back({i, CandidateSeed(requests[i].seed, k)});
  }
  for (std::size_t begin = 0; begin < candidates.size(); begin += kPass) {
    const auto first = candidates.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = candidates.begin() + static_cast<std::ptrdiff_t>(std::min(begin + kPass, candidates.size()));
    RETURN_IF_ERROR(DrawPass(*model, plans, {first, last}, illustrations));
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!illustrations[i].pictures.empty()) {
      KeepBest(model->manifest.gan().confidence_floor(), requests[i].keep, illustrations[i]);
    }
  }
  return illustrations;
}

}  // namespace mannequin

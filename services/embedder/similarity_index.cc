#include "services/embedder/similarity_index.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "common/base/status_macros.h"
#include "common/text/kernels.h"

namespace mannequin {
namespace {

constexpr std::size_t kBlock = 64;
// Rows for which a thread is worth its start.
constexpr std::size_t kRowsPerThread = 20'000;

using Candidate = std::pair<float, std::size_t>;  // cosine, row

}  // namespace

SimilarityIndex::SimilarityIndex(std::string bundle_version, int dimension)
    : bundle_version_(std::move(bundle_version)), dimension_(dimension), stride_(Kernels::PaddedDimension(dimension)) {}

absl::StatusOr<std::unique_ptr<SimilarityIndex>> SimilarityIndex::Load(ProductStore& store,
                                                                       const std::string& bundle_version,
                                                                       int dimension) {
  auto index = std::make_unique<SimilarityIndex>(bundle_version, dimension);
  RETURN_IF_ERROR(store.ScanEmbeddings({}, [&](const v1::Embedding& embedding) {
    if (embedding.bundle_version() == bundle_version && embedding.values_size() == dimension) {
      index->Add(embedding.product_id(),
                 absl::MakeConstSpan(embedding.values().data(), static_cast<std::size_t>(dimension)));
    }
    return absl::OkStatus();
  }));
  return index;
}

void SimilarityIndex::Add(const std::string& product_id, absl::Span<const float> values) {
  if (!rows_.try_emplace(product_id, ids_.size()).second) return;
  ids_.push_back(product_id);
  values_.insert(values_.end(), values.begin(), values.end());
  values_.resize(ids_.size() * static_cast<std::size_t>(stride_), 0.0f);
}

std::vector<Neighbour> SimilarityIndex::Find(absl::Span<const float> query, std::size_t count,
                                             const std::string& except) const {
  std::vector<float> padded(query.begin(), query.end());
  padded.resize(static_cast<std::size_t>(stride_), 0.0f);
  const auto skipped = rows_.find(except);
  const std::size_t skip = skipped == rows_.end() ? ids_.size() : skipped->second;
  const auto better = [this](const Candidate& a, const Candidate& b) {
    return a.first != b.first ? a.first > b.first : ids_[a.second] < ids_[b.second];
  };
  // A heap whose front is the worst of the best.
  const auto search = [&](std::size_t first, std::size_t last, std::vector<Candidate>& best) {
    float* rows[kBlock];
    float dots[kBlock];
    for (std::size_t begin = first; begin < last; begin += kBlock) {
      const std::size_t n = std::min(kBlock, last - begin);
      for (std::size_t i = 0; i < n; ++i) {
        rows[i] = const_cast<float*>(values_.data()) + (begin + i) * static_cast<std::size_t>(stride_);
      }
      Kernels::Best().dot(padded.data(), rows, static_cast<int>(n), stride_, dots);
      for (std::size_t i = 0; i < n; ++i) {
        const Candidate candidate(dots[i], begin + i);
        if (begin + i == skip || (best.size() == count && !better(candidate, best.front()))) continue;
        if (best.size() == count) {
          std::pop_heap(best.begin(), best.end(), better);
          best.pop_back();
        }
        best.push_back(candidate);
        std::push_heap(best.begin(), best.end(), better);
      }
    }
  };
  const std::size_t threads =
      std::clamp<std::size_t>(ids_.size() / kRowsPerThread, 1, std::max(1u, std::thread::hardware_concurrency()));
  std::vector<std::vector<Candidate>> bests(threads);
  if (count > 0) {
    std::vector<std::thread> others;
    for (std::size_t t = 1; t < threads; ++t) {
      others.emplace_back(search, ids_.size() * t / threads, ids_.size() * (t + 1) / threads, std::ref(bests[t]));
    }
    search(0, ids_.size() / threads, bests[0]);
    for (std::thread& thread : others) thread.join();
  }
  std::vector<Candidate> all;
  for (const std::vector<Candidate>& best : bests) all.insert(all.end(), best.begin(), best.end());
  std::sort(all.begin(), all.end(), better);
  std::vector<Neighbour> neighbours;
  for (const auto& [cosine, row] : all) {
    if (neighbours.size() == count) break;
    neighbours.push_back({ids_[row], std::clamp(cosine, -1.0f, 1.0f)});
  }
  return neighbours;
}

}  // namespace mannequin

#include "services/embedder/exact_search.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "common/base/parallel.h"
#include "services/embedder/score_tile.h"

namespace mannequin {
namespace {

constexpr int kQueries = ScoreTile::kQueries, kRows = ScoreTile::kRows;
// Four panels of sixteen rows: 25 KB at 100 components, within the first cache.
constexpr std::uint32_t kBlock = 64;
// Comparisons for which a thread is worth its start.
constexpr std::size_t kPairsPerThread = 20'000;
// Queries from which turning the rows on their side pays.
constexpr std::size_t kTiledQueries = 16;
// The two loops round differently, so a few more than asked are kept and compared again.
constexpr std::size_t kSlack = 4;

using Bests = std::vector<BestRows>;  // one a query

class Scan {
 public:
  Scan(const VectorTable& table, absl::Span<const RowQuery> queries, RowFilter filter)
      : table_(table), queries_(queries), filter_(filter) {}

  // Of the rows from `first` to `last`.
  Bests Search(std::uint32_t first, std::uint32_t last) const {
    Bests bests;
    bests.reserve(queries_.size());
    for (const RowQuery& query : queries_) bests.emplace_back(query.count == 0 ? 0 : query.count + kSlack);
    queries_.size() < kTiledQueries ? SearchEach(first, last, bests) : SearchTiled(first, last, bests);
    return bests;
  }

 private:
  void SearchEach(std::uint32_t first, std::uint32_t last, Bests& bests) const {
    std::array<std::uint32_t, kBlock> rows;
    std::array<float, kBlock> dots;
    for (std::uint32_t begin = first; begin < last; begin += kBlock) {
      const std::size_t n = std::min(kBlock, last - begin);
      std::iota(rows.begin(), rows.end(), begin);
      for (std::size_t q = 0; q < queries_.size(); ++q) {
        table_.Dots(queries_[q].padded, {rows.data(), n}, dots.data());
        for (std::size_t i = 0; i < n; ++i) Offer(dots[i], rows[i], bests[q]);
      }
    }
  }

  void SearchTiled(std::uint32_t first, std::uint32_t last, Bests& bests) const {
    const std::size_t panel_size = static_cast<std::size_t>(table_.dimension()) * kRows;
    // Aligned for whole vector loads.
    std::vector<float> storage(panel_size * (kBlock / kRows) + 8);
    float* panels = storage.data();
    while (reinterpret_cast<std::uintptr_t>(panels) % 32 != 0) ++panels;
    for (std::uint32_t begin = first; begin < last; begin += kBlock) {
      const std::uint32_t n = std::min(kBlock, last - begin);
      for (std::uint32_t r = 0; r < n; r += kRows)
        Turn(begin + r, std::min(n - r, std::uint32_t{kRows}), panels + r / kRows * panel_size);
      for (std::size_t q = 0; q < queries_.size(); q += kQueries) {
        for (std::uint32_t r = 0; r < n; r += kRows) {
          Score(q, panels + r / kRows * panel_size, begin + r, std::min(n - r, std::uint32_t{kRows}), bests);
        }
      }
    }
  }

  // Writes `n` rows from `row` on side by side; what is beyond them stays as it was.
  void Turn(std::uint32_t row, std::uint32_t n, float* panel) const {
    for (std::uint32_t r = 0; r < n; ++r) {
      const float* values = table_[row + r];
      for (int j = 0; j < table_.dimension(); ++j) panel[static_cast<std::size_t>(j) * kRows + r] = values[j];
    }
  }

  // Six queries from `q` on, the last one again where there are fewer, with `n` rows.
  void Score(std::size_t q, const float* panel, std::uint32_t row, std::uint32_t n, Bests& bests) const {
    const std::size_t queries = std::min(queries_.size() - q, std::size_t{kQueries});
    const float* pointers[kQueries];
    float thresholds[kQueries], scores[kQueries * kRows];
    std::uint16_t passed[kQueries];
    for (std::size_t i = 0; i < kQueries; ++i) {
      const std::size_t at = q + std::min(i, queries - 1);
      pointers[i] = queries_[at].padded;
      thresholds[i] = bests[at].threshold();
    }
    if (!ScoreTile::Best().score(pointers, panel, table_.dimension(), thresholds, scores, passed)) return;
    for (std::size_t i = 0; i < queries; ++i) {
      for (unsigned mask = passed[i] & ((1u << n) - 1); mask != 0; mask &= mask - 1) {
        const unsigned r = static_cast<unsigned>(__builtin_ctz(mask));
        Offer(scores[i * kRows + r], row + r, bests[q + i]);
      }
    }
  }

  void Offer(float cosine, std::uint32_t row, BestRows& best) const {
    if (cosine >= best.threshold() && filter_(row)) best.Offer(cosine, row);
  }

  const VectorTable& table_;
  const absl::Span<const RowQuery> queries_;
  const RowFilter filter_;
};

// By one and the same loop, so that a cosine does not depend on how it was found.
std::vector<ScoredRow> CompareAgain(const VectorTable& table, const RowQuery& query, std::vector<ScoredRow> found) {
  for (ScoredRow& scored : found) scored.cosine = table.Dot(query.padded, scored.row);
  std::sort(found.begin(), found.end());
  if (found.size() > query.count) found.resize(query.count);
  return found;
}

}  // namespace

std::vector<std::vector<ScoredRow>> SearchAll(const VectorTable& table, absl::Span<const RowQuery> queries,
                                              RowFilter filter) {
  const Scan scan(table, queries, filter);
  const std::size_t rows = table.size();
  const std::size_t parts = std::clamp<std::size_t>(rows * queries.size() / kPairsPerThread, 1, Cores());
  std::vector<Bests> bests(parts);
  ParallelFor(parts, 1, [&](std::size_t part, std::size_t) {
    bests[part] = scan.Search(static_cast<std::uint32_t>(rows * part / parts),
                              static_cast<std::uint32_t>(rows * (part + 1) / parts));
  });
  std::vector<std::vector<ScoredRow>> found(queries.size());
  for (std::size_t q = 0; q < queries.size(); ++q) {
    for (Bests& part : bests) {
      const std::vector<ScoredRow> some = part[q].Sorted();
      found[q].insert(found[q].end(), some.begin(), some.end());
    }
    found[q] = CompareAgain(table, queries[q], std::move(found[q]));
  }
  return found;
}

std::vector<ScoredRow> SearchRows(const VectorTable& table, const RowQuery& query, std::vector<std::uint32_t> rows) {
  std::sort(rows.begin(), rows.end());  // so that memory is read in one direction, and once
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  std::vector<float> dots(rows.size());
  ParallelFor(rows.size(), kPairsPerThread, [&](std::size_t first, std::size_t last) {
    table.Dots(query.padded, absl::MakeConstSpan(rows).subspan(first, last - first), dots.data() + first);
  });
  BestRows best(query.count);
  for (std::size_t i = 0; i < rows.size(); ++i) best.Offer(dots[i], rows[i]);
  return best.Sorted();
}

}  // namespace mannequin

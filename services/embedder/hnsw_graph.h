// A graph over the rows of a table in which a search walks to the nearest ones instead of
// looking at all: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor
// search using Hierarchical Navigable Small World graphs" (2016), with their heuristic
// choice of links.
//
//   HnswGraph graph(vectors, {});
//   graph.Link(graph.Plan(vectors.size()));            // all rows that are new in `vectors`
//   std::vector<ScoredRow> near = graph.Search(query.data(), 64);   // the best first
//
// Why not hnswlib 0.6.2, which is packaged: its searches must not run beside an insertion,
// its insertions race with one another for the entry point and the random generator, and it
// holds a copy of every vector. Here a row is inserted in two steps, so that a server keeps
// answering: Plan, which takes nearly all of the time, only reads; Link writes. Both use all
// cores without a lock (each thread owns the rows whose links it writes), and the same rows
// in the same steps always give the same graph.
//
// 132 bytes a row, and 68 for each of its upper levels, which one row of sixteen has: some
// 137. Not thread-safe, but for const calls beside one another.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/embedder/best_rows.h"
#include "services/embedder/checksummed_file.h"
#include "services/embedder/chunked_rows.h"
#include "services/embedder/vector_table.h"

namespace mannequin {

struct HnswOptions {
  // Chosen for a new row on each level; twice as many are kept at the bottom. 2 to 64.
  int links = 16;
  // Candidates among which they are chosen. At least `links`.
  int ef_construction = 128;
};

class HnswGraph {
 public:
  // `vectors` must outlive it; its rows must stay as they are.
  HnswGraph(const VectorTable& vectors, HnswOptions options);

  // The links that rows are to have, level by level from the bottom.
  struct Step {
    std::uint32_t first = 0;
    std::vector<std::vector<std::vector<std::uint32_t>>> links;  // [row - first][level]
  };

  // For the rows from size() to `last`, at most kStepRows of them. The graph must not
  // change before Link. Rows of one step see each other, too.
  Step Plan(std::uint32_t last) const;
  void Link(const Step& step);
  // Both, until `last` rows are in the graph or `stop` is set.
  void Extend(std::uint32_t last, const std::atomic<bool>* stop = nullptr);
  // Few enough for a Link of a few milliseconds, enough for every core.
  static constexpr std::uint32_t kStepRows = 128;

  // `ef` is how many rows are held while walking, and found: the more, the surer.
  std::vector<ScoredRow> Search(const float* padded, std::size_t ef) const;

  // Rows in the graph: the first so many of the table.
  std::uint32_t size() const { return static_cast<std::uint32_t>(bottom_.size()); }
  std::size_t bytes() const;

  absl::Status Save(ChecksummedWriter& out) const;
  // DATA_LOSS when it does not fit `vectors`.
  static absl::StatusOr<std::unique_ptr<HnswGraph>> Load(ChecksummedReader& in, const VectorTable& vectors,
                                                         HnswOptions options);

 private:
  // One row's links on one level.
  absl::Span<const std::uint32_t> LinksOf(std::uint32_t row, int level) const;
  void SetLinks(std::uint32_t row, int level, absl::Span<const std::uint32_t> links);
  std::size_t MostLinks(int level) const { return static_cast<std::size_t>(level == 0 ? 2 : 1) * options_.links; }
  // Drawn from a hash of the row's number.
  int LevelOf(std::uint32_t row) const;
  // Makes room for a row on all its levels.
  void AddRow();

  std::vector<ScoredRow> SearchLevel(const float* padded, std::uint32_t entry, std::size_t ef, int level) const;
  // Walks down to `level` always to the nearest; the row where to go on.
  std::uint32_t Descend(const float* padded, int level) const;
  std::vector<std::vector<std::uint32_t>> PlanRow(std::uint32_t first, std::uint32_t row) const;
  // Those of `candidates` (best first) that are nearer to the row than to any one chosen
  // before: links into every direction. At most `most`. `fill`: places that are left go to
  // the best of the others. A new row takes that: where many rows are nearly equal, the
  // directions alone leave groups of them that few walks find.
  std::vector<std::uint32_t> Choose(const std::vector<ScoredRow>& candidates, std::size_t most, bool fill) const;
  absl::Status ReadLinks(ChecksummedReader& in, ChunkedRows<std::uint32_t>& links) const;
  void AddBacklinks(std::uint32_t row, int level, absl::Span<const std::uint32_t> sources);

  const VectorTable& vectors_;
  const HnswOptions options_;
  ChunkedRows<std::uint32_t> bottom_;                         // a row's: how many, then the links
  ChunkedRows<std::uint32_t> upper_;                          // the same, a level after the other
  absl::flat_hash_map<std::uint32_t, std::uint32_t> uppers_;  // row -> its first in upper_
  int top_ = -1;
  std::uint32_t entry_ = 0;  // a row on level top_
};

}  // namespace mannequin

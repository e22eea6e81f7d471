#include "services/embedder/hnsw_graph.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "services/embedder/visited_rows.h"

namespace mannequin {
namespace {

// A level is drawn with a sixteenth of the level below it; more are not needed.
constexpr int kMaxLevel = 12;
constexpr std::size_t kCacheLine = 64;

std::uint64_t Mix(std::uint64_t x) {  // SplitMix64
  x += 0x9E3779B97F4A7C15;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;
  x = (x ^ x >> 27) * 0x94D049BB133111EB;
  return x ^ x >> 31;
}

// The `ef` best rows of a walk, best first, and which of them it has gone on from.
class Front {
 public:
  explicit Front(std::size_t ef) : ef_(ef) { places_.reserve(ef + 1); }

  void Offer(float cosine, std::uint32_t row) {
    if (places_.size() == ef_ && !(ScoredRow{cosine, row} < places_.back().scored)) return;
    const auto at = std::upper_bound(places_.begin(), places_.end(), ScoredRow{cosine, row},
                                     [](const ScoredRow& a, const Place& b) { return a < b.scored; });
    next_ = std::min(next_, static_cast<std::size_t>(at - places_.begin()));
    if (places_.size() == ef_) places_.pop_back();  // `at` is before it
    places_.insert(at, {{cosine, row}, false});
  }

  // The best that was not yet taken.
  bool Take(std::uint32_t* row) {
    while (next_ < places_.size() && places_[next_].taken) ++next_;
    if (next_ == places_.size()) return false;
    places_[next_].taken = true;
    *row = places_[next_].scored.row;
    return true;
  }

  std::vector<ScoredRow> Rows() const {
    std::vector<ScoredRow> rows;
    rows.reserve(places_.size());
    for (const Place& place : places_) rows.push_back(place.scored);
    return rows;
  }

 private:
  struct Place {
    ScoredRow scored;
    bool taken;
  };
  const std::size_t ef_;
  std::vector<Place> places_;
  std::size_t next_ = 0;
};

}  // namespace

HnswGraph::HnswGraph(const VectorTable& vectors, HnswOptions options)
    : vectors_(vectors), options_(options), bottom_(1 + MostLinks(0)), upper_(1 + MostLinks(1)) {}

int HnswGraph::LevelOf(std::uint32_t row) const {
  const double uniform = (static_cast<double>(Mix(row) >> 11) + 1) * 0x1p-53;  // above 0
  return std::min(kMaxLevel, static_cast<int>(-std::log(uniform) / std::log(options_.links)));
}

absl::Span<const std::uint32_t> HnswGraph::LinksOf(std::uint32_t row, int level) const {
  const std::uint32_t* links =
      level == 0 ? bottom_[row] : upper_[uppers_.at(row) + static_cast<std::uint32_t>(level) - 1];
  return {links + 1, *links};
}

void HnswGraph::SetLinks(std::uint32_t row, int level, absl::Span<const std::uint32_t> links) {
  std::uint32_t* place = level == 0 ? bottom_[row] : upper_[uppers_.at(row) + static_cast<std::uint32_t>(level) - 1];
  *place = static_cast<std::uint32_t>(links.size());
  std::copy(links.begin(), links.end(), place + 1);
}

void HnswGraph::AddRow() {
  const std::uint32_t row = bottom_.Add();
  const int level = LevelOf(row);
  for (int l = 1; l <= level; ++l) {
    const std::uint32_t place = upper_.Add();
    if (l == 1) uppers_[row] = place;
  }
  if (level > top_) {
    top_ = level;
    entry_ = row;
  }
}

std::vector<ScoredRow> HnswGraph::SearchLevel(const float* padded, std::uint32_t entry, std::size_t ef,
                                              int level) const {
  Front front(ef);
  VisitedRows visited(16 * ef);
  visited.Insert(entry);
  front.Offer(vectors_.Dot(padded, entry), entry);
  std::vector<std::uint32_t> unseen(MostLinks(level));
  std::vector<float> dots(unseen.size());
  for (std::uint32_t row; front.Take(&row);) {
    std::size_t n = 0;
    for (const std::uint32_t link : LinksOf(row, level)) {
      if (!visited.Insert(link)) continue;
      // Asked for all before the first is read, so that the waits overlap.
      const char* bytes = reinterpret_cast<const char*>(vectors_[link]);
      for (std::size_t at = 0; at < sizeof(float) * static_cast<std::size_t>(vectors_.stride()); at += kCacheLine) {
        __builtin_prefetch(bytes + at);
      }
      unseen[n++] = link;
    }
    vectors_.Dots(padded, {unseen.data(), n}, dots.data());
    for (std::size_t i = 0; i < n; ++i) front.Offer(dots[i], unseen[i]);
  }
  return front.Rows();
}

std::uint32_t HnswGraph::Descend(const float* padded, int level) const {
  std::uint32_t entry = entry_;
  for (int l = top_; l > level; --l) entry = SearchLevel(padded, entry, 1, l).front().row;
  return entry;
}

std::vector<ScoredRow> HnswGraph::Search(const float* padded, std::size_t ef) const {
  if (size() == 0 || ef == 0) return {};
  return SearchLevel(padded, Descend(padded, 0), ef, 0);
}

std::vector<std::uint32_t> HnswGraph::Choose(const std::vector<ScoredRow>& candidates, std::size_t most,
                                             bool fill) const {
  std::vector<std::uint32_t> chosen, refused;
  std::vector<float> dots(most);
  for (const ScoredRow& candidate : candidates) {
    if (chosen.size() == most) break;
    vectors_.Dots(vectors_[candidate.row], chosen, dots.data());
    const auto nearer = [&](float dot) { return dot > candidate.cosine; };
    if (std::none_of(dots.begin(), dots.begin() + static_cast<std::ptrdiff_t>(chosen.size()), nearer)) {
      chosen.push_back(candidate.row);
    } else if (fill) {
      refused.push_back(candidate.row);
    }
  }
  const std::size_t more = std::min(refused.size(), most - chosen.size());
  chosen.insert(chosen.end(), refused.begin(), refused.begin() + static_cast<std::ptrdiff_t>(more));
  return chosen;
}

std::vector<std::vector<std::uint32_t>> HnswGraph::PlanRow(std::uint32_t first, std::uint32_t row) const {
  const float* vector = vectors_[row];
  const int level = LevelOf(row);
  std::vector<std::vector<std::uint32_t>> links(static_cast<std::size_t>(level) + 1);
  std::uint32_t entry = size() == 0 ? 0 : Descend(vector, std::min(level, top_));
  for (int l = level; l >= 0; --l) {
    std::vector<ScoredRow> candidates;
    if (l <= top_) {
      candidates = SearchLevel(vector, entry, static_cast<std::size_t>(options_.ef_construction), l);
      entry = candidates.front().row;
    }
    for (std::uint32_t mate = first; mate < row; ++mate) {  // of the same step
      if (l == 0 || LevelOf(mate) >= l) candidates.push_back({vectors_.Dot(vector, mate), mate});
    }
    std::sort(candidates.begin(), candidates.end());
    candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(options_.ef_construction)));
    links[static_cast<std::size_t>(l)] = Choose(candidates, static_cast<std::size_t>(options_.links), true);
  }
  return links;
}

HnswGraph::Step HnswGraph::Plan(std::uint32_t last) const {
  Step step;
  step.first = size();
  step.links.resize(std::min(last - step.first, kStepRows));
  ParallelFor(step.links.size(), 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      step.links[i] = PlanRow(step.first, step.first + static_cast<std::uint32_t>(i));
    }
  });
  return step;
}

void HnswGraph::AddBacklinks(std::uint32_t row, int level, absl::Span<const std::uint32_t> sources) {
  const absl::Span<const std::uint32_t> before = LinksOf(row, level);
  std::vector<std::uint32_t> links(before.begin(), before.end());
  links.insert(links.end(), sources.begin(), sources.end());
  if (links.size() > MostLinks(level)) {
    std::vector<float> dots(links.size());
    vectors_.Dots(vectors_[row], links, dots.data());
    std::vector<ScoredRow> candidates;
    for (std::size_t i = 0; i < links.size(); ++i) candidates.push_back({dots[i], links[i]});
    std::sort(candidates.begin(), candidates.end());
    links = Choose(candidates, MostLinks(level), false);
  }
  SetLinks(row, level, links);
}

void HnswGraph::Link(const Step& step) {
  struct Backlink {
    int level;
    std::uint32_t row, source;
    bool operator<(const Backlink& other) const {
      return std::tie(level, row, source) < std::tie(other.level, other.row, other.source);
    }
  };
  std::vector<Backlink> backlinks;
  for (std::size_t i = 0; i < step.links.size(); ++i) {
    AddRow();
    const std::uint32_t row = step.first + static_cast<std::uint32_t>(i);
    for (std::size_t level = 0; level < step.links[i].size(); ++level) {
      SetLinks(row, static_cast<int>(level), step.links[i][level]);
      for (const std::uint32_t link : step.links[i][level]) backlinks.push_back({static_cast<int>(level), link, row});
    }
  }
  // One thread a row that gets links, so that no lock is needed.
  std::sort(backlinks.begin(), backlinks.end());
  std::vector<std::size_t> groups;
  for (std::size_t i = 0; i < backlinks.size(); ++i) {
    if (i == 0 || backlinks[i].row != backlinks[i - 1].row || backlinks[i].level != backlinks[i - 1].level) {
      groups.push_back(i);
    }
  }
  groups.push_back(backlinks.size());
  ParallelFor(groups.size() - 1, 32, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint32_t> sources;
    for (std::size_t g = begin; g < end; ++g) {
      sources.clear();
      for (std::size_t i = groups[g]; i < groups[g + 1]; ++i) sources.push_back(backlinks[i].source);
      AddBacklinks(backlinks[groups[g]].row, backlinks[groups[g]].level, sources);
    }
  });
}

void HnswGraph::Extend(std::uint32_t last, const std::atomic<bool>* stop) {
  while (size() < last && (stop == nullptr || !stop->load())) Link(Plan(last));
}

absl::Status HnswGraph::Save(ChecksummedWriter& out) const {
  RETURN_IF_ERROR(out.WriteNumber(std::int32_t{options_.links}));
  RETURN_IF_ERROR(out.WriteNumber(size()));
  for (std::uint32_t row = 0; row < size(); ++row) {
    RETURN_IF_ERROR(out.Write(bottom_[row], bottom_.width() * sizeof(std::uint32_t)));
  }
  for (std::size_t i = 0; i < upper_.size(); ++i) {
    RETURN_IF_ERROR(out.Write(upper_[i], upper_.width() * sizeof(std::uint32_t)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<HnswGraph>> HnswGraph::Load(ChecksummedReader& in, const VectorTable& vectors,
                                                           HnswOptions options) {
  auto graph = std::make_unique<HnswGraph>(vectors, options);
  std::int32_t links = 0;
  std::uint32_t rows = 0;
  RETURN_IF_ERROR(in.ReadNumber(&links));
  RETURN_IF_ERROR(in.ReadNumber(&rows));
  if (links != options.links || rows > vectors.size()) return in.Damaged("holds another graph");
  // Levels follow from the rows' numbers, and so need not be written.
  for (std::uint32_t row = 0; row < rows; ++row) graph->AddRow();
  RETURN_IF_ERROR(graph->ReadLinks(in, graph->bottom_));
  RETURN_IF_ERROR(graph->ReadLinks(in, graph->upper_));
  for (const auto& [row, place] : graph->uppers_) {
    for (int level = 1; level <= graph->LevelOf(row); ++level) {
      for (const std::uint32_t link : graph->LinksOf(row, level)) {
        if (graph->LevelOf(link) < level) return in.Damaged("links a row on a level that it is not on");
      }
    }
  }
  return graph;
}

absl::Status HnswGraph::ReadLinks(ChecksummedReader& in, ChunkedRows<std::uint32_t>& links) const {
  for (std::size_t i = 0; i < links.size(); ++i) {
    RETURN_IF_ERROR(in.Read(links[i], links.width() * sizeof(std::uint32_t)));
    const std::uint32_t count = links[i][0];
    if (count >= links.width()) return in.Damaged("holds a row of too many links");
    for (std::uint32_t k = 1; k <= count; ++k) {
      if (links[i][k] >= size()) return in.Damaged("links a row that is not there");
    }
  }
  return absl::OkStatus();
}

std::size_t HnswGraph::bytes() const {
  return bottom_.bytes() + upper_.bytes() + uppers_.capacity() * (2 * sizeof(std::uint32_t) + 1);
}

}  // namespace mannequin

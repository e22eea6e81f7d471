#include "services/embedder/similarity_index.h"

#include <algorithm>
#include <utility>

#include "common/base/parallel.h"

namespace mannequin {
namespace {

// Products changed under the lock at once: a fraction of a millisecond.
constexpr std::size_t kBatch = 128;
// Queries of a batch between which a writer may take the lock: enough for the exact search to
// share its reading.
constexpr std::size_t kGroup = 250;
// A graph of which this share stands for no product is built anew.
constexpr double kStaleShare = 0.2;
constexpr std::size_t kFewestStale = 1'000;
// A walk looks at some twenty rows for each that it holds.
constexpr std::size_t kRowsAWalk = 20;
// Rows looked for beyond those needed, since the order of ids decides among equal cosines.
constexpr std::size_t kTies = 4;

}  // namespace

struct SimilarityIndex::Ask {
  const SimilarityQuery* query;
  std::vector<float> padded;
  std::size_t rows;  // to look for
  std::optional<std::uint32_t> category;

  Ask(const Tables& tables, const SimilarityQuery& asked)
      : query(&asked),
        padded(tables.vectors.Padded(asked.values)),
        rows(asked.count == 0 ? 0 : asked.count + !asked.except.empty() + kTies) {
    if (!asked.category_path.empty()) category = tables.products.categories().Find(asked.category_path);
  }
  bool within_category() const { return !query->category_path.empty(); }
  RowQuery row_query() const { return {padded.data(), rows}; }
};

SimilarityIndex::SimilarityIndex(std::string bundle_version, int dimension, SimilarityOptions options)
    : bundle_version_(std::move(bundle_version)),
      dimension_(dimension),
      options_(options),
      tables_(std::make_unique<Tables>(dimension)) {}

SimilarityIndex::~SimilarityIndex() = default;

bool SimilarityIndex::PutOne(const v1::Embedding& embedding) {
  const absl::Span<const float> values(embedding.values().data(), static_cast<std::size_t>(embedding.values_size()));
  if (embedding.bundle_version() != bundle_version_ || embedding.values_size() != dimension_ ||
      !VectorTable::IsUnit(values)) {
    return false;
  }
  const std::vector<std::string> path(embedding.category_path().begin(), embedding.category_path().end());
  return tables_->products.Put(embedding.product_id(), {tables_->vectors.Put(values), embedding.text_hash(),
                                                        tables_->products.categories().Put(path)});
}

std::size_t SimilarityIndex::Put(absl::Span<const v1::Embedding> embeddings) {
  absl::MutexLock turn(&turn_);
  std::size_t changed = 0;
  for (std::size_t begin = 0; begin < embeddings.size(); begin += kBatch) {
    {
      absl::WriterMutexLock lock(&mutex_);
      for (const v1::Embedding& embedding : embeddings.subspan(begin, kBatch)) changed += PutOne(embedding);
    }
    ExtendGraph();
  }
  return changed;
}

std::size_t SimilarityIndex::Remove(absl::Span<const std::string> product_ids) {
  absl::MutexLock turn(&turn_);
  return RemoveInBatches(product_ids);
}

std::size_t SimilarityIndex::RemoveInBatches(absl::Span<const std::string> product_ids) {
  std::size_t removed = 0;
  for (std::size_t begin = 0; begin < product_ids.size(); begin += kBatch) {
    absl::WriterMutexLock lock(&mutex_);
    for (const std::string& id : product_ids.subspan(begin, kBatch)) removed += tables_->products.Remove(id);
  }
  return removed;
}

void SimilarityIndex::BeginPass() {
  absl::MutexLock turn(&turn_);
  absl::WriterMutexLock lock(&mutex_);
  tables_->products.BeginPass();
}

std::size_t SimilarityIndex::RemoveUnseen() {
  absl::MutexLock turn(&turn_);
  std::vector<std::string> unseen;
  {
    absl::ReaderMutexLock lock(&mutex_);
    unseen = tables_->products.Unseen();
  }
  const std::size_t removed = RemoveInBatches(unseen);
  RebuildWhenStale();
  return removed;
}

std::unique_ptr<HnswGraph> SimilarityIndex::BuildGraph(const VectorTable& vectors) const {
  auto graph = std::make_unique<HnswGraph>(vectors, options_.hnsw);
  graph->Extend(vectors.size(), options_.stop);
  return graph;
}

void SimilarityIndex::ExtendGraph() {
  std::unique_ptr<HnswGraph> made;
  {
    // Having the turn, this thread alone changes the tables; a first graph is nobody's yet.
    absl::ReaderMutexLock lock(&mutex_);
    if (tables_->graph == nullptr) {
      if (tables_->vectors.size() <= options_.exact_rows) return;
      made = BuildGraph(tables_->vectors);
    }
  }
  if (made != nullptr) {
    if (stopped()) return;  // it may be empty
    absl::WriterMutexLock lock(&mutex_);
    tables_->graph = std::move(made);
    return;
  }
  while (!stopped()) {
    HnswGraph::Step step;
    {
      absl::ReaderMutexLock lock(&mutex_);
      if (tables_->graph->size() == tables_->vectors.size()) return;
      step = tables_->graph->Plan(tables_->vectors.size());
    }
    absl::WriterMutexLock lock(&mutex_);
    tables_->graph->Link(step);
  }
}

void SimilarityIndex::RebuildWhenStale() {
  std::unique_ptr<Tables> fresh;
  {
    absl::ReaderMutexLock lock(&mutex_);
    const std::size_t rows = tables_->vectors.size(), stale = rows - tables_->products.rows();
    if (stale < kFewestStale || static_cast<double>(stale) < kStaleShare * static_cast<double>(rows)) return;
    fresh = std::make_unique<Tables>(dimension_);
    tables_->products.Visit([&](const ProductTable::Product& product) {
      ProductTable::Facts facts = product.facts;
      facts.row = fresh->vectors.Put(tables_->vectors.Values(facts.row));
      facts.category = fresh->products.categories().Put(tables_->products.categories().PathOf(facts.category));
      fresh->products.Put(product.id, facts);
    });
    if (fresh->vectors.size() > options_.exact_rows) fresh->graph = BuildGraph(fresh->vectors);
    if (stopped()) return;  // the old ones are whole
  }
  absl::WriterMutexLock lock(&mutex_);
  tables_.swap(fresh);
}

bool SimilarityIndex::GraphServes(const Tables& tables, const Ask& ask) const {
  return tables.graph != nullptr && !ask.query->exact && !ask.within_category() &&
         kRowsAWalk * std::max(options_.ef, 2 * ask.query->count) <= tables.vectors.size();
}

std::vector<std::uint32_t> SimilarityIndex::RowsWithin(const Tables& tables, const Ask& ask) const {
  std::vector<std::uint32_t> rows;
  if (!ask.category) return rows;
  tables.products.categories().VisitBelow(
      *ask.category, [&](std::uint32_t number) { rows.push_back(tables.products[number].facts.row); });
  return rows;
}

std::vector<ScoredRow> SimilarityIndex::Walk(const Tables& tables, const Ask& ask) const {
  std::vector<ScoredRow> rows = tables.graph->Search(ask.padded.data(), std::max(options_.ef, 2 * ask.query->count));
  // Rows that are too new to be in the graph.
  for (std::uint32_t row = tables.graph->size(); row < tables.vectors.size(); ++row) {
    rows.push_back({tables.vectors.Dot(ask.padded.data(), row), row});
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

SimilarityIndex::Found SimilarityIndex::Expand(const Tables& tables, const Ask& ask, const std::vector<ScoredRow>& rows,
                                               bool exact) const {
  struct Candidate {
    float cosine;
    const std::string* id;
  };
  const ProductTable& products = tables.products;
  const std::size_t count = ask.query->count;
  std::vector<Candidate> candidates;
  for (const ScoredRow& scored : rows) {
    if (candidates.size() >= count && scored.cosine < candidates.back().cosine) break;
    std::size_t taken = 0;
    for (const std::uint32_t number : products.OfRow(scored.row)) {
      const ProductTable::Product& product = products[number];
      if (product.id == ask.query->except) continue;
      if (ask.category && !products.categories().IsBelow(product.facts.category, *ask.category)) continue;
      candidates.push_back({scored.cosine, &product.id});
      if (++taken == count) break;
    }
  }
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.cosine != b.cosine ? a.cosine > b.cosine : *a.id < *b.id;
  };
  std::sort(candidates.begin(), candidates.end(), better);
  Found found;
  found.exact = exact;
  for (const Candidate& candidate : candidates) {
    if (found.neighbours.size() == count) break;
    found.neighbours.push_back({*candidate.id, std::clamp(candidate.cosine, -1.0f, 1.0f)});
  }
  return found;
}

bool SimilarityIndex::FindAlone(const Tables& tables, const Ask& ask, Found* found) const {
  if (ask.query->count == 0) return true;
  if (ask.within_category()) {
    *found = Expand(tables, ask, SearchRows(tables.vectors, ask.row_query(), RowsWithin(tables, ask)), true);
    return true;
  }
  if (!GraphServes(tables, ask)) return false;
  *found = Expand(tables, ask, Walk(tables, ask), false);
  // Stepping stones may have been all that there was.
  const std::size_t others = tables.products.size() - tables.products.Find(ask.query->except).has_value();
  return found->neighbours.size() >= std::min(ask.query->count, others);
}

SimilarityIndex::Found SimilarityIndex::Find(const SimilarityQuery& query) const {
  return std::move(FindMany({&query, 1}).front());
}

std::vector<SimilarityIndex::Found> SimilarityIndex::FindMany(absl::Span<const SimilarityQuery> queries) const {
  std::vector<Found> found(queries.size());
  for (std::size_t begin = 0; begin < queries.size(); begin += kGroup) {
    FindGroup(queries.subspan(begin, kGroup), found.data() + begin);
  }
  return found;
}

void SimilarityIndex::FindGroup(absl::Span<const SimilarityQuery> queries, Found* found) const {
  absl::ReaderMutexLock lock(&mutex_);
  const Tables& tables = *tables_;
  std::vector<Ask> asks;
  asks.reserve(queries.size());
  for (const SimilarityQuery& query : queries) asks.emplace_back(tables, query);

  // One query a core, then those that have to look at all rows together.
  std::vector<char> left(queries.size());
  ParallelFor(asks.size(), 4, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) left[i] = !FindAlone(tables, asks[i], &found[i]);
  });
  std::vector<RowQuery> exact;
  std::vector<std::size_t> of;  // which query
  for (std::size_t i = 0; i < asks.size(); ++i) {
    if (!left[i]) continue;
    exact.push_back(asks[i].row_query());
    of.push_back(i);
  }
  if (exact.empty()) return;
  const std::vector<std::vector<ScoredRow>> rows =
      SearchAll(tables.vectors, exact, [&](std::uint32_t row) { return !tables.products.OfRow(row).empty(); });
  for (std::size_t k = 0; k < of.size(); ++k) found[of[k]] = Expand(tables, asks[of[k]], rows[k], true);
}

std::optional<SimilarityIndex::Stored> SimilarityIndex::VectorOf(absl::string_view product_id) const {
  absl::ReaderMutexLock lock(&mutex_);
  const std::optional<std::uint32_t> number = tables_->products.Find(product_id);
  if (!number) return std::nullopt;
  const ProductTable::Facts& facts = tables_->products[*number].facts;
  const absl::Span<const float> values = tables_->vectors.Values(facts.row);
  return Stored{facts.text_hash, {values.begin(), values.end()}};
}

bool SimilarityIndex::HasCategory(absl::Span<const std::string> category_path) const {
  absl::ReaderMutexLock lock(&mutex_);
  return tables_->products.categories().Find(category_path).has_value();
}

std::size_t SimilarityIndex::size() const {
  absl::ReaderMutexLock lock(&mutex_);
  return tables_->products.size();
}

std::size_t SimilarityIndex::rows() const {
  absl::ReaderMutexLock lock(&mutex_);
  return tables_->products.rows();
}

std::size_t SimilarityIndex::bytes() const {
  absl::ReaderMutexLock lock(&mutex_);
  return tables_->vectors.bytes() + tables_->products.bytes() +
         (tables_->graph == nullptr ? 0 : tables_->graph->bytes());
}

}  // namespace mannequin

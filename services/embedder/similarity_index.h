// The catalogue's vectors in memory, and the nearest products of a vector among them.
//
//   SimilarityIndex index("b-01J9...", 100);
//   index.Put(embeddings);                                  // v1.Embedding, as the store has them
//   SimilarityIndex::Found found = index.Find({.values = vector, .count = 10});
//   for (const Neighbour& n : found.neighbours) std::cout << n.product_id << n.cosine;
//
// How it searches. Up to `exact_rows` distinct vectors every one is looked at
// (exact_search.h); above, a walk over a graph looks at some thousand (hnsw_graph.h) and
// finds nearly all of the nearest (make bench: knn_index). Within a category every product
// of it is looked at. Products of equal vectors share a row, and all of them are found.
//
// Beside one another. Any thread may call anything. Searches share a lock; Put, Remove and
// Save take turns, and take the lock from the searches only for the moments in which they
// change something, 128 products at a time: the work, finding a new vector's place in
// the graph, is done beside them. A search sees all that was put before it began. A vector
// that no product has any more stays as a stepping stone; when a fifth of them are such, the
// end of a pass builds all anew, beside the searches.
//
// Memory at 100 components: 422 bytes a distinct vector, 137 its links, and ids and places of
// the products; knn_index prints what it is together. Twice that while it is built anew.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "mannequin/v1/product.pb.h"
#include "services/embedder/exact_search.h"
#include "services/embedder/hnsw_graph.h"
#include "services/embedder/product_table.h"
#include "services/embedder/vector_table.h"

namespace mannequin {

struct Neighbour {
  std::string product_id;
  float cosine;  // -1 to 1
};

struct SimilarityOptions {
  // Distinct vectors up to which all are looked at.
  std::uint32_t exact_rows = 10'000;
  HnswOptions hnsw;
  // Rows held while walking: the more, the surer and the slower. At least twice what is
  // asked for is held.
  std::size_t ef = 64;
  // Once it is set the graph does not grow any more, so that a process that ends does not wait
  // for it; what it lacks is looked at. None: never. Must be there as long as there are changes.
  const std::atomic<bool>* stop = nullptr;
};

struct SimilarityQuery {
  absl::Span<const float> values;  // unit length, `dimension` of them
  std::size_t count = 10;
  std::string except = {};                      // a product that is left out; may be unknown
  std::vector<std::string> category_path = {};  // only products in it or below it
  bool exact = false;                           // look at all, whatever it costs
};

class SimilarityIndex {
 public:
  SimilarityIndex(std::string bundle_version, int dimension, SimilarityOptions options = {});
  ~SimilarityIndex();

  // Adds products and replaces what is known of them. Embeddings of another bundle or
  // dimension, or not of unit length, cannot be compared and are passed over. How many were
  // not known so.
  std::size_t Put(absl::Span<const v1::Embedding> embeddings);
  // How many of these were there.
  std::size_t Remove(absl::Span<const std::string> product_ids);
  // A pass over the whole store: BeginPass, Put for all that is there, then RemoveUnseen,
  // which removes what was not among it and says how many. It also builds anew when a fifth
  // of the vectors stand for no product.
  void BeginPass();
  std::size_t RemoveUnseen();

  struct Found {
    std::vector<Neighbour> neighbours;  // the best first; equal cosines in order of ids
    bool exact = true;                  // nothing nearer can have been missed
  };
  Found Find(const SimilarityQuery& query) const;
  // The same for each query, on all cores: several times faster than one by one. Changes may
  // come between two of them.
  std::vector<Found> FindMany(absl::Span<const SimilarityQuery> queries) const;

  struct Stored {
    std::uint64_t text_hash;
    std::vector<float> values;
  };
  std::optional<Stored> VectorOf(absl::string_view product_id) const;
  bool HasCategory(absl::Span<const std::string> category_path) const;

  // Products, and the distinct vectors that they have.
  std::size_t size() const;
  std::size_t rows() const;
  std::size_t bytes() const;
  const std::string& bundle_version() const { return bundle_version_; }
  int dimension() const { return dimension_; }

  // Written beside `path`, then renamed over it; see checksummed_file.h for errors.
  absl::Status Save(const std::string& path) const;
  // NOT_FOUND; DATA_LOSS for a file that is damaged; FAILED_PRECONDITION for one of another
  // bundle, dimension or version of the format.
  static absl::StatusOr<std::unique_ptr<SimilarityIndex>> Load(const std::string& path,
                                                               const std::string& bundle_version, int dimension,
                                                               SimilarityOptions options = {});

 private:
  struct Tables {
    explicit Tables(int dimension) : vectors(dimension) {}
    VectorTable vectors;
    ProductTable products;
    std::unique_ptr<HnswGraph> graph;  // over the first graph->size() rows, or none
  };
  struct Ask;  // a query on its way

  // Finds into `found` under one lock.
  void FindGroup(absl::Span<const SimilarityQuery> queries, Found* found) const;
  // These need the lock to be held, at least by a reader.
  std::vector<ScoredRow> Walk(const Tables& tables, const Ask& ask) const;
  Found Expand(const Tables& tables, const Ask& ask, const std::vector<ScoredRow>& rows, bool exact) const;
  bool GraphServes(const Tables& tables, const Ask& ask) const;
  std::vector<std::uint32_t> RowsWithin(const Tables& tables, const Ask& ask) const;
  // Without looking at every row; false when that is what it takes.
  bool FindAlone(const Tables& tables, const Ask& ask, Found* found) const;

  // Needs the writer's turn; searches come between. How many of these were there.
  std::size_t RemoveInBatches(absl::Span<const std::string> product_ids);
  // Whether it was not known so.
  bool PutOne(const v1::Embedding& embedding) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Both need the writer's turn. They work beside searches.
  void ExtendGraph();
  void RebuildWhenStale();
  std::unique_ptr<HnswGraph> BuildGraph(const VectorTable& vectors) const;
  bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }

  const std::string bundle_version_;
  const int dimension_;
  const SimilarityOptions options_;
  // Held by a writer from beginning to end, so that it alone changes the tables.
  mutable absl::Mutex turn_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  std::unique_ptr<Tables> tables_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin

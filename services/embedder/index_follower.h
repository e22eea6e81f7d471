// Keeps an index in step with the store.
//
//   IndexFollower follower(store, {.folder = "data/index"}, current_bundle);
//   follower.Start();
//   ASSIGN_OR_RETURN(std::shared_ptr<const SimilarityIndex> index, follower.Of({"b-01J9...", 100}));
//
// The store has no feed of changed embeddings. So the follower asks every few seconds
// whether there can be any: whether an EmbedCatalog that wrote something has ended, on this
// replica or another, or the number of embeddings is another one (two small calls). Only
// then it reads the embeddings once more, in one pass with constant memory, and changes what
// differs; the graph is touched for new vectors only. A pass costs about what EmbedCatalog's
// own reading costs. Embeddings that
// somebody replaces without a job, and without changing their number, are seen with the next
// pass. While a job runs, and only the number changes, most of the time is left to others:
// what it has embedded is found a while later, and all of it when it has ended.
//
// The index is read from the folder's file at the start when that is whole and of the same
// bundle, then brought up to date by a pass; otherwise it is built. It is written when a
// job has ended, every few minutes while something changes, and in Stop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/store/product_store.h"
#include "services/embedder/similarity_index.h"

namespace mannequin {

// Whose vectors can be compared with one another.
struct VectorSpace {
  std::string bundle_version;  // of the bundle that trained the embedding
  int dimension = 0;
  friend bool operator==(const VectorSpace&, const VectorSpace&) = default;
};

struct IndexFollowerOptions {
  // Of this process alone; made when it is not there. Empty: nothing is kept.
  std::string folder;
  absl::Duration poll = absl::Seconds(5);
  // After a pass there is none for so many times as long as it took, at most ten minutes,
  // unless a job ends: while a first EmbedCatalog runs there is always something new.
  int rest = 20;
  // The file is not written more often, unless a job ends.
  absl::Duration save_every = absl::Minutes(3);
  SimilarityOptions index = {};
};

// Thread-safe.
class IndexFollower {
 public:
  // `current` says which space is searched; not OK while there is none. `store` must
  // outlive it.
  IndexFollower(ProductStore& store, IndexFollowerOptions options,
                std::function<absl::StatusOr<VectorSpace>()> current);
  // Stops.
  ~IndexFollower();

  void Start();
  void Stop();

  // The index of that space. The first one is waited for; after that the one in hand is
  // answered, however far a pass is. Errors: the store's; UNAVAILABLE when the space is not
  // the current one any more.
  absl::StatusOr<std::shared_ptr<const SimilarityIndex>> Of(const VectorSpace& space);
  // A pass now: embeddings that were put before are found afterwards. Errors: as Of.
  absl::Status Refresh(const VectorSpace& space);

 private:
  // What the store says of its embeddings without showing them.
  struct Mark {
    std::string jobs;  // those that wrote embeddings and ended, newest first
    std::int64_t embeddings = -1;
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  void Loop();
  absl::StatusOr<Mark> ReadMark();
  std::shared_ptr<SimilarityIndex> InHand(const VectorSpace& space) const;
  absl::Status RefreshWhenMarked(const VectorSpace& space);
  // Puts all embeddings of the store into `index`; how many were new.
  absl::StatusOr<std::size_t> PutAll(SimilarityIndex& index);
  absl::Status Pass(const VectorSpace& space, const Mark& mark) ABSL_EXCLUSIVE_LOCKS_REQUIRED(pass_mutex_);
  std::shared_ptr<SimilarityIndex> LoadOrNew(const VectorSpace& space) const;
  // Whether something is unsaved, and it is time for it.
  bool SaveIsDue() const;
  void Save();
  std::string Path() const;

  ProductStore& store_;
  IndexFollowerOptions options_;
  const std::function<absl::StatusOr<VectorSpace>()> current_;

  // Held for a pass, so that there is one at a time.
  absl::Mutex pass_mutex_;
  Mark mark_ ABSL_GUARDED_BY(pass_mutex_);
  absl::Time rested_ ABSL_GUARDED_BY(pass_mutex_) = absl::InfinitePast();
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(pass_mutex_);
  std::shared_ptr<SimilarityIndex> index_ ABSL_GUARDED_BY(mutex_);
  bool unsaved_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time save_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::atomic<bool> stop_{false};  // set under mutex_, so that Loop wakes
  std::thread thread_;
};

}  // namespace mannequin

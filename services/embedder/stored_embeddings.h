// What the store's embeddings are of, side by side with a scan of its products: both come in
// the order of the ids, so that neither has to be held.
//
//   StoredEmbeddings stored(store);
//   store.ScanProducts({}, [&](const v1::StoredProduct& p) {
//     ASSIGN_OR_RETURN(const v1::Embedding* embedding, stored.Find(p.product().id()));
//     ...
//
// Reads on a thread of its own, some thousand embeddings ahead. Not thread-safe.
#pragma once

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/store/product_store.h"

namespace mannequin {

class StoredEmbeddings {
 public:
  // `store` must outlive it.
  explicit StoredEmbeddings(ProductStore& store);
  ~StoredEmbeddings();

  // The product's embedding without its values, or null; good until the next call. Each
  // call's id must be above the last one's. Errors: the store's.
  absl::StatusOr<const v1::Embedding*> Find(absl::string_view product_id);

 private:
  using Batch = std::vector<v1::Embedding>;
  void Read();
  absl::Status Hand(Batch& batch);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !batches_.empty() || ended_; }

  ProductStore& store_;
  Batch current_;
  std::size_t next_ = 0;  // in current_

  absl::Mutex mutex_;
  std::deque<Batch> batches_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace mannequin

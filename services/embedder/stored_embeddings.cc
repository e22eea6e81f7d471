#include "services/embedder/stored_embeddings.h"

#include <utility>

#include "common/base/call_ids.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr std::size_t kBatch = 512;
constexpr std::size_t kBatchesAhead = 8;

}  // namespace

StoredEmbeddings::StoredEmbeddings(ProductStore& store) : store_(store), thread_(OfThisCall([this] { Read(); })) {}

StoredEmbeddings::~StoredEmbeddings() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  thread_.join();
}

bool StoredEmbeddings::HasRoom() const { return batches_.size() < kBatchesAhead || stop_; }

absl::Status StoredEmbeddings::Hand(Batch& batch) {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &StoredEmbeddings::HasRoom));
  if (stop_) return absl::CancelledError("the reader has gone");
  batches_.push_back(std::exchange(batch, {}));
  return absl::OkStatus();
}

void StoredEmbeddings::Read() {
  Batch batch;
  absl::Status status = store_.ScanEmbeddings({}, [&](const v1::Embedding& embedding) {
    v1::Embedding& facts = batch.emplace_back();
    facts.set_product_id(embedding.product_id());
    facts.set_bundle_version(embedding.bundle_version());
    facts.set_text_hash(embedding.text_hash());
    *facts.mutable_category_path() = embedding.category_path();
    return batch.size() < kBatch ? absl::OkStatus() : Hand(batch);
  });
  if (status.ok() && !batch.empty()) status = Hand(batch);
  absl::MutexLock lock(&mutex_);
  status_ = status;
  ended_ = true;
}

absl::StatusOr<const v1::Embedding*> StoredEmbeddings::Find(absl::string_view product_id) {
  while (true) {
    for (; next_ < current_.size(); ++next_) {
      if (current_[next_].product_id() >= product_id) {
        return current_[next_].product_id() == product_id ? &current_[next_] : nullptr;
      }
    }
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &StoredEmbeddings::HasNews));
    if (batches_.empty()) {
      RETURN_IF_ERROR(status_);
      return nullptr;
    }
    current_ = std::move(batches_.front());
    batches_.pop_front();
    next_ = 0;
  }
}

}  // namespace mannequin

#include "common/base/status_macros.h"
#include "services/store/rocks_store.h"

namespace mannequin {
namespace {

class RocksWriter final : public ProductWriter {
 public:
  explicit RocksWriter(RocksStore& store) : store_(store) {}
  absl::Status Write(const v1::UpsertProductsRequest& request) override {
    ASSIGN_OR_RETURN(const v1::UpsertProductsResponse batch, store_.UpsertProducts(request));
    sum_.set_created(sum_.created() + batch.created());
    sum_.set_updated(sum_.updated() + batch.updated());
    sum_.set_unchanged(sum_.unchanged() + batch.unchanged());
    return absl::OkStatus();
  }
  absl::StatusOr<v1::UpsertProductsResponse> Finish() override { return sum_; }

 private:
  RocksStore& store_;
  v1::UpsertProductsResponse sum_;
};

}  // namespace

std::unique_ptr<ProductWriter> RocksStore::WriteProducts() { return std::make_unique<RocksWriter>(*this); }

absl::StatusOr<v1::GetIngestCheckpointResponse> RocksStore::GetIngestCheckpoint(const v1::GetIngestCheckpointRequest&) {
  return absl::NotFoundError("none");
}

}  // namespace mannequin

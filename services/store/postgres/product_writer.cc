// Long streams of products: changes of some thousand each, several at once. A product's changes stay in
// their order, for all of one id go the same way.
#include <pthread.h>

#include <array>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/store/product_share.h"
#include "services/store/postgres/postgres_store.h"
#include "services/store/validate.h"

namespace mannequin {
namespace {

// Changes at once of one stream: a server with as many cores works on all of them.
constexpr int kLanes = 4;
// Of all lanes together: enough in each that round trips and the commit do not count.
constexpr int kGathered = 8'000;
// Each holds twice what is gathered, and a connection a lane.
constexpr int kMaxWriters = 8;

// Not thread-safe; its thread is joined before it is used again.
class ChangeWriter final : public ProductWriter {
 public:
  using Keep = std::function<absl::StatusOr<v1::UpsertProductsResponse>(const v1::UpsertProductsRequest&)>;
  // `refused` is why there may not be one more; `slot` is given back with the writer.
  ChangeWriter(absl::Status refused, std::shared_ptr<void> slot, Keep keep)
      : refused_(std::move(refused)), slot_(std::move(slot)), keep_(std::move(keep)) {}
  ~ChangeWriter() override { Join(); }

  absl::Status Write(const v1::UpsertProductsRequest& request) override {
    RETURN_IF_ERROR(refused_);
    RETURN_IF_ERROR(store::CheckUpsert(request));
    gathered_.MergeFrom(request);
    if (gathered_.products_size() < kGathered) return absl::OkStatus();
    Join();
    RETURN_IF_ERROR(kept_);
    in_work_.Clear();
    in_work_.Swap(&gathered_);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "store-segment");
      kept_ = KeepInWork();
    });
    return absl::OkStatus();
  }

  absl::StatusOr<v1::UpsertProductsResponse> Finish() override {
    RETURN_IF_ERROR(refused_);
    Join();
    RETURN_IF_ERROR(kept_);
    in_work_.Clear();
    in_work_.Swap(&gathered_);
    if (in_work_.products_size() > 0 || in_work_.has_checkpoint()) RETURN_IF_ERROR(KeepInWork());
    return sum_;
  }

 private:
  absl::Status KeepInWork() {
    std::array<v1::UpsertProductsRequest, kLanes> lanes;
    for (v1::Product& product : *in_work_.mutable_products()) {
      *lanes[ShareOf(product.id(), kLanes)].add_products() = std::move(product);
    }
    std::array<absl::StatusOr<v1::UpsertProductsResponse>, kLanes> kept;
    ParallelFor(
        kLanes, 1,
        [&](std::size_t lane, std::size_t) {
          kept[lane] = lanes[lane].products().empty() ? v1::UpsertProductsResponse() : keep_(lanes[lane]);
        },
        kLanes);
    for (const absl::StatusOr<v1::UpsertProductsResponse>& counts : kept) {
      RETURN_IF_ERROR(counts.status());
      sum_.set_created(sum_.created() + counts->created());
      sum_.set_updated(sum_.updated() + counts->updated());
      sum_.set_unchanged(sum_.unchanged() + counts->unchanged());
    }
    if (!in_work_.has_checkpoint()) return absl::OkStatus();
    // Behind all that it speaks for. A crash before it has an ingest read some products again, which are there.
    v1::UpsertProductsRequest checkpoint;
    *checkpoint.mutable_checkpoint() = in_work_.checkpoint();
    return keep_(checkpoint).status();
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  const absl::Status refused_;
  const std::shared_ptr<void> slot_;
  const Keep keep_;
  v1::UpsertProductsRequest gathered_;
  // The thread's while it runs.
  v1::UpsertProductsRequest in_work_;
  v1::UpsertProductsResponse sum_;
  absl::Status kept_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ProductWriter> PostgresStore::WriteProducts() {
  absl::StatusOr<Slot> slot = TakeSlot(writers_, kMaxWriters, "long streams of products");
  const absl::Status refused = slot.status();
  std::shared_ptr<void> held;
  if (slot.ok()) held = *std::move(slot);
  return std::make_unique<ChangeWriter>(refused, std::move(held),
                                        [this](const v1::UpsertProductsRequest& request) { return Upsert(request); });
}

}  // namespace mannequin

// Long streams of products: changes of some thousand each, one under way while the next is gathered.
#include <pthread.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"
#include "services/store/postgres/postgres_store.h"
#include "services/store/validate.h"

namespace mannequin {
namespace {

// Enough that round trips and the commit do not count.
constexpr int kProductsInChange = 4'000;
// Each holds two changes and a connection.
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
    if (gathered_.products_size() < kProductsInChange) return absl::OkStatus();
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
    ASSIGN_OR_RETURN(const v1::UpsertProductsResponse counts, keep_(in_work_));
    sum_.set_created(sum_.created() + counts.created());
    sum_.set_updated(sum_.updated() + counts.updated());
    sum_.set_unchanged(sum_.unchanged() + counts.unchanged());
    return absl::OkStatus();
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

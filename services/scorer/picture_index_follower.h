// Keeps a PictureIndex of the honest products in the store: those whose kept verdict is CLEAN by the bundle that
// judges now, and not one that a reviewer called ABUSE.
//
//   PictureIndexFollower pictures(store);
//   pictures.Start();
//   pictures.Follow("b-01J9...");                       // the bundle was taken: its verdicts are read
//   pictures.Refresh();                                 // a ScoreCatalog wrote many: they are read again
//   absl::StatusOr<std::shared_ptr<const PictureIndex>> index = pictures.Of(verdict.bundle_version());
//
// All CLEAN verdicts are read, a thousand at a time, on a thread of its own; meanwhile the index in hand answers.
// Single listings that are kept in between are found after the next reading. While the store is away it is asked again
// every `retry`.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/store/product_store.h"
#include "services/scorer/picture_index.h"

namespace mannequin {

struct PictureIndexFollowerOptions {
  std::size_t max_products = PictureIndex::kMaxProducts;
  absl::Duration retry = absl::Seconds(5);
};

// Thread-safe.
class PictureIndexFollower {
 public:
  // `store` outlives this.
  explicit PictureIndexFollower(ProductStore& store, const PictureIndexFollowerOptions& options = {});
  // Stops.
  ~PictureIndexFollower();

  void Start();
  // A reading under way ends after its page. Idempotent.
  void Stop();

  void Follow(const std::string& bundle_version);
  void Refresh();

  // Never waits. FAILED_PRECONDITION when no honest product was scored with that bundle; UNAVAILABLE while its verdicts
  // are being read for the first time; the store's error when they could not be.
  absl::StatusOr<std::shared_ptr<const PictureIndex>> Of(const std::string& bundle_version) const;

 private:
  void Loop();
  bool IsWanted(const std::string& bundle_version) const;
  // CANCELLED when another bundle is followed meanwhile, or this stops.
  absl::StatusOr<std::shared_ptr<const PictureIndex>> Read(const std::string& bundle_version) const;

  ProductStore& store_;
  const PictureIndexFollowerOptions options_;
  mutable absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool due_ ABSL_GUARDED_BY(mutex_) = false;
  std::string followed_ ABSL_GUARDED_BY(mutex_);
  absl::Status failed_ ABSL_GUARDED_BY(mutex_);  // of the last reading
  std::shared_ptr<const PictureIndex> index_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace mannequin

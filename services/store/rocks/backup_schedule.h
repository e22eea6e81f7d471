// Backups that a store makes by itself, as its configuration says.
//
//   ASSIGN_OR_RETURN(auto schedule, BackupSchedule::Start(*store, config.backup(), Clock::Real()));
//   ...
//   store->Stop();   // first, lest one that is under way is waited for
//   schedule.reset();
//
// A backup is due `every_minutes` after the begin of the folder's newest one, so a restart
// puts none off. One that fails is logged, counted and tried again after ten minutes at
// most.
//
//   mannequin_store_backups_total{outcome}           counter; "made" or "failed"
//   mannequin_store_last_backup_timestamp_seconds    gauge; the newest good one's begin, 0
//                                                    when the folder has none
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/steady.h"
#include "common/store/product_store.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin {

// On a thread of its own.
class BackupSchedule {
 public:
  // Looks at the clock every `poll` of real time. `store` and `clock` must outlive it.
  // INVALID_ARGUMENT with the field and its bounds.
  static absl::StatusOr<std::unique_ptr<BackupSchedule>> Start(ProductStore& store,
                                                               const config::v1::BackupSchedule& config,
                                                               const Clock& clock,
                                                               absl::Duration poll = absl::Seconds(1));
  // Waits for a backup that is under way.
  ~BackupSchedule();
  BackupSchedule(const BackupSchedule&) = delete;
  BackupSchedule& operator=(const BackupSchedule&) = delete;

 private:
  BackupSchedule(ProductStore& store, const config::v1::BackupSchedule& config, const Clock& clock,
                 absl::Duration poll);
  void Loop();
  bool Due() const;
  void MakeBackup();

  ProductStore& store_;
  const config::v1::BackupSchedule config_;
  const absl::Duration every_;
  const Clock& clock_;
  const absl::Duration poll_;
  // Of the thread.
  absl::Time begun_ = absl::InfinitePast();  // the last try
  absl::Time due_ = absl::InfinitePast();

  SteadyNotification stop_;
  std::thread thread_;
};

}  // namespace mannequin

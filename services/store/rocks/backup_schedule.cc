#include "services/store/rocks/backup_schedule.h"

#include <pthread.h>

#include <algorithm>
#include <vector>

#include "common/base/status_macros.h"
#include "common/rpc/metrics.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "services/store/rocks/backup.h"
#include "services/store/validate.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr absl::Duration kRetry = absl::Minutes(10);
constexpr int kMaxMinutes = 10'080;
constexpr int kMaxKeep = 1000;
constexpr int kDefaultKeep = 7;

struct Metrics {
  prometheus::Family<prometheus::Counter>& backups = prometheus::BuildCounter()
                                                         .Name("mannequin_store_backups_total")
                                                         .Help("Backups of the schedule by what became of them")
                                                         .Register(*rpc::MetricsRegistry());
  prometheus::Counter& made = backups.Add({{"outcome", "made"}});
  prometheus::Counter& failed = backups.Add({{"outcome", "failed"}});
  prometheus::Gauge& last = prometheus::BuildGauge()
                                .Name("mannequin_store_last_backup_timestamp_seconds")
                                .Help("When the newest good backup was begun")
                                .Register(*rpc::MetricsRegistry())
                                .Add({});
};

Metrics& All() {
  static auto& metrics = *new Metrics;
  return metrics;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BackupSchedule>> BackupSchedule::Start(ProductStore& store,
                                                                      const config::v1::BackupSchedule& config,
                                                                      const Clock& clock, absl::Duration poll) {
  RETURN_IF_ERROR(store::CheckText("backup.folder", config.folder(), 1, 4096));
  RETURN_IF_ERROR(store::CheckCount("backup.every_minutes", config.every_minutes(), 1, kMaxMinutes));
  RETURN_IF_ERROR(store::CheckCount("backup.keep", config.keep(), 0, kMaxKeep));
  std::unique_ptr<BackupSchedule> schedule(new BackupSchedule(store, config, clock, poll));
  schedule->thread_ = std::thread([raw = schedule.get()] { raw->Loop(); });
  return schedule;
}

BackupSchedule::BackupSchedule(ProductStore& store, const config::v1::BackupSchedule& config, const Clock& clock,
                               absl::Duration poll)
    : store_(store), config_(config), every_(absl::Minutes(config.every_minutes())), clock_(clock), poll_(poll) {}

BackupSchedule::~BackupSchedule() {
  stop_.Notify();
  if (thread_.joinable()) thread_.join();
}

void BackupSchedule::Loop() {
  pthread_setname_np(pthread_self(), "backup-schedule");
  const absl::StatusOr<std::vector<BackupRecord>> records = ListBackups(config_.folder());
  if (records.ok() && !records->back().damaged) {
    begun_ = records->back().time;
    due_ = begun_ + every_;
    All().last.Set(absl::ToDoubleSeconds(begun_ - absl::UnixEpoch()));
  }
  do {
    if (Due()) MakeBackup();
  } while (!stop_.WaitFor(poll_));
}

bool BackupSchedule::Due() const {
  const absl::Time now = clock_.Now();
  // A clock that was set back must not put backups off until it is where it was.
  return now >= due_ || now < begun_;
}

void BackupSchedule::MakeBackup() {
  begun_ = clock_.Now();
  v1::CreateBackupRequest request;
  request.set_folder(config_.folder());
  request.set_keep(config_.keep() == 0 ? kDefaultKeep : config_.keep());
  const absl::StatusOr<v1::CreateBackupResponse> made = store_.CreateBackup(request, nullptr);
  if (!made.ok()) {
    due_ = begun_ + std::min(every_, kRetry);
    All().failed.Increment();
    spdlog::error("scheduled backup: {}", std::string(made.status().message()));
    return;
  }
  due_ = begun_ + every_;
  All().made.Increment();
  All().last.Set(absl::ToDoubleSeconds(begun_ - absl::UnixEpoch()));
  spdlog::info("backup {} made in {}: {} bytes, {} of them written now", made->backup_id(), config_.folder(),
               made->size_bytes(), made->written_bytes());
}

}  // namespace mannequin

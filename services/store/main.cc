// mannequin-store: the store as a process of its own. See README.md.
#include <memory>

#include "common/base/status_macros.h"
#include "common/rpc/server.h"
#include "common/rpc/service_main.h"
#include "services/store/catalog_metrics.h"
#include "services/store/open_store.h"
#include "services/store/rocks/backup_schedule.h"
#include "services/store/store_service.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

absl::Status Serve(const config::v1::StoreConfig& config) {
  ASSIGN_OR_RETURN(const std::unique_ptr<RecordStore> store, OpenStore(config, Clock::Real()));
  std::unique_ptr<BackupSchedule> schedule;
  if (config.has_backup()) {
    ASSIGN_OR_RETURN(schedule, BackupSchedule::Start(*store, config.backup(), Clock::Real()));
  }
  const CatalogMetrics metrics(*store);
  StoreService service(*store);
  ASSIGN_OR_RETURN(const std::unique_ptr<rpc::Server> server, rpc::Server::Start("store", config.server(), {&service}));
  server->SetServing(true);
  spdlog::info("serving on {}", server->address());
  rpc::WaitForSignal();
  store->Stop();
  server->Drain();
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  mannequin::config::v1::StoreConfig config;
  return mannequin::rpc::ServiceMain(
      argc, argv, {"store", "Keeps products, images, embeddings, jobs, placeholders and verdicts.", {}}, &config,
      [&] { return mannequin::Serve(config); });
}

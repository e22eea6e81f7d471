#include "services/mannequin/suite.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/server.h"
#include "services/console/console_server.h"
#include "services/embedder/embedder_service.h"
#include "services/fetcher/fetcher_service.h"
#include "services/generator/generator_service.h"
#include "services/mannequin/shipped_bundle.h"
#include "services/scorer/scorer_service.h"
#include "services/store/catalog_metrics.h"
#include "services/store/rocks/backup_schedule.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/store_service.h"
#include "services/trainer/trainer_service.h"

namespace mannequin {
namespace {

config::v1::StoreConfig StoreConfigOf(const SuiteOptions& options) {
  config::v1::StoreConfig config;
  config.set_data(options.data + "/store");
  return config;
}

config::v1::FetcherConfig FetcherConfigOf(const SuiteOptions& options) {
  config::v1::FetcherConfig config;
  for (const std::string& range : options.allow_addresses) config.add_allow_addresses(range);
  return config;
}

// The services that load bundles share these names.
template <typename Config>
Config WithBundles(const SuiteOptions& options) {
  Config config;
  config.set_bundles(options.data + "/bundles");
  return config;
}

template <typename Config>
Config WithDevice(const SuiteOptions& options) {
  Config config = WithBundles<Config>(options);
  config.set_device(options.device);
  return config;
}

config::v1::EmbedderConfig EmbedderConfigOf(const SuiteOptions& options) {
  auto config = WithBundles<config::v1::EmbedderConfig>(options);
  config.set_index(options.data + "/index");
  return config;
}

config::v1::TrainerConfig TrainerConfigOf(const SuiteOptions& options) {
  auto config = WithDevice<config::v1::TrainerConfig>(options);
  config.set_work(options.data + "/training");
  config.set_program(options.trainer_program);
  return config;
}

}  // namespace

// Members are destroyed in reverse: the console before the server that it calls, the
// services before the store that they use.
struct Suite::Impl {
  Impl(const SuiteOptions& options, std::unique_ptr<RocksStore> opened)
      : store(std::move(opened)),
        catalog_metrics(*store),
        store_service(*store),
        fetcher(*store, FetcherConfigOf(options)),
        embedder(*store, EmbedderConfigOf(options)),
        trainer(*store, TrainerConfigOf(options)),
        generator(*store, WithDevice<config::v1::GeneratorConfig>(options)),
        scorer(*store, WithDevice<config::v1::ScorerConfig>(options)),
        bundles(options.data + "/bundles") {}

  std::unique_ptr<RocksStore> store;
  std::unique_ptr<BackupSchedule> backups;
  CatalogMetrics catalog_metrics;
  StoreService store_service;
  FetcherService fetcher;
  EmbedderService embedder;
  TrainerService trainer;
  GeneratorService generator;
  ScorerService scorer;
  BundleFolder bundles;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<ConsoleServer> console;
  std::string console_address;
  bool stopped = false;
};

absl::StatusOr<std::unique_ptr<Suite>> Suite::Start(const SuiteOptions& options) {
  if (options.data.empty()) return absl::InvalidArgumentError("--data: give a folder");
  if (options.server.has_access() && options.server.access().tokens_file().empty() && !options.console_listen.empty() &&
      options.console_token_file.empty()) {
    return absl::InvalidArgumentError(
        "access: the console would let everybody in who reaches its port; set tokens_file, so that its readers have "
        "tokens, or give --console-token-file FILE, or --console-listen \"\" for none");
  }
  std::error_code error;
  for (const char* folder : {"", "/bundles", "/training"}) {
    std::filesystem::create_directories(options.data + folder, error);
    if (error) {
      return absl::Status(absl::ErrnoToStatusCode(error.value()),
                          absl::StrCat("--data: cannot make ", options.data, folder, ": ", error.message(),
                                       "; choose a folder that can be written"));
    }
  }
  InitImages();
  ASSIGN_OR_RETURN(std::unique_ptr<RocksStore> store, RocksStore::Open(StoreConfigOf(options), Clock::Real()));
  auto impl = std::make_unique<Impl>(options, std::move(store));
  if (options.shipped_bundle) RETURN_IF_ERROR(InstallShippedBundle(impl->bundles).status());
  if (!options.backup.folder().empty()) {
    ASSIGN_OR_RETURN(impl->backups, BackupSchedule::Start(*impl->store, options.backup, Clock::Real()));
  }

  config::v1::ServerConfig server = options.server;
  server.set_listen(options.listen);
  server.set_admin_listen(options.admin_listen);
  ASSIGN_OR_RETURN(impl->server, rpc::Server::Start("mannequin", server,
                                                    {&impl->store_service, &impl->fetcher, &impl->embedder,
                                                     &impl->trainer, &impl->generator, &impl->scorer}));
  const std::shared_ptr<grpc::Channel> channel = impl->server->InProcessChannel();
  impl->scorer.Reach(channel, impl->server->address());
  if (!options.console_listen.empty()) {
    config::v1::ConsoleConfig console;
    console.set_listen(options.console_listen);
    console.set_token_file(options.console_token_file);
    if (options.console_token_file.empty()) console.set_tokens_file(options.server.access().tokens_file());
    if (const std::string& admin = impl->server->admin_address(); !admin.empty()) {
      console.add_metrics(absl::StrCat("http://", admin, "/metrics"));
    }
    ASSIGN_OR_RETURN(impl->console,
                     ConsoleServer::Start(console, {channel, channel, channel, channel, channel, channel}));
    impl->console_address = impl->console->address();
  }
  impl->fetcher.Start();
  impl->embedder.Start();
  impl->trainer.Start();
  impl->generator.Start();
  impl->scorer.Start();
  impl->server->SetServing(true);
  return std::make_unique<Suite>(std::move(impl));
}

Suite::Suite(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Suite::~Suite() { Stop(); }

void Suite::Stop() {
  if (std::exchange(impl_->stopped, true)) return;
  if (impl_->console) impl_->console->Stop();
  impl_->store->Stop();
  impl_->server->Drain();
  impl_->scorer.Stop();
  impl_->generator.Stop();
  impl_->trainer.Stop();
  impl_->embedder.Stop();
  impl_->fetcher.Stop();
}

ProductStore& Suite::store() { return *impl_->store; }
BundleFolder Suite::bundles() const { return impl_->bundles; }
const std::string& Suite::address() const { return impl_->server->address(); }
const std::string& Suite::admin_address() const { return impl_->server->admin_address(); }
const std::string& Suite::console_address() const { return impl_->console_address; }

}  // namespace mannequin

#include "common/rpc/server.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/rpc/access_control.h"
#include "common/rpc/address.h"
#include "common/rpc/admin_http.h"
#include "common/rpc/audit_log.h"
#include "common/rpc/call_interceptors.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_log.h"
#include "common/rpc/tls.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "spdlog/spdlog.h"

namespace mannequin::rpc {
namespace {

constexpr int kDefaultMaxMessageBytes = 32 << 20;
constexpr int kDefaultDrainMs = 10'000;
// A server that drains waits until no call has come for so long, and no longer than that.
constexpr absl::Duration kQuiet = absl::Milliseconds(200);
constexpr absl::Duration kLongestWait = absl::Seconds(3);
constexpr int kTlsConnectionAgeMs = 3'600'000;

sigset_t HandledSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Where calls that change something are noted; null: nowhere.
absl::StatusOr<std::unique_ptr<AuditLog>> OpenAudit(absl::string_view name, const config::v1::ServerConfig& config) {
  const std::string file = config.audit_file().empty() && config.has_access() ? "-" : config.audit_file();
  if (file.empty()) return nullptr;
  return AuditLog::Open(file, std::string(name));
}

// When calls come, and whether clients watch the server's health: those go elsewhere once it says NOT_SERVING.
class Arrivals {
 public:
  void Note(absl::string_view method) {
    last_ns_.store(absl::ToUnixNanos(SteadyNow()), std::memory_order_relaxed);
    if (method == "/grpc.health.v1.Health/Watch") watched_.store(true, std::memory_order_relaxed);
  }
  bool watched() const { return watched_.load(std::memory_order_relaxed); }
  bool quiet() const { return SteadyNow() - absl::FromUnixNanos(last_ns_.load(std::memory_order_relaxed)) >= kQuiet; }

 private:
  std::atomic<std::int64_t> last_ns_{0};
  std::atomic<bool> watched_{false};
};

class NoteArrival : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit NoteArrival(Arrivals& arrivals) : arrivals_(arrivals) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(grpc::experimental::ServerRpcInfo* info) override {
    arrivals_.Note(info->method());
    return nullptr;
  }

 private:
  Arrivals& arrivals_;
};

}  // namespace

void BlockSignals() {
  const sigset_t set = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int WaitForSignal() {
  const sigset_t set = HandledSignals();
  int signal = 0;
  do {
    sigwait(&set, &signal);
  } while (signal == SIGHUP);  // a closed terminal does not end a server
  return signal;
}

struct Server::Impl {
  std::string name;
  std::string address;
  absl::Duration drain;
  std::atomic<bool> serving{false};
  std::atomic<bool> drained{false};
  Arrivals arrivals;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<AccessControl> access;
  std::unique_ptr<AdminHttp> admin;
  std::unique_ptr<grpc::Server> grpc;
};

absl::StatusOr<std::unique_ptr<Server>> Server::Start(absl::string_view name, const config::v1::ServerConfig& config,
                                                      const std::vector<grpc::Service*>& services) {
  ASSIGN_OR_RETURN(HostPort where, ParseAddress(config.listen(), "listen"));
  if (where.port != 0) RETURN_IF_ERROR(CheckCanListen(where, "listen"));
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials, ServerCredentialsOf(config));
#ifdef NDEBUG
  // Debian builds Abseil with its lock-order checks on. A debug build keeps them.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  LogGrpcAsOurs();
  auto impl = std::make_unique<Impl>();
  impl->name = std::string(name);
  ASSIGN_OR_RETURN(impl->audit, OpenAudit(name, config));
  if (config.has_access()) {
    ASSIGN_OR_RETURN(impl->access, AccessControl::Open(config.access()));
    credentials->SetAuthMetadataProcessor(NewAccessProcessor(*impl->access, impl->audit.get()));
  } else if (config.tls_client_ca_file().empty() && !IsLoopback(where)) {
    spdlog::warn("listen: everybody who reaches {} may call everything; set access (and tls_certificate_file)",
                 config.listen());
  }
  impl->drain = absl::Milliseconds(config.drain_ms() > 0 ? config.drain_ms() : kDefaultDrainMs);

  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  const int max_message = config.max_message_bytes() > 0 ? config.max_message_bytes() : kDefaultMaxMessageBytes;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(config.listen(), credentials, &port);
  builder.SetMaxReceiveMessageSize(max_message);
  builder.SetMaxSendMessageSize(max_message);
  // A thread that has answered stays to take the next call: by default all but two end, and under load threads are made
  // and ended by the thousand.
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 32);
  // Off: with it two processes could listen on one port and share its calls by chance.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  if (!config.tls_certificate_file().empty()) {
    // A connection keeps the certificates that it began with: now and then it begins anew. Calls on it end as they
    // would.
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kTlsConnectionAgeMs);
  }
  auto interceptors = MetricsInterceptors();
  interceptors.push_back(NewCallInterceptor(impl->access.get(), impl->audit.get()));
  interceptors.push_back(std::make_unique<NoteArrival>(impl->arrivals));
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  for (grpc::Service* service : services) builder.RegisterService(service);
  impl->grpc = builder.BuildAndStart();
  if (!impl->grpc || port == 0) {
    return absl::UnavailableError(absl::StrCat("listen: cannot listen on ", config.listen()));
  }
  impl->address = absl::StrCat(where.host, ":", port);
  impl->grpc->GetHealthCheckService()->SetServingStatus(false);
  if (!config.admin_listen().empty()) {
    absl::StatusOr<std::unique_ptr<AdminHttp>> admin = AdminHttp::Start(config.admin_listen(), impl->serving);
    if (!admin.ok()) {
      impl->grpc->Shutdown(std::chrono::system_clock::now());
      return admin.status();
    }
    impl->admin = *std::move(admin);
  }
  return std::make_unique<Server>(std::move(impl));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { Drain(); }

void Server::SetServing(bool serving) {
  impl_->serving = serving;
  impl_->grpc->GetHealthCheckService()->SetServingStatus(serving);
  spdlog::info("{} {} on {}", impl_->name, serving ? "serving" : "not serving", impl_->address);
}

void Server::Drain() {
  if (impl_->drained.exchange(true)) return;
  SetServing(false);
  // gRPC cancels what has come and was not begun when it shuts down: first let those who watch leave.
  const absl::Time begin = SteadyNow();
  while (impl_->arrivals.watched() && !impl_->arrivals.quiet() && SteadyNow() < begin + kLongestWait) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  if (impl_->arrivals.watched())
    spdlog::info("{} drained for {}", impl_->name, absl::FormatDuration(SteadyNow() - begin));
  impl_->grpc->Shutdown(absl::ToChronoTime(WallNow() + impl_->drain));
  impl_->grpc->Wait();
}

std::shared_ptr<grpc::Channel> Server::InProcessChannel() {
  return impl_->grpc->experimental().InProcessChannelWithInterceptors(ChannelArguments(), ClientInterceptors());
}

const std::string& Server::address() const { return impl_->address; }

const std::string& Server::admin_address() const {
  static const std::string none;
  return impl_->admin ? impl_->admin->address() : none;
}

}  // namespace mannequin::rpc

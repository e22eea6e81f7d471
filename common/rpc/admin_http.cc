#include "common/rpc/admin_http.h"

#include <httplib.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/rpc/address.h"
#include "common/rpc/metrics.h"
#include "prometheus/text_serializer.h"

namespace mannequin::rpc {

struct AdminHttp::Impl {
  httplib::Server http;
  std::string address;
  std::thread thread;
};

absl::StatusOr<std::unique_ptr<AdminHttp>> AdminHttp::Start(const std::string& address,
                                                            const std::atomic<bool>& ready) {
  ASSIGN_OR_RETURN(HostPort where, ParseAddress(address, "admin_listen"));
  if (where.port != 0) RETURN_IF_ERROR(CheckCanListen(where, "admin_listen"));
  auto impl = std::make_unique<Impl>();
  // The default would be SO_REUSEPORT: two processes on one port, probed at random.
  impl->http.set_socket_options([](int fd) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  impl->http.new_task_queue = [] { return new httplib::ThreadPool(2); };
  impl->http.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("ok\n", "text/plain");
  });
  impl->http.Get("/readyz", [&ready](const httplib::Request&, httplib::Response& response) {
    response.status = ready ? 200 : 503;
    response.set_content(ready ? "ready\n" : "not serving\n", "text/plain");
  });
  impl->http.Get("/metrics", [](const httplib::Request&, httplib::Response& response) {
    response.set_content(prometheus::TextSerializer().Serialize(MetricsRegistry()->Collect()),
                         "text/plain; version=0.0.4");
  });
  if (where.port == 0) {
    where.port = impl->http.bind_to_any_port(where.host);
    if (where.port < 0) return absl::UnavailableError(absl::StrCat("admin_listen: cannot listen on ", address));
  } else if (!impl->http.bind_to_port(where.host, where.port)) {
    return absl::AlreadyExistsError(absl::StrCat("admin_listen: cannot listen on ", address));
  }
  impl->address = absl::StrCat(where.host, ":", where.port);
  impl->thread = std::thread([http = &impl->http] { http->listen_after_bind(); });
  // stop() is lost on a server that does not run yet.
  while (!impl->http.is_running()) std::this_thread::yield();
  return std::make_unique<AdminHttp>(std::move(impl));
}

AdminHttp::AdminHttp(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminHttp::~AdminHttp() {
  impl_->http.stop();
  impl_->thread.join();
}

const std::string& AdminHttp::address() const { return impl_->address; }

}  // namespace mannequin::rpc

#include "services/mannequin/origin/origin.h"

#include <httplib.h>

#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"

namespace mannequin {
namespace {

constexpr const char* kLoopback = "127.0.0.1";
// cpp-httplib gives a connection a thread for as long as it stays open, so the pool is
// what bounds the connections.
constexpr std::size_t kConnections = 256;
constexpr std::size_t kRequestsAConnection = 1'000'000;

// Whether every part of "/a/b.jpg" is a plain name: no "..", no hidden file, no NUL.
bool IsPlain(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/") || absl::StrContains(path, absl::string_view("\0", 1))) return false;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part[0] == '.') return false;
  }
  return true;
}

const char* MediaType(absl::string_view path, absl::string_view body) {
  if (absl::StartsWith(body, "<")) return "text/html";
  if (absl::EndsWith(path, ".png")) return "image/png";
  if (absl::EndsWith(path, ".webp")) return "image/webp";
  if (absl::EndsWith(path, ".gif")) return "image/gif";
  return "image/jpeg";
}

}  // namespace

class Origin::Server {
 public:
  explicit Server(std::string folder) : folder_(std::move(folder)) {
    http_.new_task_queue = [] { return new httplib::ThreadPool(kConnections); };  // cpp-httplib deletes it
    http_.set_keep_alive_max_count(kRequestsAConnection);
    http_.set_tcp_nodelay(true);
    // Its default, SO_REUSEPORT, would let two servers share a port and its requests.
    http_.set_socket_options([this](socket_t socket) {
      socket_ = socket;
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
    http_.Get(".*",
              [this](const httplib::Request& request, httplib::Response& response) { Answer(request, response); });
  }

  ~Server() {
    http_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(int port) {
    port_ = port == 0 ? http_.bind_to_any_port(kLoopback) : (http_.bind_to_port(kLoopback, port) ? port : -1);
    if (port_ <= 0) {
      return absl::UnavailableError(
          absl::StrCat("origin: cannot listen at ", kLoopback, ":", port, "; is the port taken? choose another"));
    }
    // cpp-httplib lets five connections wait. A crawler opens more at once, and each that
    // is turned away comes again only after a second, then three, then seven.
    listen(socket_, kConnections);
    thread_ = std::thread([this] { http_.listen_after_bind(); });
    // stop() before the accept loop runs would be lost.
    while (!http_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

  int port() const { return port_; }

 private:
  void Answer(const httplib::Request& request, httplib::Response& response) const {
    const std::string path = folder_ + request.path;
    std::error_code error;
    if (!IsPlain(request.path) || !std::filesystem::is_regular_file(path, error)) {
      response.status = 404;
      return;
    }
    absl::StatusOr<std::string> body = ReadFile(path);
    if (!body.ok()) {
      response.status = absl::IsNotFound(body.status()) ? 404 : 500;
      return;
    }
    const char* type = MediaType(path, *body);
    response.set_content(*std::move(body), type);
  }

  const std::string folder_;
  httplib::Server http_;
  std::thread thread_;
  socket_t socket_ = -1;
  int port_ = 0;
};

absl::StatusOr<std::unique_ptr<Origin>> Origin::Start(const std::string& folder, int port) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    return absl::NotFoundError(absl::StrCat("origin: ", folder, " is not a folder"));
  }
  auto server = std::make_unique<Server>(folder);
  if (absl::Status status = server->Listen(port); !status.ok()) return status;
  return std::unique_ptr<Origin>(new Origin(std::move(server)));
}

Origin::Origin(std::unique_ptr<Server> server) : server_(std::move(server)) {}
Origin::~Origin() = default;

int Origin::port() const { return server_->port(); }
std::string Origin::address() const { return absl::StrCat(kLoopback, ":", port()); }

}  // namespace mannequin

#include "tests/origin/crawl_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/origin/answer.h"
#include "tests/origin/event_loop.h"
#include "tests/origin/ledger.h"
#include "tests/origin/pictures.h"

namespace mannequin {
namespace {

constexpr int kBacklog = 16384;
constexpr int kMaxHosts = 65'536;
constexpr int kMaxThreads = 64;

std::uint32_t AddressOf(int host) { return INADDR_LOOPBACK + static_cast<std::uint32_t>(host); }

std::string TextOf(std::uint32_t address) {
  return absl::StrCat(address >> 24, ".", address >> 16 & 255, ".", address >> 8 & 255, ".", address & 255);
}

// `port` 0 becomes the one that was free.
absl::StatusOr<int> Listen(std::uint32_t address, int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(address);
  name.sin_port = htons(static_cast<std::uint16_t>(port));
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 || listen(fd, kBacklog) != 0) {
    const std::string words = std::strerror(errno);
    if (fd >= 0) close(fd);
    return absl::UnavailableError(absl::StrCat("listening on ", TextOf(address), ":", port, ": ", words));
  }
  socklen_t size = sizeof name;
  getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
  port = ntohs(name.sin_port);
  return fd;
}

absl::Status InRange(absl::string_view what, double value, double least, double most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", value, "; expected ", least, " to ", most));
}

absl::Status Validate(const CrawlOriginOptions& options) {
  RETURN_IF_ERROR(InRange("port", options.port, 0, 65'535));
  RETURN_IF_ERROR(InRange("hosts", options.hosts, 1, kMaxHosts));
  RETURN_IF_ERROR(InRange("slow hosts", options.slow_hosts, 0, options.hosts));
  RETURN_IF_ERROR(InRange("threads", options.threads, 1, kMaxThreads));
  RETURN_IF_ERROR(InRange("share of faults", options.faults.share, 0, 1));
  RETURN_IF_ERROR(InRange("share of missing", options.faults.missing, 0, 1));
  return InRange("share of redirected", options.faults.redirected, 0, 1);
}

}  // namespace

std::int64_t OriginCounts::AllFaults() const {
  return std::accumulate(faults.begin() + 1, faults.end(), std::int64_t{0});
}

struct CrawlOrigin::Impl {
  Impl(Pictures read, CrawlOriginOptions given)
      : options(std::move(given)), pictures(std::move(read)), answerer(pictures, options, ledger) {}

  absl::Status StartLoops() {
    for (int thread = 0; thread < options.threads; ++thread) {
      std::vector<EventLoop::Listener> listeners;
      for (int host = 0; host < options.hosts; ++host) {
        ASSIGN_OR_RETURN(const int fd, Listen(AddressOf(host), options.port));
        listeners.push_back({fd, host >= options.hosts - options.slow_hosts});
      }
      loops.push_back(std::make_unique<EventLoop>(std::move(listeners), answerer, ledger, options.latency));
    }
    return absl::OkStatus();
  }

  CrawlOriginOptions options;
  const Pictures pictures;
  Ledger ledger;
  const Answerer answerer;
  std::vector<std::unique_ptr<EventLoop>> loops;
};

CrawlOrigin::CrawlOrigin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CrawlOrigin::~CrawlOrigin() = default;

absl::StatusOr<std::unique_ptr<CrawlOrigin>> CrawlOrigin::Start(const std::string& folder, CrawlOriginOptions options) {
  RETURN_IF_ERROR(Validate(options));
  ASSIGN_OR_RETURN(Pictures pictures, ReadPictures(folder, options.etag));
  auto impl = std::make_unique<Impl>(std::move(pictures), std::move(options));
  RETURN_IF_ERROR(impl->StartLoops());
  return std::unique_ptr<CrawlOrigin>(new CrawlOrigin(std::move(impl)));
}

int CrawlOrigin::port() const { return impl_->options.port; }

std::string CrawlOrigin::Url(absl::string_view target, int host) const {
  return absl::StrCat("http://", TextOf(AddressOf(host)), ":", port(), target);
}

OriginCounts CrawlOrigin::Counts() const { return impl_->ledger.Counts(); }
std::map<std::string, TargetCounts> CrawlOrigin::Targets() const { return impl_->ledger.Targets(); }

}  // namespace mannequin

#include "tests/system/faulty_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace mannequin {
namespace {

constexpr int kPollMs = 20;

void Must(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::abort();
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int PortOf(const std::string& target) {
  int port = 0;
  Must(absl::SimpleAtoi(target.substr(target.rfind(':') + 1), &port), "FaultyProxy: a target without a port");
  return port;
}

}  // namespace

// Both ends of a connection; closed when the last pump lets go of it.
struct FaultyProxy::Pair {
  int client = -1, server = -1;
  std::atomic<bool> broken{false};
  ~Pair() {
    close(client);
    close(server);
  }
  // RST instead of FIN.
  void Break() {
    broken = true;
    const linger now{1, 0};
    for (const int end : {client, server}) {
      setsockopt(end, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
      shutdown(end, SHUT_RD);
    }
  }
};

FaultyProxy::FaultyProxy(const std::string& target) : target_port_(PortOf(target)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  Must(bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(listener_, 64) == 0 &&
           getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0,
       "FaultyProxy: listen");
  address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  accepter_ = std::thread([this] { Accept(); });
}

FaultyProxy::~FaultyProxy() {
  closing_ = true;
  accepter_.join();
  Reset();
  std::vector<std::thread> pumps;
  {
    absl::MutexLock lock(&mutex_);
    pumps.swap(pumps_);
  }
  for (std::thread& pump : pumps) pump.join();
  close(listener_);
}

void FaultyProxy::Reset() {
  absl::MutexLock lock(&mutex_);
  for (const std::shared_ptr<Pair>& pair : pairs_) pair->Break();
  pairs_.clear();
}

void FaultyProxy::Accept() {
  while (!closing_) {
    pollfd waits{listener_, POLLIN, 0};
    if (poll(&waits, 1, kPollMs) <= 0) continue;
    auto pair = std::make_shared<Pair>();
    pair->client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    pair->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = Loopback(target_port_);
    // Nobody there: the caller sees its connection closed.
    if (connect(pair->server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) continue;
    absl::MutexLock lock(&mutex_);
    pairs_.push_back(pair);
    pumps_.emplace_back([this, pair] { Pump(pair, pair->client, pair->server); });
    pumps_.emplace_back([this, pair] { Pump(pair, pair->server, pair->client); });
  }
}

void FaultyProxy::Pump(const std::shared_ptr<Pair>& pair, int from, int to) {
  std::vector<char> buffer(64 << 10);
  while (!closing_ && !pair->broken) {
    pollfd waits{from, POLLIN, 0};
    if (poll(&waits, 1, kPollMs) <= 0) continue;
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got <= 0) break;
    if (silent_) continue;
    absl::SleepFor(absl::Microseconds(delay_us_.load()));
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t more = send(to, buffer.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (more <= 0) return;
      sent += more;
    }
  }
  if (!pair->broken) shutdown(to, SHUT_WR);
}

}  // namespace mannequin

#include "tests/origin/event_loop.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"

namespace mannequin {
namespace {

constexpr std::size_t kMaxHeadBytes = 64 << 10;
constexpr absl::Duration kDrip = absl::Seconds(1);

void Watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

}  // namespace

struct EventLoop::Connection {
  enum class State { kReading, kWaiting, kSending, kStalled };

  int fd = -1;
  std::uint64_t serial = 0;
  bool slow = false;
  State state = State::kReading;
  // Requests that were answered.
  std::int64_t answered = 0;
  // Bytes have come while another request was being answered.
  bool readable = false;
  std::string received;
  Answer answer;
  std::size_t sent = 0;
};

EventLoop::EventLoop(std::vector<Listener> listeners, const Answerer& answerer, Ledger& ledger, absl::Duration latency)
    : answerer_(answerer),
      ledger_(ledger),
      latency_(latency),
      listeners_(std::move(listeners)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      timer_(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)),
      stop_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  for (const Listener& listener : listeners_) Watch(epoll_, listener.fd, EPOLLIN);
  Watch(epoll_, timer_, EPOLLIN);
  Watch(epoll_, stop_, EPOLLIN);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "crawl-origin");
    Run();
  });
}

EventLoop::~EventLoop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(stop_, &one, sizeof one);
  thread_.join();
  for (const auto& [fd, connection] : connections_) close(fd);
  for (const Listener& listener : listeners_) close(listener.fd);
  for (const int fd : {epoll_, timer_, stop_}) close(fd);
}

void EventLoop::Run() {
  std::unordered_map<int, const Listener*> listeners;
  for (const Listener& listener : listeners_) listeners.emplace(listener.fd, &listener);
  std::array<epoll_event, 512> events;
  for (;;) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == stop_) return;
      if (fd == timer_) {
        std::uint64_t expirations = 0;
        [[maybe_unused]] const ssize_t got = read(timer_, &expirations, sizeof expirations);
        timer_at_ = absl::InfiniteFuture();
      } else if (const auto listener = listeners.find(fd); listener != listeners.end()) {
        Accept(*listener->second);
      } else if (const auto found = connections_.find(fd); found != connections_.end()) {
        OnEvent(*found->second, events[i].events);
      }
    }
    RunDue();
    SetTimer();
  }
}

void EventLoop::Accept(const Listener& listener) {
  for (;;) {
    const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    auto connection = std::make_unique<Connection>();
    connection->fd = fd;
    connection->serial = next_serial_++;
    connection->slow = listener.slow;
    connections_[fd] = std::move(connection);
    ledger_.Opened();
    Watch(epoll_, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
  }
}

void EventLoop::OnEvent(Connection& connection, std::uint32_t events) {
  if (events & (EPOLLHUP | EPOLLERR)) return Close(connection, false);
  connection.readable |= (events & (EPOLLIN | EPOLLRDHUP)) != 0;
  if (connection.state == Connection::State::kReading) {
    if (connection.readable) Read(connection);
    return;
  }
  // A client that has gone is not kept waiting for.
  if (events & EPOLLRDHUP) return Close(connection, false);
  if ((events & EPOLLOUT) && connection.state == Connection::State::kSending && !connection.slow) Send(connection);
}

void EventLoop::Read(Connection& connection) {
  std::array<char, 16 << 10> bytes;
  while (connection.state == Connection::State::kReading) {
    if (const std::optional<RequestHead> head = ParseRequestHead(connection.received)) return Begin(connection, *head);
    if (!connection.readable) return;
    const ssize_t got = recv(connection.fd, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EAGAIN) {
      connection.readable = false;
      return;
    }
    if (got <= 0) return Close(connection, false);
    // Edge-triggered: what comes after a short read says so itself.
    connection.readable = got == static_cast<ssize_t>(bytes.size());
    connection.received.append(bytes.data(), static_cast<std::size_t>(got));
    if (connection.received.size() > kMaxHeadBytes) return Close(connection, true);
  }
}

void EventLoop::Begin(Connection& connection, const RequestHead& head) {
  connection.answer = answerer_.To(head, connection.answered > 0);
  connection.received.erase(0, head.bytes);
  connection.sent = 0;
  if (latency_ > absl::ZeroDuration()) {
    connection.state = Connection::State::kWaiting;
    return Later(connection, absl::Now() + latency_);
  }
  connection.state = Connection::State::kSending;
  connection.slow ? Drip(connection) : Send(connection);
}

void EventLoop::Send(Connection& connection) {
  if (connection.answer.then == Answer::Then::kReset) return Close(connection, true);
  const absl::string_view bytes = connection.answer.bytes();
  while (connection.sent < bytes.size()) {
    const ssize_t sent =
        send(connection.fd, bytes.data() + connection.sent, bytes.size() - connection.sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) return Close(connection, false);
    connection.sent += static_cast<std::size_t>(sent);
  }
  EndAnswer(connection);
}

void EventLoop::Drip(Connection& connection) {
  const absl::string_view bytes = connection.answer.bytes();
  if (connection.sent >= bytes.size()) return EndAnswer(connection);
  const ssize_t sent = send(connection.fd, bytes.data() + connection.sent, 1, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return Close(connection, false);
  connection.sent += sent > 0 ? 1 : 0;
  Later(connection, absl::Now() + kDrip);
}

void EventLoop::EndAnswer(Connection& connection) {
  ledger_.Answered(connection.answer.status, connection.answer.body_bytes);
  switch (connection.answer.then) {
    case Answer::Then::kReset:
      return Close(connection, true);
    case Answer::Then::kClose:
      return Close(connection, false);
    case Answer::Then::kStall:
      connection.state = Connection::State::kStalled;
      return;
    case Answer::Then::kNextRequest:
      break;
  }
  ledger_.Ended();
  ++connection.answered;
  connection.answer = Answer();
  connection.state = Connection::State::kReading;
  // The next one may be there already, without another event to say so. Later, so that
  // pipelined requests do not nest.
  if (connection.readable || !connection.received.empty()) Later(connection, absl::InfinitePast());
}

void EventLoop::Close(Connection& connection, bool reset) {
  if (connection.state != Connection::State::kReading) ledger_.Ended();
  ledger_.Closed();
  if (reset) {
    const linger at_once{1, 0};
    setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  const int fd = connection.fd;
  close(fd);
  connections_.erase(fd);
}

void EventLoop::Later(const Connection& connection, absl::Time at) {
  due_.push({at, connection.fd, connection.serial});
}

void EventLoop::RunDue() {
  while (!due_.empty()) {
    const Due due = due_.top();
    if (due.at > absl::Now()) return;
    due_.pop();
    const auto found = connections_.find(due.fd);
    if (found == connections_.end() || found->second->serial != due.serial) continue;
    Connection& connection = *found->second;
    switch (connection.state) {
      case Connection::State::kReading:
        Read(connection);
        break;
      case Connection::State::kWaiting:
        connection.state = Connection::State::kSending;
        connection.slow ? Drip(connection) : Send(connection);
        break;
      case Connection::State::kSending:
        if (connection.slow) Drip(connection);
        break;
      case Connection::State::kStalled:
        break;
    }
  }
}

void EventLoop::SetTimer() {
  if (due_.empty() || due_.top().at >= timer_at_) return;
  timer_at_ = due_.top().at;
  itimerspec spec{};
  spec.it_value = absl::ToTimespec(std::max(timer_at_ - absl::Now(), absl::Nanoseconds(1)));
  timerfd_settime(timer_, 0, &spec, nullptr);
}

}  // namespace mannequin

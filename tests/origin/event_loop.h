// One epoll thread of an origin: its listeners, their connections and what is due when.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "tests/origin/answer.h"
#include "tests/origin/ledger.h"

namespace mannequin {

class EventLoop {
 public:
  struct Listener {
    int fd = -1;
    // A byte a second.
    bool slow = false;
  };

  // Takes the listeners' descriptors. `answerer` and `ledger` must outlive it.
  EventLoop(std::vector<Listener> listeners, const Answerer& answerer, Ledger& ledger, absl::Duration latency);
  // Closes everything.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

 private:
  struct Connection;
  struct Due {
    absl::Time at;
    int fd;
    // A descriptor comes again with another connection; a serial does not.
    std::uint64_t serial;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  void Run();
  void Accept(const Listener& listener);
  void OnEvent(Connection& connection, std::uint32_t events);
  // Takes requests until one has to wait. The connection may be gone afterwards, as after
  // each of the following.
  void Read(Connection& connection);
  void Begin(Connection& connection, const RequestHead& head);
  void Send(Connection& connection);
  void Drip(Connection& connection);
  void EndAnswer(Connection& connection);
  void Close(Connection& connection, bool reset);
  void Later(const Connection& connection, absl::Time at);
  void RunDue();
  void SetTimer();

  const Answerer& answerer_;
  Ledger& ledger_;
  const absl::Duration latency_;
  const std::vector<Listener> listeners_;
  int epoll_ = -1;
  int timer_ = -1;
  int stop_ = -1;

  // The thread's alone.
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  absl::Time timer_at_ = absl::InfiniteFuture();
  std::uint64_t next_serial_ = 1;

  std::thread thread_;
};

}  // namespace mannequin

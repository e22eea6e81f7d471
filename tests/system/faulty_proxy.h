// A line between two services that is slow, silent or broken when a test says so: TCP on 127.0.0.1, both ways.
//
//   FaultyProxy line("127.0.0.1:8601");
//   Connect(line.address());
//   line.SetDelay(absl::Milliseconds(500));   // each piece, each way
//   line.Reset();                             // every open connection, now, by RST
//   line.SetSilent(true);                     // takes bytes and passes none on
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mannequin {

// Thread-safe. Ends the process when it cannot listen.
class FaultyProxy {
 public:
  // `target`: "127.0.0.1:PORT".
  explicit FaultyProxy(const std::string& target);
  ~FaultyProxy();
  FaultyProxy(const FaultyProxy&) = delete;
  FaultyProxy& operator=(const FaultyProxy&) = delete;

  const std::string& address() const { return address_; }
  void SetDelay(absl::Duration delay) { delay_us_ = absl::ToInt64Microseconds(delay); }
  void SetSilent(bool silent) { silent_ = silent; }
  void Reset();

 private:
  struct Pair;
  void Accept();
  void Pump(const std::shared_ptr<Pair>& pair, int from, int to);

  const int target_port_;
  int listener_ = -1;
  std::string address_;
  std::atomic<std::int64_t> delay_us_{0};
  std::atomic<bool> silent_{false};
  std::atomic<bool> closing_{false};
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<Pair>> pairs_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> pumps_ ABSL_GUARDED_BY(mutex_);
  std::thread accepter_;
};

}  // namespace mannequin

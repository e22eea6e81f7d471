// Work that is done at once and then again and again, on a thread of its own.
//
//   Periodic metrics("store-metrics", absl::Seconds(10), [this] { Read(); });
#pragma once

#include <pthread.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "common/base/steady.h"

namespace mannequin {

class Periodic {
 public:
  // `work` has been done once when this returns, on the caller's thread; then `pause` lies between its end and its next
  // begin. `name` is the thread's, at most 15 bytes.
  Periodic(std::string name, absl::Duration pause, std::function<void()> work) {
    work();
    thread_ = std::thread([this, name = std::move(name), pause, work = std::move(work)] {
      pthread_setname_np(pthread_self(), name.c_str());
      while (!stop_.WaitFor(pause)) work();
    });
  }
  // Waits for the work that is under way.
  ~Periodic() {
    stop_.Notify();
    thread_.join();
  }
  Periodic(const Periodic&) = delete;
  Periodic& operator=(const Periodic&) = delete;

 private:
  SteadyNotification stop_;
  std::thread thread_;
};

}  // namespace mannequin

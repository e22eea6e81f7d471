// Long calls of libraries that say nothing on the way: the caller's thread tells how far
// they are.
//
//   const rocksdb::Status status = RunTicking("backup", [&] { return engine->CreateNewBackup(...); },
//                                             [&] { progress(written); });
#pragma once

#include <pthread.h>

#include <optional>
#include <thread>
#include <type_traits>

#include "absl/time/time.h"
#include "common/base/steady.h"

namespace mannequin::store {

// What `work` returns; it runs on a thread of that name (at most 15 bytes), while `tick`
// is called on this thread five times a second.
template <typename Work, typename Tick>
std::invoke_result_t<Work> RunTicking(const char* name, const Work& work, const Tick& tick) {
  std::optional<std::invoke_result_t<Work>> result;
  SteadyNotification done;
  std::thread thread([&] {
    pthread_setname_np(pthread_self(), name);
    result.emplace(work());
    done.Notify();
  });
  while (!done.WaitFor(absl::Milliseconds(200))) tick();
  thread.join();
  return *std::move(result);
}

}  // namespace mannequin::store

// One thread of the engine: libcurl's multi interface over epoll, for the hosts that fall
// to it. What may begin is HostSchedule's to say.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/fetcher/host_schedule.h"
#include "services/fetcher/robots_cache.h"
#include "services/fetcher/transfer_handle.h"

namespace mannequin {

class TransferLoop : public TransferEvents {
 public:
  struct Options {
    HostSchedule::Options schedule;
    // Open ones that are kept, idle ones included.
    int connections = 0;
    std::size_t robots_origins = 10'000;
    std::size_t robots_bytes = 64 << 20;
  };
  struct Hooks {
    // A redirect to another origin: to the loop that it falls to. Not counted as queued.
    std::function<void(PendingFetch)> route;
    // A slot is free that other loops wanted; their bits.
    std::function<void(std::uint64_t)> wake;
  };

  // `common` and `slots` must outlive it.
  TransferLoop(Options options, TransferCommon& common, HostSchedule::Slots& slots, Hooks hooks);
  ~TransferLoop() override;
  // Its thread begins.
  void Start();
  // Ends everything as cancelled. RequestStop() does not wait, Join() does.
  void RequestStop();
  void Join();

  // These are thread-safe. False after RequestStop(): nothing was taken.
  bool Submit(std::vector<PendingFetch>& fetches);
  void CancelAll();
  void Wake();
  TroubleReport Troubles() const;

 private:
  static int OnSocket(CURL* easy, curl_socket_t fd, int what, void* user, void* known);
  static int OnTimer(CURLM* multi, long timeout_ms, void* user);
  void OnConnecting(TransferHandle& transfer, AddressFilter::Verdict verdict) override;
  void OnSending(TransferHandle& transfer) override;

  void Run();
  // False: the loop ends.
  bool TakeInbox();
  void WaitAndWork();
  bool MemoryIsShort() const { return common_.held >= common_.max_held_bytes / 2; }
  void BeginMore();
  void Begin(HostSchedule::Turn turn);
  // True when robots.txt lets it through; else it has ended or waits.
  bool AskRobots(HostSchedule::Turn& turn);
  void Start(HostSchedule::Turn turn, bool robots);
  void EndCompleted();
  void EndFetch(TransferHandle& transfer, CURLcode code);
  // True: it goes on somewhere else.
  bool Redirect(TransferHandle& transfer, const TransferEnd& end, TransferResult& result);
  void EndRobots(TransferHandle& transfer, CURLcode code);
  HostSchedule::News NewsOf(const TransferHandle& transfer, const TransferEnd& end, const TransferResult& result);
  void Detach(TransferHandle& transfer);
  void Recycle(TransferHandle& transfer);
  void DropBody(TransferHandle& transfer);
  void Age();
  void Evict();
  void EvictOne(TransferHandle& transfer);
  void EndAll();
  void FlushEnded();
  static void Finish(PendingFetch fetch, TransferResult result) { fetch.request.done(std::move(result)); }

  const Options options_;
  TransferCommon& common_;
  HostSchedule::Slots& slots_;
  const Hooks hooks_;
  CURLM* multi_ = nullptr;
  int epoll_ = -1;
  int wake_ = -1;

  mutable absl::Mutex mutex_;
  std::vector<PendingFetch> inbox_ ABSL_GUARDED_BY(mutex_);
  bool cancel_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  TroubleReport troubles_ ABSL_GUARDED_BY(mutex_);
  // A wake-up is on its way: more of them say no more.
  std::atomic<bool> woken_{false};

  // The loop's thread alone.
  HostSchedule schedule_;
  RobotsCache robots_;
  absl::Time now_;  // of this round: the clock is read a few times, not at each event
  absl::Time timer_ = absl::InfiniteFuture();
  absl::Time sweep_at_ = absl::InfinitePast();
  absl::Time age_at_ = absl::InfinitePast();
  std::list<TransferHandle*> young_;  // both by their begin
  std::list<TransferHandle*> old_;
  std::vector<std::unique_ptr<TransferHandle>> idle_;

  std::thread thread_;
};

}  // namespace mannequin

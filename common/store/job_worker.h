// Runs the jobs of some kinds: leases one, runs it with a heartbeat, ends it, takes
// the next. The queue's client side, written once for every service.
//
//   JobWorker worker(store, "fetcher", {v1::JOB_KIND_CRAWL},
//                    [&](const v1::Job& job, JobContext& context) { return crawler.Run(job, context); });
//   worker.Start();
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/store/product_store.h"
#include "google/protobuf/any.pb.h"

namespace mannequin {

// What a running job may say and ask. Thread-safe.
class JobContext {
 public:
  // Recorded at the next heartbeat (twice a second). `done` is 0 to 1.
  void Report(const google::protobuf::Message& progress, double done);
  // True once the job was cancelled or paused, its lease was lost or the worker stops: end
  // soon.
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  // True when that is because somebody cancelled it.
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  friend class JobWorker;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> paused_{false};
  std::atomic<bool> lease_lost_{false};
  absl::Mutex mutex_;
  google::protobuf::Any progress_ ABSL_GUARDED_BY(mutex_);
  double done_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // the handler has answered
};

// One job at a time, on a thread of its own.
class JobWorker {
 public:
  // OK: SUCCEEDED. Otherwise, or when it throws, FAILED with the message; but, whatever
  // it returns, a job that ends after it was cancelled is CANCELLED, one that ends after
  // it was paused is PAUSED, and one that ends after the worker was told to stop is given
  // back, to run again.
  using Handler = std::function<absl::Status(const v1::Job& job, JobContext& context)>;

  // The job to lease next, for work that needs more than a free worker; nothing for none.
  // `hold` lives until that job has ended, or could not be leased.
  struct Choice {
    std::string id;
    std::shared_ptr<void> hold;
  };
  using Choose = std::function<std::optional<Choice>()>;

  // Without `choose`: the oldest job of the kinds.
  JobWorker(ProductStore& store, std::string service, std::vector<v1::JobKind> kinds, Handler handler,
            Choose choose = nullptr);
  // Stops.
  ~JobWorker();

  void Start();
  // Asks the running job to end, waits for it, gives it back to the queue.
  void Stop();
  // Looks for a job now instead of at the next poll. Call it after CreateJob.
  void Wake();

 private:
  void Loop();
  void RunJob(const v1::Job& job);
  // Renews the lease of `id` until its handler has ended; tells `context` what the store says.
  void Heartbeat(const std::string& id, JobContext& context);
  void Finish(const v1::Job& job, JobContext& context, const absl::Status& status, bool stopped);
  // False once the worker stops.
  bool WaitForNextPoll();

  ProductStore& store_;
  const std::string worker_;
  const std::vector<v1::JobKind> kinds_;
  const Handler handler_;
  const Choose choose_;
  absl::Mutex mutex_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool wake_ ABSL_GUARDED_BY(mutex_) = false;
  JobContext* running_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace mannequin

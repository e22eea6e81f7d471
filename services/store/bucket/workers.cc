#include "services/store/bucket/workers.h"

#include <pthread.h>

#include <system_error>

namespace mannequin::store {

Workers::~Workers() {
  std::vector<std::thread> threads;
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

absl::Status Workers::Run(std::size_t n, const Visit& visit) {
  if (n == 1) return visit(0);
  Job job{.visit = visit, .n = n};
  absl::MutexLock lock(&mutex_);
  if (n > 0) jobs_.push_back(&job);
  try {
    // This thread works too.
    for (std::size_t helpers = idle_; helpers + 1 < n && threads_.size() < most_; ++helpers) {
      threads_.emplace_back([this] { Work(); });
    }
  } catch (const std::system_error&) {
    // The machine has no more threads to give: those that there are do the work.
  }
  while (job.next < job.n) Step(job);
  mutex_.Await(absl::Condition(
      +[](Job* j) { return j->busy == 0; }, &job));
  return job.status;
}

void Workers::Work() {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  absl::MutexLock lock(&mutex_);
  while (true) {
    ++idle_;
    const auto wanted = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stop_ || !jobs_.empty(); };
    mutex_.Await(absl::Condition(&wanted));
    --idle_;
    if (stop_) return;
    Step(*jobs_.front());
  }
}

void Workers::Step(Job& job) {
  const std::size_t i = job.next++;
  if (job.next == job.n) Withdraw(job);
  ++job.busy;
  mutex_.Unlock();
  absl::Status status = job.visit(i);
  mutex_.Lock();
  --job.busy;
  if (status.ok()) return;
  job.status.Update(std::move(status));
  if (job.next == job.n) return;
  job.next = job.n;
  Withdraw(job);
}

void Workers::Withdraw(Job& job) { jobs_.remove(&job); }

}  // namespace mannequin::store

#include "common/store/job_worker.h"

#include <atomic>
#include <functional>
#include <stdexcept>

#include "absl/synchronization/notification.h"
#include "common/base/call_ids.h"
#include "gmock/gmock.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

class JobWorkerTest : public testing::Test {
 protected:
  std::string Create() {
    v1::CreateJobRequest request;
    request.set_kind(v1::JOB_KIND_CRAWL);
    return Must(store_->CreateJob(request)).job().id();
  }

  v1::Job GetJob(const std::string& id) {
    v1::GetJobRequest request;
    request.set_id(id);
    return Must(store_->GetJob(request)).job();
  }

  // Polls until `ready`; fails after a minute.
  v1::Job Await(const std::string& id, const std::function<bool(const v1::Job&)>& ready) {
    const absl::Time deadline = absl::Now() + absl::Minutes(1);
    v1::Job job = GetJob(id);
    while (!ready(job)) {
      if (absl::Now() > deadline) {
        ADD_FAILURE() << "still " << job.ShortDebugString();
        break;
      }
      std::this_thread::yield();
      job = GetJob(id);
    }
    return job;
  }

  v1::Job AwaitEnd(const std::string& id) {
    return Await(id, [](const v1::Job& job) { return job.has_ended_at(); });
  }

  static absl::Status UntilStopped(const v1::Job&, JobContext& context) {
    while (!context.stopping()) std::this_thread::yield();
    return absl::CancelledError("stopped");
  }

  TemporaryFolder folder_;
  std::unique_ptr<RocksStore> store_ = Must(RocksStore::Open(ConfigOf(folder_.Sub("data")), Clock::Real()));
};

TEST_F(JobWorkerTest, RunsAJobAndRecordsItsProgress) {
  absl::Notification go_on;
  JobWorker worker(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, [&](const v1::Job&, JobContext& context) {
    v1::CrawlProgress progress;
    progress.set_stored(7);
    context.Report(progress, 0.5);
    go_on.WaitForNotification();
    return absl::OkStatus();
  });
  worker.Start();
  const std::string id = Create();
  worker.Wake();
  v1::CrawlProgress progress;
  const v1::Job running = Await(id, [](const v1::Job& job) { return job.done() == 0.5; });
  EXPECT_TRUE(running.progress().UnpackTo(&progress));
  EXPECT_EQ(7, progress.stored());
  go_on.Notify();
  EXPECT_EQ(v1::JOB_STATE_SUCCEEDED, AwaitEnd(id).state());
}

TEST_F(JobWorkerTest, WhatAJobDoesIsPartOfTheTraceOfTheCallThatCreatedIt) {
  std::shared_ptr<const CallIds> created = std::make_shared<const CallIds>(
      IdsForCall("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1", "checkout-17"));
  std::shared_ptr<const CallIds> seen;
  JobWorker worker(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, [&](const v1::Job&, JobContext&) {
    seen = CurrentCall();
    return absl::OkStatus();
  });
  std::string id;
  {
    const ScopedCall call(created);
    id = Create();
  }
  worker.Start();
  AwaitEnd(id);
  worker.Stop();
  ASSERT_NE(seen, nullptr);
  EXPECT_EQ(seen->request_id, id);
  EXPECT_EQ(seen->trace_id, created->trace_id);
  EXPECT_EQ(seen->trace_state, "vendor=1");
  EXPECT_NE(seen->span_id, created->span_id);
}

TEST_F(JobWorkerTest, FailsAJobWithItsErrorAndGoesOn) {
  std::atomic<int> runs{0};
  JobWorker worker(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, [&](const v1::Job&, JobContext&) -> absl::Status {
    if (++runs == 1) return absl::NotFoundError("no catalogue");
    throw std::runtime_error("thrown");
  });
  const std::string first = Create(), second = Create();
  worker.Start();
  EXPECT_EQ("NOT_FOUND: no catalogue", AwaitEnd(first).error());
  const v1::Job thrown = AwaitEnd(second);
  EXPECT_EQ(v1::JOB_STATE_FAILED, thrown.state());
  EXPECT_THAT(thrown.error(), HasSubstr("thrown"));
}

TEST_F(JobWorkerTest, CancelledJobEndsAsCancelled) {
  JobWorker worker(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, UntilStopped);
  worker.Start();
  const std::string id = Create();
  Await(id, [](const v1::Job& job) { return job.state() == v1::JOB_STATE_RUNNING; });
  v1::CancelJobRequest cancel;
  cancel.set_id(id);
  Must(store_->CancelJob(cancel));
  EXPECT_EQ(v1::JOB_STATE_CANCELLED, AwaitEnd(id).state());
}

TEST_F(JobWorkerTest, PausedJobIsGivenBackAndGoesOnWhenItIsResumed) {
  JobWorker worker(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, UntilStopped);
  worker.Start();
  const std::string id = Create();
  const auto running = [](const v1::Job& job) { return job.state() == v1::JOB_STATE_RUNNING; };
  Await(id, running);
  v1::PauseJobRequest pause;
  pause.set_id(id);
  Must(store_->PauseJob(pause));
  EXPECT_EQ(0, Await(id, [](const v1::Job& job) { return job.state() == v1::JOB_STATE_PAUSED; }).attempts());
  v1::ResumeJobRequest resume;
  resume.set_id(id);
  Must(store_->ResumeJob(resume));
  Await(id, running);
}

TEST_F(JobWorkerTest, StopGivesTheJobBackWithItsAttempt) {
  const std::string id = Create();
  JobWorker worker(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, UntilStopped);
  worker.Start();
  Await(id, [](const v1::Job& job) { return job.state() == v1::JOB_STATE_RUNNING; });
  worker.Stop();
  EXPECT_EQ(v1::JOB_STATE_QUEUED, GetJob(id).state());
  EXPECT_EQ(0, GetJob(id).attempts());
}

TEST_F(JobWorkerTest, TwoWorkersOfOneServiceHaveTwoNames) {
  JobWorker one(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, UntilStopped);
  JobWorker two(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, UntilStopped);
  const std::string first = Create(), second = Create();
  one.Start();
  two.Start();
  const auto running = [](const v1::Job& job) { return job.state() == v1::JOB_STATE_RUNNING; };
  EXPECT_NE(Await(first, running).worker(), Await(second, running).worker());
}

TEST_F(JobWorkerTest, LostLeaseStopsTheWorkAndLeavesTheJobAlone) {
  const std::string id = Create();
  std::atomic<bool> stopped{false};
  JobWorker worker(*store_, "fetcher", {v1::JOB_KIND_CRAWL}, [&](const v1::Job& job, JobContext& context) {
    UntilStopped(job, context).IgnoreError();
    stopped = true;
    return absl::OkStatus();
  });
  worker.Start();
  const v1::Job job = Await(id, [](const v1::Job& j) { return j.state() == v1::JOB_STATE_RUNNING; });
  // Somebody ends it in the worker's name; to the worker its lease is gone.
  v1::FinishJobRequest finish;
  finish.set_id(id);
  finish.set_worker(job.worker());
  finish.set_state(v1::JOB_STATE_FAILED);
  finish.set_error("taken away");
  Must(store_->FinishJob(finish));
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  while (!stopped && absl::Now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(stopped);
  worker.Stop();
  EXPECT_EQ("taken away", GetJob(id).error());
}

}  // namespace
}  // namespace mannequin

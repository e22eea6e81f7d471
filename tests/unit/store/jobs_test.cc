// The queue of jobs, over both implementations.
#include <map>
#include <random>
#include <string>
#include <utility>

#include "common/base/call_ids.h"
#include "gmock/gmock.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class JobsTest : public StoreTest {
 protected:
  v1::Job Create(v1::JobKind kind, const std::string& key = "", int max_attempts = 0) {
    v1::CreateJobRequest request;
    request.set_kind(kind);
    request.set_idempotency_key(key);
    request.set_max_attempts(max_attempts);
    return Must(store().CreateJob(request)).job();
  }

  // The job's id, or "".
  std::string Lease(const std::string& worker, std::initializer_list<v1::JobKind> kinds = {v1::JOB_KIND_CRAWL}) {
    v1::LeaseJobRequest request;
    for (const v1::JobKind kind : kinds) request.add_kinds(kind);
    request.set_worker(worker);
    *request.mutable_lease() = Seconds(10);
    return Must(store().LeaseJob(request)).job().id();
  }

  absl::StatusOr<v1::Job> Beat(const std::string& id, const std::string& worker, double done = 0) {
    v1::HeartbeatJobRequest request;
    request.set_id(id);
    request.set_worker(worker);
    request.set_done(done);
    *request.mutable_lease() = Seconds(10);
    absl::StatusOr<v1::HeartbeatJobResponse> response = store().HeartbeatJob(request);
    if (!response.ok()) return response.status();
    return response->job();
  }

  absl::StatusOr<v1::Job> Finish(const std::string& id, const std::string& worker, v1::JobState state,
                                 const std::string& error = "") {
    v1::FinishJobRequest request;
    request.set_id(id);
    request.set_worker(worker);
    request.set_state(state);
    request.set_error(error);
    absl::StatusOr<v1::FinishJobResponse> response = store().FinishJob(request);
    if (!response.ok()) return response.status();
    return response->job();
  }

  absl::StatusOr<v1::Job> Cancel(const std::string& id) {
    v1::CancelJobRequest request;
    request.set_id(id);
    absl::StatusOr<v1::CancelJobResponse> response = store().CancelJob(request);
    if (!response.ok()) return response.status();
    return response->job();
  }

  absl::StatusOr<v1::Job> Pause(const std::string& id) {
    v1::PauseJobRequest request;
    request.set_id(id);
    absl::StatusOr<v1::PauseJobResponse> response = store().PauseJob(request);
    if (!response.ok()) return response.status();
    return response->job();
  }

  absl::StatusOr<v1::Job> Resume(const std::string& id) {
    v1::ResumeJobRequest request;
    request.set_id(id);
    absl::StatusOr<v1::ResumeJobResponse> response = store().ResumeJob(request);
    if (!response.ok()) return response.status();
    return response->job();
  }

  v1::Job GetJob(const std::string& id) {
    v1::GetJobRequest request;
    request.set_id(id);
    return Must(store().GetJob(request)).job();
  }
};

TEST_P(JobsTest, AJobKeepsTheIdsOfTheCallThatCreatedIt) {
  std::string id;
  {
    const ScopedCall call(std::make_shared<const CallIds>(
        IdsForCall("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "vendor=1", "checkout-17")));
    id = Create(v1::JOB_KIND_CRAWL).id();
  }
  ASSERT_EQ(Lease("w"), id);  // a call of its own
  const v1::Job job = GetJob(id);
  EXPECT_EQ(job.request_id(), "checkout-17");
  EXPECT_THAT(job.traceparent(), MatchesRegex("00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01"));
  EXPECT_EQ(job.tracestate(), "vendor=1");
}

TEST_P(JobsTest, AWallClockThatIsSetNeitherTakesALeaseNorLengthensIt) {
  if (GetParam() == Kind::kPostgres) GTEST_SKIP() << "several store processes have the wall clock in common";
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  ASSERT_EQ(id, Lease("a"));
  clock_.Set(kStart + absl::Hours(1));
  EXPECT_EQ("", Lease("b"));
  ASSERT_TRUE(Beat(id, "a").ok());
  clock_.Set(kStart - absl::Hours(1));
  EXPECT_EQ("", Lease("b"));
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(id, Lease("b"));
}

TEST_P(JobsTest, OldestOfTheKindsIsLeasedFirst) {
  const std::string crawl = Create(v1::JOB_KIND_CRAWL).id();
  const std::string train = Create(v1::JOB_KIND_TRAIN_GAN).id();
  const std::string crawl2 = Create(v1::JOB_KIND_CRAWL).id();
  EXPECT_LT(crawl, train);
  EXPECT_LT(train, crawl2) << "ids sort by creation though the clock stands still";
  EXPECT_EQ("", Lease("w", {v1::JOB_KIND_SCORE_CATALOG}));
  EXPECT_EQ(train, Lease("w", {v1::JOB_KIND_TRAIN_GAN}));
  EXPECT_EQ(crawl, Lease("w", {v1::JOB_KIND_TRAIN_GAN, v1::JOB_KIND_CRAWL}));
  EXPECT_EQ(crawl2, Lease("w", {v1::JOB_KIND_CRAWL}));
  EXPECT_EQ("", Lease("w", {v1::JOB_KIND_TRAIN_GAN, v1::JOB_KIND_CRAWL}));
}

TEST_P(JobsTest, AJobIsLeasedByItsIdThoughOthersAreOlder) {
  const std::string older = Create(v1::JOB_KIND_TRAIN_GAN).id();
  const std::string wanted = Create(v1::JOB_KIND_TRAIN_GAN).id();
  const std::string crawl = Create(v1::JOB_KIND_CRAWL).id();
  v1::LeaseJobRequest request;
  request.add_kinds(v1::JOB_KIND_TRAIN_GAN);
  request.set_worker("w");
  request.mutable_lease()->set_seconds(10);
  request.set_id(wanted);
  EXPECT_EQ(wanted, Must(store().LeaseJob(request)).job().id());
  EXPECT_EQ("", Must(store().LeaseJob(request)).job().id()) << "it is leased already";
  request.set_id(crawl);
  EXPECT_EQ("", Must(store().LeaseJob(request)).job().id()) << "it is of another kind";
  request.set_id("job-none");
  EXPECT_EQ("", Must(store().LeaseJob(request)).job().id());
  clock_.Advance(absl::Seconds(11));
  request.set_id(wanted);
  EXPECT_EQ(wanted, Must(store().LeaseJob(request)).job().id()) << "its lease has expired";
  EXPECT_EQ(older, Lease("w", {v1::JOB_KIND_TRAIN_GAN}));
}

TEST_P(JobsTest, JobsThatAreQueuedOrRunAreListedByKindInPagesNewestFirst) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Create(v1::JOB_KIND_TRAIN_GAN).id());
  Create(v1::JOB_KIND_CRAWL);
  Lease("w", {v1::JOB_KIND_TRAIN_GAN});  // ids[0]
  Lease("w", {v1::JOB_KIND_TRAIN_GAN});
  Must(Finish(ids[0], "w", v1::JOB_STATE_SUCCEEDED));
  v1::ListJobsRequest request;
  request.set_kind(v1::JOB_KIND_TRAIN_GAN);
  request.set_page_size(2);
  const auto list = [&](v1::JobState state) {
    request.set_state(state);
    std::vector<std::string> found;
    do {
      const v1::ListJobsResponse page = Must(store().ListJobs(request));
      for (const v1::Job& job : page.jobs()) found.push_back(job.id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return found;
  };
  EXPECT_EQ(list(v1::JOB_STATE_QUEUED), (std::vector<std::string>{ids[4], ids[3], ids[2]}));
  EXPECT_EQ(list(v1::JOB_STATE_RUNNING), (std::vector<std::string>{ids[1]}));
}

TEST_P(JobsTest, APausedJobWaitsUntilItIsResumed) {
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  EXPECT_EQ(v1::JOB_STATE_PAUSED, Must(Pause(id)).state());
  EXPECT_EQ(v1::JOB_STATE_PAUSED, Must(Pause(id)).state()) << "once more changes nothing";
  EXPECT_EQ("", Lease("w"));
  EXPECT_EQ(v1::JOB_STATE_QUEUED, Must(Resume(id)).state());
  EXPECT_EQ(v1::JOB_STATE_QUEUED, Must(Resume(id)).state());
  ASSERT_EQ(id, Lease("w"));

  EXPECT_EQ(v1::JOB_STATE_RUNNING, Must(Pause(id)).state());
  EXPECT_TRUE(Must(Beat(id, "w", 0.4)).pause_requested()) << "its worker hears of it";
  const v1::Job paused = Must(Finish(id, "w", v1::JOB_STATE_PAUSED));
  EXPECT_EQ(v1::JOB_STATE_PAUSED, paused.state());
  EXPECT_FALSE(paused.pause_requested());
  EXPECT_EQ(0, paused.attempts()) << "a pause is no failed attempt";
  EXPECT_EQ(0.4, paused.done());
  Must(Resume(id));
  EXPECT_EQ(id, Lease("another"));
}

TEST_P(JobsTest, APauseThatItsWorkerNeverHeardOfHoldsToo) {
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  Lease("w");
  Must(Pause(id));
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ("", Lease("another"));
  EXPECT_EQ(v1::JOB_STATE_PAUSED, GetJob(id).state());
  Must(Resume(id));
  ASSERT_EQ(id, Lease("another"));
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(v1::JOB_STATE_PAUSED, Must(Pause(id)).state()) << "nobody is left to heed it";
}

TEST_P(JobsTest, AResumeInTimeTakesThePauseBack) {
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  Lease("w");
  Must(Pause(id));
  Must(Resume(id));
  EXPECT_FALSE(Must(Beat(id, "w")).pause_requested());
  // A worker that heard of the pause before gives the job back.
  EXPECT_EQ(v1::JOB_STATE_QUEUED, Must(Finish(id, "w", v1::JOB_STATE_PAUSED)).state());
}

TEST_P(JobsTest, ACancelIsNotUndoneByAPause) {
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  Lease("w");
  Must(Cancel(id));
  clock_.Advance(absl::Seconds(11));
  EXPECT_EQ(v1::JOB_STATE_CANCELLED, Must(Pause(id)).state());
}

TEST_P(JobsTest, PausedJobsCanBeCancelledAndEndedOnesNotPaused) {
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  Must(Pause(id));
  EXPECT_EQ(v1::JOB_STATE_CANCELLED, Must(Cancel(id)).state());
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Pause(id)));
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Resume(id)));
  EXPECT_EQ("NOT_FOUND", CodeOf(Pause("job-none")));
  const std::string running = Create(v1::JOB_KIND_CRAWL).id();
  Lease("w");
  Must(Pause(running));
  Must(Cancel(running));
  EXPECT_EQ(v1::JOB_STATE_CANCELLED, Must(Finish(running, "w", v1::JOB_STATE_PAUSED)).state());
}

TEST_P(JobsTest, LeaseExpiresAndGoesToAnotherWorker) {
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  ASSERT_EQ(id, Lease("first"));
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ("OK", CodeOf(Beat(id, "first", 0.5)));
  clock_.Advance(absl::Seconds(9));
  EXPECT_EQ("", Lease("second")) << "renewed";
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(id, Lease("second"));
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Beat(id, "first")));
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Finish(id, "first", v1::JOB_STATE_SUCCEEDED)));
  const v1::Job done = Must(Finish(id, "second", v1::JOB_STATE_SUCCEEDED));
  EXPECT_EQ(v1::JOB_STATE_SUCCEEDED, done.state());
  EXPECT_EQ(2, done.attempts());
  EXPECT_EQ(1, done.done());
  EXPECT_EQ("", done.worker());
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Beat(id, "second"))) << "ended";
}

TEST_P(JobsTest, SpentAttemptsAreADeadLetterWithTheLastError) {
  const std::string id = Create(v1::JOB_KIND_CRAWL, "", 2).id();
  ASSERT_EQ(id, Lease("w1"));
  Must(Finish(id, "w1", v1::JOB_STATE_QUEUED, "disk broke"));
  ASSERT_EQ(id, Lease("w2"));
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ("", Lease("w3"));
  const v1::Job dead = GetJob(id);
  EXPECT_EQ(v1::JOB_STATE_FAILED, dead.state());
  EXPECT_THAT(dead.error(), HasSubstr("attempt 2 of 2: w2 stopped renewing its lease; before that: disk broke"));
}

TEST_P(JobsTest, GivingBackInOrderCostsNoAttempt) {
  const std::string id = Create(v1::JOB_KIND_CRAWL, "", 1).id();
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(id, Lease("w"));
    EXPECT_EQ(v1::JOB_STATE_QUEUED, Must(Finish(id, "w", v1::JOB_STATE_QUEUED)).state());
  }
  ASSERT_EQ(id, Lease("w"));
  EXPECT_EQ(v1::JOB_STATE_FAILED, Must(Finish(id, "w", v1::JOB_STATE_QUEUED, "with an error")).state());
}

TEST_P(JobsTest, IdempotencyKeyAnswersTheFirstJob) {
  const v1::Job first = Create(v1::JOB_KIND_CRAWL, "key");
  EXPECT_EQ(first.id(), Create(v1::JOB_KIND_CRAWL, "key").id());
  OpenAgain();
  EXPECT_EQ(first.id(), Create(v1::JOB_KIND_CRAWL, "key").id());
  EXPECT_NE(first.id(), Create(v1::JOB_KIND_CRAWL, "other").id());
}

TEST_P(JobsTest, CancelEndsAQueuedJobAndAsksARunningOne) {
  const std::string queued = Create(v1::JOB_KIND_CRAWL).id();
  EXPECT_EQ(v1::JOB_STATE_CANCELLED, Must(Cancel(queued)).state());
  EXPECT_EQ("OK", CodeOf(Cancel(queued))) << "again";
  EXPECT_EQ("", Lease("w"));

  const std::string running = Create(v1::JOB_KIND_CRAWL).id();
  ASSERT_EQ(running, Lease("w"));
  EXPECT_EQ(v1::JOB_STATE_RUNNING, Must(Cancel(running)).state());
  EXPECT_TRUE(Must(Beat(running, "w")).cancel_requested());
  EXPECT_EQ(v1::JOB_STATE_CANCELLED, Must(Finish(running, "w", v1::JOB_STATE_CANCELLED)).state());

  const std::string orphan = Create(v1::JOB_KIND_CRAWL).id();
  ASSERT_EQ(orphan, Lease("w"));
  Must(Cancel(orphan));
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ("", Lease("other"));
  EXPECT_EQ(v1::JOB_STATE_CANCELLED, GetJob(orphan).state());

  const std::string done = Create(v1::JOB_KIND_CRAWL).id();
  ASSERT_EQ(done, Lease("w"));
  Must(Finish(done, "w", v1::JOB_STATE_SUCCEEDED));
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Cancel(done)));
  EXPECT_EQ("NOT_FOUND", CodeOf(Cancel("job-x")));
}

TEST_P(JobsTest, ListsNewestFirstByKindAndState) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(Create(i == 2 ? v1::JOB_KIND_TRAIN_GAN : v1::JOB_KIND_CRAWL).id());
  v1::ListJobsRequest request;
  request.set_kind(v1::JOB_KIND_CRAWL);
  request.set_page_size(3);
  const v1::ListJobsResponse first = Must(store().ListJobs(request));
  ASSERT_EQ(3, first.jobs_size());
  EXPECT_EQ(ids[4], first.jobs(0).id());
  EXPECT_EQ(ids[1], first.jobs(2).id());
  request.set_page_token(first.next_page_token());
  const v1::ListJobsResponse second = Must(store().ListJobs(request));
  ASSERT_EQ(1, second.jobs_size());
  EXPECT_EQ(ids[0], second.jobs(0).id());
  EXPECT_EQ("", second.next_page_token());
  request.clear_page_token();
  request.set_state(v1::JOB_STATE_RUNNING);
  EXPECT_EQ(0, Must(store().ListJobs(request)).jobs_size());
  request.set_page_token("nonsense");
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().ListJobs(request)));
}

TEST_P(JobsTest, RequestsAreChecked) {
  v1::CreateJobRequest create;
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().CreateJob(create)));
  create.set_kind(v1::JOB_KIND_CRAWL);
  create.set_max_attempts(101);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().CreateJob(create)));
  v1::LeaseJobRequest lease;
  lease.set_worker("w");
  *lease.mutable_lease() = Seconds(10);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().LeaseJob(lease))) << "no kind";
  EXPECT_EQ("NOT_FOUND", CodeOf(Beat("job-x", "w")));
  const std::string id = Create(v1::JOB_KIND_CRAWL).id();
  ASSERT_EQ(id, Lease("w"));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(Beat(id, "w", 1.5)));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(Finish(id, "w", v1::JOB_STATE_RUNNING)));
}

// Random calls of five workers under a clock that jumps. A model knows who holds each
// job: whoever leased it last and has neither finished nor been overtaken.
TEST_P(JobsTest, AtAnyTimeAJobHasOneHolder) {
  std::mt19937 random(20240611);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  std::map<std::string, std::string> holder;
  std::map<std::string, absl::Time> expires;
  std::vector<std::string> jobs;
  for (int i = 0; i < 4; ++i) jobs.push_back(Create(v1::JOB_KIND_CRAWL, "", 100).id());
  int leases = 0;
  for (int step = 0; step < 600; ++step) {
    const std::string worker = absl::StrCat("w", pick(5));
    const std::string& job = jobs[static_cast<std::size_t>(pick(4))];
    switch (pick(4)) {
      case 0: {
        const std::string leased = Lease(worker);
        if (leased.empty()) {
          for (const std::string& id : jobs) ASSERT_TRUE(holder.count(id) && expires[id] > clock_.Now()) << id;
          break;
        }
        ASSERT_TRUE(!holder.count(leased) || expires[leased] <= clock_.Now()) << "leased to two";
        holder[leased] = worker;
        expires[leased] = clock_.Now() + absl::Seconds(10);
        ++leases;
        break;
      }
      case 1: {
        const bool held = holder.count(job) && holder[job] == worker;
        ASSERT_EQ(held ? "OK" : "FAILED_PRECONDITION", CodeOf(Beat(job, worker)));
        if (held) expires[job] = clock_.Now() + absl::Seconds(10);
        break;
      }
      case 2: {
        const bool held = holder.count(job) && holder[job] == worker;
        ASSERT_EQ(held ? "OK" : "FAILED_PRECONDITION", CodeOf(Finish(job, worker, v1::JOB_STATE_QUEUED)));
        if (held) holder.erase(job);
        break;
      }
      default:
        clock_.Advance(absl::Seconds(pick(8)));
    }
  }
  EXPECT_GT(leases, 50);
}

bool Ended(const v1::Job& job) { return job.state() != v1::JOB_STATE_QUEUED && job.state() != v1::JOB_STATE_RUNNING; }

// Workers that die, come late, give back, fail and are cancelled, a clock that jumps both
// ways and a store that starts again: nobody shares a job, none ends twice or never, none is
// begun too often, and the last error of a failed one is kept.
TEST_P(JobsTest, WhateverWorkersAndClocksDoEachJobEndsOnce) {
  for (const unsigned seed : {20240614u, 20240615u, 20240616u}) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    std::map<std::string, v1::Job> known;  // as the store last answered
    for (int i = 0; i < 8; ++i) {
      const v1::Job job = Create(v1::JOB_KIND_CRAWL, "", 1 + pick(4));
      known[job.id()] = job;
    }
    // Takes what the store says of a job, and compares it with what it was.
    const auto see = [&](const std::string& id) {
      const v1::Job now = GetJob(id);
      const v1::Job before = std::exchange(known[id], now);
      ASSERT_LE(now.attempts(), now.max_attempts()) << id;
      ASSERT_EQ(now.state() == v1::JOB_STATE_RUNNING, !now.worker().empty()) << now.ShortDebugString();
      ASSERT_EQ(Ended(now), now.has_ended_at()) << now.ShortDebugString();
      if (Ended(before)) {
        ASSERT_EQ(before.SerializeAsString(), now.SerializeAsString()) << "ended twice";
      }
      if (!Ended(before) && now.state() == v1::JOB_STATE_FAILED) {
        ASSERT_THAT(now.error(), HasSubstr(before.error()));
        ASSERT_FALSE(now.error().empty());
      }
    };
    const auto see_all = [&] {
      for (const auto& [id, job] : known) see(id);
    };
    for (int step = 0; step < 250; ++step) {
      const std::string id = std::next(known.begin(), pick(static_cast<int>(known.size())))->first;
      const v1::Job job = known[id];
      const std::string worker = absl::StrCat("w", pick(4));
      const bool holds = job.state() == v1::JOB_STATE_RUNNING && job.worker() == worker;
      switch (pick(10)) {
        case 0:
        case 1:
        case 2: {
          const std::map<std::string, v1::Job> before = known;
          const std::string leased = Lease(worker);
          ASSERT_NO_FATAL_FAILURE(see_all());
          if (leased.empty()) break;
          const v1::Job& was = before.at(leased);
          const absl::Time expires =
              absl::FromUnixNanos(google::protobuf::util::TimeUtil::TimestampToNanoseconds(was.lease_expires_at()));
          ASSERT_TRUE(was.state() == v1::JOB_STATE_QUEUED || expires <= clock_.Now()) << "two hold " << leased;
          ASSERT_EQ(worker, known[leased].worker());
          ASSERT_EQ(was.attempts() + 1, known[leased].attempts());
          break;
        }
        case 3:
          ASSERT_EQ(holds ? "OK" : "FAILED_PRECONDITION", CodeOf(Beat(id, worker)));
          break;
        case 4:
        case 5: {
          const v1::JobState states[] = {v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED, v1::JOB_STATE_QUEUED,
                                         v1::JOB_STATE_QUEUED};
          const std::string error = pick(2) == 0 ? "" : absl::StrCat("error of step ", step);
          const v1::JobState state = states[pick(4)];
          if (state == v1::JOB_STATE_FAILED && error.empty()) break;
          known[id].set_error(holds ? error : job.error());
          ASSERT_EQ(holds ? "OK" : "FAILED_PRECONDITION", CodeOf(Finish(id, worker, state, error)));
          break;
        }
        case 6:
          if (pick(4) == 0) {
            ASSERT_EQ(Ended(job) && job.state() != v1::JOB_STATE_CANCELLED ? "FAILED_PRECONDITION" : "OK",
                      CodeOf(Cancel(id)));
          }
          break;
        case 7:
          if (pick(10) == 0) OpenAgain();
          break;
        default:
          clock_.Advance(absl::Seconds(pick(25) - 8));
      }
      ASSERT_NO_FATAL_FAILURE(see_all());
    }
    // Those that died stay away, the others behave, and the clock goes on.
    for (int round = 0; round < 100; ++round) {
      clock_.Advance(absl::Minutes(1));
      const std::string leased = Lease("the last one");
      ASSERT_NO_FATAL_FAILURE(see_all());
      if (leased.empty()) break;
      ASSERT_EQ("OK", CodeOf(Finish(leased, "the last one", v1::JOB_STATE_SUCCEEDED)));
      ASSERT_NO_FATAL_FAILURE(see_all());
    }
    for (const auto& [id, job] : known) EXPECT_TRUE(Ended(job)) << job.ShortDebugString();
  }
}

MANNEQUIN_ALL_STORES(JobsTest);

}  // namespace
}  // namespace mannequin

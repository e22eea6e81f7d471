#include "services/fetcher/crawler.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "services/fetcher/metrics.h"
#include "services/fetcher/result_writer.h"
#include "services/fetcher/worker_pool.h"

namespace mannequin {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(10);
constexpr absl::Duration kReportEvery = absl::Milliseconds(500);
// Between two looks for work that others hold or that is not there yet.
constexpr absl::Duration kLeaseAgain = absl::Milliseconds(250);
constexpr absl::Duration kMaxRetryDelay = absl::Seconds(30);
constexpr absl::Duration kMaxRetryAfter = absl::Seconds(60);
// Of a lease, kept for checking and writing after the last moment to begin.
constexpr absl::Duration kLeaseMargin = absl::Seconds(5);
// Work is leased for so long at the rate seen so far.
constexpr double kLeaseAheadSeconds = 5;
constexpr std::int64_t kMaxLeased = 10'000;
constexpr std::size_t kMaxMessageBytes = 200;

struct Task {
  std::string product_id;
  std::string url;
  // Fetches that the origin was given and failed.
  int attempts = 0;
  absl::Time start_by;
};
using TaskPtr = std::shared_ptr<Task>;

// Origins put what they like into their answers; the store takes UTF-8.
std::string Printable(absl::string_view message) {
  std::string text(message.substr(0, kMaxMessageBytes));
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

// One run of a crawler.
class Crawl {
 public:
  Crawl(ProductStore& store, const AddressFilter& filter, const CrawlOptions& options, v1::CrawlProgress before)
      : store_(store),
        options_(options),
        before_(std::move(before)),
        random_(options.jitter_seed),
        writer_(store, WriterOptions(options), [this](const auto& written) { OnWritten(written); }),
        pool_(std::max(1, options.decode_threads), "fetch-decode"),
        engine_(filter, options.transfer) {}

  ~Crawl() {
    // In the direction in which the work flows.
    engine_.Stop();
    pool_.Stop();
    writer_.Stop();
    fetcher_metrics::SetInFlight(0);
  }

  absl::Status Run(const Crawler::Stopping& stopping, const Crawler::Report& report) {
    absl::Time report_at = begun_;
    absl::Status end;
    for (;;) {
      if (stopping()) {
        GiveEverythingBack();
        end = absl::CancelledError("crawl: stopped before its end; what it had leased was given back");
        break;
      }
      if (end = writer_.status(); !end.ok()) break;
      SubmitDueRetries();
      absl::StatusOr<bool> done = LeaseAhead();
      if (!done.ok() || *done) {
        end = done.status();
        break;
      }
      if (const absl::Time now = absl::Now(); now >= report_at) {
        Publish(report);
        report_at = now + kReportEvery;
      }
      WaitATick();
    }
    Publish(report);
    return end;
  }

 private:
  static ResultWriterOptions WriterOptions(const CrawlOptions& options) {
    ResultWriterOptions writer;
    writer.worker = options.worker;
    writer.patience = options.store_patience;
    return writer;
  }

  // Shorter when the last result is written, so that a small crawl ends at once.
  void WaitATick() {
    absl::MutexLock lock(&mutex_);
    const bool had_work = !outstanding_.empty();
    const auto drained = [this, had_work]()
                             ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return had_work && outstanding_.empty(); };
    mutex_.AwaitWithTimeout(absl::Condition(&drained), kTick);
  }

  // --- leasing: Run's thread -------------------------------------------------

  // True when there is nothing left to do.
  absl::StatusOr<bool> LeaseAhead() {
    const absl::Time now = absl::Now();
    bool idle = false;
    std::int64_t outstanding = 0;
    {
      absl::MutexLock lock(&mutex_);
      outstanding = static_cast<std::int64_t>(outstanding_.size());
      idle = outstanding == 0;
    }
    const std::int64_t ahead = Ahead(now);
    const std::int64_t queued = engine_.queued();
    const bool hungry = queued < ahead / 2 && outstanding < 2 * ahead;
    if (!hungry || (now < lease_again_ && !(idle && !was_idle_))) {
      return false;
    }
    was_idle_ = idle;
    v1::LeaseFetchesRequest request;
    request.set_worker(options_.worker);
    request.set_max_products(static_cast<int>(std::min(ahead - queued, 2 * ahead - outstanding)));
    const absl::Duration lease = std::min(options_.lease + options_.timeout, absl::Hours(1));
    *request.mutable_lease() =
        google::protobuf::util::TimeUtil::MillisecondsToDuration(absl::ToInt64Milliseconds(lease));
    absl::StatusOr<v1::LeaseFetchesResponse> leased = store_.LeaseFetches(request);
    if (!leased.ok()) return LeaseFailed(leased.status(), now);
    store_away_since_ = absl::InfiniteFuture();
    // Fewer than asked for: there were no more. Look again soon, not at once.
    lease_again_ = leased->tasks_size() < request.max_products() ? now + kLeaseAgain : now;
    if (leased->tasks_size() == 0) return idle && leased->leased_by_others() == 0;
    Accept(*leased, now + lease - options_.timeout - kLeaseMargin);
    return false;
  }

  absl::StatusOr<bool> LeaseFailed(const absl::Status& status, absl::Time now) {
    store_away_since_ = std::min(store_away_since_, now);
    const bool may_pass = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!may_pass || now - store_away_since_ > options_.store_patience) {
      return absl::Status(status.code(), absl::StrCat("store: leasing fetches: ", status.message()));
    }
    lease_again_ = now + kLeaseAgain;
    was_idle_ = true;
    return false;
  }

  std::int64_t Ahead(absl::Time now) {
    const double seconds = std::max(1.0, absl::ToDoubleSeconds(now - begun_));
    std::int64_t ended = 0;
    {
      absl::MutexLock lock(&mutex_);
      ended = ended_;
    }
    const auto wanted = static_cast<std::int64_t>(static_cast<double>(ended) / seconds * kLeaseAheadSeconds);
    return std::min(kMaxLeased, std::max<std::int64_t>(wanted, 4 * options_.transfer.connections));
  }

  void Accept(const v1::LeaseFetchesResponse& leased, absl::Time start_by) {
    std::vector<TaskPtr> tasks;
    {
      absl::MutexLock lock(&mutex_);
      for (const v1::FetchTask& leased_task : leased.tasks()) {
        // A store that started again has forgotten our leases; we have not.
        if (!outstanding_.insert(leased_task.product_id()).second) continue;
        tasks.push_back(std::make_shared<Task>(
            Task{leased_task.product_id(), leased_task.url(), leased_task.attempts(), start_by}));
      }
    }
    Submit(tasks);
  }

  void Submit(const std::vector<TaskPtr>& tasks) {
    std::vector<TransferRequest> requests;
    requests.reserve(tasks.size());
    for (const TaskPtr& task : tasks) {
      TransferRequest& request = requests.emplace_back();
      request.url = task->url;
      request.timeout = options_.timeout;
      request.start_by = task->start_by;
      request.done = [this, task](TransferResult result) { OnTransferred(task, std::move(result)); };
    }
    engine_.Submit(std::move(requests));
  }

  void SubmitDueRetries() {
    std::vector<TaskPtr> due;
    {
      absl::MutexLock lock(&mutex_);
      const auto end = retries_.upper_bound(absl::Now());
      for (auto it = retries_.begin(); it != end; ++it) due.push_back(it->second);
      retries_.erase(retries_.begin(), end);
    }
    Submit(due);
  }

  // --- what became of a fetch: the engine's and the pool's threads --------------

  void OnTransferred(const TaskPtr& task, TransferResult result) {
    fetcher_metrics::ObserveTransfer(result.elapsed);
    if (result.failure != v1::FETCH_FAILURE_UNSPECIFIED) {
      OnFailure(task, result.failure, result.message, result.retry, result.retry_after);
      return;
    }
    auto body = std::make_shared<std::string>(std::move(result.body));
    pool_.Post([this, task, body] { Check(task, *body); });
  }

  void Check(const TaskPtr& task, std::string& body) {
    const auto bytes = static_cast<std::int64_t>(body.size());
    if (Stopping()) {
      engine_.Release(bytes);
      GiveBack(*task, v1::FETCH_FAILURE_OTHER, "crawl stopped");
      return;
    }
    ImageCheck check = CheckImage(std::move(body), options_.check);
    if (check.failure != v1::FETCH_FAILURE_UNSPECIFIED) {
      engine_.Release(bytes);
      OnFailure(task, check.failure, check.message, Retry::kNever, absl::ZeroDuration());
      return;
    }
    v1::FetchResult result;
    result.set_product_id(task->product_id);
    result.set_url(task->url);
    v1::Image& image = *result.mutable_image();
    // What the engine counts is what was fetched; OnWritten gives back what is written.
    engine_.Release(bytes - static_cast<std::int64_t>(check.picture.data.size()));
    image.set_data(std::move(check.picture.data));
    image.set_media_type(check.picture.media_type);
    image.set_width(check.picture.width);
    image.set_height(check.picture.height);
    writer_.Add(std::move(result));
  }

  void OnFailure(const TaskPtr& task, v1::FetchFailure failure, const std::string& message, Retry retry,
                 absl::Duration retry_after) {
    if (retry == Retry::kNever) return Fail(*task, failure, message, false);
    if (retry == Retry::kLater && ++task->attempts >= options_.max_attempts) {
      return Fail(*task, failure, message, false);
    }
    {
      absl::MutexLock lock(&mutex_);
      const absl::Time due = absl::Now() + std::max(RetryDelay(task->attempts), std::min(retry_after, kMaxRetryAfter));
      if (!stopping_ && due < task->start_by) {
        if (retry == Retry::kLater) ++retried_;
        retries_.emplace(due, task);
        return;
      }
    }
    // The lease does not last for another fetch: somebody takes it afresh.
    GiveBack(*task, failure, message);
  }

  absl::Duration RetryDelay(int attempts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const double factor = std::uniform_real_distribution<double>(0.5, 1.5)(random_);
    const int doublings = std::clamp(attempts - 1, 0, 10);
    return std::min(kMaxRetryDelay, options_.retry_delay * (1 << doublings)) * factor;
  }

  void GiveBack(const Task& task, v1::FetchFailure failure, const std::string& message) {
    Fail(task, failure, message, true);
  }

  void Fail(const Task& task, v1::FetchFailure failure, const std::string& message, bool retry) {
    v1::FetchResult result;
    result.set_product_id(task.product_id);
    result.set_url(task.url);
    result.mutable_failure()->set_reason(failure);
    result.mutable_failure()->set_message(Printable(message));
    result.mutable_failure()->set_retry(retry);
    writer_.Add(std::move(result));
  }

  // --- ends ----------------------------------------------------------------------

  // The writer's thread.
  void OnWritten(const v1::CompleteFetchesRequest& written) {
    std::int64_t bytes = 0;
    std::map<v1::FetchFailure, std::int64_t> failed;
    std::int64_t stored = 0;
    std::int64_t retried = 0;
    for (const v1::FetchResult& result : written.results()) {
      if (result.has_image()) {
        ++stored;
        bytes += static_cast<std::int64_t>(result.image().data().size());
      } else if (result.failure().retry()) {
        ++retried;
      } else {
        ++failed[result.failure().reason()];
      }
    }
    engine_.Release(bytes);
    fetcher_metrics::CountImages("stored", static_cast<double>(stored));
    fetcher_metrics::CountImages("retried", static_cast<double>(retried));
    for (const auto& [reason, count] : failed) {
      fetcher_metrics::CountImages(fetcher_metrics::OutcomeName(reason), static_cast<double>(count));
    }
    absl::MutexLock lock(&mutex_);
    stored_ += stored;
    retried_ += retried;
    ended_ += written.results_size();
    for (const auto& [reason, count] : failed) failed_[reason] += count;
    for (const v1::FetchResult& result : written.results()) outstanding_.erase(result.product_id());
  }

  bool Stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  void GiveEverythingBack() {
    std::multimap<absl::Time, TaskPtr> waiting;
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      waiting.swap(retries_);
    }
    for (const auto& [due, task] : waiting) GiveBack(*task, v1::FETCH_FAILURE_OTHER, "crawl stopped");
    engine_.Stop();
    pool_.Stop();
    writer_.Stop();
  }

  void Publish(const Crawler::Report& report) {
    v1::CrawlProgress progress = before_;
    std::int64_t finished = 0;
    std::int64_t stored = 0;
    {
      absl::MutexLock lock(&mutex_);
      stored = stored_;
      progress.set_stored(before_.stored() + stored_);
      progress.set_retried(before_.retried() + retried_);
      std::map<v1::FetchFailure, std::int64_t> failed = failed_;
      finished = stored_;
      for (const auto& [reason, count] : failed_) finished += count;
      for (const v1::FetchFailureCrawlCount& count : before_.failed()) failed[count.failure()] += count.products();
      progress.clear_failed();
      for (const auto& [reason, count] : failed) {
        v1::FetchFailureCrawlCount& entry = *progress.add_failed();
        entry.set_failure(reason);
        entry.set_products(count);
      }
    }
    const std::int64_t received = engine_.received_bytes();
    fetcher_metrics::CountReceivedBytes(static_cast<double>(received - counted_bytes_));
    counted_bytes_ = received;
    fetcher_metrics::SetInFlight(static_cast<double>(engine_.running()));
    const double seconds = absl::ToDoubleSeconds(absl::Now() - begun_);
    progress.set_received_bytes(before_.received_bytes() + received);
    progress.set_seconds(seconds);
    progress.set_images_per_second(seconds > 0 ? static_cast<double>(stored) / seconds : 0);
    if (absl::StatusOr<v1::GetStatisticsResponse> statistics = store_.GetStatistics({}); statistics.ok()) {
      for (const v1::ImageStateCount& count : statistics->image_states()) {
        if (count.state() == v1::IMAGE_STATE_PENDING) progress.set_pending(count.products());
      }
    }
    const std::int64_t all = finished + progress.pending();
    report(progress, all == 0 ? 1 : static_cast<double>(finished) / static_cast<double>(all));
  }

  ProductStore& store_;
  const CrawlOptions& options_;
  const v1::CrawlProgress before_;
  const absl::Time begun_ = absl::Now();

  // Run's thread alone.
  absl::Time lease_again_ = absl::InfinitePast();
  absl::Time store_away_since_ = absl::InfiniteFuture();
  bool was_idle_ = false;
  std::int64_t counted_bytes_ = 0;

  mutable absl::Mutex mutex_;
  // Product ids leased and not yet written.
  std::unordered_set<std::string> outstanding_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, TaskPtr> retries_ ABSL_GUARDED_BY(mutex_);
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::int64_t stored_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t retried_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t ended_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<v1::FetchFailure, std::int64_t> failed_ ABSL_GUARDED_BY(mutex_);

  ResultWriter writer_;
  WorkerPool pool_;
  TransferEngine engine_;
};

}  // namespace

Crawler::Crawler(ProductStore& store, const AddressFilter& filter, CrawlOptions options)
    : store_(store), filter_(filter), options_(std::move(options)) {}

absl::Status Crawler::Run(const v1::CrawlProgress& before, const Stopping& stopping, const Report& report) {
  Crawl crawl(store_, filter_, options_, before);
  return crawl.Run(stopping, report);
}

}  // namespace mannequin

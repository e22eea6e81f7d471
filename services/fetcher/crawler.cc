#include "services/fetcher/crawler.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "google/protobuf/util/time_util.h"
#include "services/fetcher/crawl_tally.h"
#include "services/fetcher/lease_plan.h"
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
constexpr std::size_t kMaxMessageBytes = 200;

struct Task {
  v1::FetchTask leased;
  // Requests sent since it was leased, but for those that say nothing about the picture.
  int sent = 0;
  // Of all requests, those that failed and count.
  int failed = 0;
  absl::Time start_by;
};
using TaskPtr = std::shared_ptr<Task>;

struct Outstanding {
  explicit Outstanding(std::string origin_name = "") : origin(std::move(origin_name)) {}
  std::string origin;
  // Of what was made of the body, until it is written.
  std::int64_t held_bytes = 0;
};

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
        tally_(std::move(before), begun_),
        random_(options.jitter_seed),
        writer_(store, WriterOptions(options),
                [this](const auto& written, const auto& answer) { OnWritten(written, answer); }),
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
      if (const absl::Time now = SteadyNow(); now >= report_at) {
        Publish(report);
        report_at = now + kReportEvery;
      }
      WaitATick();
    }
    Publish(report, /*ended=*/true);
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
    AwaitFor(mutex_, absl::Condition(&drained), kTick);
  }

  // --- leasing: Run's thread -------------------------------------------------

  // True when there is nothing left to do.
  absl::StatusOr<bool> LeaseAhead() {
    const absl::Time now = SteadyNow();
    if (now < lease_again_) return false;
    std::optional<LeasePlan::Wish> wish;
    bool idle = false;
    {
      absl::MutexLock lock(&mutex_);
      idle = outstanding_.empty();
      wish = plan_.NextWish(now, engine_.running() < engine_.connections() ? 2 * engine_.connections() : 0);
    }
    if (!wish) return false;
    v1::LeaseFetchesRequest request;
    request.set_worker(options_.worker);
    request.set_max_products(wish->max_products);
    request.set_max_products_per_origin(wish->max_products_per_origin);
    request.set_parts(options_.parts);
    request.set_part(options_.part);
    request.mutable_except_origins()->Assign(wish->except_origins.begin(), wish->except_origins.end());
    const absl::Duration lease = std::min(options_.lease + options_.timeout, absl::Hours(1));
    *request.mutable_lease() =
        google::protobuf::util::TimeUtil::MillisecondsToDuration(absl::ToInt64Milliseconds(lease));
    absl::StatusOr<v1::LeaseFetchesResponse> leased = store_.LeaseFetches(request);
    if (!leased.ok()) return LeaseFailed(leased.status(), now);
    store_away_since_ = absl::InfiniteFuture();
    const int products = leased->tasks_size();
    const std::int64_t others = leased->leased_by_others();
    Accept(*std::move(leased), now, now + lease - options_.timeout - kLeaseMargin);
    {
      absl::MutexLock lock(&mutex_);
      plan_.WishEnded(*wish, products, now);
    }
    return products == 0 && idle && wish->except_origins.empty() && others == 0;
  }

  absl::StatusOr<bool> LeaseFailed(const absl::Status& status, absl::Time now) {
    store_away_since_ = std::min(store_away_since_, now);
    const bool may_pass = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!may_pass || now - store_away_since_ > options_.store_patience) {
      return absl::Status(status.code(), absl::StrCat("store: leasing fetches: ", status.message()));
    }
    lease_again_ = now + kLeaseAgain;
    return false;
  }

  void Accept(v1::LeaseFetchesResponse leased, absl::Time now, absl::Time start_by) {
    std::vector<TaskPtr> tasks;
    {
      absl::MutexLock lock(&mutex_);
      absl::flat_hash_map<std::string, std::int64_t> products;
      for (v1::FetchTask& leased_task : *leased.mutable_tasks()) {
        // A store that started again has forgotten our leases; we have not.
        if (!outstanding_.emplace(leased_task.product_id(), leased_task.origin()).second) continue;
        ++products[leased_task.origin()];
        TaskPtr task = std::make_shared<Task>();
        task->failed = leased_task.attempts();
        task->leased = std::move(leased_task);
        task->start_by = start_by;
        tasks.push_back(std::move(task));
      }
      for (const auto& [origin, count] : products) plan_.Leased(origin, count, now);
    }
    Submit(tasks);
  }

  void Submit(const std::vector<TaskPtr>& tasks) {
    std::vector<TransferRequest> requests;
    requests.reserve(tasks.size());
    for (const TaskPtr& task : tasks) {
      TransferRequest& request = requests.emplace_back();
      request.url = task->leased.url();
      request.timeout = options_.timeout;
      request.start_by = task->start_by;
      request.etag = task->leased.etag();
      request.last_modified = task->leased.last_modified();
      request.done = [this, task](TransferResult result) { OnTransferred(task, std::move(result)); };
    }
    engine_.Submit(std::move(requests));
  }

  void SubmitDueRetries() {
    std::vector<TaskPtr> due;
    {
      absl::MutexLock lock(&mutex_);
      const auto end = retries_.upper_bound(SteadyNow());
      for (auto it = retries_.begin(); it != end; ++it) due.push_back(it->second);
      retries_.erase(retries_.begin(), end);
    }
    Submit(due);
  }

  // --- what became of a fetch: the engine's and the pool's threads --------------

  void OnTransferred(const TaskPtr& task, TransferResult result) {
    fetcher_metrics::ObserveTransfer(result.elapsed);
    if (result.sent && result.retry != Retry::kUncounted) ++task->sent;
    if (result.failure != v1::FETCH_FAILURE_UNSPECIFIED) return OnFailure(task, result);
    if (result.not_modified) {
      v1::FetchResult unchanged = ResultOf(*task);
      unchanged.mutable_not_modified();
      unchanged.set_etag(std::move(result.etag));
      unchanged.set_last_modified(std::move(result.last_modified));
      return writer_.Add(std::move(unchanged));
    }
    auto fetched = std::make_shared<TransferResult>(std::move(result));
    pool_.Post([this, task, fetched] { Check(task, *fetched); });
  }

  void Check(const TaskPtr& task, TransferResult& fetched) {
    const auto bytes = static_cast<std::int64_t>(fetched.body.size());
    if (Stopping()) {
      engine_.Release(bytes);
      return GiveBack(*task);
    }
    ImageCheck check = CheckImage(std::move(fetched.body), options_.check);
    if (check.failure != v1::FETCH_FAILURE_UNSPECIFIED) {
      engine_.Release(bytes);
      return Fail(*task, check.failure, check.message, /*retry=*/false);
    }
    v1::FetchResult result = ResultOf(*task);
    result.set_etag(std::move(fetched.etag));
    result.set_last_modified(std::move(fetched.last_modified));
    if (task->leased.refresh() && check.source_sha256 == task->leased.source_sha256()) {
      // An origin that does not know of conditional requests sent the same again.
      engine_.Release(bytes);
      result.mutable_not_modified();
      return writer_.Add(std::move(result));
    }
    result.set_source_sha256(std::move(check.source_sha256));
    result.set_perceptual_hash(check.picture.perceptual_hash);
    v1::Image& image = *result.mutable_image();
    image.set_data(std::move(check.picture.data));
    image.set_media_type(check.picture.media_type);
    image.set_width(check.picture.width);
    image.set_height(check.picture.height);
    for (StoredPicture::Rendition& made : check.picture.renditions) {
      v1::Rendition& rendition = *result.add_renditions();
      rendition.set_side(made.side);
      rendition.set_width(made.width);
      rendition.set_height(made.height);
      rendition.set_data(std::move(made.jpeg));
    }
    std::int64_t made = static_cast<std::int64_t>(image.data().size());
    for (const v1::Rendition& rendition : result.renditions())
      made += static_cast<std::int64_t>(rendition.data().size());
    engine_.Release(bytes - made);
    {
      absl::MutexLock lock(&mutex_);
      outstanding_[task->leased.product_id()].held_bytes = made;
    }
    writer_.Add(std::move(result));
  }

  void OnFailure(const TaskPtr& task, const TransferResult& result) {
    if (result.retry == Retry::kNever) return Fail(*task, result.failure, result.message, /*retry=*/false);
    if (result.retry == Retry::kLater && ++task->failed >= options_.max_attempts) {
      return Fail(*task, result.failure, result.message, /*retry=*/false);
    }
    {
      absl::MutexLock lock(&mutex_);
      const bool cut_short = result.retry == Retry::kUncounted && result.failure == v1::FETCH_FAILURE_OTHER;
      result.sent && !cut_short ? tally_.AddFailedAttempt(result.failure) : tally_.AddUnfetched();
      const absl::Time due =
          SteadyNow() + std::max(RetryDelay(task->failed), std::min(result.retry_after, kMaxRetryAfter));
      if (!stopping_ && due < task->start_by) {
        retries_.emplace(due, task);
        return;
      }
    }
    // The lease does not last for another fetch: somebody takes it afresh.
    const bool counts = result.retry != Retry::kUncounted;
    Fail(*task, counts ? result.failure : v1::FETCH_FAILURE_UNSPECIFIED, result.message, /*retry=*/true);
  }

  absl::Duration RetryDelay(int attempts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const double factor = std::uniform_real_distribution<double>(0.5, 1.5)(random_);
    const int doublings = std::clamp(attempts - 1, 0, 10);
    return std::min(kMaxRetryDelay, options_.retry_delay * (1 << doublings)) * factor;
  }

  void GiveBack(const Task& task) {
    {
      absl::MutexLock lock(&mutex_);
      tally_.AddUnfetched();
    }
    Fail(task, v1::FETCH_FAILURE_UNSPECIFIED, "", /*retry=*/true);
  }

  void Fail(const Task& task, v1::FetchFailure failure, const std::string& message, bool retry) {
    v1::FetchResult result = ResultOf(task);
    result.mutable_failure()->set_reason(failure);
    result.mutable_failure()->set_message(Printable(message));
    result.mutable_failure()->set_retry(retry);
    writer_.Add(std::move(result));
  }

  static v1::FetchResult ResultOf(const Task& task) {
    v1::FetchResult result;
    result.set_product_id(task.leased.product_id());
    result.set_url(task.leased.url());
    result.set_attempts(task.sent);
    return result;
  }

  // --- ends ----------------------------------------------------------------------

  // The writer's thread.
  void OnWritten(const v1::CompleteFetchesRequest& written, const v1::CompleteFetchesResponse& answer) {
    std::vector<bool> kept(static_cast<std::size_t>(written.results_size()), true);
    for (const int dropped : answer.dropped_results()) kept[static_cast<std::size_t>(dropped)] = false;
    std::map<std::string, double> outcomes;
    for (int i = 0; i < written.results_size(); ++i) ++outcomes[kept[i] ? OutcomeOf(written.results(i)) : "dropped"];
    for (const auto& [outcome, count] : outcomes) fetcher_metrics::CountImages(outcome, count);
    std::int64_t bytes = 0;
    {
      const absl::Time now = SteadyNow();
      absl::MutexLock lock(&mutex_);
      for (int i = 0; i < written.results_size(); ++i) {
        const v1::FetchResult& result = written.results(i);
        // Dropped: the listing's URL has changed, and its new picture is yet to come.
        if (kept[i]) tally_.AddWritten(result);
        const auto found = outstanding_.find(result.product_id());
        if (found == outstanding_.end()) continue;
        bytes += found->second.held_bytes;
        plan_.Finished(found->second.origin, now);
        outstanding_.erase(found);
      }
    }
    engine_.Release(bytes);
  }

  static std::string OutcomeOf(const v1::FetchResult& result) {
    if (result.has_image()) return "stored";
    if (result.has_not_modified()) return "not_modified";
    return result.failure().retry() ? "retried" : fetcher_metrics::OutcomeName(result.failure().reason());
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
    for (const auto& [due, task] : waiting) GiveBack(*task);
    engine_.Stop();
    pool_.Stop();
    writer_.Stop();
  }

  void Publish(const Crawler::Report& report, bool ended = false) {
    const std::int64_t received = engine_.received_bytes();
    fetcher_metrics::CountReceivedBytes(static_cast<double>(received - counted_bytes_));
    counted_bytes_ = received;
    fetcher_metrics::SetInFlight(static_cast<double>(engine_.running()));
    if (absl::StatusOr<v1::GetStatisticsResponse> statistics = store_.GetStatistics({}); statistics.ok()) {
      pending_ = statistics->refreshes();
      for (const v1::ImageStateCount& count : statistics->image_states()) {
        if (count.state() == v1::IMAGE_STATE_PENDING) pending_ += count.products();
      }
    }
    v1::CrawlProgress progress;
    std::int64_t finished = 0;
    {
      absl::MutexLock lock(&mutex_);
      progress = tally_.Progress(pending_, received, SteadyNow());
      finished = tally_.finished();
    }
    const TroubleReport troubles = engine_.Troubles();
    fetcher_metrics::SetTroubledHosts(static_cast<double>(troubles.count));
    progress.set_troubled_host_count(troubles.count);
    for (const TroubledHost& host : troubles.hosts) {
      v1::HostTrouble& trouble = *progress.add_troubled_hosts();
      trouble.set_origin(host.origin);
      trouble.set_reason(Printable(host.reason));
      trouble.set_seconds_left(host.seconds_left);
      trouble.set_products(host.queued);
      trouble.set_given_up(host.given_up);
    }
    if (ended) progress.set_warning(CrawlWarning(progress));
    const std::int64_t all = finished + pending_;
    report(progress, all == 0 ? 1 : static_cast<double>(finished) / static_cast<double>(all));
  }

  ProductStore& store_;
  const CrawlOptions& options_;
  const absl::Time begun_ = SteadyNow();

  // Run's thread alone.
  absl::Time lease_again_ = absl::InfinitePast();
  absl::Time store_away_since_ = absl::InfiniteFuture();
  std::int64_t counted_bytes_ = 0;
  // As the store said last.
  std::int64_t pending_ = 0;

  mutable absl::Mutex mutex_;
  // By product id: leased and not yet written.
  absl::flat_hash_map<std::string, Outstanding> outstanding_ ABSL_GUARDED_BY(mutex_);
  LeasePlan plan_ ABSL_GUARDED_BY(mutex_);
  CrawlTally tally_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, TaskPtr> retries_ ABSL_GUARDED_BY(mutex_);
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

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

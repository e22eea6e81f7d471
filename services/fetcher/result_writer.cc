#include "services/fetcher/result_writer.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/call_ids.h"
#include "common/base/steady.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

// Besides pictures: ids, URL, message and framing.
constexpr std::int64_t kResultOverheadBytes = 4096;

std::int64_t BytesOf(const v1::FetchResult& result) {
  std::int64_t bytes = kResultOverheadBytes + static_cast<std::int64_t>(result.image().data().size());
  for (const v1::Rendition& rendition : result.renditions())
    bytes += static_cast<std::int64_t>(rendition.data().size());
  return bytes;
}

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) || absl::IsAborted(status);
}

}  // namespace

ResultWriter::ResultWriter(ProductStore& store, ResultWriterOptions options, Written written)
    : store_(store), options_(std::move(options)), written_(std::move(written)) {
  thread_ = std::thread(OfThisCall([this] {
    pthread_setname_np(pthread_self(), "fetch-write");
    Loop();
  }));
}

ResultWriter::~ResultWriter() { Stop(); }

void ResultWriter::Add(v1::FetchResult result) {
  absl::MutexLock lock(&mutex_);
  if (!status_.ok()) return;
  if (queue_.empty()) first_added_ = SteadyNow();
  queued_bytes_ += BytesOf(result);
  queue_.push_back(std::move(result));
}

void ResultWriter::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status ResultWriter::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

bool ResultWriter::BatchIsDue() const {
  return stop_ || static_cast<int>(queue_.size()) >= options_.max_results || queued_bytes_ >= options_.max_bytes;
}

v1::CompleteFetchesRequest ResultWriter::TakeBatch() {
  v1::CompleteFetchesRequest request;
  request.set_worker(options_.worker);
  std::int64_t bytes = 0;
  while (!queue_.empty() && request.results_size() < options_.max_results) {
    const std::int64_t next = BytesOf(queue_.front());
    if (bytes > 0 && bytes + next > options_.max_bytes) break;
    bytes += next;
    *request.add_results() = std::move(queue_.front());
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  first_added_ = SteadyNow();
  return request;
}

void ResultWriter::Loop() {
  for (;;) {
    v1::CompleteFetchesRequest request;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](ResultWriter* self)
               ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mutex_) { return self->stop_ || !self->queue_.empty(); },
          this));
      if (queue_.empty()) return;
      AwaitFor(mutex_, absl::Condition(this, &ResultWriter::BatchIsDue),
               first_added_ + options_.max_wait - SteadyNow());
      request = TakeBatch();
    }
    const absl::Status status = Write(std::move(request));
    if (status.ok()) continue;
    absl::MutexLock lock(&mutex_);
    status_ = status;
    queue_.clear();
    queued_bytes_ = 0;
  }
}

absl::Status ResultWriter::Write(v1::CompleteFetchesRequest request) {
  const absl::Time give_up = SteadyNow() + options_.patience;
  absl::Duration pause = absl::Milliseconds(50);
  for (;;) {
    const absl::StatusOr<v1::CompleteFetchesResponse> response = store_.CompleteFetches(request);
    if (response.ok()) {
      written_(request, *response);
      return absl::OkStatus();
    }
    const absl::Status& status = response.status();
    if (absl::IsInvalidArgument(status)) return WriteParts(std::move(request), status);
    const absl::Status final_status(
        status.code(), absl::StrCat("store: writing ", request.results_size(), " results: ", status.message()));
    if (!MayPass(status) || SteadyNow() + pause > give_up) return final_status;
    spdlog::warn("{}; trying again", final_status.ToString());
    absl::MutexLock lock(&mutex_);
    if (AwaitFor(mutex_, absl::Condition(&stop_), pause)) return final_status;
    pause = std::min(pause * 2, absl::Seconds(5));
  }
}

absl::Status ResultWriter::WriteParts(v1::CompleteFetchesRequest request, const absl::Status& refusal) {
  if (request.results_size() > 1) {
    v1::CompleteFetchesRequest rest;
    rest.set_worker(request.worker());
    const int half = request.results_size() / 2;
    for (int i = half; i < request.results_size(); ++i) rest.add_results()->Swap(request.mutable_results(i));
    request.mutable_results()->DeleteSubrange(half, request.results_size() - half);
    const absl::Status written = Write(std::move(request));
    return written.ok() ? Write(std::move(rest)) : written;
  }
  const v1::FetchResult& refused = request.results(0);
  // That a picture failed can always be said; if not, the store is not one of ours.
  if (!refused.has_image()) return refusal;
  spdlog::error("picture of product {}: the store refuses it: {}", refused.product_id(),
                std::string(refusal.message()));
  v1::CompleteFetchesRequest failed;
  failed.set_worker(request.worker());
  v1::FetchResult& result = *failed.add_results();
  result.set_product_id(refused.product_id());
  result.set_url(refused.url());
  result.set_attempts(refused.attempts());
  result.mutable_failure()->set_reason(v1::FETCH_FAILURE_OTHER);
  result.mutable_failure()->set_message(absl::StrCat("the store refuses the picture: ", refusal.message()));
  return Write(std::move(failed));
}

}  // namespace mannequin

#include "services/fetcher/crawl_tally.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/fetcher/metrics.h"

namespace mannequin {
namespace {

constexpr absl::Duration kWindow = absl::Seconds(30);
// What makes up 1 of 256 pictures of a crawl is found.
constexpr std::size_t kPicturesCounted = 256;
constexpr std::int64_t kRepeatedFrom = 20;
constexpr int kMaxRepeated = 5;
constexpr double kGoodShare = 0.9;
constexpr int kReasonsNamed = 3;

template <typename Field>
void PutCounts(const std::map<v1::FetchFailure, std::int64_t>& counts, Field* field) {
  for (const auto& [reason, products] : counts) {
    if (products == 0) continue;
    v1::FetchFailureCrawlCount& entry = *field->Add();
    entry.set_failure(reason);
    entry.set_products(products);
  }
}

template <typename Field>
void AddCounts(const Field& field, std::map<v1::FetchFailure, std::int64_t>& counts) {
  for (const v1::FetchFailureCrawlCount& count : field) counts[count.failure()] += count.products();
}

absl::string_view WhatToDo(v1::FetchFailure reason) {
  switch (reason) {
    case v1::FETCH_FAILURE_INVALID_URL:
      return "the catalogue's image URLs are no http or https URLs: correct them and ingest again";
    case v1::FETCH_FAILURE_FORBIDDEN_ADDRESS:
      return "the hosts lie in a private network: name it in the fetcher's allow_addresses if you trust it";
    case v1::FETCH_FAILURE_DNS:
      return "the hosts' names are not known: check this machine's resolver and the catalogue's age";
    case v1::FETCH_FAILURE_CONNECT:
    case v1::FETCH_FAILURE_TIMEOUT:
    case v1::FETCH_FAILURE_TRUNCATED:
      return "the hosts or the way to them is overloaded or down: crawl with fewer --connections, or later with "
             "--retry-failed";
    case v1::FETCH_FAILURE_TLS:
      return "certificates do not verify: an intranet's authority goes into certificate_authorities";
    case v1::FETCH_FAILURE_NOT_FOUND:
      return "the pictures are gone: the catalogue is older than the shop, ingest a newer one";
    case v1::FETCH_FAILURE_HTTP_STATUS:
      return "the hosts refuse (see failure_message of a product): lower requests_per_second_per_host, set contact, "
             "or ask their owner";
    case v1::FETCH_FAILURE_ROBOTS:
      return "robots.txt forbids it: ask the host's owner; for a host of your own a host_rule has ignore_robots";
    case v1::FETCH_FAILURE_NOT_AVAILABLE:
      return "the origin has no picture of these products: they are MISSING now, and can get a placeholder";
    case v1::FETCH_FAILURE_TOO_LARGE:
      return "pictures are over max_image_bytes or a limit on pixels or frames";
    default:
      return "see failure_message of a product";
  }
}

}  // namespace

CrawlTally::CrawlTally(v1::CrawlProgress before, absl::Time begun)
    : before_(std::move(before)), begun_(begun), pictures_(kPicturesCounted), samples_{{begun, 0, 0}} {}

void CrawlTally::AddWritten(const v1::FetchResult& result) {
  if (result.has_failure() && result.failure().retry()) return;
  ++finished_;
  if (result.has_image()) {
    ++stored_;
    if (!result.source_sha256().empty()) pictures_.Add(result.source_sha256(), result.url());
  } else if (result.has_not_modified()) {
    ++not_modified_;
  } else {
    ++failed_[result.failure().reason()];
  }
}

v1::CrawlProgress CrawlTally::Progress(std::int64_t pending, std::int64_t received_bytes, absl::Time now) {
  v1::CrawlProgress progress;
  progress.set_stored(before_.stored() + stored_);
  progress.set_not_modified(before_.not_modified() + not_modified_);
  Counts failed = failed_;
  AddCounts(before_.failed(), failed);
  PutCounts(failed, progress.mutable_failed());
  Counts attempts = failed_attempts_;
  AddCounts(before_.failed_attempts(), attempts);
  PutCounts(attempts, progress.mutable_failed_attempts());
  std::int64_t retried = before_.retried() + unfetched_;
  for (const auto& [reason, count] : failed_attempts_) retried += count;
  progress.set_retried(retried);
  progress.set_received_bytes(before_.received_bytes() + received_bytes);
  progress.set_pending(pending);

  const double seconds = absl::ToDoubleSeconds(now - begun_);
  progress.set_seconds(seconds);
  if (seconds > 0) progress.set_images_per_second(static_cast<double>(succeeded()) / seconds);
  samples_.push_back({now, finished_, received_bytes});
  while (samples_.size() > 2 && now - samples_[1].time >= kWindow) samples_.pop_front();
  const Sample& first = samples_.front();
  if (const double window = absl::ToDoubleSeconds(now - first.time); window > 0) {
    progress.set_bytes_per_second(static_cast<double>(received_bytes - first.bytes) / window);
    const double rate = static_cast<double>(finished_ - first.finished) / window;
    if (rate > 0) progress.set_seconds_left(static_cast<double>(pending) / rate);
  }

  const std::int64_t good = progress.stored() + progress.not_modified();
  std::int64_t ended = good;
  for (const auto& [reason, products] : failed) ended += products;
  progress.set_success_share(ended == 0 ? 1 : static_cast<double>(good) / static_cast<double>(ended));

  std::vector<v1::RepeatedPicture> repeated;
  for (const auto& [sha256, entry] : pictures_.entries()) {
    if (!entry.varied || entry.count - entry.error < kRepeatedFrom) continue;
    v1::RepeatedPicture& picture = repeated.emplace_back();
    picture.set_sha256(sha256);
    picture.set_fetches(entry.count - entry.error);
    picture.set_example_url(entry.example);
  }
  std::sort(repeated.begin(), repeated.end(), [](const auto& a, const auto& b) { return a.fetches() > b.fetches(); });
  if (repeated.size() > kMaxRepeated) repeated.resize(kMaxRepeated);
  progress.mutable_repeated_pictures()->Assign(repeated.begin(), repeated.end());
  return progress;
}

std::string CrawlWarning(const v1::CrawlProgress& progress) {
  if (progress.success_share() >= kGoodShare) return "";
  std::vector<v1::FetchFailureCrawlCount> reasons(progress.failed().begin(), progress.failed().end());
  std::sort(reasons.begin(), reasons.end(), [](const auto& a, const auto& b) { return a.products() > b.products(); });
  if (reasons.size() > kReasonsNamed) reasons.resize(kReasonsNamed);
  std::vector<std::string> parts;
  for (const v1::FetchFailureCrawlCount& reason : reasons) {
    parts.push_back(absl::StrCat(fetcher_metrics::OutcomeName(reason.failure()), " (", reason.products(),
                                 "): ", WhatToDo(reason.failure())));
  }
  return absl::StrFormat("only %.0f %% of the pictures could be had. %s", 100 * progress.success_share(),
                         absl::StrJoin(parts, ". "));
}

}  // namespace mannequin

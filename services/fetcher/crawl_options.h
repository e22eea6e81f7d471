// From the service's configuration and a crawl's request to what a crawler does.
#pragma once

#include "absl/status/status.h"
#include "mannequin/config/v1/config.pb.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "services/fetcher/crawler.h"

namespace mannequin {

// INVALID_ARGUMENT names the field and its range.
absl::Status ValidateConfig(const config::v1::FetcherConfig& config);
absl::Status ValidateRequest(const v1::StartCrawlRequest& request);

// Of valid messages; a field of the request that is 0 or not set takes the
// configuration's value, and that its default. `worker` and `jitter_seed` are left.
CrawlOptions MakeCrawlOptions(const config::v1::FetcherConfig& config, const v1::StartCrawlRequest& request);

}  // namespace mannequin

#include "services/fetcher/crawl_options.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/time_util.h"

namespace mannequin {
namespace {

constexpr int kMaxConnections = 10'000;
constexpr std::int64_t kMaxImageBytes = 16 << 20;
constexpr std::int64_t kMinHeldBytes = 1 << 20;

absl::Status InRange(absl::string_view field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value == 0 || (value >= least && value <= most)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, "; expected ", least, " to ", most, ", or 0 for the default"));
}

}  // namespace

absl::Status ValidateConfig(const config::v1::FetcherConfig& config) {
  RETURN_IF_ERROR(InRange("connections", config.connections(), 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("connections_per_host", config.connections_per_host(), 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("max_image_bytes", config.max_image_bytes(), 1, kMaxImageBytes));
  RETURN_IF_ERROR(InRange("decode_threads", config.decode_threads(), 1, 1024));
  RETURN_IF_ERROR(InRange("max_held_bytes", config.max_held_bytes(), kMinHeldBytes, INT64_MAX / 4));
  const std::vector<std::string> allow(config.allow_addresses().begin(), config.allow_addresses().end());
  return AddressFilter::Create(allow).status();
}

absl::Status ValidateRequest(const v1::StartCrawlRequest& request) {
  RETURN_IF_ERROR(InRange("connections", request.connections(), 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("max_attempts", request.max_attempts(), 1, 20));
  if (!request.has_timeout()) return absl::OkStatus();
  const std::int64_t seconds = request.timeout().seconds();
  if (seconds >= 1 && seconds <= 600) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("timeout: ", seconds, " s; expected 1 s to 600 s"));
}

CrawlOptions MakeCrawlOptions(const config::v1::FetcherConfig& config, const v1::StartCrawlRequest& request) {
  CrawlOptions options;
  if (config.connections() > 0) options.transfer.connections = config.connections();
  if (request.connections() > 0) options.transfer.connections = request.connections();
  if (config.connections_per_host() > 0) options.transfer.connections_per_host = config.connections_per_host();
  if (config.max_image_bytes() > 0) options.transfer.max_body_bytes = config.max_image_bytes();
  if (config.max_held_bytes() > 0) options.transfer.max_held_bytes = config.max_held_bytes();
  options.check.limits.max_bytes = options.transfer.max_body_bytes;
  options.check.header_only = request.header_check_only();
  options.decode_threads =
      config.decode_threads() > 0 ? config.decode_threads() : std::max(1u, std::thread::hardware_concurrency());
  if (request.max_attempts() > 0) options.max_attempts = request.max_attempts();
  if (request.has_timeout()) {
    options.timeout = absl::Milliseconds(google::protobuf::util::TimeUtil::DurationToMilliseconds(request.timeout()));
  }
  return options;
}

}  // namespace mannequin

#include "services/fetcher/crawl_options.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/store/product_share.h"
#include "google/protobuf/util/time_util.h"

namespace mannequin {
namespace {

constexpr int kMaxConnections = 10'000;
constexpr std::int64_t kMaxImageBytes = 16 << 20;
constexpr std::int64_t kMinHeldBytes = 1 << 20;
constexpr int kMaxTransferThreads = 64;
constexpr int kMaxRenditions = 8;
constexpr int kMinSide = 16;
constexpr int kMaxSide = 2048;
constexpr int kMaxHashes = 10'000;
constexpr double kMaxRate = 1e6;
constexpr std::int64_t kMaxAgeSeconds = std::int64_t{100} * 366 * 24 * 3600;

absl::Status InRange(absl::string_view field, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value == 0 || (value >= least && value <= most)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value, "; expected ", least, " to ", most, ", or 0 for the default"));
}

absl::Status CheckRate(absl::string_view field, double rate) {
  if (rate == -1 || (rate >= 0 && rate <= kMaxRate)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", rate, "; expected requests a second up to ", kMaxRate,
                                                 ", -1 for no bound, or 0 for the default"));
}

absl::Status ValidateRules(const config::v1::FetcherConfig& config) {
  for (int i = 0; i < config.host_rules_size(); ++i) {
    const config::v1::HostRule& rule = config.host_rules(i);
    const std::string where = absl::StrCat("host_rules[", i, "].");
    if (rule.host().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(where, "host: empty; expected a name, \"*.example.com\" or \"*\""));
    }
    RETURN_IF_ERROR(InRange(absl::StrCat(where, "connections"), rule.connections(), 1, kMaxConnections));
    RETURN_IF_ERROR(CheckRate(absl::StrCat(where, "requests_per_second"), rule.requests_per_second()));
  }
  return absl::OkStatus();
}

absl::Status ValidatePictures(const config::v1::FetcherConfig& config) {
  if (config.rendition_sides_size() > kMaxRenditions) {
    return absl::InvalidArgumentError(
        absl::StrCat("rendition_sides: ", config.rendition_sides_size(), "; expected at most ", kMaxRenditions));
  }
  const bool none = config.rendition_sides_size() == 1 && config.rendition_sides(0) == 0;
  const std::set<int> sides(config.rendition_sides().begin(), config.rendition_sides().end());
  for (const int side : sides) {
    if (!none && (side < kMinSide || side > kMaxSide)) {
      return absl::InvalidArgumentError(absl::StrCat("rendition_sides: ", side, "; expected ", kMinSide, " to ",
                                                     kMaxSide, ", or a single 0 for none"));
    }
  }
  if (static_cast<int>(sides.size()) != config.rendition_sides_size()) {
    return absl::InvalidArgumentError("rendition_sides: one of them twice");
  }
  if (config.not_available_sha256_size() > kMaxHashes) {
    return absl::InvalidArgumentError(
        absl::StrCat("not_available_sha256: ", config.not_available_sha256_size(), "; expected at most ", kMaxHashes));
  }
  for (const std::string& hash : config.not_available_sha256()) {
    const bool hex =
        std::all_of(hash.begin(), hash.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (!hex || hash.size() != 64) {
      return absl::InvalidArgumentError(
          absl::StrCat("not_available_sha256: \"", hash, "\"; expected 64 lower-case hex digits"));
    }
  }
  return absl::OkStatus();
}

TransferOptions MakeTransferOptions(const config::v1::FetcherConfig& config) {
  TransferOptions options;
  if (config.connections() > 0) options.connections = config.connections();
  if (config.connections_per_host() > 0) options.connections_per_host = config.connections_per_host();
  if (config.requests_per_second_per_host() > 0) {
    options.requests_per_second_per_host = config.requests_per_second_per_host();
  }
  for (const config::v1::HostRule& rule : config.host_rules()) {
    options.host_rules.push_back({rule.host(), rule.connections(), rule.requests_per_second(), rule.ignore_robots()});
  }
  if (config.max_image_bytes() > 0) options.max_body_bytes = config.max_image_bytes();
  if (config.max_held_bytes() > 0) options.max_held_bytes = config.max_held_bytes();
  if (config.transfer_threads() > 0) options.threads = config.transfer_threads();
  options.contact = config.contact();
  options.certificate_authorities = config.certificate_authorities();
  return options;
}

}  // namespace

absl::Status ValidateConfig(const config::v1::FetcherConfig& config) {
  RETURN_IF_ERROR(InRange("connections", config.connections(), 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("connections_per_host", config.connections_per_host(), 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("max_image_bytes", config.max_image_bytes(), 1, kMaxImageBytes));
  RETURN_IF_ERROR(InRange("decode_threads", config.decode_threads(), 1, 1024));
  RETURN_IF_ERROR(InRange("max_held_bytes", config.max_held_bytes(), kMinHeldBytes, INT64_MAX / 4));
  RETURN_IF_ERROR(InRange("transfer_threads", config.transfer_threads(), 1, kMaxTransferThreads));
  if (!(config.requests_per_second_per_host() >= 0 && config.requests_per_second_per_host() <= kMaxRate)) {
    return absl::InvalidArgumentError(
        absl::StrCat("requests_per_second_per_host: ", config.requests_per_second_per_host(), "; expected up to ",
                     kMaxRate, ", or 0 for the default; a host rule with -1 lifts the bound"));
  }
  RETURN_IF_ERROR(ValidateRules(config));
  RETURN_IF_ERROR(ValidatePictures(config));
  RETURN_IF_ERROR(TransferEngine::Validate(MakeTransferOptions(config)));
  const std::vector<std::string> allow(config.allow_addresses().begin(), config.allow_addresses().end());
  return AddressFilter::Create(allow).status();
}

absl::Status ValidateRequest(const v1::StartCrawlRequest& request) {
  RETURN_IF_ERROR(InRange("connections", request.connections(), 1, kMaxConnections));
  RETURN_IF_ERROR(InRange("max_attempts", request.max_attempts(), 1, 20));
  RETURN_IF_ERROR(InRange("parts", request.parts(), 1, kMaxShares));
  const std::int64_t age = request.refresh_older_than().seconds();
  if (age < 0 || age > kMaxAgeSeconds || request.refresh_older_than().nanos() < 0 ||
      (age == 0 && request.refresh_older_than().nanos() > 0)) {
    return absl::InvalidArgumentError(absl::StrCat("refresh_older_than: ", age, " s and ",
                                                   request.refresh_older_than().nanos(),
                                                   " ns; expected 1 s to 100 years, or 0 for all"));
  }
  if (!request.has_timeout()) return absl::OkStatus();
  const std::int64_t seconds = request.timeout().seconds();
  if (seconds >= 1 && seconds <= 600) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("timeout: ", seconds, " s; expected 1 s to 600 s"));
}

CrawlOptions MakeCrawlOptions(const config::v1::FetcherConfig& config, const v1::StartCrawlRequest& request) {
  CrawlOptions options;
  options.transfer = MakeTransferOptions(config);
  if (request.connections() > 0) options.transfer.connections = request.connections();
  options.check.limits.max_bytes = options.transfer.max_body_bytes;
  options.check.header_only = request.header_check_only();
  options.check.keep_original = config.keep_original();
  if (config.rendition_sides_size() > 0) {
    options.check.rendition_sides.assign(config.rendition_sides().begin(), config.rendition_sides().end());
    if (options.check.rendition_sides[0] == 0) options.check.rendition_sides.clear();
  }
  options.check.not_available_sha256.insert(config.not_available_sha256().begin(), config.not_available_sha256().end());
  options.decode_threads =
      config.decode_threads() > 0 ? config.decode_threads() : std::max(1u, std::thread::hardware_concurrency());
  options.parts = std::max(request.parts(), 1);
  options.part = request.part();
  if (request.max_attempts() > 0) options.max_attempts = request.max_attempts();
  if (request.has_timeout()) {
    options.timeout = absl::Milliseconds(google::protobuf::util::TimeUtil::DurationToMilliseconds(request.timeout()));
  }
  return options;
}

}  // namespace mannequin

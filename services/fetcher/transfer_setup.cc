#include "services/fetcher/transfer_setup.h"

#include <curl/curl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace mannequin {
namespace {

// Of the rest of the process: lookups, files of a store, RPCs.
constexpr rlim_t kOtherDescriptors = 256;

std::int64_t OpenDescriptors() {
  std::error_code error;
  std::int64_t open = 0;
  for (auto it = std::filesystem::directory_iterator("/proc/self/fd", error);
       !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    ++open;
  }
  return open;
}

bool Read(const std::string& file, std::string& text) {
  std::ifstream in(file, std::ios::binary);
  text.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  return in.good() || in.eof();
}

}  // namespace

absl::StatusOr<int> ConnectionsThatFit(int wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t others = std::max<rlim_t>(kOtherDescriptors, 2 * static_cast<rlim_t>(OpenDescriptors()));
  const rlim_t needed = static_cast<rlim_t>(wanted) + others;
  if (limit.rlim_cur < needed) {
    rlimit raised = limit;
    raised.rlim_cur = std::min(limit.rlim_max, needed);
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  if (limit.rlim_cur >= needed) return wanted;
  if (limit.rlim_cur <= others) {
    return absl::ResourceExhaustedError(absl::StrCat("connections: the limit on descriptors is ", limit.rlim_cur,
                                                     " and ", others,
                                                     " are for other uses: none is left; raise `ulimit -Hn`"));
  }
  return static_cast<int>(limit.rlim_cur - others);
}

absl::StatusOr<Authorities> Authorities::With(const std::string& file) {
  Authorities authorities;
  const char* system = curl_version_info(CURLVERSION_NOW)->cainfo;
  authorities.path_ = system == nullptr ? "/etc/ssl/certs/ca-certificates.crt" : system;
  if (file.empty()) return authorities;
  std::string ours;
  if (std::filesystem::is_directory(file) || !Read(file, ours)) {
    return absl::NotFoundError(absl::StrCat("certificate_authorities: ", file, ": cannot be read"));
  }
  if (!absl::StrContains(ours, "-----BEGIN CERTIFICATE-----")) {
    return absl::InvalidArgumentError(
        absl::StrCat("certificate_authorities: ", file, ": no certificate in PEM is in it"));
  }
  std::string all;
  if (Read(authorities.path_, all) && !all.empty()) all += '\n';
  all += ours;
  authorities.memory_ = memfd_create("certificate-authorities", MFD_CLOEXEC);
  if (authorities.memory_ < 0 ||
      write(authorities.memory_, all.data(), all.size()) != static_cast<ssize_t>(all.size())) {
    return absl::ResourceExhaustedError("certificate_authorities: no memory or descriptors left");
  }
  authorities.path_ = absl::StrCat("/proc/self/fd/", authorities.memory_);
  return authorities;
}

Authorities::Authorities(Authorities&& other) noexcept
    : path_(std::move(other.path_)), memory_(std::exchange(other.memory_, -1)) {}

Authorities& Authorities::operator=(Authorities&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(memory_, other.memory_);
  return *this;
}

Authorities::~Authorities() {
  if (memory_ >= 0) close(memory_);
}

}  // namespace mannequin

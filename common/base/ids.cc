#include "common/base/ids.h"

#include <unistd.h>

#include <array>
#include <cstdint>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"

namespace mannequin {

std::string NewId(absl::string_view prefix, absl::Time now) {
  static constexpr absl::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  thread_local absl::BitGen random;
  std::string id(prefix);
  const auto milliseconds = static_cast<std::uint64_t>(absl::ToUnixMillis(now));
  for (int shift = 45; shift >= 0; shift -= 5) id += kAlphabet[(milliseconds >> shift) & 31];
  for (int i = 0; i < 16; ++i) id += kAlphabet[absl::Uniform(random, 0u, 32u)];
  return id;
}

std::string WorkerName(absl::string_view service) {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host = {'h', 'o', 's', 't'};
  return absl::StrCat(service, "@", host.data(), ":", getpid());
}

}  // namespace mannequin

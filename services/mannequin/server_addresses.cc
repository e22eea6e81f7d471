#include "services/mannequin/server_addresses.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "common/rpc/address.h"

namespace mannequin {
namespace {

struct Service {
  const char* name;
  const char* contract;
  int port;
};

constexpr std::array kServices = {
    Service{"store", "mannequin.v1.ProductStore", 8601},       Service{"fetcher", "mannequin.v1.ImageFetcher", 8602},
    Service{"embedder", "mannequin.v1.TextEmbedder", 8603},    Service{"trainer", "mannequin.v1.GanTrainer", 8604},
    Service{"generator", "mannequin.v1.ImageGenerator", 8605}, Service{"scorer", "mannequin.v1.AbuseScorer", 8606},
};

}  // namespace

absl::StatusOr<ServerAddresses> ServerAddresses::Parse(const std::string& server) {
  ServerAddresses addresses;
  if (server.find('=') == std::string::npos) {
    RETURN_IF_ERROR(rpc::ParseAddress(server, "--server").status());
    for (const Service& service : kServices) addresses.by_contract_[service.contract] = server;
    return addresses;
  }
  for (const Service& service : kServices) {
    addresses.by_contract_[service.contract] = absl::StrCat(service.name, ":", service.port);
  }
  for (const absl::string_view part : absl::StrSplit(server, ',')) {
    const std::pair<std::string, std::string> said = absl::StrSplit(part, absl::MaxSplits('=', 1));
    const auto* found = std::find_if(kServices.begin(), kServices.end(),
                                     [&](const Service& service) { return service.name == said.first; });
    if (found == kServices.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--server: \"", said.first, "\" is none of ",
          absl::StrJoin(kServices, ", ", [](std::string* out, const Service& service) { out->append(service.name); })));
    }
    RETURN_IF_ERROR(rpc::ParseAddress(said.second, absl::StrCat("--server: ", said.first)).status());
    addresses.by_contract_[found->contract] = said.second;
  }
  return addresses;
}

}  // namespace mannequin

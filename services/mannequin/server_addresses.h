// What --server says: one address of a suite that serves all contracts, or where each service is.
//
//   127.0.0.1:8600
//   store=127.0.0.1:8601,fetcher=127.0.0.1:8602
//
// Services that a list does not name are looked for by their own names and ports, "scorer:8606", as a pod
// of deploy/kubernetes and a container of deploy/compose find them.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

class ServerAddresses {
 public:
  // INVALID_ARGUMENT naming the service or address that is none.
  static absl::StatusOr<ServerAddresses> Parse(const std::string& server);

  // Of the service that has `contract`: "mannequin.v1.AbuseScorer".
  const std::string& Of(absl::string_view contract) const { return by_contract_.at(std::string(contract)); }
  // By contract.
  const std::map<std::string, std::string>& all() const { return by_contract_; }

 private:
  std::map<std::string, std::string> by_contract_;
};

}  // namespace mannequin

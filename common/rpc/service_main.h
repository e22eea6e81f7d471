// What the main of every service does before it serves: flags over a file of
// configuration, checked, and the log set up.
//
//   int main(int argc, char** argv) {
//     config::v1::ScorerConfig config;
//     return rpc::ServiceMain(argc, argv, {"scorer", "Says whether an image belongs to its listing.", {"store"}},
//                             &config, [&] { return Serve(config); });
//   }
//
// Flags: --config FILE, and one for each string of the configuration and of its
// `server`, with dashes: --store, --listen, --admin-listen.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace mannequin::rpc {

struct ServiceDescription {
  std::string name;                   // "scorer", of the binary mannequin-scorer
  std::string description;            // one sentence, for --help
  std::vector<std::string> required;  // strings of the configuration that must not be empty
};

// Returns the exit status: 0 when `serve` came back well, 1 when it or the configuration
// failed (said on the log), 2 for a usage error. Blocks signals first (BlockSignals).
int ServiceMain(int argc, char** argv, const ServiceDescription& service, google::protobuf::Message* config,
                const std::function<absl::Status()>& serve);

}  // namespace mannequin::rpc

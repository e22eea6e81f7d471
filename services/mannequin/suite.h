// Every service in one process on an embedded store: what `mannequin up` and
// `mannequin demo` run. One gRPC port serves all contracts; the services reach the
// store directly, without a hop.
//
//   ASSIGN_OR_RETURN(auto suite, Suite::Start({.data = "data"}));
//   WaitForSignal();
//   suite->Stop();
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/model/bundle.h"
#include "common/store/product_store.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin {

struct SuiteOptions {
  std::string data;  // folder; made when it is not there
  std::string listen = "127.0.0.1:8600";
  std::string admin_listen = "127.0.0.1:9600";    // empty: none
  std::string console_listen = "127.0.0.1:8680";  // empty: no console
  std::string
      console_token_file;  // as ConsoleConfig.token_file; empty: with access control its tokens open the console
  // Private ranges that may be fetched from, "CIDR" or "CIDR:PORT".
  std::vector<std::string> allow_addresses;
  std::string device;  // "cpu", "cuda:N"; empty: CUDA when there is one
  // Where no bundle was promoted yet, begin with the one that comes with this program.
  bool shipped_bundle = false;
  // As TrainerConfig.program: for a program that is neither of those that it names.
  std::string trainer_program;
  // TLS, access control, the audit log and bounds of the gRPC port; its addresses are those above.
  config::v1::ServerConfig server;
  // Backups of the store that the suite makes by itself; none without a folder.
  config::v1::BackupSchedule backup;
};

// Thread-safe.
class Suite {
 public:
  // Errors of the store (folder in use, read-only, damaged) and of the ports, as they
  // are. Nothing runs when it is not OK.
  static absl::StatusOr<std::unique_ptr<Suite>> Start(const SuiteOptions& options);
  // Stops.
  ~Suite();

  // NOT_SERVING, drains the calls, gives running jobs back to the queue, closes the
  // store. Idempotent.
  void Stop();

  ProductStore& store();
  BundleFolder bundles() const;
  // host:port of the gRPC services, of the admin page, of the console ("" without).
  const std::string& address() const;
  const std::string& admin_address() const;
  const std::string& console_address() const;

  struct Impl;
  explicit Suite(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace mannequin

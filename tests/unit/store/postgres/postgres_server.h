// A real PostgreSQL for a test: a cluster in a folder of its own, on 127.0.0.1.
//
//   absl::StatusOr<std::unique_ptr<PostgresServer>> server = PostgresServer::Start();
//   if (absl::IsNotFound(server.status())) GTEST_SKIP() << server.status().message();
//   config.mutable_postgres()->set_connection((*server)->connection());
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/integration/process.h"

namespace mannequin {

class PostgresServer {
 public:
  // NOT_FOUND with the reason when PostgreSQL is not installed here. `settings`: lines of
  // postgresql.conf, e.g. "fsync = off".
  static absl::StatusOr<std::unique_ptr<PostgresServer>> Start(const std::vector<std::string>& settings = {});
  // A standby of `primary`, which waits for it before it answers a COMMIT from now on.
  static absl::StatusOr<std::unique_ptr<PostgresServer>> StartStandby(PostgresServer& primary);
  // Kills it; its folder goes.
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // As libpq takes it.
  std::string connection() const;
  int port() const { return port_; }
  // All of its processes, as a power cut would.
  void KillHard();
  // After KillHard(): on what it has on its disk.
  absl::Status StartAgain();
  // From here on a role needs its password. Run Execute() before.
  absl::Status AskForPasswords();
  // A standby becomes a primary.
  absl::Status Promote();
  // What it has logged since it was started last.
  std::string log() const { return process_ == nullptr ? "" : process_->errors(); }
  // One statement, by psql.
  absl::Status Execute(const std::string& sql);

 private:
  PostgresServer(std::string programs, std::string folder);
  absl::Status Run(const std::vector<std::string>& command);
  absl::Status WriteSettings(const std::vector<std::string>& settings);
  // `command` as the user that PostgreSQL runs as: it refuses to be root.
  std::vector<std::string> AsItsUser(std::vector<std::string> command) const;
  std::string data() const { return folder_ + "/data"; }

  const std::string programs_;
  const std::string folder_;
  int port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace mannequin

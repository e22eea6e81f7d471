#include "tests/unit/store/postgres/postgres_server.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr char kUser[] = "mannequin";
// Debian's and Ubuntu's, the newest.
constexpr char kVersions[] = "/usr/lib/postgresql";

absl::StatusOr<std::string> Programs() {
  std::vector<std::string> folders;
  std::error_code none;
  for (const auto& version : fs::directory_iterator(kVersions, none)) {
    if (fs::exists(version.path() / "bin/initdb")) folders.push_back((version.path() / "bin").string());
  }
  if (folders.empty()) return absl::NotFoundError("PostgreSQL is not installed (package postgresql)");
  if (geteuid() == 0 && getpwnam("postgres") == nullptr) {
    return absl::NotFoundError("PostgreSQL does not run as root, and there is no user postgres");
  }
  return *std::max_element(folders.begin(), folders.end());
}

}  // namespace

PostgresServer::PostgresServer(std::string programs, std::string folder)
    : programs_(std::move(programs)), folder_(std::move(folder)) {}

PostgresServer::~PostgresServer() {
  KillHard();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::vector<std::string> PostgresServer::AsItsUser(std::vector<std::string> command) const {
  command[0] = absl::StrCat(programs_, "/", command[0]);
  if (geteuid() != 0) return command;
  std::vector<std::string> as_user = {"/usr/bin/setpriv", "--reuid",     "postgres", "--regid", "postgres",
                                      "--clear-groups",   "--pdeathsig", "KILL",     "--"};
  as_user.insert(as_user.end(), command.begin(), command.end());
  return as_user;
}

absl::Status PostgresServer::Run(const std::vector<std::string>& command) {
  Process process(AsItsUser(command), folder_);
  const int code = process.Wait();
  if (code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(absl::StrJoin(command, " "), " ends with ", code, ": ", process.errors()));
}

absl::Status PostgresServer::WriteSettings(const std::vector<std::string>& settings) {
  std::ofstream file(data() + "/postgresql.auto.conf", std::ios::app);
  for (const std::string& line : settings) file << line << "\n";
  file.close();
  return file.good() ? absl::OkStatus() : absl::InternalError("postgresql.auto.conf: cannot be written");
}

absl::StatusOr<std::unique_ptr<PostgresServer>> PostgresServer::Start(const std::vector<std::string>& settings) {
  ASSIGN_OR_RETURN(std::string programs, Programs());
  ASSIGN_OR_RETURN(std::string folder, MakeTemporaryFolder("postgres-server"));
  std::unique_ptr<PostgresServer> server(new PostgresServer(std::move(programs), std::move(folder)));
  if (geteuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (chown(server->folder_.c_str(), user->pw_uid, user->pw_gid) != 0) return absl::InternalError("chown fails");
  }
  RETURN_IF_ERROR(server->Run(
      {"initdb", "-D", server->data(), "-U", kUser, "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale"}));
  RETURN_IF_ERROR(server->WriteSettings({"listen_addresses = '127.0.0.1'", "unix_socket_directories = ''",
                                         "max_connections = 200", "logging_collector = off"}));
  RETURN_IF_ERROR(server->WriteSettings(settings));
  server->port_ = FreePort();
  RETURN_IF_ERROR(server->StartAgain());
  return server;
}

absl::StatusOr<std::unique_ptr<PostgresServer>> PostgresServer::StartStandby(PostgresServer& primary) {
  ASSIGN_OR_RETURN(std::string folder, MakeTemporaryFolder("postgres-standby"));
  std::unique_ptr<PostgresServer> server(new PostgresServer(primary.programs_, std::move(folder)));
  if (geteuid() == 0) {
    const passwd* user = getpwnam("postgres");
    if (chown(server->folder_.c_str(), user->pw_uid, user->pw_gid) != 0) return absl::InternalError("chown fails");
  }
  const std::string source =
      absl::StrCat("host=127.0.0.1 port=", primary.port_, " user=", kUser, " application_name=standby");
  RETURN_IF_ERROR(
      server->Run({"pg_basebackup", "-D", server->data(), "-d", source, "-R", "-X", "stream", "-c", "fast"}));
  server->port_ = FreePort();
  RETURN_IF_ERROR(server->StartAgain());
  // From here on an answer to a COMMIT says that both have it on their disks.
  RETURN_IF_ERROR(primary.Execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'"));
  RETURN_IF_ERROR(primary.Execute("SELECT pg_reload_conf()"));
  for (const absl::Time end = absl::Now() + absl::Seconds(30); absl::Now() < end;
       absl::SleepFor(absl::Milliseconds(50))) {
    const absl::Status is_sync = primary.Execute(
        "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync') THEN "
        "RAISE 'not yet'; END IF; END $$");
    if (is_sync.ok()) return server;
  }
  return absl::InternalError("the standby does not become a synchronous one");
}

std::string PostgresServer::connection() const {
  return absl::StrCat("host=127.0.0.1 port=", port_, " user=", kUser, " dbname=postgres");
}

void PostgresServer::KillHard() {
  if (process_ == nullptr) return;
  // The postmaster's children notice that it is gone, and end; a lock file is left as after a power cut.
  process_->Signal(SIGKILL);
  process_->Wait();
  process_.reset();
}

absl::Status PostgresServer::StartAgain() {
  std::string errors;
  for (const absl::Time end = absl::Now() + absl::Seconds(30); absl::Now() < end;) {
    process_ =
        std::make_unique<Process>(AsItsUser({"postgres", "-D", data(), "-c", absl::StrCat("port=", port_)}), folder_);
    // It ends at once while processes of one that was killed are on their way out.
    while (process_->IsRunning() && absl::Now() < end) {
      if (Execute("SELECT 1").ok()) return absl::OkStatus();
      absl::SleepFor(absl::Milliseconds(20));
    }
    errors = process_->errors();
    absl::SleepFor(absl::Milliseconds(200));
  }
  return absl::InternalError(absl::StrCat("PostgreSQL does not start: ", errors));
}

absl::Status PostgresServer::AskForPasswords() {
  std::ofstream(data() + "/pg_hba.conf") << "host all all 127.0.0.1/32 scram-sha-256\n";
  return Run({"pg_ctl", "-D", data(), "reload"});
}

absl::Status PostgresServer::Promote() { return Run({"pg_ctl", "-D", data(), "promote", "-w", "-t", "30"}); }

absl::Status PostgresServer::Execute(const std::string& sql) {
  Process psql({programs_ + "/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", connection(), "-c", sql}, folder_);
  return psql.Wait() == 0 ? absl::OkStatus() : absl::InternalError(absl::StrCat(sql, ": ", psql.errors()));
}

}  // namespace mannequin

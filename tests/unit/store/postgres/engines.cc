#include "tests/unit/store/postgres/engines.h"

#include <atomic>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "tests/unit/store/bucket/s3_server.h"
#include "tests/unit/store/postgres/postgres_server.h"

namespace mannequin {
namespace {

struct Servers {
  std::unique_ptr<PostgresServer> postgres;
  std::unique_ptr<S3Server> s3;
};

absl::StatusOr<Servers> StartServers() {
  Servers servers;
  // What these tests see does not depend on it; failover_test has it on.
  ASSIGN_OR_RETURN(servers.postgres, PostgresServer::Start({"fsync = off"}));
  ASSIGN_OR_RETURN(servers.s3, S3Server::Start());
  return servers;
}

const absl::StatusOr<Servers>& SharedServers() {
  static const absl::StatusOr<Servers> servers = StartServers();
  return servers;
}

}  // namespace

S3Server& EnginesBucketServer() { return *SharedServers()->s3; }
PostgresServer& EnginesPostgresServer() { return *SharedServers()->postgres; }

absl::StatusOr<config::v1::StoreConfig> NewEngines() {
  const absl::StatusOr<Servers>& servers = SharedServers();
  static std::atomic<int> next{0};
  RETURN_IF_ERROR(servers.status());
  const int number = next++;
  config::v1::StoreConfig config;
  config.mutable_postgres()->set_connection(servers->postgres->connection());
  config.mutable_postgres()->set_schema(absl::StrCat("test_", number));
  *config.mutable_bucket() = servers->s3->config("pictures");
  config.mutable_bucket()->set_prefix(absl::StrCat("test-", number, "/"));
  return config;
}

}  // namespace mannequin

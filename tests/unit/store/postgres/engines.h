// PostgreSQL and a bucket for a store of a test: real servers that all tests of a program share,
// each test with a schema and a prefix of its own.
//
//   absl::StatusOr<config::v1::StoreConfig> config = NewEngines();
//   if (absl::IsNotFound(config.status())) GTEST_SKIP() << config.status().message();
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "mannequin/config/v1/config.pb.h"
#include "tests/unit/store/bucket/s3_server.h"
#include "tests/unit/store/postgres/postgres_server.h"

namespace mannequin {

// NOT_FOUND with the reason when a server is not to be had on this machine.
absl::StatusOr<config::v1::StoreConfig> NewEngines();
// The servers, after NewEngines(). Who stops one starts it again.
S3Server& EnginesBucketServer();
PostgresServer& EnginesPostgresServer();

}  // namespace mannequin

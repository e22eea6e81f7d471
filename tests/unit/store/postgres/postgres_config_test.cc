// What a wrong configuration of a store on PostgreSQL and a bucket is answered with.
#include <sys/stat.h>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "services/store/open_store.h"
#include "services/store/postgres/connection_pool.h"
#include "tests/unit/store/postgres/postgres_server.h"
#include "tests/unit/store/postgres/postgres_suite.h"

namespace mannequin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

absl::Status Opened(const config::v1::StoreConfig& config) { return OpenStore(config, Clock::Real()).status(); }

class PostgresConfig : public PostgresSuite {
 protected:
  // `engines_`, but for what `change` makes of it.
  absl::Status With(const std::function<void(config::v1::StoreConfig&)>& change) const {
    config::v1::StoreConfig config = engines_;
    change(config);
    return Opened(config);
  }
  // The settings of libpq, with `more` behind.
  absl::Status WithSettings(const std::string& more) const {
    return With([&](auto& config) {
      config.mutable_postgres()->set_connection(absl::StrCat(engines_.postgres().connection(), " ", more));
    });
  }
};

// "INVALID_ARGUMENT: field: ..." begins with the field's name.
void ExpectRefused(const absl::Status& status, const std::string& begin) {
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::StartsWith(begin));
}

TEST_F(PostgresConfig, BothEnginesHalfOfOneAndNoneAreRefused) {
  ExpectRefused(Opened({}), "data: is empty");
  ExpectRefused(With([](auto& config) { config.clear_bucket(); }), "bucket: is missing");
  ExpectRefused(With([](auto& config) { config.clear_postgres(); }), "postgres: is missing");
  ExpectRefused(With([](auto& config) { config.set_data("/nowhere"); }), "data: is given together with postgres");
  ExpectRefused(With([](auto& config) { config.mutable_backup()->set_folder("/nowhere"); }), "backup: ");
}

TEST_F(PostgresConfig, EachFieldIsNamedWithItsBound) {
  ExpectRefused(With([](auto& config) { config.mutable_postgres()->clear_connection(); }), "postgres.connection: ");
  for (const char* schema : {"Upper", "1st", "with space", "a\"b", "pg_own", "_a"}) {
    ExpectRefused(With([&](auto& config) { config.mutable_postgres()->set_schema(schema); }), "postgres.schema: ");
  }
  ExpectRefused(With([](auto& config) { config.mutable_postgres()->set_schema(std::string(64, 'a')); }),
                "postgres.schema: ");
  for (const int connections : {-1, 1, 1001}) {
    ExpectRefused(With([&](auto& config) { config.mutable_postgres()->set_max_connections(connections); }),
                  "postgres.max_connections: ");
  }
  ExpectRefused(With([](auto& config) { config.set_max_concurrent_scans(-1); }), "max_concurrent_scans: ");
  const auto bucket = [&](const std::function<void(config::v1::BucketConfig&)>& change) {
    return With([&](auto& config) { change(*config.mutable_bucket()); });
  };
  ExpectRefused(bucket([](auto& config) { config.clear_endpoint(); }), "bucket.endpoint: ");
  ExpectRefused(bucket([](auto& config) { config.set_endpoint("ftp://127.0.0.1"); }), "bucket.endpoint: ");
  ExpectRefused(bucket([](auto& config) { config.set_region("no region"); }), "bucket.region: ");
  ExpectRefused(bucket([](auto& config) { config.clear_name(); }), "bucket.name: ");
  ExpectRefused(bucket([](auto& config) { config.set_name("Upper_Case"); }), "bucket.name: ");
  ExpectRefused(bucket([](auto& config) { config.set_prefix("/../"); }), "bucket.prefix: ");
  ExpectRefused(bucket([](auto& config) { config.set_max_transfers(-1); }), "bucket.max_transfers: ");
  ExpectRefused(bucket([](auto& config) { config.set_max_transfers(1001); }), "bucket.max_transfers: ");
  ExpectRefused(bucket([](auto& config) { config.set_part_bytes(1); }), "bucket.part_bytes: ");
  for (const absl::Status& status : {bucket([](auto& config) { config.set_credentials_file("/nowhere"); }),
                                     bucket([](auto& config) { config.set_ca_file("/nowhere"); })}) {
    EXPECT_EQ("NOT_FOUND", CodeOf(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere"));
  }
}

TEST_F(PostgresConfig, APasswordInTheConnectionIsRefusedAndNotRepeated) {
  const std::string url = "postgresql://mannequin:hunter2@127.0.0.1/postgres";
  for (const absl::Status& status :
       {WithSettings("password=hunter2"), WithSettings("password='hunter2 x'"), WithSettings("sslpassword=hunter2"),
        With([&](auto& config) { config.mutable_postgres()->set_connection(url); }),
        // Not even where libpq would quote it.
        WithSettings("password='hunter2"), WithSettings("password=hunter2 nonsense"),
        WithSettings("pasword=hunter2")}) {
    ExpectRefused(status, "postgres.connection: ");
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("hunter2")));
  }
}

TEST_F(PostgresConfig, ValuesThatLibpqDoesNotTakeAreRefusedAtOnce) {
  const absl::Time begin = absl::Now();
  ExpectRefused(WithSettings("sslmode=maybe"), "postgres.connection: ");
  ExpectRefused(WithSettings("target_session_attrs=fastest"), "postgres.connection: ");
  ExpectRefused(WithSettings("port=many"), "postgres.connection: ");
  EXPECT_LT(absl::Now() - begin, store::kTakeover) << "as if the server were gone";
}

TEST_F(PostgresConfig, ADatabaseOrUserThatIsNotThereIsNotFound) {
  const absl::Status database = WithSettings("dbname=elsewhere");
  EXPECT_EQ("NOT_FOUND", CodeOf(database)) << database;
  EXPECT_THAT(std::string(database.message()), HasSubstr("\"elsewhere\""));
  const absl::Status user = WithSettings("user=nobody_known");
  EXPECT_EQ("NOT_FOUND", CodeOf(user)) << user;
  EXPECT_THAT(std::string(user.message()), HasSubstr("\"nobody_known\""));
}

TEST_F(PostgresConfig, AServerThatIsNotThereIsUnavailableAndNamed) {
  const absl::Status status = WithSettings(absl::StrCat("port=", FreePort()));
  EXPECT_EQ("UNAVAILABLE", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("connect to PostgreSQL"), HasSubstr("127.0.0.1")));
}

TEST_F(PostgresConfig, AServiceEndsWithTheFieldOrTheServerInItsWords) {
  config::v1::StoreConfig config = engines_;
  config.mutable_postgres()->set_schema("Upper");
  StoreProcess wrong(config);
  EXPECT_FALSE(wrong.IsServing());
  EXPECT_NE(0, wrong.Wait());
  EXPECT_THAT(wrong.words(), HasSubstr("postgres.schema: "));
  config = engines_;
  config.mutable_postgres()->set_connection(absl::StrCat(engines_.postgres().connection(), " port=", FreePort()));
  StoreProcess early(config);
  EXPECT_FALSE(early.IsServing());
  EXPECT_NE(0, early.Wait());
  EXPECT_THAT(early.words(), HasSubstr("connect to PostgreSQL"));
}

TEST_F(PostgresConfig, ASchemaOfANewerProgramIsRefusedAndNotTouched) {
  ASSERT_EQ("OK", CodeOf(Opened(engines_)));
  Execute("UPDATE store_format SET version = 2");
  Execute("ALTER TABLE embeddings RENAME TO vectors");
  const absl::Status status = Opened(engines_);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("format 2"), HasSubstr("start a newer one")));
  EXPECT_EQ(0,
            Number("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'embeddings'"));
}

// As administrators like it: the schema is made by one role, and the store may write into its tables.
TEST_F(PostgresConfig, ARoleThatMayNotMakeTablesUsesThoseThatAreThere) {
  const std::string schema = engines_.postgres().schema();
  Execute(absl::StrCat("CREATE ROLE ", schema, "_clerk LOGIN"));
  const std::string clerk = absl::StrCat("user=", schema, "_clerk");
  const absl::Status none = WithSettings(clerk);
  EXPECT_EQ("PERMISSION_DENIED", CodeOf(none)) << none;
  ASSERT_EQ("OK", CodeOf(Opened(engines_)));
  Execute(absl::StrCat("GRANT USAGE ON SCHEMA ", schema, " TO ", schema, "_clerk"));
  Execute(
      absl::StrCat("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ", schema, " TO ", schema, "_clerk"));
  engines_.mutable_postgres()->set_connection(absl::StrCat(engines_.postgres().connection(), " ", clerk));
  const std::unique_ptr<PostgresStore> store = Open();
  ASSERT_NE(nullptr, store);
  Upsert(*store, {MakeProduct("a", "http://x/")});
  EXPECT_EQ("OK", CodeOf(PutImage(*store, "a", "picture")));
}

// CREATE INDEX waits for all who write, and all who write wait for it.
TEST_F(PostgresConfig, OneMoreProcessStartsWhileALongChangeIsUnderWay) {
  ASSERT_EQ("OK", CodeOf(Opened(engines_)));
  Execute("BEGIN");
  Execute("INSERT INTO products VALUES ('a', '', 1, '', 0, 0)");
  absl::Notification opened;
  std::thread opener([&] {
    EXPECT_EQ("OK", CodeOf(Opened(engines_)));
    opened.Notify();
  });
  EXPECT_TRUE(opened.WaitForNotificationWithTimeout(absl::Seconds(20)));
  Execute("ROLLBACK");
  opener.join();
}

TEST_F(PostgresConfig, ADatabaseOfAnotherEncodingIsRefused) {
  Execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
  const absl::Status status = WithSettings("dbname=latin");
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("LATIN1"), HasSubstr("UTF8")));
}

// A server that asks for passwords.
TEST_F(PostgresConfig, AWrongPasswordIsPermissionDenied) {
  absl::StatusOr<std::unique_ptr<PostgresServer>> server = PostgresServer::Start({"fsync = off"});
  ASSERT_TRUE(server.ok()) << server.status();
  ASSERT_EQ(absl::OkStatus(), (*server)->Execute("ALTER ROLE mannequin PASSWORD 'right'"));
  ASSERT_EQ(absl::OkStatus(), (*server)->AskForPasswords());
  const TemporaryFolder folder;
  const std::string passfile = folder.Sub("pgpass");
  const auto opened = [&](const std::string& password) {
    EXPECT_TRUE(WriteFileAtomically(passfile, absl::StrCat("*:*:*:*:", password, "\n")).ok());
    chmod(passfile.c_str(), 0600);
    return With([&](auto& config) {
      config.mutable_postgres()->set_connection(absl::StrCat((*server)->connection(), " passfile=", passfile));
    });
  };
  EXPECT_EQ("OK", CodeOf(opened("right")));
  const absl::Status wrong = opened("wrong");
  EXPECT_EQ("PERMISSION_DENIED", CodeOf(wrong)) << wrong;
  EXPECT_THAT(std::string(wrong.message()),
              AllOf(HasSubstr("password authentication failed"), Not(HasSubstr("wrong\n"))));
}

}  // namespace
}  // namespace mannequin

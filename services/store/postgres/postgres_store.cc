#include "services/store/postgres/postgres_store.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "services/store/postgres/counters.h"
#include "services/store/postgres/integrity_check.h"
#include "services/store/postgres/metrics.h"
#include "services/store/postgres/postgres_edit.h"
#include "services/store/postgres/schema.h"
#include "services/store/timestamp.h"
#include "spdlog/spdlog.h"

namespace mannequin {

using store::Connection;
using store::Parameters;
using store::Result;

namespace {

constexpr int kDefaultConnections = 16;
constexpr absl::string_view kDefaultSchema = "mannequin";
constexpr absl::Duration kSweepEvery = absl::Minutes(1);
// Of a change that others get in the way of: each try has one winner, so this many in a row that
// all lose say that something else is wrong.
constexpr int kTries = 100;

int ConnectionsOf(const config::v1::StoreConfig& config) {
  return config.postgres().max_connections() == 0 ? kDefaultConnections : config.postgres().max_connections();
}

// A scan holds a connection as long as its caller reads: half of them stay for the other calls.
int ScansOf(const config::v1::StoreConfig& config) {
  const int most = ConnectionsOf(config) / 2;
  return config.max_concurrent_scans() == 0 ? most : std::min(most, config.max_concurrent_scans());
}

absl::StatusOr<std::string> SchemaOf(const config::v1::PostgresConfig& config) {
  const std::string schema = config.schema().empty() ? std::string(kDefaultSchema) : config.schema();
  const auto is_fine = [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '_'; };
  // Those of "pg_" are PostgreSQL's own.
  if (schema.size() <= 63 && absl::ascii_islower(schema[0]) && std::all_of(schema.begin(), schema.end(), is_fine) &&
      !absl::StartsWith(schema, "pg_")) {
    return schema;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("postgres.schema: \"", schema,
                   "\", expected a lower-case letter, then lower-case letters, digits and _, 63 in all, "
                   "and not pg_ first"));
}

absl::Status CheckConnection(const std::string& settings) {
  if (settings.empty()) return absl::InvalidArgumentError("postgres.connection: is empty; name host and dbname");
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(settings.c_str(), &error), &PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> error_owner(error, &PQfreemem);
  // libpq's words may hold a piece of what they are about, a password among it.
  if (options == nullptr) return absl::InvalidArgumentError("postgres.connection: is not what libpq takes");
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    const absl::string_view keyword = option->keyword;
    if (option->val == nullptr || (keyword != "password" && keyword != "sslpassword")) continue;
    return absl::InvalidArgumentError(
        keyword == "password"
            ? "postgres.connection: holds a password; put it into a file and name that as passfile"
            : "postgres.connection: holds an sslpassword; use a key without one that only this user reads");
  }
  return absl::OkStatus();
}

// Not of what was asked for.
bool IsTheServers(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsInternal(status) || absl::IsDataLoss(status) ||
         absl::IsResourceExhausted(status) || absl::IsPermissionDenied(status);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresStore>> PostgresStore::Open(const config::v1::StoreConfig& config,
                                                                   const Clock& clock) {
  RETURN_IF_ERROR(CheckScans(config.max_concurrent_scans()));
  RETURN_IF_ERROR(CheckConnection(config.postgres().connection()));
  ASSIGN_OR_RETURN(std::string schema, SchemaOf(config.postgres()));
  const int connections = config.postgres().max_connections();
  if (connections != 0) RETURN_IF_ERROR(CheckRange("postgres.max_connections", connections, 2, 1000));
  ASSIGN_OR_RETURN(std::unique_ptr<store::Bucket> bucket, store::Bucket::Open(config.bucket()));
  std::unique_ptr<PostgresStore> opened(new PostgresStore(config, schema, std::move(bucket), clock));
  RETURN_IF_ERROR(store::MakeSchema(opened->pool_, schema));
  absl::Time last_time = absl::InfinitePast();
  std::string last_job;
  RETURN_IF_ERROR(opened->pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(
        const Result last,
        connection.Run("SELECT max(last) FROM (SELECT (SELECT max(updated_at) FROM products "
                       "WHERE update_spread = spread) AS last FROM generate_series(0, $1 - 1) AS spread) AS of_each",
                       Parameters().Int(store::kUpdateSpread)));
    if (!last.IsNull(0, 0)) last_time = absl::FromUnixNanos(last.Int(0, 0));
    ASSIGN_OR_RETURN(const Result job, connection.Run("SELECT id FROM jobs ORDER BY id DESC LIMIT 1", {}));
    if (job.rows() == 1) last_job = std::string(job.Bytes(0, 0));
    return absl::OkStatus();
  }));
  opened->GoOnFrom(last_time, last_job);
  opened->sweeper_ = std::thread([raw = opened.get()] {
    pthread_setname_np(pthread_self(), "store-sweeper");
    raw->Sweep();
  });
  return opened;
}

PostgresStore::PostgresStore(const config::v1::StoreConfig& config, std::string schema,
                             std::unique_ptr<store::Bucket> bucket, const Clock& clock)
    : RecordStore(ScansOf(config), clock),
      pool_(config.postgres().connection(), std::move(schema), ConnectionsOf(config)),
      bucket_(std::move(bucket)),
      objects_(pool_, *bucket_, clock) {}

PostgresStore::~PostgresStore() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  if (sweeper_.joinable()) sweeper_.join();
}

void PostgresStore::Sweep() {
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      if (AwaitFor(mutex_, absl::Condition(&stopped_), kSweepEvery)) return;
    }
    const absl::StatusOr<std::int64_t> swept = objects_.Sweep();
    // The next round comes anyway.
    if (!swept.ok())
      spdlog::warn("objects of the bucket that nothing refers to stay for now: {}", swept.status().ToString());
  }
}

absl::Status PostgresStore::Write(const std::function<absl::Status(store::Edit&)>& body,
                                  const std::vector<store::NewPicture>& pictures) {
  const absl::Time begin = SteadyNow();
  const absl::Cleanup observe = [begin] { store_metrics::ObserveChange(SteadyNow() - begin); };
  const absl::Status written = WriteUntilKept(body, pictures);
  store_metrics::CountChange(written.ok() ? "kept" : IsTheServers(written) ? "failed" : "refused");
  return written;
}

absl::Status PostgresStore::WriteUntilKept(const std::function<absl::Status(store::Edit&)>& body,
                                           const std::vector<store::NewPicture>& pictures) {
  const absl::Time end = SteadyNow() + store::kTakeover;
  store::Uploads uploads;
  absl::Time uploaded = clock().Now();
  absl::Status written;
  for (int tries = 1; tries <= kTries; ++tries) {
    if (tries > 1) store_metrics::CountChange("again");
    // What was uploaded long ago may be swept before it is taken over.
    if (clock().Now() - uploaded > store::kUploadGrace / 2) {
      uploads.clear();
      uploaded = clock().Now();
    }
    // Each time: another process may have let go of a picture that was there.
    RETURN_IF_ERROR(objects_.Upload(pictures, uploads));
    written = WriteOnce(body, uploads);
    if (absl::IsCancelled(written)) {
      // The server is gone, and nothing was committed.
      written = absl::UnavailableError(written.message());
      if (SteadyNow() > end) return written;
    } else if (!absl::IsAborted(written)) {
      return written;
    }
    store::PauseBeforeRetry(tries);
  }
  return absl::UnavailableError(absl::StrCat(written.message(), "; gave up after ", kTries, " tries"));
}

absl::Status PostgresStore::WriteOnce(const std::function<absl::Status(store::Edit&)>& body,
                                      const store::Uploads& uploads) {
  absl::Time now;
  {
    absl::MutexLock lock(&mutex_);
    now = NextTime();
    in_flight_.insert(now);
  }
  const absl::Cleanup landed = [this, now] {
    absl::MutexLock lock(&mutex_);
    in_flight_.erase(now);
  };
  bool at_commit = false;
  const absl::Status written =
      pool_.Transact("ISOLATION LEVEL READ COMMITTED", [&](Connection& connection) -> absl::Status {
        at_commit = false;
        store::PostgresEdit edit(connection, store::ToProto(now), uploads);
        RETURN_IF_ERROR(body(edit));
        RETURN_IF_ERROR(edit.Flush());
        at_commit = true;
        return absl::OkStatus();
      });
  return absl::IsUnavailable(written) && !at_commit ? absl::CancelledError(written.message()) : written;
}

absl::StatusOr<store::Statistics> PostgresStore::ReadStatistics() {
  store::Statistics statistics;
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result sums,
                     connection.Run("SELECT name, sum(value)::bigint FROM statistics GROUP BY name", {}));
    statistics = store::Statistics();
    store::ForEachCounter(statistics, [&](const std::string& name, std::int64_t& value) {
      for (int row = 0; row < sums.rows(); ++row) {
        if (sums.Bytes(row, 0) == name) value = sums.Int(row, 1);
      }
    });
    return absl::OkStatus();
  }));
  return statistics;
}

absl::StatusOr<v1::GetStatisticsResponse> PostgresStore::GetStatistics(const v1::GetStatisticsRequest&) {
  ASSIGN_OR_RETURN(const store::Statistics statistics, ReadStatistics());
  v1::GetStatisticsResponse response = statistics.ToProto();
  std::int64_t bytes = 0;
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result size, connection.Run("SELECT pg_database_size(current_database())", {}));
    bytes = size.Int(0, 0);
    return absl::OkStatus();
  }));
  response.set_disk_bytes(bytes + response.image_bytes() + response.rendition_bytes());
  return response;
}

absl::StatusOr<v1::CreateBackupResponse> PostgresStore::CreateBackup(
    const v1::CreateBackupRequest&, const std::function<bool(const v1::CreateBackupResponse&)>&) {
  return absl::UnimplementedError(
      "backup: this store is in PostgreSQL and a bucket; back up the database with its own tools (base backups and "
      "WAL) and let the bucket keep deleted objects as long (versions)");
}

absl::StatusOr<v1::SetReadOnlyResponse> PostgresStore::SetReadOnly(const v1::SetReadOnlyRequest&) {
  return absl::UnimplementedError(
      "read-only: other processes write to this store as well; stop them, or take their role's rights to write away");
}

absl::Status PostgresStore::CheckIntegrity(
    const v1::CheckIntegrityRequest& request,
    const std::function<absl::Status(const v1::CheckIntegrityResponse&)>& visit) {
  if (!check_mutex_.TryLock()) {
    return absl::UnavailableError("check: another check is under way; try again when it is done");
  }
  const absl::Cleanup unlock = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { check_mutex_.Unlock(); };
  store::PostgresIntegrityCheck::Write write;
  if (request.repair()) write = [this](const std::function<absl::Status(store::Edit&)>& body) { return Write(body); };
  store::PostgresIntegrityCheck check(pool_, *bucket_, write, visit);
  return check.Run();
}

}  // namespace mannequin

#include "services/store/postgres/connection_pool.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "services/store/postgres/metrics.h"

namespace mannequin::store {
namespace {

constexpr absl::Duration kWaitForPlace = absl::Seconds(30);
constexpr absl::Duration kLongestPause = absl::Milliseconds(500);

}  // namespace

void PauseBeforeRetry(int tries) {
  thread_local absl::BitGen random;
  const absl::Duration most = std::min(absl::Milliseconds(2) * (1 << std::min(tries, 10)), kLongestPause);
  absl::SleepFor(absl::Microseconds(absl::Uniform<std::int64_t>(random, 0, absl::ToInt64Microseconds(most))));
}

absl::StatusOr<ConnectionPool::Lease> ConnectionPool::Acquire() {
  {
    absl::MutexLock lock(&mutex_);
    const auto is_free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return free_places_ > 0; };
    if (!AwaitFor(mutex_, absl::Condition(&is_free), kWaitForPlace)) {
      return absl::ResourceExhaustedError(
          "postgres.max_connections: all are in use for half a minute; try again, or allow more");
    }
    --free_places_;
    store_metrics::AddConnectionsInUse(1);
    if (!idle_.empty()) {
      std::unique_ptr<Connection> connection = std::move(idle_.back());
      idle_.pop_back();
      return Lease(this, std::move(connection));
    }
  }
  absl::StatusOr<std::unique_ptr<Connection>> opened = Connection::Open(settings_, schema_);
  if (opened.ok()) return Lease(this, *std::move(opened));
  absl::MutexLock lock(&mutex_);
  ++free_places_;
  store_metrics::AddConnectionsInUse(-1);
  return opened.status();
}

void ConnectionPool::GiveBack(std::unique_ptr<Connection> connection) {
  absl::MutexLock lock(&mutex_);
  ++free_places_;
  store_metrics::AddConnectionsInUse(-1);
  if (connection->broken()) {
    // The others were to the same server, and would each fail a call first.
    idle_.clear();
    return;
  }
  idle_.push_back(std::move(connection));
}

absl::StatusOr<ConnectionPool::Lease> ConnectionPool::Begin(const std::string& mode) {
  const absl::Time end = SteadyNow() + kTakeover;
  for (int tries = 1;; ++tries) {
    absl::Status begun;
    {
      absl::StatusOr<Lease> connection = Acquire();
      begun = connection.ok() ? (*connection)->Execute(absl::StrCat("BEGIN ", mode)) : connection.status();
      if (begun.ok()) return connection;
    }
    if (!absl::IsUnavailable(begun) || SteadyNow() > end) return begun;
    PauseBeforeRetry(tries);
  }
}

absl::Status ConnectionPool::Transact(const std::string& mode, const std::function<absl::Status(Connection&)>& body) {
  ASSIGN_OR_RETURN(const Lease connection, Begin(mode));
  const absl::Status done = body(*connection);
  if (!done.ok()) {
    // A connection that cannot even do that is broken, and goes with what it held.
    connection->Execute("ROLLBACK").IgnoreError();
    return done;
  }
  const absl::Status committed = connection->Commit();
  if (committed.ok() || absl::IsAborted(committed)) return committed;
  return absl::UnavailableError(
      absl::StrCat(committed.message(), "; the change may be kept or not: read before you try again"));
}

absl::Status ConnectionPool::Try(const std::function<absl::Status(Connection&)>& body) {
  const absl::Time end = SteadyNow() + kTakeover;
  for (int tries = 1;; ++tries) {
    absl::Status done;
    {
      absl::StatusOr<Lease> connection = Acquire();
      done = connection.ok() ? body(**connection) : connection.status();
    }
    const bool again = absl::IsUnavailable(done) || absl::IsAborted(done);
    if (!again) return done;
    if (SteadyNow() > end) return absl::UnavailableError(done.message());
    PauseBeforeRetry(tries);
  }
}

}  // namespace mannequin::store

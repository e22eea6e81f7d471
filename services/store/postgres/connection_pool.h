// Connections of this process: opened when needed, kept for the next call, dropped when broken.
//
//   ASSIGN_OR_RETURN(ConnectionPool::Lease connection, pool.Acquire());
//   RETURN_IF_ERROR(connection->Execute("BEGIN"));
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/store/postgres/connection.h"

namespace mannequin::store {

// Thread-safe. Must outlive its leases.
class ConnectionPool {
 public:
  ConnectionPool(std::string settings, std::string schema, int max_connections)
      : settings_(std::move(settings)), schema_(std::move(schema)), free_places_(max_connections) {}

  // A connection for as long as it is held; given back with it.
  class Lease {
   public:
    Lease(ConnectionPool* pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease() {
      if (connection_ != nullptr) pool_->GiveBack(std::move(connection_));
    }
    Connection* operator->() const { return connection_.get(); }
    Connection& operator*() const { return *connection_; }

   private:
    ConnectionPool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  // Waits for a place, at most half a minute: RESOURCE_EXHAUSTED then. Otherwise as
  // Connection::Open.
  absl::StatusOr<Lease> Acquire();

  // A transaction: BEGIN with `mode`, for which it goes on as Try does, `body`, COMMIT; ROLLBACK when
  // `body` fails. UNAVAILABLE when the server does not say what became of the COMMIT, or that the
  // standby has it: it may be kept or not.
  absl::Status Transact(const std::string& mode, const std::function<absl::Status(Connection&)>& body);

  // Runs `body`, which only reads or may be done twice, with a connection, once more while the
  // server is gone or others are in the way, at most ten seconds long: a standby needs some to
  // take over.
  absl::Status Try(const std::function<absl::Status(Connection&)>& body);

 private:
  absl::StatusOr<Lease> Begin(const std::string& mode);
  void GiveBack(std::unique_ptr<Connection> connection);

  const std::string settings_;
  const std::string schema_;
  absl::Mutex mutex_;
  int free_places_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Connection>> idle_ ABSL_GUARDED_BY(mutex_);
};

// How long calls go on while the server is gone.
inline constexpr absl::Duration kTakeover = absl::Seconds(10);
// Before the try number `tries`, from 1: longer each time, and never the same for two.
void PauseBeforeRetry(int tries);

}  // namespace mannequin::store

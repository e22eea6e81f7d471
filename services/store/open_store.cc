#include "services/store/open_store.h"

#include "common/base/status_macros.h"
#include "services/store/postgres/postgres_store.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {

absl::StatusOr<std::unique_ptr<RecordStore>> OpenStore(const config::v1::StoreConfig& config, const Clock& clock) {
  if (config.has_postgres() != config.has_bucket()) {
    return absl::InvalidArgumentError(config.has_postgres()
                                          ? "bucket: is missing; with postgres pictures are kept in a bucket"
                                          : "postgres: is missing; with a bucket records are kept in PostgreSQL");
  }
  if (!config.has_postgres()) {
    if (config.data().empty()) {
      return absl::InvalidArgumentError("data: is empty; name the folder of the store's data, or postgres and bucket");
    }
    ASSIGN_OR_RETURN(std::unique_ptr<RocksStore> store, RocksStore::Open(config, clock));
    return store;
  }
  if (!config.data().empty()) {
    return absl::InvalidArgumentError("data: is given together with postgres; a store is in one of them");
  }
  if (config.has_backup()) {
    return absl::InvalidArgumentError("backup: a store in PostgreSQL and a bucket is backed up with their own tools");
  }
  ASSIGN_OR_RETURN(std::unique_ptr<PostgresStore> store, PostgresStore::Open(config, clock));
  return store;
}

}  // namespace mannequin

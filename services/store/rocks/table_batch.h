// A big change as finished tables instead of a batch: sorted records go straight into
// synced files that the database takes over, all or none, without the log, the memory
// table and the flush that each record of a WriteBatch pays for.
//
//   ASSIGN_OR_RETURN(auto tables, TableBatch::Create(db));
//   RETURN_IF_ERROR(tables->Put(Family::kProducts, id, record));   // keys of a family ascending
//   RETURN_IF_ERROR(tables->Finish());
//   RETURN_IF_ERROR(db.Ingest(*tables));                           // durable
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rocksdb/db.h"
#include "rocksdb/sst_file_writer.h"
#include "services/store/keys.h"

namespace mannequin::store {

class Database;

// Not thread-safe. Files that were not taken over go with it.
class TableBatch {
 public:
  // Files lie in `db`'s folder, below kTablesFolder. `db` must outlive it.
  static absl::StatusOr<std::unique_ptr<TableBatch>> Create(const Database& db);
  ~TableBatch();
  TableBatch(const TableBatch&) = delete;
  TableBatch& operator=(const TableBatch&) = delete;

  // RESOURCE_EXHAUSTED when the disk is full; INTERNAL when `key` does not come after the
  // last one of its family.
  absl::Status Put(Family family, absl::string_view key, absl::string_view value);
  // Closes and syncs the files. Puts may follow into families that had none.
  absl::Status Finish();
  // What Database::Ingest hands on.
  std::vector<rocksdb::IngestExternalFileArg> Arguments() const;

 private:
  TableBatch(const Database& db, std::string stem) : db_(db), stem_(std::move(stem)) {}
  std::string PathOf(Family family) const;

  const Database& db_;
  const std::string stem_;
  struct Table {
    std::unique_ptr<rocksdb::SstFileWriter> writer;
    bool finished = false;
  };
  std::array<Table, kFamilies> tables_;
};

}  // namespace mannequin::store

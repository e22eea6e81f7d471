#include "services/store/rocks/table_batch.h"

#include <atomic>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "rocksdb/env.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/rocks_status.h"

namespace mannequin::store {

absl::StatusOr<std::unique_ptr<TableBatch>> TableBatch::Create(const Database& db) {
  static std::atomic<std::uint64_t> next{0};
  const std::string folder = absl::StrCat(db.folder(), "/", kTablesFolder);
  RETURN_IF_ERROR(FromRocks(db.rocks().GetEnv()->CreateDirIfMissing(folder), absl::StrCat("make ", folder)));
  return std::unique_ptr<TableBatch>(new TableBatch(db, absl::StrCat(folder, "/", next++, ".")));
}

TableBatch::~TableBatch() {
  for (int family = 0; family < kFamilies; ++family) {
    if (tables_[family].writer == nullptr) continue;
    tables_[family].writer.reset();
    // Gone already when the database has taken it over.
    db_.rocks().GetEnv()->DeleteFile(PathOf(static_cast<Family>(family))).PermitUncheckedError();
  }
}

std::string TableBatch::PathOf(Family family) const { return absl::StrCat(stem_, FamilyName(family)); }

absl::Status TableBatch::Put(Family family, absl::string_view key, absl::string_view value) {
  Table& table = tables_[static_cast<std::size_t>(family)];
  if (table.writer == nullptr) {
    rocksdb::Options options = db_.rocks().GetOptions(db_.handle(family));
    // Most tables are soon merged into others: the strong compression is for those.
    options.bottommost_compression = rocksdb::kDisableCompressionOption;
    table.writer = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(options), options, db_.handle(family),
                                                            /*invalidate_page_cache=*/false);
    RETURN_IF_ERROR(FromRocks(table.writer->Open(PathOf(family)), absl::StrCat("write ", PathOf(family))));
  }
  const rocksdb::Status put = table.writer->Put(ToSlice(key), ToSlice(value));
  if (put.ok()) return absl::OkStatus();
  return FromRocks(put, Describe("write", family, key));
}

absl::Status TableBatch::Finish() {
  for (int family = 0; family < kFamilies; ++family) {
    Table& table = tables_[family];
    if (table.writer == nullptr || table.finished) continue;
    RETURN_IF_ERROR(FromRocks(table.writer->Finish(), absl::StrCat("write ", PathOf(static_cast<Family>(family)))));
    table.finished = true;
  }
  return absl::OkStatus();
}

std::vector<rocksdb::IngestExternalFileArg> TableBatch::Arguments() const {
  std::vector<rocksdb::IngestExternalFileArg> arguments;
  for (int family = 0; family < kFamilies; ++family) {
    if (tables_[family].writer == nullptr) continue;
    rocksdb::IngestExternalFileArg argument;
    argument.column_family = db_.handle(static_cast<Family>(family));
    argument.external_files = {PathOf(static_cast<Family>(family))};
    argument.options.move_files = true;
    // The manifest holds it.
    argument.options.write_global_seqno = false;
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

}  // namespace mannequin::store

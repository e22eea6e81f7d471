// Up to which change a database was told to be durable, kept beside it: what recovery
// has to reach.
//
//   ASSIGN_OR_RETURN(auto mark, SyncedMark::Open(folder));
//   RETURN_IF_ERROR(CheckRecovery(folder, mark->sequence(), options, families));   // before RocksDB opens
//   ...
//   mark->Note(sequence);   // after each fsync of the log, before anybody is told
//
// RocksDB's log and manifest are read up to the first record that does not look whole,
// since that is what a crash leaves. A flipped bit in a record's length or type looks just
// so: what was acknowledged behind it would be gone without a word, and its files, which
// nothing refers to any more, would be deleted. The mark says where the end must be.
//
// It is written without an fsync of its own, a microsecond a change: it survives the
// process in the kernel's memory. After a power cut it may be some seconds (until the
// kernel writes it back) behind the log, never before it, so it never refuses a database
// that is whole; damage that hits those seconds' log as well is what it then cannot see.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"

namespace mannequin::store {

// Thread-safe, but for Note: one thread at a time.
class SyncedMark {
 public:
  // `folder` must be there. A mark that is damaged itself counts as none, with a warning.
  static absl::StatusOr<std::unique_ptr<SyncedMark>> Open(const std::string& folder);
  // Syncs the mark.
  ~SyncedMark();
  SyncedMark(const SyncedMark&) = delete;
  SyncedMark& operator=(const SyncedMark&) = delete;

  // What was noted last before Open; 0 when nothing was.
  std::uint64_t sequence() const { return sequence_; }
  // Less than what was noted before changes nothing. A mark that cannot be written
  // protects nothing, and fails no change: the log has it.
  void Note(std::uint64_t sequence);

 private:
  SyncedMark(int file, std::uint64_t sequence) : file_(file), sequence_(sequence) {}
  const int file_;
  const std::uint64_t sequence_;
  std::uint64_t noted_ = 0;
};

// Whether recovery will reach the change `sequence`, found out without changing a byte:
// RocksDB deletes what it does not know as soon as it opens. DATA_LOSS when it will not,
// or when the database is damaged. OK for a folder without a database, when `sequence` is
// 0 and no tables lie there.
absl::Status CheckRecovery(const std::string& folder, std::uint64_t sequence, const rocksdb::DBOptions& options,
                           const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

}  // namespace mannequin::store

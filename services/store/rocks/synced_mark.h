// Up to where a database was told to be durable, kept beside it: what recovery has to
// reach.
//
//   ASSIGN_OR_RETURN(auto mark, SyncedMark::Open(folder));
//   RETURN_IF_ERROR(CheckRecovery(folder, *mark, options, families));   // before RocksDB opens
//   ...
//   mark->Note(sequence);   // after each fsync of the log, before anybody is told
//   mark->Note(manifest);   // after each fsync of the manifest
//
// RocksDB's log and manifest are read up to the first record that does not look whole,
// since that is what a crash leaves. A flipped bit in a record's length or type looks just
// so: what was acknowledged behind it would be gone without a word, and its files, which
// nothing refers to any more, would be deleted. The mark says where the end must be.
//
// It is written without an fsync of its own, a microsecond a change: it survives the
// process in the kernel's memory. After a power cut it may be some seconds (until the
// kernel writes it back) behind, never before what it is the mark of, so it never refuses
// a database that is whole; damage that hits those seconds as well is what it then cannot
// see.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"

namespace mannequin::store {

// The beginning of a manifest.
struct ManifestMark {
  std::string name;  // of the file, e.g. "MANIFEST-000005"; empty: none
  std::uint64_t size = 0;
  std::uint32_t crc32 = 0;  // of that many bytes, zlib's

  void Add(absl::string_view bytes);
};

// Thread-safe.
class SyncedMark {
 public:
  // `folder` must be there. A mark that is damaged itself counts as none, with a warning.
  static absl::StatusOr<std::unique_ptr<SyncedMark>> Open(const std::string& folder);
  // Syncs the mark.
  ~SyncedMark();
  SyncedMark(const SyncedMark&) = delete;
  SyncedMark& operator=(const SyncedMark&) = delete;

  // What was noted last before Open: the log's last change, 0 when nothing was.
  std::uint64_t sequence() const { return found_.sequence; }
  const ManifestMark& manifest() const { return found_.manifest; }

  // Less than what was noted before changes nothing. A mark that cannot be written
  // protects nothing, and fails no change: the log has it.
  void Note(std::uint64_t sequence);
  void Note(const ManifestMark& manifest);

 private:
  struct State {
    std::uint64_t sequence = 0;
    ManifestMark manifest;
  };
  SyncedMark(int file, const State& found) : file_(file), found_(found), state_(found) {}
  static std::string Render(const State& state);
  // False when the text is not what Render makes.
  static bool Parse(absl::string_view text, State& state);
  void Write() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int file_;
  const State found_;
  absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_);
};

// Whether recovery will reach the mark, found out without changing a byte: RocksDB deletes
// what it does not know as soon as it opens. DATA_LOSS when it will not, or when the
// database is damaged. OK for a folder without a database, when nothing was noted and no
// tables lie there.
absl::Status CheckRecovery(const std::string& folder, const SyncedMark& mark, const rocksdb::DBOptions& options,
                           const std::vector<rocksdb::ColumnFamilyDescriptor>& families);

}  // namespace mannequin::store

// Tells when RocksDB syncs the files that recovery reads first: its log and its manifest.
//
//   auto files = std::make_shared<SyncWatch>(rocksdb::FileSystem::Default(), events);
//   options.env = rocksdb::NewCompositeEnv(files).get();
//
// The log: one whose write has failed, for want of space, must not be synced any more;
// where RocksDB was built with its assertions (Debian's is), that ends the process. SyncWAL
// looks at its logs first and syncs them then; what must not happen between the two is a
// write, and this is how a writer learns that they are over.
//
// The manifest: what was synced of it is noted in the mark (synced_mark.h).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rocksdb/file_system.h"
#include "services/store/rocks/synced_mark.h"

namespace mannequin::store {

// Thread-safe.
class SyncWatch : public rocksdb::FileSystemWrapper {
 public:
  // Called on RocksDB's threads.
  struct Events {
    // Before each sync of the newest log.
    std::function<void()> log_sync_begins;
    // After each sync of a manifest.
    std::function<void(const ManifestMark&)> manifest_synced;
  };

  SyncWatch(const std::shared_ptr<rocksdb::FileSystem>& files, Events events)
      : FileSystemWrapper(files), events_(std::move(events)) {}

  const char* Name() const override { return "SyncWatch"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;

 private:
  class Log;
  class Manifest;
  const Events events_;
  // Counts logs as they are made.
  std::atomic<std::int64_t> newest_log_{0};
};

}  // namespace mannequin::store

// Tells when RocksDB begins to sync the log that it is writing.
//
//   auto files = std::make_shared<LogWatch>(rocksdb::FileSystem::Default(), [&] { ... });
//   options.env = rocksdb::NewCompositeEnv(files).get();
//
// A log whose write has failed, for want of space, must not be synced any more: where
// RocksDB was built with its assertions (Debian's is), that ends the process. SyncWAL looks
// at its logs first and syncs them then; what must not happen between the two is a write,
// and this is how a writer learns that they are over.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "rocksdb/file_system.h"

namespace mannequin::store {

// Thread-safe.
class LogWatch : public rocksdb::FileSystemWrapper {
 public:
  // `sync_begins` is called on RocksDB's thread, before each sync of the newest log.
  LogWatch(const std::shared_ptr<rocksdb::FileSystem>& files, std::function<void()> sync_begins)
      : FileSystemWrapper(files), sync_begins_(std::move(sync_begins)) {}

  const char* Name() const override { return "LogWatch"; }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;

 private:
  class Log;
  const std::function<void()> sync_begins_;
  // Counts logs as they are made.
  std::atomic<std::int64_t> newest_{0};
};

}  // namespace mannequin::store

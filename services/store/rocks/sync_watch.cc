#include "services/store/rocks/sync_watch.h"

#include <filesystem>
#include <utility>

#include "absl/strings/match.h"

namespace mannequin::store {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

}  // namespace

class SyncWatch::Log : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Log(std::unique_ptr<rocksdb::FSWritableFile>&& file, const SyncWatch& watch, std::int64_t number)
      : FSWritableFileOwnerWrapper(std::move(file)), watch_(watch), number_(number) {}
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    Begin();
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    Begin();
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  // Older logs are not written any more.
  void Begin() {
    if (number_ == watch_.newest_log_) watch_.events_.log_sync_begins();
  }
  const SyncWatch& watch_;
  const std::int64_t number_;
};

// RocksDB appends to a manifest and syncs it on one thread at a time.
class SyncWatch::Manifest : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Manifest(std::unique_ptr<rocksdb::FSWritableFile>&& file, const SyncWatch& watch, const std::string& name)
      : FSWritableFileOwnerWrapper(std::move(file)), watch_(watch) {
    written_.name = name;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = FSWritableFileOwnerWrapper::Append(data, options, debug);
    if (status.ok()) written_.Add({data.data(), data.size()});
    return status;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo& info,
                  IODebugContext* debug) override {
    IOStatus status = FSWritableFileOwnerWrapper::Append(data, options, info, debug);
    if (status.ok()) written_.Add({data.data(), data.size()});
    return status;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return Tell(FSWritableFileOwnerWrapper::Sync(options, debug));
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Tell(FSWritableFileOwnerWrapper::Fsync(options, debug));
  }

 private:
  IOStatus Tell(IOStatus status) {
    if (status.ok()) watch_.events_.manifest_synced(written_);
    return status;
  }
  const SyncWatch& watch_;
  ManifestMark written_;
};

IOStatus SyncWatch::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result, IODebugContext* debug) {
  IOStatus status = target()->NewWritableFile(name, options, result, debug);
  if (!status.ok()) return status;
  const std::string file = std::filesystem::path(name).filename();
  if (absl::EndsWith(file, ".log")) *result = std::make_unique<Log>(std::move(*result), *this, ++newest_log_);
  if (absl::StartsWith(file, "MANIFEST-")) *result = std::make_unique<Manifest>(std::move(*result), *this, file);
  return status;
}

}  // namespace mannequin::store

#include "services/store/log_watch.h"

#include <utility>

#include "absl/strings/match.h"

namespace mannequin::store {

class LogWatch::Log : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  Log(std::unique_ptr<rocksdb::FSWritableFile>&& file, const LogWatch& watch, std::int64_t number)
      : FSWritableFileOwnerWrapper(std::move(file)), watch_(watch), number_(number) {}
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    Begin();
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    Begin();
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  // Older logs are not written any more.
  void Begin() {
    if (number_ == watch_.newest_) watch_.sync_begins_();
  }
  const LogWatch& watch_;
  const std::int64_t number_;
};

rocksdb::IOStatus LogWatch::NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                            std::unique_ptr<rocksdb::FSWritableFile>* result,
                                            rocksdb::IODebugContext* debug) {
  rocksdb::IOStatus status = target()->NewWritableFile(name, options, result, debug);
  if (status.ok() && absl::EndsWith(name, ".log"))
    *result = std::make_unique<Log>(std::move(*result), *this, ++newest_);
  return status;
}

}  // namespace mannequin::store

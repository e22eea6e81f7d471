// Disks that fail as real ones do, below RocksDB.
//
//   SmallDisk        writes fail once so many bytes are written
//   UnreadableDisk   reads of some files fail once so many are done
//   PowerCutDisk     copies what a power cut at this moment would have left
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "rocksdb/env.h"
#include "rocksdb/file_system.h"

namespace mannequin {

// Calls `append` before each write, and writes only when it answers OK.
class WatchedFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  using Watch = std::function<rocksdb::IOStatus(std::size_t bytes)>;
  WatchedFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, Watch append)
      : FSWritableFileOwnerWrapper(std::move(file)), append_(std::move(append)) {}
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = append_(data.size());
    return status.ok() ? FSWritableFileOwnerWrapper::Append(data, options, debug) : status;
  }
  rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                           const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = append_(data.size());
    return status.ok() ? FSWritableFileOwnerWrapper::Append(data, options, info, debug) : status;
  }

 private:
  const Watch append_;
};

// Full as soon as `left` bytes are written; give it more, and it goes on.
class SmallDisk : public rocksdb::FileSystemWrapper {
 public:
  explicit SmallDisk(std::atomic<std::int64_t>& left)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), left_(left) {}
  const char* Name() const override { return "SmallDisk"; }
  rocksdb::IOStatus GetFreeSpace(const std::string&, const rocksdb::IOOptions&, std::uint64_t* free,
                                 rocksdb::IODebugContext*) override {
    *free = static_cast<std::uint64_t>(std::max<std::int64_t>(0, left_));
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const rocksdb::IOStatus status = target()->NewWritableFile(name, options, &file, debug);
    if (!status.ok()) return status;
    *result = std::make_unique<WatchedFile>(std::move(file), [this](std::size_t bytes) {
      if (left_.fetch_sub(static_cast<std::int64_t>(bytes)) >= static_cast<std::int64_t>(bytes)) {
        return rocksdb::IOStatus::OK();
      }
      left_ = 0;
      return rocksdb::IOStatus::NoSpace("full, says the test");
    });
    return status;
  }

 private:
  std::atomic<std::int64_t>& left_;
};

// Reads of the files in `names` count down `left`, and fail once it is used up.
class UnreadableDisk : public rocksdb::FileSystemWrapper {
 public:
  UnreadableDisk(std::set<std::string> names, std::atomic<std::int64_t>& left)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), names_(std::move(names)), left_(left) {}
  const char* Name() const override { return "UnreadableDisk"; }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    const rocksdb::IOStatus status = target()->NewRandomAccessFile(name, options, &file, debug);
    if (!status.ok()) return status;
    *result = std::move(file);
    if (names_.count(std::filesystem::path(name).filename()) == 0) return status;
    *result = std::make_unique<File>(std::move(*result), left_);
    return status;
  }

 private:
  class File : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSRandomAccessFile>&& file, std::atomic<std::int64_t>& left)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), left_(left) {}
    rocksdb::IOStatus Read(std::uint64_t offset, std::size_t bytes, const rocksdb::IOOptions& options,
                           rocksdb::Slice* result, char* scratch, rocksdb::IODebugContext* debug) const override {
      if (left_.fetch_sub(1) <= 0) return rocksdb::IOStatus::IOError("unreadable, says the test");
      return FSRandomAccessFileOwnerWrapper::Read(offset, bytes, options, result, scratch, debug);
    }

   private:
    std::atomic<std::int64_t>& left_;
  };
  const std::set<std::string> names_;
  std::atomic<std::int64_t>& left_;
};

// Knows what of each file was synced, and which names. What was not is lost in a cut: of a
// file's end a random part, of a new name all, and an overwritten file is the old one
// again. Deletions count at once. Thread-safe; everything that changes files waits for a cut.
class PowerCutDisk : public rocksdb::FileSystemWrapper {
 public:
  PowerCutDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "PowerCutDisk"; }

  // What would be found after a cut now, from `folder` to `copy`. `before` runs while
  // everything stands still.
  void Cut(const std::string& folder, const std::string& copy, std::mt19937& random,
           const std::function<void()>& before) {
    absl::MutexLock lock(&mutex_);
    before();
    std::filesystem::create_directories(copy);
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().filename();
      // RocksDB's diary, which nobody reads.
      if (!entry.is_regular_file() || name.compare(0, 3, "LOG") == 0) continue;
      const auto found = files_.find(entry.path().string());
      std::string bytes = Read(entry.path());
      if (found != files_.end()) {
        const File& file = found->second;
        if (!file.name_synced) {
          if (!file.replaced) continue;
          bytes = *file.replaced;
        } else if (file.synced < bytes.size()) {
          bytes.resize(file.synced + random() % (bytes.size() - file.synced + 1));
        }
      }
      std::ofstream(copy + "/" + name, std::ios::binary) << bytes;
    }
  }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    absl::MutexLock lock(&mutex_);
    std::unique_ptr<rocksdb::FSWritableFile> file;
    const rocksdb::IOStatus status = target()->NewWritableFile(name, options, &file, debug);
    if (!status.ok()) return status;
    files_[Normal(name)] = File();
    *result = std::make_unique<SyncedFile>(std::move(file), Normal(name), *this);
    return status;
  }
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    const rocksdb::IOStatus status = target()->NewDirectory(name, options, &directory, debug);
    if (status.ok()) *result = std::make_unique<SyncedDirectory>(std::move(directory), Normal(name), *this);
    return status;
  }
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    absl::MutexLock lock(&mutex_);
    File moved = files_[Normal(from)];
    moved.name_synced = false;
    if (std::filesystem::exists(to)) moved.replaced = Read(to);
    files_.erase(Normal(from));
    files_[Normal(to)] = std::move(moved);
    return target()->RenameFile(from, to, options, debug);
  }
  rocksdb::IOStatus LinkFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
    absl::MutexLock lock(&mutex_);
    File linked = files_[Normal(from)];
    linked.name_synced = false;
    files_[Normal(to)] = std::move(linked);
    return target()->LinkFile(from, to, options, debug);
  }
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    absl::MutexLock lock(&mutex_);
    files_.erase(Normal(name));
    return target()->DeleteFile(name, options, debug);
  }

 private:
  struct File {
    std::uint64_t written = 0;
    std::uint64_t synced = 0;
    bool name_synced = false;
    // Of the file that had the name before, until the name is synced.
    std::optional<std::string> replaced;
  };

  class SyncedFile : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    SyncedFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, std::string name, PowerCutDisk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), disk_(disk) {}
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      absl::MutexLock lock(&disk_.mutex_);
      disk_.files_[name_].written += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, debug);
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info, rocksdb::IODebugContext* debug) override {
      absl::MutexLock lock(&disk_.mutex_);
      disk_.files_[name_].written += data.size();
      return FSWritableFileOwnerWrapper::Append(data, options, info, debug);
    }
    // The machine's disk needs no fsync here: the process does not die.
    rocksdb::IOStatus Sync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return Synced(); }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return Synced(); }

   private:
    rocksdb::IOStatus Synced() {
      absl::MutexLock lock(&disk_.mutex_);
      File& file = disk_.files_[name_];
      file.synced = file.written;
      return rocksdb::IOStatus::OK();
    }
    const std::string name_;
    PowerCutDisk& disk_;
  };

  class SyncedDirectory : public rocksdb::FSDirectoryWrapper {
   public:
    SyncedDirectory(std::unique_ptr<rocksdb::FSDirectory>&& directory, std::string name, PowerCutDisk& disk)
        : FSDirectoryWrapper(std::move(directory)), name_(std::move(name)), disk_(disk) {}
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override { return Synced(); }
    rocksdb::IOStatus FsyncWithDirOptions(const rocksdb::IOOptions&, rocksdb::IODebugContext*,
                                          const rocksdb::DirFsyncOptions&) override {
      return Synced();
    }

   private:
    rocksdb::IOStatus Synced() {
      absl::MutexLock lock(&disk_.mutex_);
      for (auto& [name, file] : disk_.files_) {
        if (std::filesystem::path(name).parent_path() != name_) continue;
        file.name_synced = true;
        file.replaced.reset();
      }
      return rocksdb::IOStatus::OK();
    }
    const std::string name_;
    PowerCutDisk& disk_;
  };

  // Without "//" and a "/" at the end.
  static std::string Normal(const std::string& name) {
    const std::filesystem::path path = std::filesystem::path(name).lexically_normal();
    return path.has_filename() ? path : path.parent_path();
  }
  static std::string Read(const std::filesystem::path& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return bytes.str();
  }

  absl::Mutex mutex_;
  std::map<std::string, File> files_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mannequin

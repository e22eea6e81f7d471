#include "services/mannequin/export/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "isa-l/igzip_lib.h"
#include "zstd.h"

namespace mannequin {
namespace {

constexpr size_t kPieceBytes = 1 << 20;

// A descriptor that is written to its last byte.
class Descriptor {
 public:
  Descriptor(int descriptor, std::string path, bool owned)
      : descriptor_(descriptor), path_(std::move(path)), owned_(owned) {}
  ~Descriptor() {
    if (owned_ && descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  absl::Status Write(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = write(descriptor_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failed("write");
      written_ += n;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return absl::OkStatus();
  }
  absl::Status SyncAndClose() {
    if (fsync(descriptor_) != 0) return Failed("sync");
    if (close(std::exchange(descriptor_, -1)) != 0) return Failed("close");
    return absl::OkStatus();
  }
  int64_t written() const { return written_; }

 private:
  absl::Status Failed(absl::string_view what) const {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what, " ", path_));
  }

  int descriptor_;
  const std::string path_;
  const bool owned_;
  int64_t written_ = 0;
};

// Turns a stream of bytes into a compressed one.
class Encoder {
 public:
  virtual ~Encoder() = default;
  // Takes all of `bytes` and writes what comes out; with `last` the stream's end too.
  virtual absl::Status Encode(absl::string_view bytes, bool last, Descriptor& out) = 0;
};

class PlainEncoder : public Encoder {
 public:
  absl::Status Encode(absl::string_view bytes, bool /*last*/, Descriptor& out) override { return out.Write(bytes); }
};

// RFC 1952 by ISA-L.
class GzipEncoder : public Encoder {
 public:
  GzipEncoder() : level_(ISAL_DEF_LVL2_DEFAULT), piece_(kPieceBytes) {
    isal_deflate_init(&stream_);
    stream_.gzip_flag = IGZIP_GZIP;
    stream_.level = 2;
    stream_.level_buf = level_.data();
    stream_.level_buf_size = static_cast<uint32_t>(level_.size());
  }
  absl::Status Encode(absl::string_view bytes, bool last, Descriptor& out) override {
    stream_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uint32_t>(bytes.size());
    stream_.end_of_stream = last;
    do {
      stream_.next_out = piece_.data();
      stream_.avail_out = static_cast<uint32_t>(piece_.size());
      if (const int code = isal_deflate(&stream_); code != COMP_OK) {
        return absl::InternalError(absl::StrCat("gzip: ISA-L answered ", code));
      }
      RETURN_IF_ERROR(out.Write({reinterpret_cast<char*>(piece_.data()), piece_.size() - stream_.avail_out}));
    } while (stream_.avail_out == 0);
    return absl::OkStatus();
  }

 private:
  isal_zstream stream_;
  std::vector<uint8_t> level_;
  std::vector<uint8_t> piece_;
};

// RFC 8878 by libzstd.
class ZstdEncoder : public Encoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx(), ZSTD_freeCCtx), piece_(ZSTD_CStreamOutSize()) {
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  absl::Status Encode(absl::string_view bytes, bool last, Descriptor& out) override {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    size_t left;
    do {
      ZSTD_outBuffer output{piece_.data(), piece_.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) return absl::InternalError(absl::StrCat("zstd: ", ZSTD_getErrorName(left)));
      RETURN_IF_ERROR(out.Write({piece_.data(), output.pos}));
    } while (last ? left > 0 : input.pos < input.size);
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context_;
  std::vector<char> piece_;
};

std::unique_ptr<Encoder> EncoderFor(absl::string_view path) {
  if (absl::EndsWith(path, ".gz")) return std::make_unique<GzipEncoder>();
  if (absl::EndsWith(path, ".zst")) return std::make_unique<ZstdEncoder>();
  return std::make_unique<PlainEncoder>();
}

// What both kinds share: bytes are gathered into pieces worth compressing.
class GatheringFile : public OutputFile {
 public:
  GatheringFile(std::unique_ptr<Descriptor> descriptor, std::unique_ptr<Encoder> encoder)
      : descriptor_(std::move(descriptor)), encoder_(std::move(encoder)) {}
  absl::Status Write(absl::string_view bytes) override {
    gathered_.append(bytes.data(), bytes.size());
    return gathered_.size() < kPieceBytes ? absl::OkStatus() : Pass(/*last=*/false);
  }
  absl::Status Finish() override { return Pass(/*last=*/true); }
  int64_t file_bytes() const override { return descriptor_->written(); }

 protected:
  Descriptor& descriptor() { return *descriptor_; }

 private:
  absl::Status Pass(bool last) {
    RETURN_IF_ERROR(encoder_->Encode(gathered_, last, *descriptor_));
    gathered_.clear();
    return absl::OkStatus();
  }

  const std::unique_ptr<Descriptor> descriptor_;
  const std::unique_ptr<Encoder> encoder_;
  std::string gathered_;
};

class AtomicFile : public GatheringFile {
 public:
  AtomicFile(std::string path, std::string temporary, int descriptor)
      : GatheringFile(std::make_unique<Descriptor>(descriptor, temporary, /*owned=*/true), EncoderFor(path)),
        path_(std::move(path)),
        temporary_(std::move(temporary)) {}
  ~AtomicFile() override {
    if (!renamed_) unlink(temporary_.c_str());
  }

  absl::Status Finish() override {
    RETURN_IF_ERROR(GatheringFile::Finish());
    RETURN_IF_ERROR(descriptor().SyncAndClose());
    if (rename(temporary_.c_str(), path_.c_str()) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot rename ", temporary_, " to ", path_));
    }
    renamed_ = true;
    return SyncFolder();
  }

 private:
  // The rename itself is durable when the folder is.
  absl::Status SyncFolder() const {
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    const std::string name = folder.empty() ? "." : folder;
    const int descriptor = open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", name));
    const int result = fsync(descriptor);
    const int fault = errno;
    close(descriptor);
    return result == 0 ? absl::OkStatus() : absl::ErrnoToStatus(fault, absl::StrCat("cannot sync ", name));
  }

  const std::string path_;
  const std::string temporary_;
  bool renamed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<OutputFile>> OutputFile::Create(const std::string& path) {
  if (path == "-") {
    return std::make_unique<GatheringFile>(
        std::make_unique<Descriptor>(STDOUT_FILENO, "standard output", /*owned=*/false),
        std::make_unique<PlainEncoder>());
  }
  struct stat facts;
  if (stat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a folder; give a file's name"));
  }
  std::string temporary = absl::StrCat(path, ".tmp.", getpid());
  const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", temporary));
  return std::make_unique<AtomicFile>(path, std::move(temporary), descriptor);
}

}  // namespace mannequin

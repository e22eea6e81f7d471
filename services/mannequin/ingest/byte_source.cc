#include "services/mannequin/ingest/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "isa-l/igzip_lib.h"
#include "zstd.h"

namespace mannequin {
namespace {

constexpr size_t kInputBytes = 256 << 10;
constexpr absl::string_view kGzipMagic = "\x1f\x8b";
constexpr absl::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

// The file's own bytes, through a buffer that can be looked into.
class InputFile {
 public:
  static absl::StatusOr<std::unique_ptr<InputFile>> Open(const std::string& path) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
      if (errno == ENOENT) {
        return absl::NotFoundError(
            absl::StrCat(path, ": no such file; give a catalogue such as SNAP's metadata.json.gz or JSON lines"));
      }
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
    }
    std::unique_ptr<InputFile> file(new InputFile(path, descriptor));
    struct stat facts;
    if (fstat(descriptor, &facts) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
    if (S_ISDIR(facts.st_mode)) {
      return absl::InvalidArgumentError(absl::StrCat(path, " is a folder; give one of its files"));
    }
    file->size_ = S_ISREG(facts.st_mode) ? facts.st_size : 0;
    RETURN_IF_ERROR(file->Fill());
    return file;
  }
  ~InputFile() { close(descriptor_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Makes unread() not empty, unless the file has ended.
  absl::Status Fill() {
    if (begin_ < end_) return absl::OkStatus();
    begin_ = end_ = 0;
    ssize_t got;
    do {
      got = read(descriptor_, buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path_, " at byte ", taken()));
    end_ = static_cast<size_t>(got);
    return absl::OkStatus();
  }
  absl::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void Take(size_t bytes) {
    begin_ += bytes;
    taken_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  }
  int64_t taken() const { return taken_.load(std::memory_order_relaxed); }
  int64_t size() const { return size_; }
  const std::string& path() const { return path_; }

 private:
  InputFile(const std::string& path, int descriptor) : path_(path), descriptor_(descriptor), buffer_(kInputBytes) {}

  const std::string path_;
  const int descriptor_;
  int64_t size_ = 0;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::atomic<int64_t> taken_{0};
};

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(std::unique_ptr<InputFile> file) : file_(std::move(file)) {}
  absl::string_view compression() const override { return "plain"; }
  int64_t file_bytes_read() const override { return file_->taken(); }
  int64_t file_bytes() const override { return file_->size(); }

  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    RETURN_IF_ERROR(file_->Fill());
    const size_t bytes = std::min(size, file_->unread().size());
    std::memcpy(out, file_->unread().data(), bytes);
    file_->Take(bytes);
    return bytes;
  }

 private:
  const std::unique_ptr<InputFile> file_;
};

// What the compressed sources share: output is given before the error that follows it.
class CompressedSource : public ByteSource {
 public:
  explicit CompressedSource(std::unique_ptr<InputFile> file) : file_(std::move(file)) {}
  int64_t file_bytes_read() const override { return file_->taken(); }
  int64_t file_bytes() const override { return file_->size(); }

  absl::StatusOr<size_t> Read(char* out, size_t size) override {
    size_t done = 0;
    while (done < size && status_.ok() && !ended_) done += Step(out + done, size - done);
    if (done > 0 || status_.ok()) return done;
    return status_;
  }

 protected:
  // Decodes once: sets ended_ or status_, returns the bytes written.
  virtual size_t Step(char* out, size_t size) = 0;

  // False when there is no input left; a failed read sets status_.
  bool FillInput() {
    status_ = file_->Fill();
    return status_.ok() && !file_->unread().empty();
  }
  void FailDamaged(absl::string_view how) {
    status_ = absl::DataLossError(
        absl::StrCat(file_->path(), ": ", compression(), " is damaged at byte ", file_->taken(), ": ", how));
  }
  void FailTruncated() {
    status_ = absl::DataLossError(absl::StrCat(file_->path(), ": ", compression(), " ends early at byte ",
                                               file_->taken(), "; is the download complete?"));
  }

  const std::unique_ptr<InputFile> file_;
  absl::Status status_;
  bool ended_ = false;
};

absl::string_view InflateFault(int code) {
  switch (code) {
    case ISAL_INVALID_BLOCK:
      return "invalid block";
    case ISAL_INVALID_SYMBOL:
      return "invalid symbol";
    case ISAL_INVALID_LOOKBACK:
      return "distance before the beginning";
    case ISAL_INVALID_WRAPPER:
      return "invalid header";
    case ISAL_UNSUPPORTED_METHOD:
      return "unknown compression method";
    case ISAL_INCORRECT_CHECKSUM:
      return "the checksum differs";
    default:
      return "cannot be inflated";
  }
}

// RFC 1952 by ISA-L.
class GzipSource : public CompressedSource {
 public:
  explicit GzipSource(std::unique_ptr<InputFile> file) : CompressedSource(std::move(file)) {
    isal_inflate_init(&state_);
    state_.crc_flag = ISAL_GZIP;
  }
  absl::string_view compression() const override { return "gzip"; }

 protected:
  size_t Step(char* out, size_t size) override {
    if (between_members_ && !BeginMember()) return 0;
    const bool has_input = FillInput();
    if (!status_.ok()) return 0;
    const absl::string_view input = file_->unread();
    state_.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(input.data()));
    state_.avail_in = static_cast<uint32_t>(input.size());
    state_.next_out = reinterpret_cast<uint8_t*>(out);
    state_.avail_out = static_cast<uint32_t>(std::min<size_t>(size, UINT32_MAX));
    const uint32_t room = state_.avail_out;
    const int code = isal_inflate(&state_);
    file_->Take(input.size() - state_.avail_in);
    const size_t produced = room - state_.avail_out;
    if (code < 0) {
      FailDamaged(InflateFault(code));
    } else if (state_.block_state == ISAL_BLOCK_FINISH) {
      between_members_ = true;
    } else if (!has_input && produced == 0) {
      FailTruncated();
    }
    return produced;
  }

 private:
  // Zeros after a member are padding, as gzip itself has it.
  bool BeginMember() {
    while (FillInput() && file_->unread()[0] == '\0') {
      const absl::string_view input = file_->unread();
      file_->Take(std::min(input.find_first_not_of('\0'), input.size()));
    }
    if (!status_.ok()) return false;
    if (file_->unread().empty()) {
      ended_ = true;
      return false;
    }
    if (file_->unread()[0] != kGzipMagic[0]) {
      FailDamaged("bytes that are no gzip follow it");
      return false;
    }
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP;
    between_members_ = false;
    return true;
  }

  inflate_state state_;
  bool between_members_ = false;
};

// RFC 8878 by libzstd.
class ZstdSource : public CompressedSource {
 public:
  explicit ZstdSource(std::unique_ptr<InputFile> file)
      : CompressedSource(std::move(file)), context_(ZSTD_createDCtx(), ZSTD_freeDCtx) {}
  absl::string_view compression() const override { return "zstd"; }

 protected:
  size_t Step(char* out, size_t size) override {
    const bool has_input = FillInput();
    if (!status_.ok()) return 0;
    ZSTD_inBuffer input{file_->unread().data(), file_->unread().size(), 0};
    ZSTD_outBuffer output{out, size, 0};
    if (!has_input && frame_ended_) {
      ended_ = true;
      return 0;
    }
    const size_t code = ZSTD_decompressStream(context_.get(), &output, &input);
    file_->Take(input.pos);
    if (ZSTD_isError(code)) {
      FailDamaged(ZSTD_getErrorName(code));
    } else if (!has_input && output.pos == 0) {
      FailTruncated();
    }
    frame_ended_ = code == 0;
    return output.pos;
  }

 private:
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context_;
  bool frame_ended_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> ByteSource::Open(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<InputFile> file, InputFile::Open(path));
  std::unique_ptr<ByteSource> source;
  if (absl::StartsWith(file->unread(), kGzipMagic)) {
    source = std::make_unique<GzipSource>(std::move(file));
  } else if (absl::StartsWith(file->unread(), kZstdMagic)) {
    source = std::make_unique<ZstdSource>(std::move(file));
  } else {
    source = std::make_unique<PlainSource>(std::move(file));
  }
  return source;
}

}  // namespace mannequin

#include "services/embedder/checksummed_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr std::size_t kSumBytes = 32;

}  // namespace

ChecksummedWriter::ChecksummedWriter(std::string path)
    : path_(std::move(path)), temporary_(absl::StrCat(path_, ".tmp")), digest_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(digest_, EVP_sha256(), nullptr);
}

absl::StatusOr<std::unique_ptr<ChecksummedWriter>> ChecksummedWriter::Create(const std::string& path) {
  std::unique_ptr<ChecksummedWriter> writer(new ChecksummedWriter(path));
  writer->file_ = std::fopen(writer->temporary_.c_str(), "wbe");
  if (writer->file_ == nullptr) return writer->Failed("open");
  return writer;
}

ChecksummedWriter::~ChecksummedWriter() {
  EVP_MD_CTX_free(digest_);
  if (file_ == nullptr) return;
  std::fclose(file_);
  unlink(temporary_.c_str());
}

absl::Status ChecksummedWriter::Failed(absl::string_view doing) const {
  return absl::ErrnoToStatus(errno == 0 ? EIO : errno, absl::StrCat("cannot ", doing, " ", temporary_));
}

absl::Status ChecksummedWriter::Write(const void* bytes, std::size_t size) {
  if (std::fwrite(bytes, 1, size, file_) != size) return Failed("write");
  EVP_DigestUpdate(digest_, bytes, size);
  return absl::OkStatus();
}

absl::Status ChecksummedWriter::WriteText(absl::string_view text) {
  RETURN_IF_ERROR(WriteNumber(static_cast<std::uint32_t>(text.size())));
  return Write(text.data(), text.size());
}

absl::Status ChecksummedWriter::Commit() {
  unsigned char sum[kSumBytes];
  EVP_DigestFinal_ex(digest_, sum, nullptr);
  if (std::fwrite(sum, 1, kSumBytes, file_) != kSumBytes || std::fflush(file_) != 0) return Failed("write");
  if (fsync(fileno(file_)) != 0) return Failed("sync");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return Failed("rename");
  std::fclose(std::exchange(file_, nullptr));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ChecksummedReader>> ChecksummedReader::Open(const std::string& path) {
  std::unique_ptr<ChecksummedReader> reader(new ChecksummedReader(path));
  reader->file_ = std::fopen(path.c_str(), "rbe");
  if (reader->file_ == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  if (error || size < kSumBytes) return reader->Damaged("is too short");
  reader->left_ = size - kSumBytes;

  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  const auto free_digest = absl::MakeCleanup([digest] { EVP_MD_CTX_free(digest); });
  EVP_DigestInit_ex(digest, EVP_sha256(), nullptr);
  std::vector<char> piece(std::size_t{1} << 20);
  while (reader->left_ > 0) {
    const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), reader->left_));
    RETURN_IF_ERROR(reader->Read(piece.data(), n));
    EVP_DigestUpdate(digest, piece.data(), n);
  }
  unsigned char sum[kSumBytes], written[kSumBytes];
  EVP_DigestFinal_ex(digest, sum, nullptr);
  if (std::fread(written, 1, kSumBytes, reader->file_) != kSumBytes || std::memcmp(sum, written, kSumBytes) != 0) {
    return reader->Damaged("does not match its checksum");
  }
  std::rewind(reader->file_);
  reader->left_ = size - kSumBytes;
  return reader;
}

ChecksummedReader::~ChecksummedReader() {
  if (file_ != nullptr) std::fclose(file_);
}

absl::Status ChecksummedReader::Read(void* bytes, std::size_t size) {
  if (size > left_ || std::fread(bytes, 1, size, file_) != size) return Damaged("ends early");
  left_ -= size;
  return absl::OkStatus();
}

absl::Status ChecksummedReader::ReadText(std::string* text, std::size_t most) {
  std::uint32_t size = 0;
  RETURN_IF_ERROR(ReadNumber(&size));
  if (size > most) return Damaged("holds a text that is too long");
  text->resize(size);
  return Read(text->data(), size);
}

absl::Status ChecksummedReader::Damaged(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(path_, ": ", what));
}

}  // namespace mannequin

// A file that is written piece by piece and ends with the SHA-256 of all before it, so that
// a reader knows that it has what was written.
//
//   ASSIGN_OR_RETURN(auto out, ChecksummedWriter::Create(path));
//   RETURN_IF_ERROR(out->Write(values.data(), bytes));
//   RETURN_IF_ERROR(out->Commit());
//
// The writer writes beside `path`, syncs, and renames in Commit: until then, and whatever
// happens, `path` is what it was. Errors carry the path and the system's words;
// RESOURCE_EXHAUSTED when the disk is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "openssl/evp.h"

namespace mannequin {

class ChecksummedWriter {
 public:
  static absl::StatusOr<std::unique_ptr<ChecksummedWriter>> Create(const std::string& path);
  // Without Commit: what was written is removed.
  ~ChecksummedWriter();

  absl::Status Write(const void* bytes, std::size_t size);
  template <typename Number>
  absl::Status WriteNumber(Number number) {
    return Write(&number, sizeof number);
  }
  // Its length in 4 bytes, then the text.
  absl::Status WriteText(absl::string_view text);
  absl::Status Commit();

 private:
  explicit ChecksummedWriter(std::string path);
  absl::Status Failed(absl::string_view doing) const;

  const std::string path_, temporary_;
  std::FILE* file_ = nullptr;
  EVP_MD_CTX* digest_;
};

class ChecksummedReader {
 public:
  // Reads the whole file once to verify it, in pieces. NOT_FOUND; DATA_LOSS when the sum is
  // not that of the bytes.
  static absl::StatusOr<std::unique_ptr<ChecksummedReader>> Open(const std::string& path);
  ~ChecksummedReader();

  // DATA_LOSS when there are fewer bytes.
  absl::Status Read(void* bytes, std::size_t size);
  template <typename Number>
  absl::Status ReadNumber(Number* number) {
    return Read(number, sizeof *number);
  }
  // DATA_LOSS, too, when it is longer than `most` bytes.
  absl::Status ReadText(std::string* text, std::size_t most);
  // Bytes that are left.
  std::uint64_t left() const { return left_; }
  // DATA_LOSS naming the file.
  absl::Status Damaged(absl::string_view what) const;

 private:
  explicit ChecksummedReader(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  std::FILE* file_ = nullptr;
  std::uint64_t left_ = 0;
};

}  // namespace mannequin

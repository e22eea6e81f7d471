// The plain bytes of a file that may be compressed: gzip (several members too), zstd
// (several frames too) or neither, told by its first bytes and never by its name.
// Constant memory.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, ByteSource::Open("metadata.json.gz"));
//   while (true) {
//     ASSIGN_OR_RETURN(size_t bytes, source->Read(buffer, sizeof buffer));
//     if (bytes == 0) break;
//   }
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

// Read by one thread; file_bytes_read() by any.
class ByteSource {
 public:
  // NOT_FOUND, PERMISSION_DENIED and the like with the path; INVALID_ARGUMENT for a folder.
  static absl::StatusOr<std::unique_ptr<ByteSource>> Open(const std::string& path);
  virtual ~ByteSource() = default;

  // 1 to `size` bytes into `out`; 0 at the end. DATA_LOSS, naming the offset in the file,
  // when compressed bytes end early or are damaged: everything that could be read before
  // has been given by then.
  virtual absl::StatusOr<size_t> Read(char* out, size_t size) = 0;

  // "gzip", "zstd" or "plain".
  virtual absl::string_view compression() const = 0;
  // Bytes of the file, as it lies on disk, taken so far.
  virtual int64_t file_bytes_read() const = 0;
  // Size of the file; 0 when it has none (a pipe).
  virtual int64_t file_bytes() const = 0;
};

}  // namespace mannequin

// Cuts a stream of bytes into pieces of whole lines, in constant memory.
//
//   LineReader reader(*source, {.max_line_bytes = 16 << 20});
//   LineChunk chunk;
//   while (true) {
//     ASSIGN_OR_RETURN(bool more, reader.Next(&chunk));
//     if (!more) break;
//   }
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "services/mannequin/ingest/byte_source.h"

namespace mannequin {

struct LineChunk {
  // Whole lines, each with its '\n'; the file's last line may lack it.
  std::string text;
  // Above 0: stands for one line of so many bytes that was too long and dropped; `text` is
  // empty then.
  int64_t dropped_line_bytes = 0;
  // Bytes of the file's text up to its end.
  int64_t text_end = 0;
  // ByteSource::file_bytes_read() after it.
  int64_t file_bytes_read = 0;
};

// Not thread-safe.
class LineReader {
 public:
  struct Limits {
    // A longer line is dropped. A chunk may hold it whole when it is longer by less than
    // `piece_bytes`: whoever reads the lines checks again.
    int64_t max_line_bytes = 16 << 20;
    // Read at once; a chunk is about that big.
    size_t piece_bytes = 512 << 10;
  };

  // `source` must outlive the reader.
  LineReader(ByteSource& source, Limits limits) : source_(source), limits_(limits) {}

  // False at the end. The source's error after every whole line before it was given.
  absl::StatusOr<bool> Next(LineChunk* chunk);
  // Leaves out the text up to `text_bytes`, at least what Next has given so far.
  // FAILED_PRECONDITION when the text is shorter or no line ends there.
  absl::Status SkipTo(int64_t text_bytes);

 private:
  absl::StatusOr<size_t> Append(std::string* text);
  absl::StatusOr<bool> DropLine(LineChunk* chunk);

  ByteSource& source_;
  const Limits limits_;
  // Read but not given yet.
  std::string rest_;
  // Of the text, `rest_` included.
  int64_t text_read_ = 0;
};

}  // namespace mannequin

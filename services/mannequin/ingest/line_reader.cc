#include "services/mannequin/ingest/line_reader.h"

#include <cstring>

#include "common/base/status_macros.h"

namespace mannequin {

absl::StatusOr<size_t> LineReader::Append(std::string* text) {
  const size_t had = text->size();
  text->resize(had + limits_.piece_bytes);
  absl::StatusOr<size_t> bytes = source_.Read(text->data() + had, limits_.piece_bytes);
  text->resize(had + (bytes.ok() ? *bytes : 0));
  return bytes;
}

absl::StatusOr<bool> LineReader::Next(LineChunk* chunk) {
  std::string& text = chunk->text;
  chunk->dropped_line_bytes = 0;
  text.assign(rest_);
  rest_.clear();
  size_t searched = 0;
  while (true) {
    if (const void* last = memrchr(text.data() + searched, '\n', text.size() - searched)) {
      const size_t end = static_cast<size_t>(static_cast<const char*>(last) - text.data()) + 1;
      rest_.assign(text, end);
      text.resize(end);
      break;
    }
    if (static_cast<int64_t>(text.size()) > limits_.max_line_bytes) return DropLine(chunk);
    searched = text.size();
    ASSIGN_OR_RETURN(const size_t bytes, Append(&text));
    if (bytes == 0) break;
  }
  chunk->file_bytes_read = source_.file_bytes_read();
  return !text.empty();
}

// `chunk->text` is the beginning of a line that is too long already.
absl::StatusOr<bool> LineReader::DropLine(LineChunk* chunk) {
  int64_t length = static_cast<int64_t>(chunk->text.size());
  chunk->text.clear();
  std::string piece;
  while (true) {
    piece.clear();
    ASSIGN_OR_RETURN(const size_t bytes, Append(&piece));
    const size_t end = piece.find('\n');
    length += static_cast<int64_t>(end == std::string::npos ? bytes : end);
    if (bytes == 0) break;
    if (end != std::string::npos) {
      rest_.assign(piece, end + 1);
      break;
    }
  }
  chunk->dropped_line_bytes = length;
  chunk->file_bytes_read = source_.file_bytes_read();
  return true;
}

}  // namespace mannequin

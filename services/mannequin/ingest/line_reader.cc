#include "services/mannequin/ingest/line_reader.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace mannequin {

absl::StatusOr<size_t> LineReader::Append(std::string* text) {
  const size_t had = text->size();
  text->resize(had + limits_.piece_bytes);
  absl::StatusOr<size_t> bytes = source_.Read(text->data() + had, limits_.piece_bytes);
  text->resize(had + (bytes.ok() ? *bytes : 0));
  text_read_ += static_cast<int64_t>(bytes.ok() ? *bytes : 0);
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
  chunk->text_end = text_read_ - static_cast<int64_t>(rest_.size());
  chunk->file_bytes_read = source_.file_bytes_read();
  return !text.empty();
}

absl::Status LineReader::SkipTo(int64_t text_bytes) {
  // What was given before ended with a line.
  char last = '\n';
  while (true) {
    const int64_t left = text_bytes - (text_read_ - static_cast<int64_t>(rest_.size()));
    if (left <= static_cast<int64_t>(rest_.size())) {
      if (left > 0) last = rest_[static_cast<size_t>(left) - 1];
      rest_.erase(0, static_cast<size_t>(std::max<int64_t>(left, 0)));
      break;
    }
    rest_.clear();
    ASSIGN_OR_RETURN(const size_t bytes, Append(&rest_));
    if (bytes == 0) last = '\0';
    if (bytes == 0) break;
  }
  if (last == '\n') return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("no line ends at byte ", text_bytes, " of the text"));
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
  chunk->text_end = text_read_ - static_cast<int64_t>(rest_.size());
  chunk->file_bytes_read = source_.file_bytes_read();
  return true;
}

}  // namespace mannequin

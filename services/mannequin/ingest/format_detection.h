// Finds out in which format a catalogue is, by looking at the beginning of its text.
//
//   ASSIGN_OR_RETURN(DetectedFormat found, DetectFormat(chunk.text, {.catalog = "feed.tsv"}));
//   if (found.format == nullptr) ...                       // blank lines only: look at more text
//   chunk.text.remove_prefix(found.header_bytes);          // what follows are records
//   std::unique_ptr<RecordFormat> second_thread = found.format->Clone();
//
// The format is the one in which one of the first kLinesTried lines is a product. A line
// that could be of two formats (a JSON object with no more than "asin" and "title" is good
// Python too) decides nothing as long as a later one can; if none can, the order of
// KnownFormats() does. A format with a header is it when the first line is its header.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

// Lines with something in them that are looked at.
inline constexpr int kLinesTried = 1000;

struct DetectionOptions {
  // What messages call the file.
  absl::string_view catalog;
  // Not empty: this format, and no other is tried. Its header is read all the same.
  absl::string_view format = {};
  // Number of the text's first line, for messages.
  int64_t first_line = 1;
};

struct DetectedFormat {
  // It has read its header, if it has one. Null: the text has blank lines only.
  std::unique_ptr<RecordFormat> format;
  // What stands before the first record: the header and blank lines before it. 0 for a
  // format without a header.
  size_t header_bytes = 0;
  int64_t header_lines = 0;
};

// `text` begins at the file's first line, without a byte order mark. No state: safe to call
// from any thread. INVALID_ARGUMENT: `options.format` is not known; its header is none; or
// no line is a product, with the known formats and the first fault in each.
absl::StatusOr<DetectedFormat> DetectFormat(absl::string_view text, const DetectionOptions& options);

}  // namespace mannequin

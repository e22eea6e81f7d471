// Where refused lines go: the first reasons into the report, all of them with their raw
// text into a file when one is asked for.
//
// The file has one refused line a line: "<number>\t<reason>\t<raw line>\n". A raw line that
// was too long to be kept is empty there. `cut -f3-` gives the raw lines back.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/mannequin/ingest/record_error.h"

namespace mannequin {

// Not thread-safe.
class Rejects {
 public:
  // `catalog` is what messages call the file; an empty `path`: no file of rejects.
  Rejects(std::string catalog, std::string path, size_t max_messages);

  // Opens the file: PERMISSION_DENIED, NOT_FOUND and the like, with the path.
  // `append`: behind what it holds, for a run that goes on.
  // Rows of lines up to `lines_before` stay, those of an earlier run of the same file; with
  // 0 it begins empty.
  absl::Status Open(int64_t lines_before);
  void Add(int64_t line_number, const RecordError& error, absl::string_view raw);
  // Makes all that was added durable. As Close.
  absl::Status Sync();
  // Flushes and closes: RESOURCE_EXHAUSTED and the like when not all could be written.
  absl::Status Close();

  // "<catalog>:<line>[:<column>]: <what>" of one line.
  std::string Describe(int64_t line_number, const RecordError& error) const;

  int64_t count() const { return count_; }
  // The first ones, as Describe() has them and "(line skipped; --strict stops here)".
  const std::vector<std::string>& messages() const { return messages_; }
  // Describe() of the first; empty while there is none.
  const std::string& first() const { return first_; }

 private:
  const std::string catalog_;
  const std::string path_;
  const size_t max_messages_;
  int64_t count_ = 0;
  std::vector<std::string> messages_;
  std::string first_;
  std::unique_ptr<FILE, int (*)(FILE*)> file_;
  int write_errno_ = 0;
};

}  // namespace mannequin

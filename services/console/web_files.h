// The page's files, built into the binary. A path is looked up, never
// opened: nothing outside this table can be served.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace mannequin {

struct WebFile {
  // "/style.css".
  std::string path;
  absl::string_view media_type;
  // Quoted, as in the ETag header; changes with the bytes.
  std::string etag;
  absl::string_view bytes;
};

// Null when there is no such file. Thread-safe.
const WebFile* FindWebFile(absl::string_view path);

}  // namespace mannequin

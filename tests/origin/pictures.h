// A folder's files as whole HTTP answers in memory.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin {

struct Picture {
  // Status line, header and body of a 200.
  std::string answer;
  std::size_t head_bytes = 0;
  // In quotes; empty without `etag`.
  std::string etag;
  std::string media_type;

  absl::string_view body() const { return absl::string_view(answer).substr(head_bytes); }
};

// By "/name".
using Pictures = absl::flat_hash_map<std::string, Picture>;

// NOT_FOUND: no such folder.
absl::StatusOr<Pictures> ReadPictures(const std::string& folder, bool etag);

}  // namespace mannequin

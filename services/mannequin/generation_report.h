// report.jsonl: what became of each listing of a run that draws many, a JSON object a line,
// in the order in which they were done:
//
//   {"id": "B00X", "file": "B00X.png", "confidence": 0.83, "seed": 7, "bundle_version": "b-01..."}
//   {"id": "B00Y", "no_image_reason": "category ...", "card": "B00Y.png"}     card: only when asked for
//   {"id": "B00Z", "error": "INVALID_ARGUMENT: product.category_path: empty; ..."}
//   {"line": 12, "error": "title: expected a string, got 7"}                   no listing at all
//
// A run that ended early leaves whole lines; the next one goes on after them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace mannequin {

// `id` as a file's name of at most 200 bytes: letters, digits, "-", "_" and "." stay, but a
// first "."; every other byte becomes "%XX". No two ids share a name; a long one ends in a
// part of its SHA-256.
std::string SafeFileName(absl::string_view id);

// Not thread-safe.
class GenerationReport {
 public:
  // In `folder`, which is made when it is not there. Without `overwrite` goes on behind the
  // report of an earlier run: listings that it has a picture for (whose file is still there)
  // or a reason against stay; errors and a line cut short go, to be tried again.
  // PERMISSION_DENIED and the like with the path.
  static absl::StatusOr<std::unique_ptr<GenerationReport>> Open(const std::string& folder, bool overwrite);
  ~GenerationReport();

  enum class Place { kNew, kDone, kAgain };
  // Whether `id` was done by an earlier run, or has been asked for in this one already.
  Place Ask(absl::string_view id);
  // Appends a line at once. RESOURCE_EXHAUSTED when the disk is full.
  absl::Status Add(const nlohmann::json& line);
  // Syncs and closes.
  absl::Status Close();

  const std::string& path() const { return path_; }

 private:
  // Half of a SHA-256: ids of any length in 16 bytes, never two alike.
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  static Key KeyOf(absl::string_view id);

  explicit GenerationReport(std::string path) : path_(std::move(path)) {}
  absl::Status KeepOldLines(const std::string& folder);

  const std::string path_;
  int fd_ = -1;
  absl::flat_hash_set<Key> done_;
  absl::flat_hash_set<Key> asked_;
};

}  // namespace mannequin

#include "services/mannequin/picture_file.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"

namespace mannequin {

absl::StatusOr<std::string> ReadPicture(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is a folder; name its pictures, or give it with --from and --images"));
  }
  const auto too_large = [&path](std::uintmax_t bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has ", bytes, " bytes, a picture at most ", ImageLimits().max_bytes, ": scale it down"));
  };
  const auto most = static_cast<std::uintmax_t>(ImageLimits().max_bytes);
  std::error_code no_size;
  if (const std::uintmax_t bytes = std::filesystem::file_size(path, no_size); !no_size && bytes > most) {
    return too_large(bytes);
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(path == "-" ? "/dev/stdin" : path));
  if (bytes.size() > most) return too_large(bytes.size());
  if (bytes.empty()) return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  return bytes;
}

std::string FindPicture(const std::string& folder, const std::string& id) {
  // An id is a name here, never a path.
  if (id.empty() || absl::StrContains(id, '/') || id[0] == '.') return "";
  for (const char* extension : {".jpg", ".jpeg", ".png", ".webp"}) {
    std::string path = absl::StrCat(folder, "/", id, extension);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return "";
}

}  // namespace mannequin

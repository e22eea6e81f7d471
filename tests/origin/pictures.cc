#include "tests/origin/pictures.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

std::string MediaTypeOf(absl::string_view name) {
  if (absl::EndsWith(name, ".jpg") || absl::EndsWith(name, ".jpeg")) return "image/jpeg";
  if (absl::EndsWith(name, ".png")) return "image/png";
  if (absl::EndsWith(name, ".webp")) return "image/webp";
  if (absl::EndsWith(name, ".gif")) return "image/gif";
  return "application/octet-stream";
}

Picture MakePicture(absl::string_view name, absl::string_view body, bool etag) {
  Picture picture;
  picture.media_type = MediaTypeOf(name);
  if (etag) picture.etag = absl::StrCat("\"", Sha256Hex(body).substr(0, 16), "\"");
  picture.answer =
      absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: ", picture.media_type, "\r\nContent-Length: ", body.size(),
                   etag ? "\r\nETag: " : "", picture.etag, "\r\n\r\n");
  picture.head_bytes = picture.answer.size();
  absl::StrAppend(&picture.answer, body);
  return picture;
}

}  // namespace

absl::StatusOr<Pictures> ReadPictures(const std::string& folder, bool etag) {
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  Pictures pictures;
  for (const auto& entry : entries) {
    if (!entry.is_regular_file()) continue;
    ASSIGN_OR_RETURN(const std::string body, ReadFile(entry.path()));
    const std::string name = entry.path().filename();
    pictures.emplace(absl::StrCat("/", name), MakePicture(name, body, etag));
  }
  return pictures;
}

}  // namespace mannequin

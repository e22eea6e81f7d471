#include "services/console/web_files.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/embedded_file.h"
#include "common/base/sha256.h"

namespace mannequin {

const std::vector<EmbeddedFile>& WebPage();

namespace {

constexpr std::size_t kEtagDigits = 16;

absl::string_view MediaTypeOf(absl::string_view name) {
  constexpr std::pair<absl::string_view, absl::string_view> kTypes[] = {
      {".html", "text/html; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".svg", "image/svg+xml"},
  };
  for (const auto& [extension, type] : kTypes) {
    if (absl::EndsWith(name, extension)) return type;
  }
  return "application/octet-stream";
}

}  // namespace

const WebFile* FindWebFile(absl::string_view path) {
  static const auto* const files = [] {
    auto* all = new std::vector<WebFile>;
    for (const EmbeddedFile& file : WebPage()) {
      all->push_back({absl::StrCat("/", file.name), MediaTypeOf(file.name),
                      absl::StrCat("\"", Sha256Hex(file.bytes).substr(0, kEtagDigits), "\""), file.bytes});
    }
    return all;
  }();
  for (const WebFile& file : *files) {
    if (file.path == path) return &file;
  }
  return nullptr;
}

}  // namespace mannequin

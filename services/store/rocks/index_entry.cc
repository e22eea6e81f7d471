#include "services/store/rocks/index_entry.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"

namespace mannequin::store {
namespace {

using absl::string_view;

std::optional<IndexEntry> ParseCategory(string_view rest) {
  std::vector<std::string> path;
  while (rest.substr(0, 2) != string_view("\0\0", 2)) {
    if (!TakeText(rest, path.emplace_back())) return std::nullopt;
  }
  return IndexEntry{Family::kProducts, std::string(rest.substr(2)),
                    absl::StrCat("category ", absl::StrJoin(path, " > "))};
}

std::optional<IndexEntry> ParseBrand(string_view rest) {
  std::string brand;
  if (!TakeText(rest, brand)) return std::nullopt;
  return IndexEntry{Family::kProducts, std::string(rest), absl::StrCat("brand ", brand)};
}

std::optional<IndexEntry> ParseFetch(string_view rest) {
  std::string origin;
  if (!TakeText(rest, origin)) return std::nullopt;
  return IndexEntry{Family::kProducts, std::string(rest), absl::StrCat("to be fetched from ", origin)};
}

std::optional<IndexEntry> ParseTime(string_view rest) {
  if (rest.size() < 8) return std::nullopt;
  const absl::Time time = TimeOfUpdate(rest);
  return IndexEntry{Family::kProducts, std::string(rest.substr(8)),
                    absl::StrCat("updated ", absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()))};
}

template <typename Name>
std::optional<IndexEntry> ParseByte(Family family, string_view what, string_view rest, Name name) {
  if (rest.empty()) return std::nullopt;
  return IndexEntry{family, std::string(rest.substr(1)), absl::StrCat(what, " ", name(rest[0]))};
}

}  // namespace

std::optional<IndexEntry> ParseIndexEntry(string_view entry) {
  if (entry.empty()) return std::nullopt;
  const string_view rest = entry.substr(1);
  switch (entry[0]) {
    case 'c':
      return ParseCategory(rest);
    case 'b':
      return ParseBrand(rest);
    case 'f':
      return ParseFetch(rest);
    case 'u':
      return ParseTime(rest);
    case 's':
      return ParseByte(Family::kProducts, "image state", rest,
                       [](int value) { return v1::ImageState_Name(static_cast<v1::ImageState>(value)); });
    case 'p':
      return ParseByte(Family::kPlaceholders, "placeholder state", rest,
                       [](int value) { return v1::PlaceholderState_Name(static_cast<v1::PlaceholderState>(value)); });
    case 'v':
      return ParseByte(Family::kVerdicts, "verdict", rest,
                       [](int value) { return v1::VerdictKind_Name(static_cast<v1::VerdictKind>(value)); });
    case 'w':
      return ParseByte(Family::kVerdicts, "unreviewed verdict", rest,
                       [](int value) { return v1::VerdictKind_Name(static_cast<v1::VerdictKind>(value)); });
    case 'q':
      return ParseByte(Family::kJobs, "queue", rest,
                       [](int value) { return v1::JobKind_Name(static_cast<v1::JobKind>(value)); });
    case 'k':
      return IndexEntry{Family::kJobs, "", absl::StrCat("idempotency key ", rest)};
    default:
      return std::nullopt;
  }
}

std::string DescribeIndexEntry(string_view entry) {
  const std::optional<IndexEntry> parsed = ParseIndexEntry(entry);
  if (!parsed) return absl::StrCat("index/", absl::CHexEscape(entry));
  return absl::StrCat("index/", absl::Utf8SafeCHexEscape(parsed->condition), parsed->id.empty() ? "" : "/",
                      absl::Utf8SafeCHexEscape(parsed->id));
}

}  // namespace mannequin::store

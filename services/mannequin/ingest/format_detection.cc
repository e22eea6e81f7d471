#include "services/mannequin/ingest/format_detection.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "common/base/status_macros.h"
#include "services/mannequin/ingest/text_lines.h"

namespace mannequin {
namespace {

// Keys that tell apart the two formats in which {"asin": "A", "title": "T"} is a product.
constexpr absl::string_view kSnapKeys[] = {"imUrl", "categories", "salesRank", "related", "attributes"};
constexpr absl::string_view kAmazon2018Keys[] = {"category", "imageURL",  "imageURLHighRes", "main_cat",
                                                 "also_buy", "also_view", "feature",         "rank"};

// A review of 2023 has these beside an asin and a title of its own.
constexpr absl::string_view kAmazon2023Keys[] = {"parent_asin"};

// Whether `line` has one of `keys` in double quotes before a colon. Inside a JSON string a
// quote has a backslash before it, so a text is not taken for a key.
bool HasKey(absl::string_view line, absl::Span<const absl::string_view> keys) {
  for (const absl::string_view key : keys) {
    const std::string quoted = absl::StrCat("\"", key, "\"");
    for (size_t at = line.find(quoted); at != absl::string_view::npos; at = line.find(quoted, at + 1)) {
      const size_t next = line.find_first_not_of(" \t", at + quoted.size());
      if (next != absl::string_view::npos && line[next] == ':') return true;
    }
  }
  return false;
}

enum class Match { kNone, kPossible, kCertain };

Match MatchOf(absl::string_view line, RecordFormat& format, RecordError* fault) {
  v1::Product product;
  if (!format.Parse(line, &product, fault)) return Match::kNone;
  const bool is_snap = format.name() == "snap";
  if (!is_snap && format.name() != "amazon-2018") return Match::kCertain;
  if (HasKey(line, kAmazon2023Keys)) {
    *fault = {0, "its keys are those of amazon-2023"};
    return Match::kNone;
  }
  const bool snap = HasKey(line, kSnapKeys);
  const bool amazon = HasKey(line, kAmazon2018Keys);
  if (snap == amazon) return Match::kPossible;
  if (snap == is_snap) return Match::kCertain;
  *fault = {0, absl::StrCat("its keys are those of ", is_snap ? "amazon-2018" : "snap")};
  return Match::kNone;
}

struct Candidate {
  std::unique_ptr<RecordFormat> format;
  // Of the first line that is not blank.
  std::string first_fault;
  size_t header_bytes = 0;
  int64_t header_lines = 0;
};

DetectedFormat Chosen(Candidate& candidate) {
  return {std::move(candidate.format), candidate.header_bytes, candidate.header_lines};
}

// Reads the header when the format has one. False: it was none, `fault` says why.
bool ReadHeader(absl::string_view line, size_t bytes, int64_t lines, Candidate& candidate, RecordError* fault) {
  if (!candidate.format->ReadHeader(line, fault)) return false;
  candidate.header_bytes = bytes;
  candidate.header_lines = lines;
  return true;
}

absl::StatusOr<DetectedFormat> ForcedFormat(absl::string_view text, const DetectionOptions& options) {
  Candidate candidate;
  ASSIGN_OR_RETURN(candidate.format, NewRecordFormat(options.format));
  if (!candidate.format->HasHeader()) return Chosen(candidate);
  size_t position = 0;
  for (int64_t lines = 1; position < text.size(); ++lines) {
    const absl::string_view line = NextLine(text, &position);
    if (IsBlank(line)) continue;
    RecordError fault;
    if (ReadHeader(line, position, lines, candidate, &fault)) return Chosen(candidate);
    return absl::InvalidArgumentError(
        absl::StrCat(DescribeFault(options.catalog, options.first_line + lines - 1, fault)));
  }
  return DetectedFormat();
}

}  // namespace

absl::StatusOr<DetectedFormat> DetectFormat(absl::string_view text, const DetectionOptions& options) {
  if (!options.format.empty()) return ForcedFormat(text, options);
  std::vector<Candidate> candidates;
  for (const absl::string_view name : KnownFormats()) {
    ASSIGN_OR_RETURN(candidates.emplace_back().format, NewRecordFormat(name));
  }
  RecordError fault;
  size_t position = 0;
  int tried = 0;
  Candidate* likeliest = nullptr;
  for (int64_t lines = 1; tried < kLinesTried && position < text.size(); ++lines) {
    const absl::string_view line = NextLine(text, &position);
    if (IsBlank(line)) continue;
    ++tried;
    std::vector<Candidate*> likely;
    for (Candidate& candidate : candidates) {
      if (candidate.format->HasHeader()) {
        if (tried == 1 && ReadHeader(line, position, lines, candidate, &fault)) return Chosen(candidate);
      } else if (const Match match = MatchOf(line, *candidate.format, &fault); match == Match::kCertain) {
        return Chosen(candidate);
      } else if (match == Match::kPossible) {
        likely.push_back(&candidate);
      }
      if (tried > 1) continue;
      candidate.first_fault = absl::StrCat(DescribeFault(options.catalog, options.first_line + lines - 1, fault),
                                           " (read as ", candidate.format->name(), ")");
    }
    if (likely.size() == 1) return Chosen(*likely[0]);
    if (likeliest == nullptr && !likely.empty()) likeliest = likely[0];
  }
  if (likeliest != nullptr) return Chosen(*likeliest);
  if (tried == 0) return DetectedFormat();
  return absl::InvalidArgumentError(absl::StrCat(
      "no line of ", options.catalog, " is a product in a known format (", absl::StrJoin(KnownFormats(), ", "),
      "): ", absl::StrJoin(candidates, "; ", [](std::string* out, const Candidate& candidate) {
        out->append(candidate.first_fault);
      })));
}

}  // namespace mannequin

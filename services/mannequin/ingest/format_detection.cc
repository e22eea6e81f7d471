#include "services/mannequin/ingest/format_detection.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "services/mannequin/ingest/text_lines.h"

namespace mannequin {
namespace {

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
  v1::Product product;
  RecordError fault;
  size_t position = 0;
  int tried = 0;
  for (int64_t lines = 1; tried < kLinesTried && position < text.size(); ++lines) {
    const absl::string_view line = NextLine(text, &position);
    if (IsBlank(line)) continue;
    ++tried;
    for (Candidate& candidate : candidates) {
      if (candidate.format->HasHeader() ? tried == 1 && ReadHeader(line, position, lines, candidate, &fault)
                                        : candidate.format->Parse(line, &product, &fault)) {
        return Chosen(candidate);
      }
      if (tried > 1) continue;
      candidate.first_fault = absl::StrCat(DescribeFault(options.catalog, options.first_line + lines - 1, fault),
                                           " (read as ", candidate.format->name(), ")");
    }
  }
  if (tried == 0) return DetectedFormat();
  return absl::InvalidArgumentError(absl::StrCat(
      "no line of ", options.catalog, " is a product in a known format (", absl::StrJoin(KnownFormats(), ", "),
      "): ", absl::StrJoin(candidates, "; ", [](std::string* out, const Candidate& candidate) {
        out->append(candidate.first_fault);
      })));
}

}  // namespace mannequin

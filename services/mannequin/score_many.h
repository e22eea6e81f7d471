// A verdict for each listing of a file: `mannequin score --from`.
//
//   ASSIGN_OR_RETURN(ScoreManyReport report, ScoreMany({.from = "listings.jsonl", .images = "photos"}, *stub, print));
//
// One thread reads listings and pictures and sends them down the stream, which takes as many as the
// scorer lets be ahead; the caller's thread hands on the answers in the file's order. Memory
// does not grow with the file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"

namespace mannequin {

struct ScoreManyOptions {
  std::string from;    // a catalogue as ingest reads it, gzip and zstd too; "-": standard input
  std::string images;  // folder of ID.jpg, .jpeg, .png or .webp
  bool keep = false;   // the verdicts, but for those of listings without a picture
  int evidence = 0;    // as ScoreListingRequest.evidence
  std::string policy;  // a name of ListPolicies; empty: none
};

struct ScoreManyReport {
  std::int64_t scored = 0;
  std::int64_t not_scored = 0;  // no picture, or no verdict could be had
  std::int64_t failed = 0;      // refused: no picture, damaged, a field over its bound
  std::int64_t rejected = 0;    // lines that are no listing
  double seconds = 0;
};

// A listing's verdict, or why it has none; `id` is empty for a line that is no listing, which the
// error names. False ends the run.
using ScoreManyCallback = std::function<bool(const std::string& id, const absl::StatusOr<v1::Verdict>& verdict)>;

// Calls back on this thread, in the file's order (lines that are no listing come a little early); a listing without a
// picture is NOT_SCORED. The stream's error (UNAVAILABLE and the like) or the file's ends the run; CANCELLED: the
// callback said so.
absl::StatusOr<ScoreManyReport> ScoreMany(const ScoreManyOptions& options, v1::AbuseScorer::StubInterface& stub,
                                          const ScoreManyCallback& callback);

// The picture of a product in a folder; empty when there is none.
std::string FindPicture(const std::string& folder, const std::string& id);

}  // namespace mannequin

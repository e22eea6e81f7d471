// A verdict for each of many listings, those of a file or one a picture: what `mannequin score` does.
//
//   ASSIGN_OR_RETURN(ScoreManyReport report, ScoreMany(ListingsOfPictures({"a.jpg", "b.jpg"}, like), *stub, print));
//
// One thread reads listings and pictures and sends them down the stream, which takes as many as the scorer lets be
// ahead; the caller's thread hands on the answers in their order. Memory does not grow with their number.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"

namespace mannequin {

struct Listing {
  std::string name;  // the product's id, or the picture's path or address
  v1::ScoreListingRequest request;
  std::string no_picture;  // why there is none: its verdict is NOT_SCORED
  absl::Status fault;      // of a line that is no listing, of a picture that cannot be read
};

// False: no more are wanted.
using ListingSink = std::function<bool(Listing)>;
// Gives listings until there are none. An error ends the run.
using ListingSource = std::function<absl::Status(const ListingSink&)>;

// Those of a catalogue as ingest reads it (gzip and zstd too; "-": standard input), their pictures in the folder
// `images`. `like` is what every request has in common.
ListingSource ListingsOfFile(const std::string& from, const std::string& images, const v1::ScoreListingRequest& like);
// One each for files and http(s) addresses.
ListingSource ListingsOfPictures(const std::vector<std::string>& images, const v1::ScoreListingRequest& like);

struct ScoreManyReport {
  std::int64_t scored = 0;
  std::int64_t not_scored = 0;  // no picture, or no verdict could be had
  std::int64_t failed = 0;      // refused: damaged, a field over its bound
  std::int64_t rejected = 0;    // lines that are no listing, pictures that cannot be read
  double seconds = 0;
};

// A listing's verdict, or why it has none; `name` is empty for a line that is no listing, which the
// error names. False ends the run.
using ScoreManyCallback = std::function<bool(const std::string& name, const absl::StatusOr<v1::Verdict>& verdict)>;

// Calls back on this thread, in the source's order (lines that are no listing come a little early). The stream's error
// (UNAVAILABLE and the like) or the source's ends the run; CANCELLED: the callback said so.
absl::StatusOr<ScoreManyReport> ScoreMany(const ListingSource& source, v1::AbuseScorer::StubInterface& stub,
                                          const ScoreManyCallback& callback);

}  // namespace mannequin

// A picture for each listing of a file: `mannequin generate --from`.
//
//   ASSIGN_OR_RETURN(GenerateManyReport report, GenerateMany({.from = "listings.jsonl", .folder = "pictures"},
//                                                            *stub, [](const GenerateManyProgress& p) { return true;
//                                                            }));
//
// One thread reads as ingest does, `window` calls are in flight, and each picture lies in the
// folder before its line is in the report (generation_report.h). Memory does not grow with
// the file, but for 16 bytes of each id.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "mannequin/v1/image_generator.grpc.pb.h"

namespace mannequin {

struct GenerateManyOptions {
  std::string from;  // a catalogue as ingest reads it, gzip and zstd too; "-": standard input
  std::string folder;
  // What every call has in common. Its `seed` makes another one for each listing
  // (ProductSeed), so that what a listing gets depends on nothing but itself.
  v1::GenerateImagesRequest like = {};
  int window = 16;         // calls in flight, 1 or more
  bool strict = false;     // the first line that is no listing ends the run
  bool overwrite = false;  // begin anew where a report lies in the folder
};

struct GenerateManyReport {
  std::int64_t drawn = 0;
  std::int64_t without = 0;     // no confident image: what an honest model says now and then
  std::int64_t failed = 0;      // refused or too late; the report says why
  std::int64_t rejected = 0;    // lines that are no listing
  std::int64_t skipped = 0;     // done by an earlier run
  std::int64_t duplicates = 0;  // ids that came before in this file; the first one counts
  double seconds = 0;
};

struct GenerateManyProgress {
  GenerateManyReport so_far;
  double share = 0;  // of the file, 0 to 1; 0 for a pipe
};

// Called on the caller's thread after each listing that is handed on; false ends the run.
using GenerateManyCallback = std::function<bool(const GenerateManyProgress&)>;

// What was done before an error is in the report, whole. What says nothing of a listing ends
// the run: UNAVAILABLE, FAILED_PRECONDITION without a generator, NOT_FOUND or DATA_LOSS of a
// named bundle, an error of the file, RESOURCE_EXHAUSTED when the disk is full (a busy server
// is asked again, for a minute). CANCELLED: `progress` said so. INVALID_ARGUMENT: a line that
// is no listing, with `strict`; a file without one.
absl::StatusOr<GenerateManyReport> GenerateMany(const GenerateManyOptions& options,
                                                v1::ImageGenerator::StubInterface& stub,
                                                const GenerateManyCallback& progress);

}  // namespace mannequin

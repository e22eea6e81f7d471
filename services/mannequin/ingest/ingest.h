// Reads a catalogue file into the store.
//
//   ASSIGN_OR_RETURN(IngestReport report, IngestFile("metadata.json.gz", {}, store, [](const IngestProgress& p) {
//     return !interrupted;
//   }));
//
// Stages joined by queues of a few items, so that the slowest sets the pace and memory
// does not grow with the file, but for a hash of each id: one thread reads and inflates, one a core
// parses, the caller's thread hands the products on in order (catalog_reader.h), the store
// keeps them in big changes (ProductStore::WriteProducts).
//
// How far it got is kept with the products: a run that was killed or cancelled goes on
// from there when the same file is read again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/store/product_store.h"

namespace mannequin {

struct IngestOptions {
  // One of KnownFormats(); empty: the first format in which one of the first lines is a product.
  std::string format = {};
  // Stop at the first refused line.
  bool strict = false;
  // Refused lines and their reasons are written here (rejects.h); empty: nowhere.
  std::string rejects_file = {};
  // Read and check all, write nothing.
  bool dry_run = false;
  // Go on where a run that was cut short had got to; false: from the first line.
  bool resume = true;
  // A longer line is refused, without ever being in memory whole. 1 KiB to 1 GiB.
  int64_t max_line_bytes = 16 << 20;
  // Reasons kept for the report.
  int max_reject_messages = 100;
  // For `seconds`. Must outlive the call.
  const Clock* clock = &Clock::Real();
};

// How far a run is. What is counted is in the store's hands; it is kept when the run ends.
struct IngestProgress {
  // Of the file as it lies on disk, compressed or not; `total_bytes` is 0 for a pipe.
  int64_t read_bytes = 0;
  int64_t total_bytes = 0;
  // Of the text, after decompression, read in this run.
  int64_t text_bytes = 0;
  // Accepted so far.
  int64_t products = 0;
  int64_t rejected = 0;
  double seconds = 0;
};

struct IngestReport {
  std::string format;
  // "gzip", "zstd" or "plain".
  std::string compression;
  // Where it went on, from 1; 0 when it began at the beginning. All counts are of this run.
  int64_t resumed_at_line = 0;
  // Lines that are not blank: accepted + rejected.
  int64_t read = 0;
  int64_t accepted = 0;
  int64_t rejected = 0;
  // Accepted lines whose id had come before in this run; the later one wins.
  int64_t duplicates = 0;
  // What the store did, in sum `accepted`; all 0 in a dry run.
  int64_t created = 0;
  int64_t updated = 0;
  int64_t unchanged = 0;
  double seconds = 0;
  // Accepted a second.
  double products_per_second = 0;
  // Of the whole process, so far.
  int64_t peak_rss_bytes = 0;
  // E.g. `products.jsonl:1432:17: price: expected a number, got "abc" (line skipped; --strict stops here)`.
  std::vector<std::string> rejects;
};

// Called on the caller's thread now and then (after about half a MiB of text); false ends the run.
using IngestProgressCallback = std::function<bool(const IngestProgress&)>;

// Products before the point of an error stay written, and the error says how many.
// NOT_FOUND, PERMISSION_DENIED and the like: the file cannot be opened. INVALID_ARGUMENT:
// an unknown format, listing those known; a file without one product; a refused line with
// `strict`. DATA_LOSS: a compressed file that ends early or is damaged, naming the offset.
// FAILED_PRECONDITION: the place to go on from is in no file like this; run it without
// `resume`. CANCELLED: `progress` said so. Otherwise the store's error. `progress` may be
// empty.
absl::StatusOr<IngestReport> IngestFile(const std::string& path, const IngestOptions& options, ProductStore& store,
                                        const IngestProgressCallback& progress = nullptr);

}  // namespace mannequin

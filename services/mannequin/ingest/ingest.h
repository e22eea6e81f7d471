// Reads a catalogue file into the store.
//
//   ASSIGN_OR_RETURN(IngestReport report, IngestFile("metadata.json.gz", {}, store, [](const IngestProgress& p) {
//     return !interrupted;
//   }));
//
// Three stages, joined by queues of a few items, so that the slowest sets the pace and
// memory stays bounded whatever the file's size: one thread reads and inflates, one parses
// and builds batches, the caller's thread writes them.
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
  // "snap" or "jsonl"; empty: the first format in which one of the first lines is a product.
  std::string format = {};
  // Stop at the first refused line.
  bool strict = false;
  // Refused lines and their reasons are written here (rejects.h); empty: nowhere.
  std::string rejects_file = {};
  // Read and check all, write nothing.
  bool dry_run = false;
  // A longer line is refused, without ever being in memory whole. 1 KiB to 1 GiB.
  int64_t max_line_bytes = 16 << 20;
  // Reasons kept for the report.
  int max_reject_messages = 100;
  // For `seconds`. Must outlive the call.
  const Clock* clock = &Clock::Real();
};

// How far a run is. What is counted is written already.
struct IngestProgress {
  // Of the file as it lies on disk, compressed or not; `total_bytes` is 0 for a pipe.
  int64_t read_bytes = 0;
  int64_t total_bytes = 0;
  // Accepted so far.
  int64_t products = 0;
  int64_t rejected = 0;
  double seconds = 0;
};

struct IngestReport {
  std::string format;
  // "gzip", "zstd" or "plain".
  std::string compression;
  // Lines that are not blank: accepted + rejected.
  int64_t read = 0;
  int64_t accepted = 0;
  int64_t rejected = 0;
  // Accepted lines whose id had come before in this run; the later one wins.
  int64_t duplicates = 0;
  // What the store did; all 0 in a dry run. A duplicate within one batch is not written,
  // so the sum can be smaller than `accepted`.
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

// Called on the caller's thread after each batch; false ends the run.
using IngestProgressCallback = std::function<bool(const IngestProgress&)>;

// Products before the point of an error stay written, and the error says how many.
// NOT_FOUND, PERMISSION_DENIED and the like: the file cannot be opened. INVALID_ARGUMENT:
// an unknown format, listing those known; a file without one product; a refused line with
// `strict`. DATA_LOSS: a compressed file that ends early or is damaged, naming the offset.
// CANCELLED: `progress` said so. Otherwise the store's error. `progress` may be empty.
absl::StatusOr<IngestReport> IngestFile(const std::string& path, const IngestOptions& options, ProductStore& store,
                                        const IngestProgressCallback& progress = nullptr);

}  // namespace mannequin

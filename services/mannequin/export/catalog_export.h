// Writes products of the store into a catalogue file.
//
//   ASSIGN_OR_RETURN(ExportReport report, ExportCatalog("products.jsonl.zst", {}, store, [](const ExportProgress& p) {
//     return !interrupted;
//   }));
//
// Ingesting the file into an empty store gives equal products. Two exceptions: ingest refuses
// a product without title and category, which the store may hold, and a merchant feed has no
// empty parts of a category path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "common/store/product_store.h"

namespace mannequin {

struct ExportOptions {
  // "jsonl" or "merchant".
  std::string format = "jsonl";
  // Which products.
  v1::ProductFilter filter = {};
  // For a sales channel: counts the products without an image that have an approved placeholder
  // and, with `image_base`, gives them its address as their image_url.
  bool placeholders = false;
  // "https://shop.example": the address is image_base/images/ID, ID percent-encoded, as the
  // console serves it with its badge. CheckImageBase.
  std::string image_base = {};
  // For `seconds`. Must outlive the call.
  const Clock* clock = &Clock::Real();
};

struct ExportProgress {
  // A merchant feed takes a first pass that collects the attributes' names.
  bool collecting = false;
  int64_t products = 0;
  double seconds = 0;
};

struct ExportReport {
  int64_t products = 0;
  // Of the file as it lies on disk.
  int64_t file_bytes = 0;
  // Written, but without title and category: ingest refuses them.
  int64_t refused_by_ingest = 0;
  // Of `placeholders`: products that got an address, and those that have none in the file.
  int64_t placeholders_linked = 0;
  int64_t placeholders_left_out = 0;
  double seconds = 0;
};

// INVALID_ARGUMENT when it is no http or https address without a query, of at most 1,024 bytes.
absl::Status CheckImageBase(absl::string_view image_base);

// Called on the caller's thread now and then; false ends the run.
using ExportProgressCallback = std::function<bool(const ExportProgress&)>;

// The file is there whole when this returns OK and, unless it was there before, not at all
// otherwise (output_file.h). INVALID_ARGUMENT: an unknown format, a bad image_base. CANCELLED: `progress` said
// so. FAILED_PRECONDITION: too many kinds of attributes for a feed. ABORTED: a feed, and an
// attribute of a new name was written to the store between the two passes. Otherwise the
// store's or the file's error. `progress` may be empty.
absl::StatusOr<ExportReport> ExportCatalog(const std::string& path, const ExportOptions& options, ProductStore& store,
                                           const ExportProgressCallback& progress = nullptr);

}  // namespace mannequin

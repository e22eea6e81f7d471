// The built-in catalogue: products of twenty categories with pictures that we draw, some
// of them abusive or missing, and the truth about each. It feeds the demo, the tests and
// the measurements, and holds nothing of anybody else's.
//
//   SampleOptions options;
//   options.count = 500;
//   options.base_url = "http://127.0.0.1:9000";
//   RETURN_IF_ERROR(WriteSample("/tmp/sample", options));
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product.pb.h"
#include "services/mannequin/sample/draw.h"

namespace mannequin {

struct SampleOptions {
  std::uint64_t seed = 1;
  int count = 2000;  // 1 or more; from 40 on every kind of truth occurs
  int size = 256;    // pixels of a picture's side, 32 to 1,024
  // In front of every image_url in the written catalogue.
  std::string base_url = "http://127.0.0.1:8900";
};

// What is so about a listing. Names in truth.jsonl are the lower-case words behind them.
enum class SampleTruth {
  kClean,      // "clean": its own picture and nothing else
  kOverlay,    // "overlay": promotional text or marks over its own picture
  kMismatch,   // "mismatch": the picture shows a product of another category
  kNoImage,    // "no_image": no image_url
  kNotFound,   // "not_found": its image_url answers 404
  kHtml,       // "html": its image_url answers a web page
  kEmpty,      // "empty": its image_url answers 0 bytes
  kTruncated,  // "truncated": its image_url answers half a JPEG
};
constexpr int kSampleTruths = 8;

absl::string_view TruthName(SampleTruth truth);

struct SampleProduct {
  // `image_url` is the path below the origin, e.g. "/S000017.jpg"; empty with kNoImage.
  v1::Product product;
  SampleTruth truth = SampleTruth::kClean;
  // What its picture shows: of the category `shown.category`, another one with kMismatch.
  sample::Look shown;
  // Words that belong to the product (a slogan on a T-shirt) are no abuse.
  bool has_print = false;
  OverlaySpec overlay;  // of kOverlay
};

struct SampleCatalog {
  SampleOptions options;
  std::vector<SampleProduct> products;
};

// The same options give the same catalogue. Shares: 5 % kOverlay, 4 % kMismatch, 3 %
// kNoImage, 3 % kNotFound, one each of kHtml, kEmpty and kTruncated, the rest kClean.
// Text and attributes always tell the truth about the product. Draws nothing yet.
SampleCatalog MakeSample(const SampleOptions& options);

// The body that the product's image_url answers: a JPEG, or the page, nothing or half a
// JPEG. NOT_FOUND for kNoImage and kNotFound. Thread-safe.
absl::StatusOr<std::string> ImageBody(const SampleOptions& options, const SampleProduct& product);

// Writes three things into `folder`, which is made:
//   catalog.json.gz  as the SNAP 2014 collection is written (a Python literal a line,
//                    gzip), with `imUrl` = base_url + image_url and `attributes` as a
//                    dictionary of names to values
//   images/ID.jpg    what an origin at base_url is to serve
//   truth.jsonl      an object a line: id, truth, category, shown_category, has_print,
//                    overlay_text
// Draws on all cores. INVALID_ARGUMENT: options out of range; PERMISSION_DENIED or
// RESOURCE_EXHAUSTED when the folder cannot be written.
absl::Status WriteSample(const std::string& folder, const SampleOptions& options);

}  // namespace mannequin

// Turns lines into batches that ProductStore::UpsertProducts takes: parses, counts,
// refuses, and notices ids that come again.
//
// Of products with one id the later wins: batches are written in order, and within a batch
// the later takes the earlier's place. To count them the builder keeps a 64-bit hash of
// each id: 9 bytes a slot, about 150 MB for 9 million ids, where the ids themselves would
// take a gigabyte. Two different ids share a hash with probability n^2 / 2^65, 2 in a
// million for 9 million ids, and then only the count of duplicates is one too high: no
// product is lost, because whether one takes another's place is decided by the ids.
#pragma once

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mannequin/v1/product_store.pb.h"
#include "services/mannequin/ingest/line_reader.h"
#include "services/mannequin/ingest/record_format.h"
#include "services/mannequin/ingest/rejects.h"

namespace mannequin {

// Lines so far.
struct LineCounts {
  // Without blank lines.
  int64_t read = 0;
  // Became products, duplicates too.
  int64_t accepted = 0;
  int64_t rejected = 0;
  int64_t duplicates = 0;
};

// Products for one write, and where the run stood when the last of them was read.
struct ProductBatch {
  v1::UpsertProductsRequest request;
  LineCounts counts;
  int64_t file_bytes_read = 0;
};

// Not thread-safe.
class BatchBuilder {
 public:
  struct Options {
    // Empty: found by looking at the first lines.
    std::string format;
    bool strict = false;
    int64_t max_line_bytes = 16 << 20;
    // Bounds of UpsertProductsRequest, less room for one product more.
    int max_products = 10'000;
    int64_t max_batch_bytes = (4 << 20) - (160 << 10);
  };

  // `catalog` is what messages call the file; `rejects` must outlive the builder.
  BatchBuilder(std::string catalog, Options options, Rejects& rejects);

  // Starts a batch into `batch`, whose memory is used again.
  void Begin(std::unique_ptr<ProductBatch> batch);
  // Takes lines of `chunk` from `*position` on and moves it, until the batch is full or
  // the text ends. The next call, after Take() and Begin(), goes on from there.
  // INVALID_ARGUMENT: an unknown format's name; nothing in the first chunk is a product; or
  // with `strict` a refused line. The batch then holds every product before it.
  absl::Status Consume(const LineChunk& chunk, size_t* position);
  bool full() const;
  bool empty() const { return batch_->request.products().empty(); }
  std::unique_ptr<ProductBatch> Take();

  const LineCounts& counts() const { return counts_; }
  // Of the format in use; empty until it is known.
  absl::string_view format() const;
  // INVALID_ARGUMENT when lines were read and none was a product, or none was read.
  absl::Status CheckAnyAccepted() const;

 private:
  absl::Status ChooseFormat(absl::string_view text, size_t* position);
  absl::Status ConsumeLine(absl::string_view line);
  absl::Status Reject(const RecordError& error, absl::string_view raw);
  void Accept();

  const std::string catalog_;
  const Options options_;
  Rejects& rejects_;
  std::unique_ptr<RecordFormat> format_;
  std::unique_ptr<ProductBatch> batch_;
  int64_t batch_bytes_ = 0;
  LineCounts counts_;
  int64_t line_number_ = 0;
  absl::flat_hash_set<uint64_t> seen_;
  absl::flat_hash_map<uint64_t, int> in_batch_;
};

}  // namespace mannequin

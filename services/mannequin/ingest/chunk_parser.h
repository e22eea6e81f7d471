// Whole lines into products: what each parser thread does with its piece of a catalogue.
//
//   ChunkParser parser(format->Clone(), {});
//   parser.Parse(chunk, /*begin=*/0, &parsed);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mannequin/v1/product_store.pb.h"
#include "services/mannequin/ingest/line_reader.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

// A piece of a catalogue. Its memory is used again.
struct ParsedChunk {
  struct Reject {
    // 1 is the first line of the chunk.
    int64_t line = 0;
    RecordError error;
    // Empty when the line was too long to be kept.
    std::string raw;
  };

  // Within the bounds of UpsertProductsRequest; the first `used` count.
  std::vector<v1::UpsertProductsRequest> requests;
  size_t used = 0;
  std::vector<Reject> rejects;
  // A 64-bit hash of each product's id.
  std::vector<uint64_t> id_hashes;
  // Lines, and those of them that are not blank.
  int64_t lines = 0;
  int64_t read = 0;
  // LineChunk's.
  int64_t text_end = 0;
  int64_t file_bytes_read = 0;
  // With `strict`: the last reject ended it here.
  bool stopped = false;
};

// Not thread-safe.
class ChunkParser {
 public:
  struct Limits {
    // Stop at the first refused line.
    bool strict = false;
    int64_t max_line_bytes = 16 << 20;
    // Bounds of UpsertProductsRequest, less room for one product more.
    int max_products = 10'000;
    int64_t max_request_bytes = (4 << 20) - (160 << 10);
  };

  ChunkParser(std::unique_ptr<RecordFormat> format, Limits limits) : format_(std::move(format)), limits_(limits) {}

  // Replaces `parsed` with the lines of `chunk` from `begin` on. `lines_before` counts
  // those before `begin`.
  void Parse(const LineChunk& chunk, size_t begin, int64_t lines_before, ParsedChunk* parsed);

 private:
  void ParseLine(absl::string_view line, ParsedChunk* parsed);
  void Refuse(const RecordError& error, absl::string_view raw, ParsedChunk* parsed) const;
  v1::UpsertProductsRequest& OpenRequest(ParsedChunk* parsed);

  const std::unique_ptr<RecordFormat> format_;
  const Limits limits_;
  int64_t request_bytes_ = 0;
};

}  // namespace mannequin

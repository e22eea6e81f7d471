#include "services/mannequin/ingest/chunk_parser.h"

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "common/model/derived_attributes.h"
#include "services/mannequin/ingest/text_lines.h"

namespace mannequin {

void ChunkParser::Parse(const LineChunk& chunk, size_t begin, int64_t lines_before, ParsedChunk* parsed) {
  parsed->used = 0;
  parsed->rejects.clear();
  parsed->id_hashes.clear();
  parsed->lines = lines_before;
  parsed->read = 0;
  parsed->text_end = chunk.text_end;
  parsed->file_bytes_read = chunk.file_bytes_read;
  parsed->stopped = false;
  if (chunk.dropped_line_bytes > 0) {
    ++parsed->lines;
    ++parsed->read;
    Refuse({0, absl::StrCat("a line of ", chunk.dropped_line_bytes, " bytes, at most ", limits_.max_line_bytes,
                            " are read")},
           "", parsed);
    return;
  }
  for (size_t position = begin; position < chunk.text.size() && !parsed->stopped;) {
    const absl::string_view line = NextLine(chunk.text, &position);
    ++parsed->lines;
    if (!IsBlank(line)) ParseLine(line, parsed);
  }
}

void ChunkParser::ParseLine(absl::string_view line, ParsedChunk* parsed) {
  ++parsed->read;
  if (static_cast<int64_t>(line.size()) > limits_.max_line_bytes) {
    Refuse({0, absl::StrCat("a line of ", line.size(), " bytes, at most ", limits_.max_line_bytes, " are read")}, "",
           parsed);
    return;
  }
  auto& products = *OpenRequest(parsed).mutable_products();
  RecordError error;
  v1::Product* const product = products.Add();
  if (!format_->Parse(line, product, &error)) {
    products.RemoveLast();
    Refuse(error, line, parsed);
    return;
  }
  if (format_->DerivesAttributes()) DeriveAttributes(product);
  // 6 bytes at most for the tag and length of an entry.
  request_bytes_ += static_cast<int64_t>(product->ByteSizeLong()) + 6;
  parsed->id_hashes.push_back(absl::Hash<absl::string_view>()(product->id()));
}

void ChunkParser::Refuse(const RecordError& error, absl::string_view raw, ParsedChunk* parsed) const {
  parsed->rejects.push_back({parsed->lines, error, std::string(raw)});
  parsed->stopped = limits_.strict;
}

// The request that takes the next product.
v1::UpsertProductsRequest& ChunkParser::OpenRequest(ParsedChunk* parsed) {
  if (parsed->used == 0 || parsed->requests[parsed->used - 1].products_size() >= limits_.max_products ||
      request_bytes_ >= limits_.max_request_bytes) {
    if (parsed->used == parsed->requests.size()) parsed->requests.emplace_back();
    parsed->requests[parsed->used++].Clear();
    request_bytes_ = 0;
  }
  return parsed->requests[parsed->used - 1];
}

}  // namespace mannequin

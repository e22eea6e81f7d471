#include "services/mannequin/ingest/batch_builder.h"

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/mannequin/ingest/derived_attributes.h"
#include "services/mannequin/ingest/format_detection.h"
#include "services/mannequin/ingest/text_lines.h"

namespace mannequin {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

BatchBuilder::BatchBuilder(std::string catalog, Options options, Rejects& rejects)
    : catalog_(std::move(catalog)), options_(std::move(options)), rejects_(rejects) {}

void BatchBuilder::Begin(std::unique_ptr<ProductBatch> batch) {
  batch_ = std::move(batch);
  batch_->request.Clear();
  batch_bytes_ = 0;
  in_batch_.clear();
}

bool BatchBuilder::full() const {
  return batch_->request.products_size() >= options_.max_products || batch_bytes_ >= options_.max_batch_bytes;
}

std::unique_ptr<ProductBatch> BatchBuilder::Take() {
  batch_->counts = counts_;
  return std::move(batch_);
}

absl::string_view BatchBuilder::format() const { return format_ == nullptr ? "" : format_->name(); }

absl::Status BatchBuilder::Consume(const LineChunk& chunk, size_t* position) {
  batch_->file_bytes_read = chunk.file_bytes_read;
  if (chunk.dropped_line_bytes > 0) {
    ++line_number_;
    ++counts_.read;
    return Reject({0, absl::StrCat("a line of ", chunk.dropped_line_bytes, " bytes, at most ", options_.max_line_bytes,
                                   " are read")},
                  "");
  }
  const absl::string_view text = chunk.text;
  if (line_number_ == 0 && *position == 0 && absl::StartsWith(text, kByteOrderMark)) *position = kByteOrderMark.size();
  if (format_ == nullptr) RETURN_IF_ERROR(ChooseFormat(text, position));
  while (*position < text.size() && !full()) {
    const absl::string_view line = NextLine(text, position);
    ++line_number_;
    RETURN_IF_ERROR(ConsumeLine(line));
  }
  return absl::OkStatus();
}

absl::Status BatchBuilder::ChooseFormat(absl::string_view text, size_t* position) {
  ASSIGN_OR_RETURN(DetectedFormat found,
                   DetectFormat(text.substr(*position),
                                {.catalog = catalog_, .format = options_.format, .first_line = line_number_ + 1}));
  format_ = std::move(found.format);
  *position += found.header_bytes;
  line_number_ += found.header_lines;
  return absl::OkStatus();
}

absl::Status BatchBuilder::ConsumeLine(absl::string_view line) {
  if (IsBlank(line)) return absl::OkStatus();
  ++counts_.read;
  if (static_cast<int64_t>(line.size()) > options_.max_line_bytes) {
    return Reject(
        {0, absl::StrCat("a line of ", line.size(), " bytes, at most ", options_.max_line_bytes, " are read")}, "");
  }
  auto& products = *batch_->request.mutable_products();
  RecordError error;
  v1::Product* const product = products.Add();
  if (!format_->Parse(line, product, &error)) {
    products.RemoveLast();
    return Reject(error, line);
  }
  if (format_->DerivesAttributes()) DeriveAttributes(product);
  Accept();
  return absl::OkStatus();
}

absl::Status BatchBuilder::Reject(const RecordError& error, absl::string_view raw) {
  ++counts_.rejected;
  rejects_.Add(line_number_, error, raw);
  if (!options_.strict) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(rejects_.Describe(line_number_, error), " (--strict stops here)"));
}

// Counts the batch's last product; one with its id before it makes room for it.
void BatchBuilder::Accept() {
  auto& products = *batch_->request.mutable_products();
  const int last = products.size() - 1;
  // 6 bytes at most for the tag and length of an entry.
  batch_bytes_ += static_cast<int64_t>(products[last].ByteSizeLong()) + 6;
  ++counts_.accepted;
  const uint64_t hash = absl::Hash<absl::string_view>()(products[last].id());
  const bool new_id = seen_.insert(hash).second;
  const auto [entry, new_in_batch] = in_batch_.try_emplace(hash, last);
  if (new_id) return;
  ++counts_.duplicates;
  if (new_in_batch || products[entry->second].id() != products[last].id()) return;
  products.SwapElements(entry->second, last);
  products.RemoveLast();
}

absl::Status BatchBuilder::CheckAnyAccepted() const {
  if (counts_.accepted > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("no line of ", catalog_, " is a product",
                   counts_.read == 0 ? ": it is empty" : "; the first fault: ", rejects_.first()));
}

}  // namespace mannequin

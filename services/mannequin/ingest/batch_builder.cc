#include "services/mannequin/ingest/batch_builder.h"

#include <algorithm>
#include <cstring>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
// Lines that are looked at to find a file's format.
constexpr int kLinesTried = 1000;

// The line that begins at `position`, without its end; moves `position` to the next.
absl::string_view NextLine(absl::string_view text, size_t* position) {
  const char* const begin = text.data() + *position;
  const size_t left = text.size() - *position;
  const void* const end = std::memchr(begin, '\n', left);
  const size_t length = end == nullptr ? left : static_cast<size_t>(static_cast<const char*>(end) - begin);
  *position += end == nullptr ? length : length + 1;
  return absl::StripSuffix(absl::string_view(begin, length), "\r");
}

bool IsBlank(absl::string_view line) { return line.find_first_not_of(" \t\f") == absl::string_view::npos; }

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
  if (format_ == nullptr) RETURN_IF_ERROR(ChooseFormat(text.substr(*position)));
  while (*position < text.size() && !full()) {
    const absl::string_view line = NextLine(text, position);
    ++line_number_;
    RETURN_IF_ERROR(ConsumeLine(line));
  }
  return absl::OkStatus();
}

absl::Status BatchBuilder::ChooseFormat(absl::string_view text) {
  if (!options_.format.empty()) {
    ASSIGN_OR_RETURN(format_, NewRecordFormat(options_.format));
    return absl::OkStatus();
  }
  std::vector<std::unique_ptr<RecordFormat>> candidates;
  for (const absl::string_view name : KnownFormats()) {
    ASSIGN_OR_RETURN(candidates.emplace_back(), NewRecordFormat(name));
  }
  v1::Product product;
  RecordError error;
  std::string first_fault;
  size_t position = 0;
  for (int i = 1; i <= kLinesTried && position < text.size(); ++i) {
    const absl::string_view line = NextLine(text, &position);
    if (IsBlank(line)) continue;
    std::vector<std::string> faults;
    for (std::unique_ptr<RecordFormat>& candidate : candidates) {
      if (candidate->Parse(line, &product, &error)) {
        format_ = std::move(candidate);
        return absl::OkStatus();
      }
      faults.push_back(absl::StrCat(rejects_.Describe(line_number_ + i, error), " (read as ", candidate->name(), ")"));
    }
    if (first_fault.empty()) first_fault = absl::StrJoin(faults, "; ");
  }
  if (first_fault.empty()) return absl::OkStatus();  // blank lines only: look again at the next chunk
  return absl::InvalidArgumentError(absl::StrCat("no line of ", catalog_, " is a product in a known format (",
                                                 absl::StrJoin(KnownFormats(), ", "), "): ", first_fault));
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
  if (!format_->Parse(line, products.Add(), &error)) {
    products.RemoveLast();
    return Reject(error, line);
  }
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

#include "services/mannequin/ingest/catalog_reader.h"

#include <pthread.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/mannequin/ingest/format_detection.h"

namespace mannequin {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr int kMaxThreads = 16;
// Beyond those that are being parsed.
constexpr int kChunksWaiting = 2;

int ThreadCount(int asked) {
  if (asked > 0) return asked;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMaxThreads);
}

}  // namespace

CatalogReader::CatalogReader(ByteSource& source, Options options)
    : options_(std::move(options)),
      thread_count_(ThreadCount(options_.threads)),
      lines_(source, {.max_line_bytes = options_.max_line_bytes}),
      to_parse_(static_cast<size_t>(thread_count_ + kChunksWaiting)),
      in_order_(static_cast<size_t>(thread_count_ + kChunksWaiting)),
      // Room for every chunk there can be: a push never waits.
      spares_(static_cast<size_t>(2 * (thread_count_ + kChunksWaiting) + 2)) {}

absl::StatusOr<std::unique_ptr<CatalogReader>> CatalogReader::Start(ByteSource& source, Options options) {
  std::unique_ptr<CatalogReader> reader(new CatalogReader(source, std::move(options)));
  RETURN_IF_ERROR(reader->FindFormat());
  return reader;
}

absl::Status CatalogReader::FindFormat() {
  // Blank lines and lines that are too long say nothing: on to the next chunk.
  int64_t lines = 0;
  int64_t blank_lines = 0;
  for (bool beginning = true; prototype_ == nullptr; beginning = false) {
    auto work = std::make_shared<Work>();
    ASSIGN_OR_RETURN(const bool more, lines_.Next(&work->chunk));
    if (!more) {
      return absl::InvalidArgumentError(absl::StrCat("no line of ", options_.catalog, " is a product: it is empty"));
    }
    const absl::string_view text = work->chunk.text;
    if (beginning && absl::StartsWith(text, kByteOrderMark)) work->begin = kByteOrderMark.size();
    ASSIGN_OR_RETURN(DetectedFormat found,
                     DetectFormat(text.substr(work->begin),
                                  {.catalog = options_.catalog, .format = options_.format, .first_line = lines + 1}));
    prototype_ = std::move(found.format);
    work->begin += found.header_bytes;
    const int64_t own_lines = work->chunk.dropped_line_bytes > 0 ? 1 : std::count(text.begin(), text.end(), '\n');
    lines += own_lines;
    if (prototype_ == nullptr && work->chunk.dropped_line_bytes == 0) {
      // Nothing but blank lines: counted, not kept.
      blank_lines += own_lines;
      continue;
    }
    work->lines_before = found.header_lines + std::exchange(blank_lines, 0);
    first_.push_back(std::move(work));
  }
  format_ = std::string(prototype_->name());
  return absl::OkStatus();
}

absl::Status CatalogReader::SkipTo(int64_t text_bytes) {
  while (!first_.empty() && first_.front()->chunk.text_end <= text_bytes) first_.erase(first_.begin());
  if (first_.empty()) return lines_.SkipTo(text_bytes);
  Work& work = *first_.front();
  const int64_t begin = work.chunk.text_end - static_cast<int64_t>(work.chunk.text.size());
  if (text_bytes <= begin) return absl::OkStatus();
  work.begin = static_cast<size_t>(text_bytes - begin);
  work.lines_before = 0;
  if (work.chunk.text[work.begin - 1] == '\n') return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(options_.catalog, ": no line ends at byte ", text_bytes, " of its text"));
}

void CatalogReader::StartThreads() {
  started_ = true;
  threads_.emplace_back([this] {
    pthread_setname_np(pthread_self(), "ingest-read");
    read_status_ = ReadLines();
    to_parse_.Close();
    in_order_.Close();
  });
  for (int i = 0; i < thread_count_; ++i) {
    threads_.emplace_back([this] {
      pthread_setname_np(pthread_self(), "ingest-parse");
      ChunkParser parser(prototype_->Clone(), {.strict = options_.strict, .max_line_bytes = options_.max_line_bytes});
      ParseChunks(parser);
    });
  }
}

absl::Status CatalogReader::ReadLines() {
  for (std::shared_ptr<Work>& work : first_) {
    if (!Pass(std::move(work))) return absl::OkStatus();
  }
  while (true) {
    auto work = std::make_shared<Work>();
    ASSIGN_OR_RETURN(const bool more, lines_.Next(&work->chunk));
    if (!more || !Pass(std::move(work))) return absl::OkStatus();
  }
}

bool CatalogReader::Pass(std::shared_ptr<Work> work) {
  std::optional<std::unique_ptr<ParsedChunk>> spare = spares_.TryPop();
  work->parsed = spare.has_value() ? *std::move(spare) : std::make_unique<ParsedChunk>();
  return in_order_.Push(work) && to_parse_.Push(work);
}

void CatalogReader::ParseChunks(ChunkParser& parser) {
  while (std::optional<std::shared_ptr<Work>> work = to_parse_.Pop()) {
    parser.Parse((*work)->chunk, (*work)->begin, (*work)->lines_before, (*work)->parsed.get());
    (*work)->done.Notify();
  }
}

absl::StatusOr<std::unique_ptr<ParsedChunk>> CatalogReader::Next() {
  if (!started_) StartThreads();
  std::optional<std::shared_ptr<Work>> work = in_order_.Pop();
  if (!work.has_value()) {
    RETURN_IF_ERROR(read_status_);
    return std::unique_ptr<ParsedChunk>();
  }
  (*work)->done.WaitForNotification();
  return std::move((*work)->parsed);
}

void CatalogReader::Recycle(std::unique_ptr<ParsedChunk> chunk) { spares_.Push(std::move(chunk)); }

CatalogReader::~CatalogReader() {
  in_order_.Close();
  to_parse_.Close();
  spares_.Close();
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace mannequin

#include "services/mannequin/ingest/ingest.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "services/mannequin/ingest/batch_builder.h"
#include "services/mannequin/ingest/bounded_queue.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/line_reader.h"

namespace mannequin {
namespace {

constexpr size_t kChunksWaiting = 4;
constexpr size_t kBatchesWaiting = 2;

int64_t PeakRssBytes() {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} << 10 : 0;
}

// One run. Its threads are joined before Run returns.
class Ingestion {
 public:
  Ingestion(const std::string& path, const IngestOptions& options, ProductStore& store,
            const IngestProgressCallback& progress, std::unique_ptr<ByteSource> source)
      : path_(path),
        options_(options),
        store_(store),
        progress_(progress),
        source_(std::move(source)),
        start_(options.clock->Now()),
        rejects_(path, options.rejects_file, static_cast<size_t>(std::max(0, options.max_reject_messages))),
        builder_(path, {.format = options.format, .strict = options.strict, .max_line_bytes = options.max_line_bytes},
                 rejects_) {}

  absl::StatusOr<IngestReport> Run() {
    RETURN_IF_ERROR(rejects_.Open());
    std::thread reader([this] {
      pthread_setname_np(pthread_self(), "ingest-read");
      read_status_ = ReadLines();
      chunks_.Close();
    });
    std::thread parser([this] {
      pthread_setname_np(pthread_self(), "ingest-parse");
      parse_status_ = ParseLines();
      chunks_.Close();
      batches_.Close();
    });
    absl::Status write_status = WriteBatches();
    chunks_.Close();
    batches_.Close();
    reader.join();
    parser.join();
    const absl::Status close_status = rejects_.Close();
    for (const absl::Status& status : {write_status, parse_status_, read_status_, close_status}) {
      if (!status.ok()) return WithWritten(status);
    }
    if (absl::Status any = builder_.CheckAnyAccepted(); !any.ok()) return WithNameHint(any);
    return Report();
  }

 private:
  absl::Status ReadLines() {
    LineReader lines(*source_, {.max_line_bytes = options_.max_line_bytes});
    while (true) {
      LineChunk chunk;
      ASSIGN_OR_RETURN(const bool more, lines.Next(&chunk));
      if (!more || !chunks_.Push(std::move(chunk))) return absl::OkStatus();
    }
  }

  // Whatever ends it, the products before are handed on.
  absl::Status ParseLines() {
    builder_.Begin(std::make_unique<ProductBatch>());
    absl::Status status;
    while (std::optional<LineChunk> chunk = chunks_.Pop()) {
      size_t position = 0;
      do {
        status = builder_.Consume(*chunk, &position);
        if (!builder_.full()) continue;
        if (!PassBatch()) return absl::OkStatus();
        builder_.Begin(SpareBatch());
      } while (status.ok() && position < chunk->text.size());
      if (!status.ok()) break;
    }
    if (!builder_.empty()) PassBatch();
    return status;
  }

  bool PassBatch() { return batches_.Push(builder_.Take()); }

  std::unique_ptr<ProductBatch> SpareBatch() {
    std::optional<std::unique_ptr<ProductBatch>> spare = spares_.TryPop();
    return spare.has_value() ? *std::move(spare) : std::make_unique<ProductBatch>();
  }

  absl::Status WriteBatches() {
    while (std::optional<std::unique_ptr<ProductBatch>> batch = batches_.Pop()) {
      if (!options_.dry_run) {
        ASSIGN_OR_RETURN(const v1::UpsertProductsResponse response, store_.UpsertProducts((*batch)->request));
        report_.created += response.created();
        report_.updated += response.updated();
        report_.unchanged += response.unchanged();
      }
      written_ += (*batch)->request.products_size();
      const IngestProgress now{.read_bytes = (*batch)->file_bytes_read,
                               .total_bytes = source_->file_bytes(),
                               .products = (*batch)->counts.accepted,
                               .rejected = (*batch)->counts.rejected,
                               .seconds = absl::ToDoubleSeconds(options_.clock->Now() - start_)};
      if (progress_ && !progress_(now)) return absl::CancelledError(absl::StrCat("reading ", path_, " was cancelled"));
      // Room for every batch there can be: the push never waits.
      spares_.Push(*std::move(batch));
    }
    return absl::OkStatus();
  }

  absl::Status WithWritten(const absl::Status& status) const {
    const absl::Status hinted = WithNameHint(status);
    if (written_ == 0) return hinted;
    return absl::Status(hinted.code(), absl::StrCat(hinted.message(), " (", written_, " products before it were ",
                                                    options_.dry_run ? "checked" : "kept", ")"));
  }

  // A file that its name calls compressed and that is not: most likely a failed download.
  absl::Status WithNameHint(const absl::Status& status) const {
    const bool named = absl::EndsWith(path_, ".gz") || absl::EndsWith(path_, ".zst");
    if (written_ > 0 || !absl::IsInvalidArgument(status) || !named || source_->compression() != "plain") return status;
    return absl::InvalidArgumentError(
        absl::StrCat(status.message(), " (it is not compressed, whatever its name says: was it downloaded whole?)"));
  }

  IngestReport Report() {
    const LineCounts& counts = builder_.counts();
    report_.format = std::string(builder_.format());
    report_.compression = std::string(source_->compression());
    report_.read = counts.read;
    report_.accepted = counts.accepted;
    report_.rejected = counts.rejected;
    report_.duplicates = counts.duplicates;
    report_.seconds = absl::ToDoubleSeconds(options_.clock->Now() - start_);
    report_.products_per_second = report_.seconds > 0 ? static_cast<double>(counts.accepted) / report_.seconds : 0;
    report_.peak_rss_bytes = PeakRssBytes();
    report_.rejects = rejects_.messages();
    return std::move(report_);
  }

  const std::string path_;
  const IngestOptions& options_;
  ProductStore& store_;
  const IngestProgressCallback& progress_;
  const std::unique_ptr<ByteSource> source_;
  const absl::Time start_;
  BoundedQueue<LineChunk> chunks_{kChunksWaiting};
  BoundedQueue<std::unique_ptr<ProductBatch>> batches_{kBatchesWaiting};
  // Written batches, to be filled again.
  BoundedQueue<std::unique_ptr<ProductBatch>> spares_{kBatchesWaiting + 3};
  // The parser's until it is joined.
  Rejects rejects_;
  BatchBuilder builder_;
  absl::Status read_status_;
  absl::Status parse_status_;
  // The caller's.
  IngestReport report_;
  int64_t written_ = 0;
};

}  // namespace

absl::StatusOr<IngestReport> IngestFile(const std::string& path, const IngestOptions& options, ProductStore& store,
                                        const IngestProgressCallback& progress) {
  if (options.max_line_bytes < 1 << 10 || options.max_line_bytes > 1 << 30) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_line_bytes: ", options.max_line_bytes, ", expected 1 KiB to 1 GiB"));
  }
  if (!options.format.empty()) RETURN_IF_ERROR(NewRecordFormat(options.format).status());
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, ByteSource::Open(path));
  return Ingestion(path, options, store, progress, std::move(source)).Run();
}

}  // namespace mannequin

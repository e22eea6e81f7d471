#include "services/mannequin/ingest/ingest.h"

#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/catalog_reader.h"
#include "services/mannequin/ingest/rejects.h"

namespace mannequin {
namespace {

int64_t PeakRssBytes() {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} << 10 : 0;
}

// What a checkpoint calls the file: the same file again, and no other. Empty for a pipe,
// which cannot be read from the middle.
absl::StatusOr<std::string> SourceOf(const std::string& path, const ByteSource& source, absl::string_view format) {
  if (source.file_bytes() == 0) return std::string();
  constexpr std::size_t kFingerprintBytes = 64 << 10;
  std::ifstream file(path, std::ios::binary);
  std::string begin(kFingerprintBytes, '\0');
  file.read(begin.data(), static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad()) return absl::DataLossError(absl::StrCat("cannot read ", path));
  std::error_code error;
  const auto changed = std::filesystem::last_write_time(path, error).time_since_epoch().count();
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot look at ", path));
  const std::string name = std::filesystem::path(path).filename().string();
  return absl::StrCat(absl::string_view(name).substr(0, 128), " ", source.file_bytes(), " bytes ",
                      Sha256Hex(begin).substr(0, 16), " ", changed, " ", format);
}

// One run.
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
        rejects_(path, options.rejects_file, static_cast<size_t>(std::max(0, options.max_reject_messages))) {}

  absl::StatusOr<IngestReport> Run() {
    absl::StatusOr<std::unique_ptr<CatalogReader>> reader =
        CatalogReader::Start(*source_, {.catalog = path_,
                                        .format = options_.format,
                                        .strict = options_.strict,
                                        .max_line_bytes = options_.max_line_bytes});
    if (!reader.ok()) return WithNameHint(reader.status());
    report_.format = std::string((*reader)->format());
    report_.compression = std::string(source_->compression());
    RETURN_IF_ERROR(GoOn(**reader));
    RETURN_IF_ERROR(rejects_.Open(/*lines_before=*/lines_));
    if (!options_.dry_run) writer_ = store_.WriteProducts();
    absl::Status status = ReadAll(**reader);
    // What was read is kept, whatever ended the reading; unless it was the store.
    const absl::Status finished = writer_ == nullptr || writer_failed_ ? status : Finish(/*whole=*/status.ok());
    const bool kept = writer_ == nullptr || (!writer_failed_ && finished.ok());
    if (status.ok()) {
      status = finished;
    } else if (!kept && !writer_failed_) {
      status = absl::Status(finished.code(), absl::StrCat(status.message(), "; and then: ", finished.message()));
    }
    status.Update(rejects_.Close());
    if (!status.ok()) return WithKept(status, kept);
    if (report_.accepted == 0 && report_.resumed_at_line == 0) return NothingAccepted();
    report_.seconds = absl::ToDoubleSeconds(options_.clock->Now() - start_);
    report_.products_per_second = report_.seconds > 0 ? static_cast<double>(report_.accepted) / report_.seconds : 0;
    report_.peak_rss_bytes = PeakRssBytes();
    report_.rejects = rejects_.messages();
    return std::move(report_);
  }

 private:
  // Behind what a run that was cut short has kept.
  absl::Status GoOn(CatalogReader& reader) {
    if (options_.dry_run) return absl::OkStatus();
    ASSIGN_OR_RETURN(source_name_, SourceOf(path_, *source_, reader.format()));
    if (source_name_.empty() || !options_.resume) return absl::OkStatus();
    v1::GetIngestCheckpointRequest request;
    request.set_source(source_name_);
    const absl::StatusOr<v1::GetIngestCheckpointResponse> found = store_.GetIngestCheckpoint(request);
    if (absl::IsNotFound(found.status())) return absl::OkStatus();
    RETURN_IF_ERROR(found.status());
    RETURN_IF_ERROR(reader.SkipTo(found->checkpoint().text_bytes()));
    skipped_text_bytes_ = found->checkpoint().text_bytes();
    lines_ = found->checkpoint().lines();
    report_.resumed_at_line = lines_ + 1;
    return absl::OkStatus();
  }

  absl::Status ReadAll(CatalogReader& reader) {
    while (true) {
      ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader.Next());
      if (chunk == nullptr) return absl::OkStatus();
      Count(*chunk);
      RETURN_IF_ERROR(Write(*chunk));
      if (chunk->stopped) return Stopped(*chunk);
      lines_ += chunk->lines;
      if (progress_ && !progress_(Progress(*chunk))) {
        return absl::CancelledError(absl::StrCat("reading ", path_, " was cancelled"));
      }
      reader.Recycle(std::move(chunk));
    }
  }

  void Count(const ParsedChunk& chunk) {
    for (const ParsedChunk::Reject& reject : chunk.rejects) {
      rejects_.Add(lines_ + reject.line, reject.error, reject.raw);
    }
    for (const uint64_t hash : chunk.id_hashes) report_.duplicates += seen_.insert(hash).second ? 0 : 1;
    report_.read += chunk.read;
    report_.rejected += static_cast<int64_t>(chunk.rejects.size());
    report_.accepted += static_cast<int64_t>(chunk.id_hashes.size());
  }

  absl::Status Write(ParsedChunk& chunk) {
    if (writer_ == nullptr) return absl::OkStatus();
    // A line that the checkpoint says was read must not be missing among the refused ones.
    if (!chunk.rejects.empty()) RETURN_IF_ERROR(rejects_.Sync());
    if (!source_name_.empty() && !chunk.stopped && chunk.used > 0) {
      v1::IngestCheckpoint& checkpoint = *chunk.requests[chunk.used - 1].mutable_checkpoint();
      checkpoint.set_source(source_name_);
      checkpoint.set_text_bytes(chunk.text_end);
      checkpoint.set_lines(lines_ + chunk.lines);
    }
    for (size_t i = 0; i < chunk.used; ++i) {
      const absl::Status written = writer_->Write(chunk.requests[i]);
      writer_failed_ = !written.ok();
      RETURN_IF_ERROR(written);
    }
    return absl::OkStatus();
  }

  absl::Status Finish(bool whole) {
    if (whole && !source_name_.empty()) {
      v1::UpsertProductsRequest end;
      end.mutable_checkpoint()->set_source(source_name_);
      end.mutable_checkpoint()->set_finished(true);
      RETURN_IF_ERROR(writer_->Write(end));
    }
    ASSIGN_OR_RETURN(const v1::UpsertProductsResponse counts, writer_->Finish());
    report_.created = counts.created();
    report_.updated = counts.updated();
    report_.unchanged = counts.unchanged();
    return absl::OkStatus();
  }

  IngestProgress Progress(const ParsedChunk& chunk) const {
    return {.read_bytes = chunk.file_bytes_read,
            .total_bytes = source_->file_bytes(),
            .text_bytes = chunk.text_end - skipped_text_bytes_,
            .products = report_.accepted,
            .rejected = report_.rejected,
            .seconds = absl::ToDoubleSeconds(options_.clock->Now() - start_)};
  }

  absl::Status Stopped(const ParsedChunk& chunk) const {
    const ParsedChunk::Reject& last = chunk.rejects.back();
    return absl::InvalidArgumentError(
        absl::StrCat(rejects_.Describe(lines_ + last.line, last.error), " (--strict stops here)"));
  }

  absl::Status NothingAccepted() const {
    return WithNameHint(absl::InvalidArgumentError(
        absl::StrCat("no line of ", path_, " is a product",
                     report_.read == 0 ? ": it is empty" : "; the first fault: ", rejects_.first())));
  }

  absl::Status WithKept(const absl::Status& status, bool kept) const {
    const absl::Status hinted = WithNameHint(status);
    if (report_.accepted == 0) return hinted;
    if (!kept) {
      return absl::Status(hinted.code(),
                          absl::StrCat(hinted.message(), " (of ", report_.accepted,
                                       " products before it some may not be kept; run it again",
                                       source_name_.empty() ? ")" : ", it goes on from those that are)"));
    }
    return absl::Status(hinted.code(),
                        absl::StrCat(hinted.message(), " (", report_.accepted, " products before it were ",
                                     options_.dry_run ? "checked" : "kept", ")"));
  }

  // A file that its name calls compressed and that is not: most likely a failed download.
  absl::Status WithNameHint(const absl::Status& status) const {
    const bool named = absl::EndsWith(path_, ".gz") || absl::EndsWith(path_, ".zst");
    const bool fits = report_.accepted == 0 && absl::IsInvalidArgument(status);
    if (!fits || !named || source_->compression() != "plain") return status;
    return absl::InvalidArgumentError(
        absl::StrCat(status.message(), " (it is not compressed, whatever its name says: was it downloaded whole?)"));
  }

  const std::string path_;
  const IngestOptions& options_;
  ProductStore& store_;
  const IngestProgressCallback& progress_;
  const std::unique_ptr<ByteSource> source_;
  const absl::Time start_;
  Rejects rejects_;
  // Empty: no checkpoints.
  std::string source_name_;
  // Null in a dry run.
  std::unique_ptr<ProductWriter> writer_;
  bool writer_failed_ = false;
  IngestReport report_;
  // Before the chunk at hand.
  int64_t lines_ = 0;
  int64_t skipped_text_bytes_ = 0;
  // Hashes of ids, to count those that come again: 9 bytes a slot, about 150 MB for 9
  // million, where the ids themselves would take a gigabyte. Two ids share a hash with
  // probability n^2 / 2^65, 2 in a million for 9 million ids; then the count is one too
  // high, and nothing else.
  absl::flat_hash_set<uint64_t> seen_;
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

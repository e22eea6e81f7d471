#include "services/mannequin/generate_many.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "services/generator/illustrator.h"
#include "services/mannequin/generation_report.h"
#include "services/mannequin/ingest/bounded_queue.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/catalog_reader.h"

namespace mannequin {
namespace {

constexpr absl::Duration kCallTimeout = absl::Minutes(2);
constexpr absl::Duration kBusyPatience = absl::Minutes(1);

// Whether a call's error is about the listing that it asked for, not about the server or
// what all calls have in common.
bool IsOfTheListing(const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) return absl::StartsWith(status.message(), "product.");
  return absl::IsDeadlineExceeded(status) || absl::IsInternal(status);
}

// One run.
class Run {
 public:
  Run(const GenerateManyOptions& options, v1::ImageGenerator::StubInterface& stub, GenerationReport& report)
      : options_(options),
        stub_(stub),
        report_(report),
        started_(absl::Now()),
        queue_(static_cast<std::size_t>(std::max(1, options.window))) {}

  absl::StatusOr<GenerateManyReport> All(const GenerateManyCallback& progress) {
    ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source,
                     ByteSource::Open(options_.from == "-" ? "/dev/stdin" : options_.from));
    ASSIGN_OR_RETURN(const std::unique_ptr<CatalogReader> reader,
                     CatalogReader::Start(*source, {.catalog = options_.from, .strict = options_.strict}));
    std::vector<std::thread> callers;
    for (int i = 0; i < std::max(1, options_.window); ++i) callers.emplace_back([this] { CallUntilClosed(); });
    const absl::Status read = ReadAll(*reader, source->file_bytes(), progress);
    // An end that somebody asked for does not wait for what is queued.
    if (absl::IsCancelled(read)) Fail(read);
    queue_.Close();
    for (std::thread& caller : callers) caller.join();
    absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(failure_);
    RETURN_IF_ERROR(read);
    counts_.seconds = absl::ToDoubleSeconds(absl::Now() - started_);
    return counts_;
  }

 private:
  absl::Status ReadAll(CatalogReader& reader, std::int64_t total_bytes, const GenerateManyCallback& progress) {
    std::int64_t lines = 0, bytes_before = 0;
    while (true) {
      ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader.Next());
      if (chunk == nullptr) return absl::OkStatus();
      for (const ParsedChunk::Reject& reject : chunk->rejects) RETURN_IF_ERROR(Reject(lines + reject.line, reject));
      double at = 0;
      for (std::size_t r = 0; r < chunk->used; ++r) {
        for (v1::Product& product : *chunk->requests[r].mutable_products()) {
          at += 1.0 / static_cast<double>(chunk->id_hashes.size());
          const double bytes =
              static_cast<double>(bytes_before) + at * static_cast<double>(chunk->file_bytes_read - bytes_before);
          RETURN_IF_ERROR(HandOn(std::move(product)));
          const double share = total_bytes > 0 ? std::min(1.0, bytes / static_cast<double>(total_bytes)) : 0;
          if (progress && !progress({.so_far = Counts(), .share = share})) {
            return absl::CancelledError(
                absl::StrCat("stopped; ", report_.path(), " is whole so far, and the same command goes on from there"));
          }
        }
      }
      if (chunk->stopped) {
        const ParsedChunk::Reject& last = chunk->rejects.back();
        return absl::InvalidArgumentError(
            absl::StrCat(DescribeFault(options_.from, lines + last.line, last.error), " (--strict stops here)"));
      }
      lines += chunk->lines;
      bytes_before = chunk->file_bytes_read;
      reader.Recycle(std::move(chunk));
    }
  }

  absl::Status Reject(std::int64_t line, const ParsedChunk::Reject& reject) {
    absl::MutexLock lock(&mutex_);
    ++counts_.rejected;
    return report_.Add({{"line", line}, {"error", Printable(reject.error.what)}});
  }

  absl::Status HandOn(v1::Product product) {
    {
      absl::MutexLock lock(&mutex_);
      RETURN_IF_ERROR(failure_);
      switch (report_.Ask(product.id())) {
        case GenerationReport::Place::kDone:
          ++counts_.skipped;
          return absl::OkStatus();
        case GenerationReport::Place::kAgain:
          ++counts_.duplicates;
          return absl::OkStatus();
        case GenerationReport::Place::kNew:
          break;
      }
    }
    // Not drawn from, and the longest.
    product.clear_description();
    product.clear_image_url();
    queue_.Push(std::move(product));
    return absl::OkStatus();
  }

  void CallUntilClosed() {
    while (std::optional<v1::Product> product = queue_.Pop()) {
      if (Failed()) continue;  // empties the queue, so that the reader never waits
      if (const absl::Status status = DrawOne(*product); !status.ok()) Fail(status);
    }
  }

  absl::Status DrawOne(const v1::Product& product) {
    v1::GenerateImagesRequest request = options_.like;
    *request.mutable_product() = product;
    request.set_seed(ProductSeed(options_.like.seed(), product.id()));
    v1::GenerateImagesResponse response;
    const absl::Status status = Call(request, &response);
    nlohmann::json line = {{"id", product.id()}};
    if (!status.ok()) {
      if (!IsOfTheListing(status)) return status;
      line["error"] = absl::StrCat(absl::StatusCodeToString(status.code()), ": ", std::string(status.message()));
      return Record(line, &GenerateManyReport::failed);
    }
    line["bundle_version"] = response.bundle_version();
    if (response.images().empty()) {
      line["no_image_reason"] = response.no_image_reason();
      if (response.has_category_card()) {
        ASSIGN_OR_RETURN(line["card"], Write(product.id(), response.category_card()));
      }
      return Record(line, &GenerateManyReport::without);
    }
    const v1::GeneratedImage& best = response.images(0);
    ASSIGN_OR_RETURN(line["file"], Write(product.id(), best.image()));
    line["confidence"] = best.confidence();
    line["seed"] = best.seed();
    return Record(line, &GenerateManyReport::drawn);
  }

  // Waits where a busy server says so.
  absl::Status Call(const v1::GenerateImagesRequest& request, v1::GenerateImagesResponse* response) {
    const absl::Time patience = absl::Now() + kBusyPatience;
    absl::Duration pause = absl::Milliseconds(20);
    while (true) {
      grpc::ClientContext context;
      rpc::SetDeadline(context, kCallTimeout);
      const absl::Status status = rpc::FromGrpc(stub_.GenerateImages(&context, request, response));
      if (!absl::IsResourceExhausted(status) || absl::Now() > patience) return status;
      absl::MutexLock lock(&mutex_);
      // Ends early when the run does.
      if (AwaitFor(mutex_, absl::Condition(this, &Run::HasFailure), pause)) return failure_;
      pause = std::min(2 * pause, absl::Seconds(1));
    }
  }

  // The file's name within the folder.
  absl::StatusOr<std::string> Write(const std::string& id, const v1::Image& image) const {
    const std::string name =
        absl::StrCat(SafeFileName(id), ".", image.media_type().substr(image.media_type().find('/') + 1));
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(options_.folder, "/", name), image.data()));
    return name;
  }

  absl::Status Record(const nlohmann::json& line, std::int64_t GenerateManyReport::*count) {
    absl::MutexLock lock(&mutex_);
    RETURN_IF_ERROR(report_.Add(line));
    ++(counts_.*count);
    return absl::OkStatus();
  }

  GenerateManyReport Counts() {
    absl::MutexLock lock(&mutex_);
    counts_.seconds = absl::ToDoubleSeconds(absl::Now() - started_);
    return counts_;
  }
  bool HasFailure() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !failure_.ok(); }
  bool Failed() {
    absl::MutexLock lock(&mutex_);
    return HasFailure();
  }
  void Fail(const absl::Status& status) {
    absl::MutexLock lock(&mutex_);
    failure_.Update(status);
  }

  const GenerateManyOptions& options_;
  v1::ImageGenerator::StubInterface& stub_;
  GenerationReport& report_;  // its calls under mutex_
  const absl::Time started_;
  BoundedQueue<v1::Product> queue_;
  absl::Mutex mutex_;
  GenerateManyReport counts_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // what ended the run
};

}  // namespace

absl::StatusOr<GenerateManyReport> GenerateMany(const GenerateManyOptions& options,
                                                v1::ImageGenerator::StubInterface& stub,
                                                const GenerateManyCallback& progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<GenerationReport> report,
                   GenerationReport::Open(options.folder, options.overwrite));
  absl::StatusOr<GenerateManyReport> counts = Run(options, stub, *report).All(progress);
  const absl::Status closed = report->Close();
  if (counts.ok() && !closed.ok()) return closed;
  return counts;
}

}  // namespace mannequin

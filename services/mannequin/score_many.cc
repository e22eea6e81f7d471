#include "services/mannequin/score_many.h"

#include <deque>
#include <filesystem>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/rpc/status.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/catalog_reader.h"

namespace mannequin {
namespace {

// Listings between the file and their answers, in the file's order: those that the stream knows
// of, and those that have no picture to be sent.
class Sent {
 public:
  struct Entry {
    std::string id;
    std::string no_picture;  // why; empty when it was sent
    absl::Status fault;      // of a line that is no listing
  };

  void Add(Entry entry) {
    absl::MutexLock lock(&mutex_);
    entries_.push_back(std::move(entry));
  }
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  // False once all were taken.
  bool Take(Entry* entry) {
    absl::MutexLock lock(&mutex_);
    const auto has_news = [this] { return closed_ || !entries_.empty(); };
    mutex_.Await(absl::Condition(&has_news));
    if (entries_.empty()) return false;
    *entry = std::move(entries_.front());
    entries_.pop_front();
    return true;
  }

 private:
  absl::Mutex mutex_;
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

using Stream = grpc::ClientReaderWriterInterface<v1::ScoreListingsRequest, v1::ScoreListingsResponse>;

// Sends every listing of the file.
absl::Status SendAll(const ScoreManyOptions& options, Stream& stream, Sent& sent) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source,
                   ByteSource::Open(options.from == "-" ? "/dev/stdin" : options.from));
  ASSIGN_OR_RETURN(const std::unique_ptr<CatalogReader> reader,
                   CatalogReader::Start(*source, {.catalog = options.from}));
  std::int64_t lines = 0;
  while (true) {
    ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader->Next());
    if (chunk == nullptr) return absl::OkStatus();
    for (const ParsedChunk::Reject& reject : chunk->rejects) {
      sent.Add({"", "", absl::InvalidArgumentError(DescribeFault(options.from, lines + reject.line, reject.error))});
    }
    lines += chunk->lines;
    for (std::size_t r = 0; r < chunk->used; ++r) {
      for (v1::Product& product : *chunk->requests[r].mutable_products()) {
        const std::string path = FindPicture(options.images, product.id());
        const absl::StatusOr<std::string> image =
            path.empty() ? absl::NotFoundError(absl::StrCat("no picture ", options.images, "/", product.id(), ".jpg"))
                         : ReadFile(path);
        sent.Add({product.id(), image.ok() ? "" : std::string(image.status().message()), absl::OkStatus()});
        if (!image.ok()) continue;
        v1::ScoreListingsRequest request;
        request.mutable_listing()->set_image(*image);
        request.mutable_listing()->set_keep(options.keep);
        request.mutable_listing()->set_evidence(options.evidence);
        request.mutable_listing()->set_policy(options.policy);
        product.clear_description();  // not judged, and the longest
        *request.mutable_listing()->mutable_product() = std::move(product);
        // The stream has ended: its status says why.
        if (!stream.Write(request)) return absl::OkStatus();
      }
    }
    reader->Recycle(std::move(chunk));
  }
}

v1::Verdict WithoutPicture(const Sent::Entry& entry) {
  v1::Verdict verdict;
  verdict.set_product_id(entry.id);
  verdict.set_kind(v1::VERDICT_KIND_NOT_SCORED);
  verdict.set_not_scored_reason(entry.no_picture);
  return verdict;
}

}  // namespace

std::string FindPicture(const std::string& folder, const std::string& id) {
  // An id is a name here, never a path.
  if (id.empty() || absl::StrContains(id, '/') || id[0] == '.') return "";
  for (const char* extension : {".jpg", ".jpeg", ".png", ".webp"}) {
    std::string path = absl::StrCat(folder, "/", id, extension);
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path, ignored)) return path;
  }
  return "";
}

absl::StatusOr<ScoreManyReport> ScoreMany(const ScoreManyOptions& options, v1::AbuseScorer::StubInterface& stub,
                                          const ScoreManyCallback& callback) {
  const absl::Time begin = absl::Now();
  ScoreManyReport report;
  grpc::ClientContext context;
  const std::unique_ptr<Stream> stream = stub.ScoreListings(&context);
  Sent sent;
  absl::Status read;
  std::thread sender([&] {
    read = SendAll(options, *stream, sent);
    stream->WritesDone();
    sent.Close();
  });
  bool wanted = true, open = true;
  Sent::Entry entry;
  while (sent.Take(&entry)) {
    if (!wanted || !open) continue;
    if (!entry.fault.ok()) {
      ++report.rejected;
      wanted = callback("", entry.fault);
      if (!wanted) context.TryCancel();
      continue;
    }
    absl::StatusOr<v1::Verdict> verdict = WithoutPicture(entry);
    if (entry.no_picture.empty()) {
      v1::ScoreListingsResponse response;
      open = stream->Read(&response);
      if (!open) continue;
      verdict = std::move(*response.mutable_verdict());
      if (response.error_code() != 0) {
        verdict = absl::Status(static_cast<absl::StatusCode>(response.error_code()), response.error_message());
      }
    }
    if (!verdict.ok()) {
      ++report.failed;
    } else {
      ++(verdict->kind() == v1::VERDICT_KIND_NOT_SCORED ? report.not_scored : report.scored);
    }
    wanted = callback(entry.id, verdict);
    if (!wanted) context.TryCancel();
  }
  sender.join();
  if (!wanted) return absl::CancelledError("stopped");
  // What is still to be read, there being nothing more that was sent.
  v1::ScoreListingsResponse rest;
  while (stream->Read(&rest)) {
  }
  RETURN_IF_ERROR(rpc::FromGrpc(stream->Finish()));
  RETURN_IF_ERROR(read);
  report.seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  return report;
}

}  // namespace mannequin

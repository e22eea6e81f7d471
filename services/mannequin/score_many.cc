#include "services/mannequin/score_many.h"

#include <deque>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/status.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/catalog_reader.h"
#include "services/mannequin/picture_file.h"

namespace mannequin {
namespace {

// Listings between their source and their answers, in order: those that the stream knows of, and those that have
// nothing to be sent.
class Sent {
 public:
  struct Entry {
    std::string name;
    std::string no_picture;  // why; empty when it was sent
    absl::Status fault;      // of what is no listing
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

v1::Verdict WithoutPicture(const Sent::Entry& entry) {
  v1::Verdict verdict;
  verdict.set_product_id(entry.name);
  verdict.set_kind(v1::VERDICT_KIND_NOT_SCORED);
  verdict.set_not_scored_reason(entry.no_picture);
  return verdict;
}

bool IsUrl(const std::string& image) {
  return absl::StartsWithIgnoreCase(image, "http://") || absl::StartsWithIgnoreCase(image, "https://");
}

absl::Status ReadListings(const std::string& from, const std::string& images, const v1::ScoreListingRequest& like,
                          const ListingSink& sink) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, ByteSource::Open(from == "-" ? "/dev/stdin" : from));
  ASSIGN_OR_RETURN(const std::unique_ptr<CatalogReader> reader, CatalogReader::Start(*source, {.catalog = from}));
  std::int64_t lines = 0;
  while (true) {
    ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader->Next());
    if (chunk == nullptr) return absl::OkStatus();
    for (const ParsedChunk::Reject& reject : chunk->rejects) {
      Listing listing;
      listing.fault = absl::InvalidArgumentError(DescribeFault(from, lines + reject.line, reject.error));
      if (!sink(std::move(listing))) return absl::OkStatus();
    }
    lines += chunk->lines;
    for (std::size_t r = 0; r < chunk->used; ++r) {
      for (v1::Product& product : *chunk->requests[r].mutable_products()) {
        const std::string path = FindPicture(images, product.id());
        absl::StatusOr<std::string> image =
            path.empty() ? absl::NotFoundError(absl::StrCat("no picture ", images, "/", product.id(), ".jpg"))
                         : ReadPicture(path);
        Listing listing;
        listing.name = product.id();
        listing.request = like;
        if (image.ok()) {
          listing.request.set_image(*std::move(image));
        } else {
          listing.no_picture = std::string(image.status().message());
        }
        product.clear_description();  // not judged, and the longest
        *listing.request.mutable_product() = std::move(product);
        if (!sink(std::move(listing))) return absl::OkStatus();
      }
    }
    reader->Recycle(std::move(chunk));
  }
}

}  // namespace

ListingSource ListingsOfFile(const std::string& from, const std::string& images, const v1::ScoreListingRequest& like) {
  return [=](const ListingSink& sink) { return ReadListings(from, images, like, sink); };
}

ListingSource ListingsOfPictures(const std::vector<std::string>& images, const v1::ScoreListingRequest& like) {
  return [=](const ListingSink& sink) {
    for (const std::string& image : images) {
      Listing listing;
      listing.name = image;
      listing.request = like;
      if (IsUrl(image)) {
        listing.request.set_image_url(image);
      } else if (absl::StatusOr<std::string> bytes = ReadPicture(image); bytes.ok()) {
        listing.request.set_image(*std::move(bytes));
      } else {
        listing.fault = bytes.status();
      }
      if (!sink(std::move(listing))) break;
    }
    return absl::OkStatus();
  };
}

absl::StatusOr<ScoreManyReport> ScoreMany(const ListingSource& source, v1::AbuseScorer::StubInterface& stub,
                                          const ScoreManyCallback& callback) {
  const absl::Time begin = absl::Now();
  ScoreManyReport report;
  grpc::ClientContext context;
  const std::unique_ptr<Stream> stream = stub.ScoreListings(&context);
  Sent sent;
  absl::Status read;
  std::thread sender([&] {
    read = source([&](Listing listing) {
      const bool sends = listing.fault.ok() && listing.no_picture.empty();
      sent.Add({std::move(listing.name), std::move(listing.no_picture), std::move(listing.fault)});
      if (!sends) return true;
      v1::ScoreListingsRequest request;
      *request.mutable_listing() = std::move(listing.request);
      return stream->Write(request);  // false: the stream has ended, its status says why
    });
    stream->WritesDone();
    sent.Close();
  });
  bool wanted = true, open = true;
  Sent::Entry entry;
  while (sent.Take(&entry)) {
    if (!wanted || !open) continue;
    if (!entry.fault.ok()) {
      ++report.rejected;
      wanted = callback(entry.name, entry.fault);
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
    wanted = callback(entry.name, verdict);
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

#include "common/store/remote_store.h"

#include <utility>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "grpcpp/client_context.h"
#include "mannequin/v1/product_store.grpc.pb.h"

namespace mannequin {
namespace {

using rpc::FromGrpc;

constexpr absl::Duration kReadTimeout = absl::Seconds(30);
// Megabytes, and an fsync on a busy disk.
constexpr absl::Duration kWriteTimeout = absl::Seconds(60);
// Well under a lease, so that a worker learns in time that it could not renew.
constexpr absl::Duration kLeaseTimeout = absl::Seconds(5);
// Copies and verifies the whole database.
constexpr absl::Duration kBackupTimeout = absl::Hours(6);
// As long as a catalogue takes.
constexpr absl::Duration kUpsertTimeout = absl::Hours(24);
// A scan lasts as long as its visitor works. A dead peer shows earlier, by keepalive.
constexpr absl::Duration kScanTimeout = absl::Hours(24);

// A unary call: deadline in, status out.
template <typename Request, typename Response>
absl::StatusOr<Response> Call(v1::ProductStore::Stub& stub,
                              grpc::Status (v1::ProductStore::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                             Response*),
                              const Request& request, absl::Duration timeout) {
  grpc::ClientContext context;
  rpc::SetDeadline(context, timeout);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

// Hands each item of each message to `visit`; stops the stream when it says so.
template <typename Message, typename Items, typename Visit>
absl::Status Drain(grpc::ClientContext& context, grpc::ClientReader<Message>& reader, Items items, const Visit& visit) {
  Message message;
  absl::Status visited;
  while (visited.ok() && reader.Read(&message)) {
    for (const auto& item : items(message)) {
      visited = visit(item);
      if (!visited.ok()) break;
    }
  }
  if (!visited.ok()) {
    context.TryCancel();
    reader.Finish();  // CANCELLED, by ourselves: the visitor's status is the answer.
    return visited;
  }
  return FromGrpc(reader.Finish());
}

class RemoteWriter final : public ProductWriter {
 public:
  RemoteWriter(v1::ProductStore::Stub& stub, absl::Duration timeout) {
    rpc::SetDeadline(context_, timeout);
    stream_ = stub.UpsertProducts(&context_, &response_);
  }
  ~RemoteWriter() override {
    if (finished_) return;
    context_.TryCancel();
    stream_->Finish();  // CANCELLED, by ourselves.
  }

  // False from the stream's Write means that it broke; Finish then says why.
  absl::Status Write(const v1::UpsertProductsRequest& request) override {
    return stream_->Write(request) ? absl::OkStatus() : End();
  }
  absl::StatusOr<v1::UpsertProductsResponse> Finish() override {
    stream_->WritesDone();
    const absl::Status status = End();
    if (!status.ok()) return status;
    return response_;
  }

 private:
  absl::Status End() {
    finished_ = true;
    return FromGrpc(stream_->Finish());
  }

  grpc::ClientContext context_;
  v1::UpsertProductsResponse response_;
  std::unique_ptr<grpc::ClientWriter<v1::UpsertProductsRequest>> stream_;
  bool finished_ = false;
};

class RemoteStore final : public ProductStore {
 public:
  explicit RemoteStore(std::shared_ptr<grpc::Channel> channel) : stub_(v1::ProductStore::NewStub(channel)) {}

  absl::StatusOr<v1::UpsertProductsResponse> UpsertProducts(const v1::UpsertProductsRequest& request) override {
    RemoteWriter writer(*stub_, kWriteTimeout);
    const absl::Status written = writer.Write(request);
    if (!written.ok()) return written;
    return writer.Finish();
  }

  std::unique_ptr<ProductWriter> WriteProducts() override {
    return std::make_unique<RemoteWriter>(*stub_, kUpsertTimeout);
  }

  absl::Status ScanProducts(const v1::ScanProductsRequest& request,
                            const std::function<absl::Status(const v1::StoredProduct&)>& visit) override {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kScanTimeout);
    auto reader = stub_->ScanProducts(&context, request);
    return Drain(
        context, *reader, [](const v1::ScanProductsResponse& message) -> auto& { return message.products(); }, visit);
  }

  absl::Status ScanEmbeddings(const v1::ScanEmbeddingsRequest& request,
                              const std::function<absl::Status(const v1::Embedding&)>& visit) override {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kScanTimeout);
    auto reader = stub_->ScanEmbeddings(&context, request);
    return Drain(
        context, *reader, [](const v1::ScanEmbeddingsResponse& message) -> auto& { return message.embeddings(); },
        visit);
  }

  absl::StatusOr<v1::CreateBackupResponse> CreateBackup(
      const v1::CreateBackupRequest& request,
      const std::function<bool(const v1::CreateBackupResponse&)>& progress) override {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kBackupTimeout);
    auto reader = stub_->CreateBackup(&context, request);
    v1::CreateBackupResponse response;
    while (reader->Read(&response)) {
      if (response.backup_id() != 0 || !progress || progress(response)) continue;
      context.TryCancel();
      reader->Finish();  // CANCELLED, by ourselves.
      return absl::CancelledError("back up: ended by its caller; earlier backups stay as they are");
    }
    const grpc::Status status = reader->Finish();
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  absl::Status CheckIntegrity(const v1::CheckIntegrityRequest& request,
                              const std::function<absl::Status(const v1::CheckIntegrityResponse&)>& visit) override {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kScanTimeout);
    auto reader = stub_->CheckIntegrity(&context, request);
    return Drain(
        context, *reader, [](const v1::CheckIntegrityResponse& message) { return absl::MakeConstSpan(&message, 1); },
        visit);
  }

  absl::Status ExportRecords(const v1::ExportRecordsRequest& request,
                             const std::function<absl::Status(const v1::ExportedRecord&)>& visit) override {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kScanTimeout);
    auto reader = stub_->ExportRecords(&context, request);
    return Drain(
        context, *reader, [](const v1::ExportRecordsResponse& message) -> auto& { return message.records(); }, visit);
  }

  absl::Status ExportPictures(const v1::ExportPicturesRequest& request,
                              const std::function<absl::Status(const v1::ExportPicturesResponse&)>& visit) override {
    grpc::ClientContext context;
    rpc::SetDeadline(context, kScanTimeout);
    auto reader = stub_->ExportPictures(&context, request);
    return Drain(
        context, *reader, [](const v1::ExportPicturesResponse& message) { return absl::MakeConstSpan(&message, 1); },
        visit);
  }

// A unary call: its name and its time.
#define MANNEQUIN_FORWARD(Method, timeout)                                                                             \
  absl::StatusOr<v1::Method##Response> Method(const v1::Method##Request& request) override {                           \
    return Call<v1::Method##Request, v1::Method##Response>(*stub_, &v1::ProductStore::Stub::Method, request, timeout); \
  }
  MANNEQUIN_FORWARD(GetIngestCheckpoint, kReadTimeout)
  MANNEQUIN_FORWARD(GetProduct, kReadTimeout)
  MANNEQUIN_FORWARD(BatchGetProducts, kReadTimeout)
  MANNEQUIN_FORWARD(ListProducts, kReadTimeout)
  MANNEQUIN_FORWARD(PutImage, kWriteTimeout)
  MANNEQUIN_FORWARD(GetImage, kReadTimeout)
  MANNEQUIN_FORWARD(LeaseFetches, kReadTimeout)
  MANNEQUIN_FORWARD(CompleteFetches, kWriteTimeout)
  MANNEQUIN_FORWARD(RetryFetches, kWriteTimeout)
  MANNEQUIN_FORWARD(RefreshFetches, kWriteTimeout)
  MANNEQUIN_FORWARD(PutEmbeddings, kWriteTimeout)
  MANNEQUIN_FORWARD(CreateJob, kReadTimeout)
  MANNEQUIN_FORWARD(GetJob, kReadTimeout)
  MANNEQUIN_FORWARD(ListJobs, kReadTimeout)
  MANNEQUIN_FORWARD(LeaseJob, kLeaseTimeout)
  MANNEQUIN_FORWARD(HeartbeatJob, kLeaseTimeout)
  MANNEQUIN_FORWARD(FinishJob, kLeaseTimeout)
  MANNEQUIN_FORWARD(CancelJob, kReadTimeout)
  MANNEQUIN_FORWARD(PauseJob, kReadTimeout)
  MANNEQUIN_FORWARD(ResumeJob, kReadTimeout)
  MANNEQUIN_FORWARD(PutPlaceholder, kWriteTimeout)
  MANNEQUIN_FORWARD(GetPlaceholder, kReadTimeout)
  MANNEQUIN_FORWARD(ListPlaceholders, kReadTimeout)
  MANNEQUIN_FORWARD(PutVerdicts, kWriteTimeout)
  MANNEQUIN_FORWARD(GetVerdict, kReadTimeout)
  MANNEQUIN_FORWARD(ListVerdicts, kReadTimeout)
  MANNEQUIN_FORWARD(PutReview, kWriteTimeout)
  MANNEQUIN_FORWARD(ListReviews, kReadTimeout)
  MANNEQUIN_FORWARD(GetStatistics, kReadTimeout)
  MANNEQUIN_FORWARD(SetReadOnly, kWriteTimeout)
#undef MANNEQUIN_FORWARD

 private:
  const std::unique_ptr<v1::ProductStore::Stub> stub_;
};

}  // namespace

std::unique_ptr<ProductStore> NewRemoteStore(std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<RemoteStore>(std::move(channel));
}

}  // namespace mannequin

#include "services/console/stream_call.h"

#include <utility>

#include "common/base/steady.h"
#include "common/rpc/status.h"
#include "grpcpp/impl/codegen/proto_utils.h"  // how a message is put on the wire

namespace mannequin {

using google::protobuf::Message;

StreamCall::StreamCall(std::shared_ptr<grpc::Channel> channel, const std::string& path,
                       std::unique_ptr<Message> request, std::unique_ptr<Message> response, const CallTerms& terms)
    : request_(std::move(request)), response_(std::move(response)), stub_(std::move(channel)) {
  SetTerms(terms, context_);
  stream_ = stub_.PrepareCall(&context_, path, &queue_);
  stream_->StartCall(this);
}

StreamCall::~StreamCall() {
  context_.TryCancel();
  while (Next(absl::InfiniteDuration()) != Event::kEnd) {
  }
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

void StreamCall::Read() {
  step_ = Step::kReading;
  stream_->Read(response_.get(), this);
}

void StreamCall::Finish() {
  step_ = Step::kFinishing;
  stream_->Finish(&grpc_status_, this);
}

StreamCall::Event StreamCall::Next(absl::Duration patience) {
  const auto until = absl::ToChronoTime(WallNow() + patience);
  if (step_ == Step::kMessageTaken) Read();
  while (step_ != Step::kDone) {
    void* tag = nullptr;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, until) != grpc::CompletionQueue::GOT_EVENT) return Event::kPending;
    if (step_ == Step::kFinishing) {
      status_ = rpc::FromGrpc(grpc_status_);
      step_ = Step::kDone;
    } else if (!ok) {
      Finish();
    } else if (step_ == Step::kStarting) {
      step_ = Step::kWriting;
      stream_->WriteLast(*request_, grpc::WriteOptions(), this);
    } else if (step_ == Step::kWriting) {
      Read();
    } else {
      step_ = Step::kMessageTaken;
      return Event::kMessage;
    }
  }
  return Event::kEnd;
}

}  // namespace mannequin

// One server-streaming RPC whose messages are known at run time only. Its reader never
// waits longer than it says, so that it can look after its own caller in between.
//
//   StreamCall call(channel, "/mannequin.v1.ProductStore/ScanProducts", std::move(request), std::move(response),
//                   {absl::InfiniteFuture()});
//   while (true) {
//     switch (call.Next(absl::Milliseconds(500))) { ... }
//   }
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "services/console/call_terms.h"

namespace mannequin {

// Not thread-safe.
class StreamCall {
 public:
  enum class Event {
    kMessage,  // response() is the next one
    kPending,  // none came yet
    kEnd,      // status() says how
  };

  // Begins the call. Messages are read into `response`, one after another.
  StreamCall(std::shared_ptr<grpc::Channel> channel, const std::string& path,
             std::unique_ptr<google::protobuf::Message> request, std::unique_ptr<google::protobuf::Message> response,
             const CallTerms& terms);
  // Cancels what has not ended.
  ~StreamCall();
  StreamCall(const StreamCall&) = delete;
  StreamCall& operator=(const StreamCall&) = delete;

  // Waits `patience` at most.
  Event Next(absl::Duration patience);
  // After kMessage, until the next Next().
  const google::protobuf::Message& response() const { return *response_; }
  // After kEnd: OK or the RPC's error.
  const absl::Status& status() const { return status_; }

 private:
  using Lite = google::protobuf::MessageLite;
  // What the one operation under way is.
  enum class Step { kStarting, kWriting, kReading, kMessageTaken, kFinishing, kDone };

  void Read();
  void Finish();

  std::unique_ptr<google::protobuf::Message> request_;
  std::unique_ptr<google::protobuf::Message> response_;
  // In the order of their needs: the stream goes first, the queue last.
  grpc::CompletionQueue queue_;
  grpc::ClientContext context_;
  grpc::TemplatedGenericStub<Lite, Lite> stub_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Lite, Lite>> stream_;
  Step step_ = Step::kStarting;
  grpc::Status grpc_status_;
  absl::Status status_;
};

}  // namespace mannequin

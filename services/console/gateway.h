// Every unary and server-streaming RPC of the six services as JSON, found by its name in the
// contracts: a new RPC needs no line here.
//
//   Gateway gateway(channels);
//   absl::StatusOr<std::string> json =
//       gateway.Call("/mannequin.v1.ProductStore/GetProduct", R"({"id":"B000"})", {deadline});
//
// JSON is protobuf's own mapping: camelCase names, 64-bit integers as strings, bytes in
// base64, fields that have their default value left out.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "services/console/call_terms.h"
#include "services/console/stream_call.h"

namespace mannequin {

// Where each service is. All may be one channel.
struct ConsoleChannels {
  std::shared_ptr<grpc::Channel> store;
  std::shared_ptr<grpc::Channel> fetcher;
  std::shared_ptr<grpc::Channel> embedder;
  std::shared_ptr<grpc::Channel> trainer;
  std::shared_ptr<grpc::Channel> generator;
  std::shared_ptr<grpc::Channel> scorer;
};

// One blocking call. Errors: the service's own; DEADLINE_EXCEEDED; UNAVAILABLE when it
// cannot be reached.
absl::Status CallUnary(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                       const google::protobuf::MessageLite& request, const CallTerms& terms,
                       google::protobuf::MessageLite* response);

// Protobuf's JSON. INTERNAL for an Any of a type that is not ours.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message);

enum class RpcShape {
  kUnknown,  // no such RPC
  kUnary,
  kServerStream,
  kClientStream,  // and both ways: by gRPC only
};

// Thread-safe.
class Gateway {
 public:
  explicit Gateway(const ConsoleChannels& channels);

  // What RPC `path` ("/package.Service/Method") names.
  RpcShape ShapeOf(absl::string_view path) const;

  // Blocks; `path` is kUnary. Errors: the RPC's own; INVALID_ARGUMENT naming what is wrong with
  // the JSON (an unknown field too); DEADLINE_EXCEEDED; UNAVAILABLE when the service cannot be
  // reached.
  absl::StatusOr<std::string> Call(absl::string_view path, absl::string_view json, const CallTerms& terms) const;

  // Begins a call; `path` is kServerStream. INVALID_ARGUMENT as above; all else is told by the
  // call's end.
  absl::StatusOr<std::unique_ptr<StreamCall>> Stream(absl::string_view path, absl::string_view json,
                                                     const CallTerms& terms) const;

 private:
  struct Method {
    const google::protobuf::MethodDescriptor* descriptor;
    std::shared_ptr<grpc::Channel> channel;
  };
  // NOT_FOUND.
  absl::StatusOr<const Method*> Find(absl::string_view path) const;

  std::map<std::string, Method, std::less<>> methods_;
};

}  // namespace mannequin

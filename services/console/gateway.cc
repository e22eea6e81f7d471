#include "services/console/gateway.h"

#include <functional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/status_macros.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/status.h"
#include "google/protobuf/util/json_util.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/proto_utils.h"  // how a message is put on the wire
#include "mannequin/v1/abuse_scorer.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "mannequin/v1/image_generator.pb.h"
#include "mannequin/v1/product_store.pb.h"
#include "mannequin/v1/text_embedder.pb.h"

namespace mannequin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MessageLite;

std::unique_ptr<Message> NewMessage(const Descriptor* descriptor) {
  return std::unique_ptr<Message>(MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

absl::Status FromJson(absl::string_view json, Message* message) {
  if (absl::StripAsciiWhitespace(json).empty()) {
    return absl::InvalidArgumentError("the body is empty: send a JSON object, {} for a request without fields");
  }
  const auto parsed = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the body is not a ", message->GetDescriptor()->full_name(), ": ", parsed.message().ToString()));
}

}  // namespace

absl::Status CallUnary(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                       const MessageLite& request, const CallTerms& terms, MessageLite* response) {
  grpc::TemplatedGenericStub<MessageLite, MessageLite> stub(channel);
  grpc::ClientContext context;
  SetTerms(terms, context);
  grpc::Status status;
  absl::Notification done;
  stub.UnaryCall(&context, path, grpc::StubOptions(), &request, response, [&](grpc::Status result) {
    status = std::move(result);
    done.Notify();
  });
  done.WaitForNotification();
  return rpc::ReceiveRetryAfter(rpc::FromGrpc(status), context);
}

absl::StatusOr<std::string> ToJson(const Message& message) {
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(message, &json);
  if (printed.ok()) return json;
  return absl::InternalError(
      absl::StrCat(message.GetDescriptor()->full_name(), " cannot be written as JSON: ", printed.message().ToString()));
}

Gateway::Gateway(const ConsoleChannels& channels) {
  // Naming a message of each file also keeps the linker from dropping it.
  const std::pair<const Descriptor*, std::shared_ptr<grpc::Channel>> files[] = {
      {v1::GetProductRequest::descriptor(), channels.store},
      {v1::StartCrawlRequest::descriptor(), channels.fetcher},
      {v1::EmbedTextsRequest::descriptor(), channels.embedder},
      {v1::CreateTrainingRequest::descriptor(), channels.trainer},
      {v1::GenerateImagesRequest::descriptor(), channels.generator},
      {v1::ScoreListingRequest::descriptor(), channels.scorer},
  };
  for (const auto& [message, channel] : files) {
    for (int s = 0; s < message->file()->service_count(); ++s) {
      const google::protobuf::ServiceDescriptor* service = message->file()->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        const google::protobuf::MethodDescriptor* method = service->method(m);
        methods_.emplace(absl::StrCat("/", service->full_name(), "/", method->name()), Method{method, channel});
      }
    }
  }
}

RpcShape Gateway::ShapeOf(absl::string_view path) const {
  const absl::StatusOr<const Method*> method = Find(path);
  if (!method.ok()) return RpcShape::kUnknown;
  if ((*method)->descriptor->client_streaming()) return RpcShape::kClientStream;
  return (*method)->descriptor->server_streaming() ? RpcShape::kServerStream : RpcShape::kUnary;
}

absl::StatusOr<const Gateway::Method*> Gateway::Find(absl::string_view path) const {
  const auto found = methods_.find(path);
  if (found == methods_.end()) return absl::NotFoundError(absl::StrCat("no RPC ", path));
  return &found->second;
}

absl::StatusOr<std::string> Gateway::Call(absl::string_view path, absl::string_view json,
                                          const CallTerms& terms) const {
  ASSIGN_OR_RETURN(const Method* method, Find(path));
  const std::unique_ptr<Message> request = NewMessage(method->descriptor->input_type());
  const std::unique_ptr<Message> response = NewMessage(method->descriptor->output_type());
  RETURN_IF_ERROR(FromJson(json, request.get()));
  RETURN_IF_ERROR(CallUnary(method->channel, std::string(path), *request, terms, response.get()));
  return ToJson(*response);
}

absl::StatusOr<std::unique_ptr<StreamCall>> Gateway::Stream(absl::string_view path, absl::string_view json,
                                                            const CallTerms& terms) const {
  ASSIGN_OR_RETURN(const Method* method, Find(path));
  std::unique_ptr<Message> request = NewMessage(method->descriptor->input_type());
  RETURN_IF_ERROR(FromJson(json, request.get()));
  return std::make_unique<StreamCall>(method->channel, std::string(path), std::move(request),
                                      NewMessage(method->descriptor->output_type()), terms);
}

}  // namespace mannequin

#include "common/rpc/channel.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "mannequin/v1/abuse_scorer.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "mannequin/v1/image_generator.pb.h"
#include "mannequin/v1/product_store.pb.h"
#include "mannequin/v1/text_embedder.pb.h"

namespace mannequin::rpc {
namespace {

constexpr int kMaxMessageBytes = 64 << 20;

// Calls that may be sent twice: they read, or writing the same again changes nothing.
bool IsIdempotent(const std::string& method) {
  for (const char* prefix : {"Get", "BatchGet", "List", "Put", "FindSimilar", "BatchFindSimilar", "EmbedTexts",
                             "ScoreListing", "FetchImage", "Cancel"}) {
    if (absl::StartsWith(method, prefix)) return true;
  }
  return false;
}

// Service config: round robin over a name's addresses, and up to four tries of
// idempotent unary calls on UNAVAILABLE.
std::string ServiceConfig() {
  std::vector<std::string> names;
  for (const google::protobuf::FileDescriptor* file :
       {v1::UpsertProductsRequest::descriptor()->file(), v1::StartCrawlRequest::descriptor()->file(),
        v1::EmbedTextsRequest::descriptor()->file(), v1::CreateTrainingRequest::descriptor()->file(),
        v1::GenerateImagesRequest::descriptor()->file(), v1::ScoreListingRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const google::protobuf::MethodDescriptor* method = file->service(i)->method(j);
        if (method->client_streaming() || method->server_streaming() || !IsIdempotent(method->name())) continue;
        names.push_back(
            absl::StrCat(R"({"service":")", file->service(i)->full_name(), R"(","method":")", method->name(), "\"}"));
      }
    }
  }
  return absl::StrCat(
      R"({"loadBalancingConfig":[{"round_robin":{}}],"methodConfig":[{"name":[)", absl::StrJoin(names, ","),
      R"(],"retryPolicy":{"maxAttempts":4,"initialBackoff":"0.1s","maxBackoff":"2s","backoffMultiplier":2,)"
      R"("retryableStatusCodes":["UNAVAILABLE"]}}]})");
}

}  // namespace

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address) {
  static const std::string service_config = ServiceConfig();
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(service_config);
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace mannequin::rpc

// When to try again, from a handler to a client over a real channel.
#include "common/rpc/retry_after.h"

#include <atomic>
#include <memory>

#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"

namespace mannequin::rpc {
namespace {

// Refuses its first call.
class BusyEmbedder final : public v1::TextEmbedder::Service {
 public:
  explicit BusyEmbedder(absl::Status refusal) : refusal_(std::move(refusal)) {}
  grpc::Status EmbedTexts(grpc::ServerContext* context, const v1::EmbedTextsRequest*,
                          v1::EmbedTextsResponse* response) override {
    if (calls++ == 0) {
      SendRetryAfter(refusal_, *context);
      return ToGrpc(refusal_);
    }
    response->set_bundle_version("b-1");
    return grpc::Status::OK;
  }
  std::atomic<int> calls{0};

 private:
  const absl::Status refusal_;
};

std::unique_ptr<Server> Serve(BusyEmbedder& embedder) {
  config::v1::ServerConfig config;
  config.set_listen("127.0.0.1:0");
  return Server::Start("test", config, {&embedder}).value();
}

absl::Status Call(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::TextEmbedder::NewStub(channel);
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(60));
  v1::EmbedTextsResponse response;
  const grpc::Status status = stub->EmbedTexts(&context, {}, &response);
  return ReceiveRetryAfter(FromGrpc(status), context);
}

TEST(RetryAfter, ReachesTheClient) {
  BusyEmbedder embedder(WithRetryAfter(absl::ResourceExhaustedError("full"), absl::Milliseconds(1234)));
  const auto server = Serve(embedder);
  const absl::Status refused = Call(NewChannel(server->address()));
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryAfter(refused), absl::Milliseconds(1234));
}

TEST(RetryAfter, IsNotSaidWhereItWasNotSet) {
  BusyEmbedder embedder(absl::ResourceExhaustedError("picture is over max_pixels"));
  const auto server = Serve(embedder);
  EXPECT_FALSE(RetryAfter(Call(NewChannel(server->address()))).has_value());
  EXPECT_EQ(RetryAfter(WithRetryAfter(absl::UnavailableError(""), absl::ZeroDuration())), absl::Milliseconds(1));
}

TEST(RetryAfter, IsHonouredByAClientWithARetryPolicy) {
  BusyEmbedder embedder(WithRetryAfter(absl::ResourceExhaustedError("full"), absl::Milliseconds(150)));
  const auto server = Serve(embedder);
  grpc::ChannelArguments arguments;
  // By its own back-off alone the client would try again in some minutes, past its deadline.
  arguments.SetServiceConfigJSON(
      R"({"methodConfig":[{"name":[{}],"retryPolicy":{"maxAttempts":2,"initialBackoff":"600s",
          "maxBackoff":"600s","backoffMultiplier":1,"retryableStatusCodes":["RESOURCE_EXHAUSTED"]}}]})");
  const absl::Time begin = absl::Now();
  const absl::Status status =
      Call(grpc::CreateCustomChannel(server->address(), grpc::InsecureChannelCredentials(), arguments));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(embedder.calls, 2);
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(150));
}

}  // namespace
}  // namespace mannequin::rpc

// The server runner over real sockets: a real service, a real client.
#include "common/rpc/server.h"

#include <httplib.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "common/rpc/address.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"

namespace mannequin::rpc {
namespace {

using ::testing::HasSubstr;

// Answers the number of texts; waits for `gate` first, and fails the first `failures` calls.
class CountingEmbedder final : public v1::TextEmbedder::Service {
 public:
  grpc::Status EmbedTexts(grpc::ServerContext*, const v1::EmbedTextsRequest* request,
                          v1::EmbedTextsResponse* response) override {
    ++entered;
    while (!gate) std::this_thread::yield();
    if (failures-- > 0) return ToGrpc(absl::UnavailableError("not now"));
    if (request->texts().empty()) return ToGrpc(absl::InvalidArgumentError("texts: give 1 to 1,000"));
    response->set_bundle_version(std::to_string(request->texts_size()));
    return grpc::Status::OK;
  }

  std::atomic<int> entered{0};
  std::atomic<bool> gate{true};
  std::atomic<int> failures{0};
};

config::v1::ServerConfig AnyPort() {
  config::v1::ServerConfig config;
  config.set_listen("127.0.0.1:0");
  config.set_admin_listen("127.0.0.1:0");
  config.set_drain_ms(5'000);
  return config;
}

absl::StatusOr<std::string> Embed(const std::string& address, int texts) {
  const auto stub = v1::TextEmbedder::NewStub(NewChannel(address));
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(10));
  v1::EmbedTextsRequest request;
  for (int i = 0; i < texts; ++i) request.add_texts("boot");
  v1::EmbedTextsResponse response;
  if (const grpc::Status status = stub->EmbedTexts(&context, request, &response); !status.ok()) return FromGrpc(status);
  return response.bundle_version();
}

httplib::Client AdminOf(const Server& server) { return httplib::Client("http://" + server.admin_address()); }

TEST(Server, AnswersCallsAndKeepsErrorCodes) {
  CountingEmbedder embedder;
  auto server = Server::Start("test", AnyPort(), {&embedder}).value();
  EXPECT_EQ(Embed(server->address(), 2).value(), "2");
  const absl::Status refused = Embed(server->address(), 0).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("texts"));
}

TEST(Server, RetriesAnIdempotentCallThatWasUnavailable) {
  CountingEmbedder embedder;
  embedder.failures = 2;
  auto server = Server::Start("test", AnyPort(), {&embedder}).value();
  EXPECT_EQ(Embed(server->address(), 1).value(), "1");
  EXPECT_EQ(embedder.entered, 3);
}

TEST(Server, IsReadyOnlyWhileServing) {
  CountingEmbedder embedder;
  auto server = Server::Start("test", AnyPort(), {&embedder}).value();
  EXPECT_EQ(AdminOf(*server).Get("/healthz")->status, 200);
  EXPECT_EQ(AdminOf(*server).Get("/readyz")->status, 503);
  server->SetServing(true);
  EXPECT_EQ(AdminOf(*server).Get("/readyz")->status, 200);
}

TEST(Server, CountsEveryCallByMethodAndCode) {
  CountingEmbedder embedder;
  auto server = Server::Start("test", AnyPort(), {&embedder}).value();
  ASSERT_TRUE(Embed(server->address(), 1).ok());
  // The interceptor ends just after the client has its answer.
  const std::string wanted =
      R"(mannequin_rpc_server_handled_total{code="OK",method="/mannequin.v1.TextEmbedder/EmbedTexts"})";
  std::string body;
  for (const absl::Time end = absl::Now() + absl::Seconds(10); absl::Now() < end && !absl::StrContains(body, wanted);) {
    body = AdminOf(*server).Get("/metrics")->body;
  }
  EXPECT_THAT(body, HasSubstr(wanted));
}

TEST(Server, SaysWhichPortIsTaken) {
  CountingEmbedder embedder;
  auto first = Server::Start("first", AnyPort(), {&embedder}).value();
  config::v1::ServerConfig same = AnyPort();
  same.set_listen(first->address());
  CountingEmbedder other;
  const absl::Status taken = Server::Start("second", same, {&other}).status();
  EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(taken.message()), HasSubstr(std::to_string(ParseAddress(first->address(), "").value().port)));
}

TEST(Server, RefusesAnAddressWithoutAPort) {
  CountingEmbedder embedder;
  config::v1::ServerConfig config = AnyPort();
  config.set_listen("localhost");
  EXPECT_EQ(Server::Start("test", config, {&embedder}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Server, LetsACallInFlightEndWhenItDrains) {
  CountingEmbedder embedder;
  embedder.gate = false;
  auto server = Server::Start("test", AnyPort(), {&embedder}).value();
  absl::StatusOr<std::string> answer;
  std::thread caller([&] { answer = Embed(server->address(), 3); });
  while (embedder.entered == 0) std::this_thread::yield();
  std::thread drain([&] { server->Drain(); });
  embedder.gate = true;
  drain.join();
  caller.join();
  EXPECT_EQ(answer.value(), "3");
}

}  // namespace
}  // namespace mannequin::rpc

// Servers with TLS and access control over real sockets. The threat model of
// common/rpc/README.md names these tests.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/call_ids.h"
#include "common/base/file.h"
#include "common/base/steady.h"
#include "common/rpc/access_tokens.h"
#include "common/rpc/channel.h"
#include "common/rpc/metrics.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/tls.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "prometheus/text_serializer.h"
#include "tests/unit/rpc/certificates.h"

namespace mannequin::rpc {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Notes what its handlers see; asks `next` first when there is one.
class Probe final : public v1::TextEmbedder::Service {
 public:
  grpc::Status EmbedTexts(grpc::ServerContext* context, const v1::EmbedTextsRequest* request,
                          v1::EmbedTextsResponse* response) override {
    calls.push_back(*CurrentCall());
    saw_token = saw_token || context->client_metadata().count("authorization") > 0;
    if (next != nullptr) {
      grpc::ClientContext to_next;
      SetDeadline(to_next, absl::Seconds(20));
      return next->EmbedTexts(&to_next, *request, response);
    }
    response->set_bundle_version("b-1");
    return grpc::Status::OK;
  }

  std::unique_ptr<v1::TextEmbedder::Stub> next;
  std::vector<CallIds> calls;
  bool saw_token = false;
};

class Trainer final : public v1::GanTrainer::Service {
 public:
  grpc::Status PromoteBundle(grpc::ServerContext*, const v1::PromoteBundleRequest* request,
                             v1::PromoteBundleResponse*) override {
    ++promoted;
    return request->version() == "b-7" ? grpc::Status::OK : ToGrpc(absl::NotFoundError("no such bundle"));
  }
  int promoted = 0;
};

// Answers each listing; counts them.
class Scorer final : public v1::AbuseScorer::Service {
 public:
  grpc::Status ScoreListings(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::ScoreListingsResponse, v1::ScoreListingsRequest>* stream) override {
    v1::ScoreListingsRequest request;
    while (stream->Read(&request)) {
      ++listings;
      stream->Write(v1::ScoreListingsResponse());
    }
    return grpc::Status::OK;
  }
  std::atomic<int> listings{0};
};

// One of this machine's, or "" when it has none.
std::string AddressThatIsNotLoopback() {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return "";
  std::string address;
  for (const ifaddrs* each = all; each != nullptr && address.empty(); each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET || (each->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* ip = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
    if (inet_ntop(AF_INET, &ip->sin_addr, text.data(), text.size()) != nullptr) address = text.data();
  }
  freeifaddrs(all);
  return address;
}

class SecureServerTest : public testing::Test {
 protected:
  SecureServerTest() : folder_(*MakeTemporaryFolder("secure-server")), made_(folder_) {
    config_.set_listen("127.0.0.1:0");
    config_.set_audit_file(folder_ + "/audit.jsonl");
  }
  ~SecureServerTest() override {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Certificates of one authority, and TLS for the server.
  void MakeCertificates() {
    made_.Authority("ca");
    made_.Issue("server", "ca", "IP:127.0.0.1");
    made_.Issue("scorer", "ca", "DNS:scorer.mannequin");
    config_.set_tls_certificate_file(made_.Pem("server"));
    config_.set_tls_key_file(made_.Key("server"));
    config_.set_tls_client_ca_file(made_.Pem("ca"));
  }

  // A token of `role` named `name`, in the server's file and in one of its own.
  std::string AddToken(const std::string& name, config::v1::Role role, double calls_per_second = 0) {
    const NewToken made = MakeToken(name, role, calls_per_second).value();
    config_.mutable_access()->set_tokens_file(folder_ + "/tokens.textproto");
    std::ofstream(config_.access().tokens_file(), std::ios::app) << made.line << "\n";
    std::ofstream(folder_ + "/" + name + ".token") << made.token << "\n";
    return made.token;
  }

  void Start() {
    auto server = Server::Start("test", config_, {&probe_, &trainer_, &scorer_});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  config::v1::ClientConfig Tls(const std::string& authority = "ca") const {
    config::v1::ClientConfig client;
    client.set_tls_ca_file(made_.Pem(authority));
    return client;
  }
  config::v1::ClientConfig TlsAs(const std::string& certificate) const {
    config::v1::ClientConfig client = Tls();
    client.set_tls_certificate_file(made_.Pem(certificate));
    client.set_tls_key_file(made_.Key(certificate));
    return client;
  }
  config::v1::ClientConfig WithToken(config::v1::ClientConfig client, const std::string& name) const {
    client.set_token_file(folder_ + "/" + name + ".token");
    return client;
  }

  // Each over a connection of its own.
  std::shared_ptr<grpc::Channel> ChannelOf(const config::v1::ClientConfig& client) const {
    return NewChannel(server_->address(), client);
  }
  static absl::Status Embed(const std::shared_ptr<grpc::Channel>& channel,
                            const std::map<std::string, std::string>& headers = {}) {
    grpc::ClientContext context;
    SetDeadline(context, absl::Seconds(20));
    for (const auto& [name, value] : headers) context.AddMetadata(name, value);
    v1::EmbedTextsRequest request;
    request.add_texts("a secret title");
    v1::EmbedTextsResponse response;
    const grpc::Status status = v1::TextEmbedder::NewStub(channel)->EmbedTexts(&context, request, &response);
    return ReceiveRetryAfter(FromGrpc(status), context);
  }
  absl::Status Embed(const config::v1::ClientConfig& client) const { return Embed(ChannelOf(client)); }
  static absl::Status Promote(const std::shared_ptr<grpc::Channel>& channel, const std::string& version,
                              const std::map<std::string, std::string>& headers = {}) {
    grpc::ClientContext context;
    SetDeadline(context, absl::Seconds(20));
    for (const auto& [name, value] : headers) context.AddMetadata(name, value);
    v1::PromoteBundleRequest request;
    request.set_version(version);
    v1::PromoteBundleResponse response;
    return FromGrpc(v1::GanTrainer::NewStub(channel)->PromoteBundle(&context, request, &response));
  }

  std::vector<nlohmann::json> Audit() const {
    std::vector<nlohmann::json> lines;
    for (const absl::string_view line : absl::StrSplit(*ReadFile(config_.audit_file()), '\n', absl::SkipEmpty())) {
      lines.push_back(nlohmann::json::parse(line));
    }
    return lines;
  }

  std::string RefusalToStart() { return std::string(Server::Start("test", config_, {&probe_}).status().message()); }

  const std::string folder_;
  const Certificates made_;
  config::v1::ServerConfig config_;
  Probe probe_;
  Trainer trainer_;
  Scorer scorer_;
  std::unique_ptr<Server> server_;
};

// --- TLS ---------------------------------------------------------------------------------

TEST_F(SecureServerTest, SpeaksTlsToWhoTrustsItsAuthorityAndNoPlainText) {
  MakeCertificates();
  config_.clear_tls_client_ca_file();
  Start();
  EXPECT_TRUE(Embed(Tls()).ok()) << Embed(Tls());
  EXPECT_EQ(Embed(config::v1::ClientConfig()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(SecureServerTest, AnImpostorIsNotSpokenTo) {
  MakeCertificates();
  made_.Authority("other");
  made_.Issue("elsewhere", "ca", "DNS:store.example");
  config_.clear_tls_client_ca_file();
  Start();
  EXPECT_THAT(std::string(Embed(Tls("other")).message()), HasSubstr("certificate verify failed"));
  config_.set_tls_certificate_file(made_.Pem("elsewhere"));
  config_.set_tls_key_file(made_.Key("elsewhere"));
  Start();
  EXPECT_THAT(std::string(Embed(Tls()).message()), HasSubstr("Hostname Verification"));
  EXPECT_TRUE(probe_.calls.empty());
}

TEST_F(SecureServerTest, WithoutAccessControlAClientNeedsACertificateOfTheAuthority) {
  MakeCertificates();
  made_.Authority("other");
  made_.Issue("stranger", "other", "DNS:scorer.mannequin");
  Start();
  EXPECT_TRUE(Embed(TlsAs("scorer")).ok());
  EXPECT_EQ(Embed(Tls()).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Embed(TlsAs("stranger")).code(), absl::StatusCode::kUnavailable);
}

TEST_F(SecureServerTest, CertificatesChangedOnDiskAreUsedWithoutARestartOnBothSides) {
  MakeCertificates();
  Start();
  config::v1::ClientConfig follows = TlsAs("scorer");
  ASSERT_TRUE(Embed(follows).ok());
  // A client that stays on the old authority beside one whose files change with the server's.
  made_.Copy("ca", "old-ca");
  made_.Copy("scorer", "old-scorer");
  config::v1::ClientConfig stays = TlsAs("old-scorer");
  stays.set_tls_ca_file(made_.Pem("old-ca"));
  const auto kept = ChannelOf(follows);
  made_.Authority("new-ca");
  made_.Issue("new-server", "new-ca", "IP:127.0.0.1");
  made_.Issue("new-scorer", "new-ca", "DNS:scorer.mannequin");
  made_.Copy("new-ca", "ca");
  made_.Copy("new-server", "server");
  made_.Copy("new-scorer", "scorer");
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (Embed(stays).ok() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(Embed(stays).code(), absl::StatusCode::kUnavailable);
  absl::Status late = Embed(kept);
  while (!late.ok() && absl::Now() < deadline) late = Embed(kept);
  EXPECT_TRUE(late.ok()) << late;
}

TEST_F(SecureServerTest, FilesThatCannotBeUsedAreNamedAtStart) {
  MakeCertificates();
  config_.set_tls_key_file(made_.Key("scorer"));
  EXPECT_THAT(RefusalToStart(), AllOf(HasSubstr("tls_key_file"), HasSubstr("not that of the certificate")));
  config_.set_tls_key_file(made_.Pem("server"));
  EXPECT_THAT(RefusalToStart(), AllOf(HasSubstr("tls_key_file"), HasSubstr("no private key")));
  config_.set_tls_key_file(folder_ + "/none");
  EXPECT_THAT(RefusalToStart(), HasSubstr(folder_ + "/none"));
  config_.clear_tls_key_file();
  EXPECT_THAT(RefusalToStart(), HasSubstr("set both or none"));
  config::v1::ClientConfig client = Tls();
  client.set_tls_ca_file(made_.Key("ca"));
  EXPECT_THAT(std::string(CheckClient(client).message()), HasSubstr("tls_ca_file"));
  client = TlsAs("scorer");
  client.clear_tls_ca_file();
  EXPECT_THAT(std::string(CheckClient(client).message()), HasSubstr("needs tls_ca_file"));
}

// --- Who calls, and whether it may -----------------------------------------------------------

TEST_F(SecureServerTest, NobodyWithoutANameReachesAHandler) {
  MakeCertificates();
  AddToken("ana", config::v1::ROLE_OPERATOR);
  Start();
  EXPECT_EQ(Embed(Tls()).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Embed(ChannelOf(Tls()), {{"authorization", "Bearer mq_guessed-guessed"}}).code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Embed(TlsAs("scorer")).code(), absl::StatusCode::kUnauthenticated);  // no service_names
  EXPECT_TRUE(probe_.calls.empty());
  EXPECT_TRUE(Embed(WithToken(Tls(), "ana")).ok());
}

TEST_F(SecureServerTest, ATokenOpensWhatItsRoleIsForAndNothingElse) {
  MakeCertificates();
  AddToken("team", config::v1::ROLE_CATALOG);
  AddToken("shop", config::v1::ROLE_BACKEND);
  Start();
  EXPECT_TRUE(Embed(WithToken(Tls(), "team")).ok());
  EXPECT_EQ(Embed(WithToken(Tls(), "shop")).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Promote(ChannelOf(WithToken(Tls(), "team")), "b-7").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(trainer_.promoted, 0);
}

TEST_F(SecureServerTest, ServicesKnowEachOtherByTheirCertificates) {
  MakeCertificates();
  made_.Issue("laptop", "ca", "DNS:laptop.example");
  config_.mutable_access()->add_service_names("scorer.mannequin");
  Start();
  EXPECT_TRUE(Embed(TlsAs("scorer")).ok());
  EXPECT_EQ(Promote(ChannelOf(TlsAs("scorer")), "b-7").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Embed(TlsAs("laptop")).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Embed(Tls()).code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(SecureServerTest, ACertificateOfAnotherAuthorityIsNoService) {
  MakeCertificates();
  made_.Authority("other");
  made_.Issue("stranger", "other", "DNS:scorer.mannequin");
  config_.mutable_access()->add_service_names("*");
  Start();
  EXPECT_EQ(Embed(TlsAs("stranger")).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(probe_.calls.empty());
}

TEST_F(SecureServerTest, CallersOfOneConnectionAreToldApart) {
  MakeCertificates();
  const std::string team = AddToken("team", config::v1::ROLE_CATALOG);
  const std::string shop = AddToken("shop", config::v1::ROLE_BACKEND);
  Start();
  const auto channel = ChannelOf(Tls());
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Embed(channel, {{"authorization", "Bearer " + team}}).ok());
    EXPECT_EQ(Embed(channel, {{"authorization", "Bearer " + shop}}).code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(Embed(channel).code(), absl::StatusCode::kUnauthenticated);
  }
}

TEST_F(SecureServerTest, OnALoopbackTokensWorkInPlainText) {
  AddToken("team", config::v1::ROLE_CATALOG);
  Start();
  EXPECT_TRUE(Embed(WithToken({}, "team")).ok()) << Embed(WithToken({}, "team"));
  EXPECT_EQ(Embed(config::v1::ClientConfig()).code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(SecureServerTest, AccessControlInPlainTextIsForLoopbackOnly) {
  AddToken("team", config::v1::ROLE_CATALOG);
  config_.set_listen("0.0.0.0:0");
  EXPECT_THAT(RefusalToStart(), AllOf(HasSubstr("plain text"), HasSubstr("tls_certificate_file")));
  config_.set_listen("127.0.0.1:0");
  config_.mutable_access()->add_service_names("*");
  EXPECT_THAT(RefusalToStart(), HasSubstr("service_names: needs tls_client_ca_file"));
}

TEST_F(SecureServerTest, ATokenIsNotSentInPlainTextToAnotherMachine) {
  AddToken("team", config::v1::ROLE_CATALOG);
  config_.clear_access();
  config_.set_listen("0.0.0.0:0");
  Start();
  const std::string address = AddressThatIsNotLoopback();
  if (address.empty()) GTEST_SKIP() << "this machine has no address but its loopback";
  const std::string server = address + server_->address().substr(server_->address().rfind(':'));
  ASSERT_TRUE(Embed(NewChannel(server)).ok());
  const absl::Status status = Embed(NewChannel(server, WithToken({}, "team")));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_EQ(probe_.calls.size(), 1u);
}

TEST_F(SecureServerTest, ATokenFileThatChangesIsReadAnewByTheClient) {
  AddToken("team", config::v1::ROLE_CATALOG);
  Start();
  const auto channel = ChannelOf(WithToken({}, "team"));
  ASSERT_TRUE(Embed(channel).ok());
  const NewToken made = MakeToken("team", config::v1::ROLE_CATALOG).value();
  ASSERT_TRUE(WriteFileAtomically(config_.access().tokens_file(), made.line).ok());
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/team.token", made.token).ok());
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (Embed(WithToken({}, "team")).code() != absl::StatusCode::kOk && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(50));
  }
  absl::Status status = Embed(channel);
  while (!status.ok() && absl::Now() < deadline) status = Embed(channel);
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(SecureServerTest, ProbesNeedNoName) {
  AddToken("team", config::v1::ROLE_CATALOG);
  Start();
  server_->SetServing(true);
  const auto channel = grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(20));
  grpc::Slice nothing;
  grpc::ByteBuffer request(&nothing, 1), response;
  grpc::Status status;
  absl::Notification done;
  grpc::GenericStub(channel).UnaryCall(&context, "/grpc.health.v1.Health/Check", grpc::StubOptions(), &request,
                                       &response, [&](grpc::Status ended) {
                                         status = std::move(ended);
                                         done.Notify();
                                       });
  done.WaitForNotification();
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(SecureServerTest, WhatRunsInTheProcessIsTrusted) {
  AddToken("team", config::v1::ROLE_CATALOG);
  Start();
  EXPECT_TRUE(Embed(server_->InProcessChannel()).ok());
  EXPECT_TRUE(Promote(server_->InProcessChannel(), "b-7").ok());
  EXPECT_EQ(Audit().back()["caller"], "in-process");
}

// --- Bounds ------------------------------------------------------------------------------

TEST_F(SecureServerTest, ACallerOverItsQuotaIsToldWhenToTryAgain) {
  AddToken("team", config::v1::ROLE_CATALOG, 0.5);
  Start();
  const auto channel = ChannelOf(WithToken({}, "team"));
  EXPECT_TRUE(Embed(channel).ok());
  const absl::Status refused = Embed(channel);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  ASSERT_TRUE(RetryAfter(refused).has_value()) << refused;
  EXPECT_LE(*RetryAfter(refused), absl::Seconds(2));
  EXPECT_EQ(probe_.calls.size(), 1u);
  EXPECT_THAT(prometheus::TextSerializer().Serialize(MetricsRegistry()->Collect()),
              HasSubstr("mannequin_rpc_refused_total{reason=\"quota\"}"));
}

TEST_F(SecureServerTest, WhatACallerSendsThroughAStreamIsReadAtItsQuota) {
  AddToken("shop", config::v1::ROLE_BACKEND, 20);
  Start();
  const auto stub = v1::AbuseScorer::NewStub(ChannelOf(WithToken({}, "shop")));
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(60));
  const absl::Time begin = SteadyNow();
  const auto stream = stub->ScoreListings(&context);
  v1::ScoreListingsResponse response;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(stream->Write({}));
    ASSERT_TRUE(stream->Read(&response));
  }
  // 19 are due at once, beside the call itself.
  EXPECT_GE(SteadyNow() - begin, absl::Milliseconds(21 * 50 - 10));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(scorer_.listings, 40);
}

TEST_F(SecureServerTest, AStreamThatWaitsForItsQuotaEndsWithItsCall) {
  AddToken("shop", config::v1::ROLE_BACKEND, 0.01);  // one call in 100 seconds
  Start();
  const auto stub = v1::AbuseScorer::NewStub(ChannelOf(WithToken({}, "shop")));
  const absl::Time begin = absl::Now();
  grpc::ClientContext context;
  const auto stream = stub->ScoreListings(&context);
  ASSERT_TRUE(stream->Write({}));
  context.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  server_.reset();  // waits for its handlers
  EXPECT_LT(absl::Now() - begin, absl::Seconds(30));
}

TEST_F(SecureServerTest, AStreamEndsOnceItsTokenIsTakenAway) {
  AddToken("shop", config::v1::ROLE_BACKEND);
  Start();
  const auto stub = v1::AbuseScorer::NewStub(ChannelOf(WithToken({}, "shop")));
  grpc::ClientContext context;
  SetDeadline(context, absl::Seconds(60));
  const auto stream = stub->ScoreListings(&context);
  v1::ScoreListingsResponse response;
  ASSERT_TRUE(stream->Write({}));
  ASSERT_TRUE(stream->Read(&response));
  std::filesystem::remove(config_.access().tokens_file());
  AddToken("other", config::v1::ROLE_BACKEND);
  while (stream->Write({}) && stream->Read(&response)) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(SecureServerTest, MessagesAndHeadersOverTheBoundsReachNoHandler) {
  config_.set_max_message_bytes(1'000);
  Start();
  const auto channel = ChannelOf({});
  v1::EmbedTextsRequest request;
  request.add_texts(std::string(2'000, 'x'));
  v1::EmbedTextsResponse response;
  grpc::ClientContext context;
  EXPECT_EQ(v1::TextEmbedder::NewStub(channel)->EmbedTexts(&context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Embed(channel, {{"x-long", std::string(100'000, 'x')}}).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(probe_.calls.empty());
}

// --- What is written down -------------------------------------------------------------------

TEST_F(SecureServerTest, EveryChangeIsAuditedWithWhoWhatAndHowItEnded) {
  MakeCertificates();
  AddToken("ana", config::v1::ROLE_OPERATOR);
  Start();
  const auto channel = ChannelOf(WithToken(Tls(), "ana"));
  EXPECT_TRUE(Promote(channel, "b-7", {{"x-request-id", "req-1"}}).ok());
  EXPECT_EQ(Promote(channel, "b-8").code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(Embed(channel).ok());  // reads: no line
  const auto lines = Audit();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["caller"], "ana");
  EXPECT_EQ(lines[0]["role"], "operator");
  EXPECT_EQ(lines[0]["service"], "test");
  EXPECT_EQ(lines[0]["method"], "mannequin.v1.GanTrainer/PromoteBundle");
  EXPECT_EQ(lines[0]["ids"], nlohmann::json({{"version", {"b-7"}}}));
  EXPECT_EQ(lines[0]["status"], "OK");
  EXPECT_EQ(lines[0]["request_id"], "req-1");
  EXPECT_THAT(lines[0]["peer"].get<std::string>(), HasSubstr("127.0.0.1"));
  EXPECT_EQ(lines[1]["ids"]["version"][0], "b-8");
  EXPECT_EQ(lines[1]["status"], "NOT_FOUND");
}

TEST_F(SecureServerTest, AChangeThatWasRefusedIsAuditedToo) {
  AddToken("shop", config::v1::ROLE_BACKEND);
  Start();
  EXPECT_EQ(Promote(ChannelOf(WithToken({}, "shop")), "b-7").code(), absl::StatusCode::kPermissionDenied);
  const auto lines = Audit();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["caller"], "shop");
  EXPECT_EQ(lines[0]["status"], "PERMISSION_DENIED");
}

TEST_F(SecureServerTest, TheAuditFileIsMadeAnewWhenItWasRotated) {
  Start();
  EXPECT_TRUE(Promote(ChannelOf({}), "b-7").ok());
  std::filesystem::rename(config_.audit_file(), config_.audit_file() + ".1");
  EXPECT_TRUE(Promote(ChannelOf({}), "b-7").ok());
  EXPECT_EQ(Audit().size(), 1u);
  const auto mode = std::filesystem::status(config_.audit_file()).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SecureServerTest, TokensAreInNoLogAndReachNoHandler) {
  config_.set_audit_file("-");
  const std::string token = AddToken("ana", config::v1::ROLE_OPERATOR);
  testing::internal::CaptureStderr();
  Start();
  EXPECT_TRUE(Promote(ChannelOf(WithToken({}, "ana")), "b-7").ok());
  EXPECT_TRUE(Embed(WithToken({}, "ana")).ok());
  EXPECT_FALSE(Embed(ChannelOf({}), {{"authorization", "Bearer " + token + "x"}}).ok());
  server_.reset();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("PromoteBundle"));
  EXPECT_THAT(said, Not(HasSubstr(token.substr(3))));
  EXPECT_THAT(said, Not(HasSubstr("secret title")));
  EXPECT_FALSE(probe_.saw_token);
}

TEST_F(SecureServerTest, IdsOfACallGoWithItToTheServicesBehind) {
  Probe behind;
  config::v1::ServerConfig any;
  any.set_listen("127.0.0.1:0");
  const auto second = Server::Start("behind", any, {&behind}).value();
  probe_.next = v1::TextEmbedder::NewStub(NewChannel(second->address()));
  Start();
  ASSERT_TRUE(Embed(ChannelOf({}), {{"x-request-id", "checkout-17"},
                                    {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                                    {"tracestate", "vendor=1"}})
                  .ok());
  ASSERT_EQ(behind.calls.size(), 1u);
  EXPECT_EQ(behind.calls[0].request_id, "checkout-17");
  EXPECT_EQ(behind.calls[0].trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(behind.calls[0].flags, "01");
  EXPECT_EQ(behind.calls[0].trace_state, "vendor=1");
  EXPECT_NE(behind.calls[0].span_id, probe_.calls[0].span_id);
}

TEST_F(SecureServerTest, IdsThatACallDoesNotBringAreMadeAndToldToTheClient) {
  Start();
  grpc::ClientContext context;
  v1::EmbedTextsResponse response;
  ASSERT_TRUE(v1::TextEmbedder::NewStub(ChannelOf({}))->EmbedTexts(&context, {}, &response).ok());
  ASSERT_EQ(probe_.calls.size(), 1u);
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find("x-request-id");
  ASSERT_NE(found, metadata.end());
  EXPECT_EQ(std::string(found->second.data(), found->second.size()), probe_.calls[0].request_id);
  EXPECT_EQ(probe_.calls[0].request_id.size(), 26u);
  EXPECT_EQ(probe_.calls[0].trace_id.size(), 32u);
}

}  // namespace
}  // namespace mannequin::rpc

// TLS, tokens and certificates with the real binaries: what an operator types.
#include <httplib.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "tests/integration/command_suite.h"
#include "tests/unit/rpc/certificates.h"

namespace mannequin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SecurityCommand : public CommandSuite {
 protected:
  SecurityCommand() : made_(folder_) {
    made_.Authority("ca");
    made_.Issue("server", "ca", "IP:127.0.0.1");
    std::ofstream(Tokens()) << "";
  }

  std::string Tokens() const { return folder_ + "/tokens.textproto"; }
  std::string TokenFile(const std::string& name) const { return absl::StrCat(folder_, "/", name, ".token"); }

  // By the command, as its help says: the token into one file, the line into the server's.
  void AddToken(const std::string& name, const std::string& role) const {
    const Ended made = Run({"--output", "json", "token", "new", "--role", role, "--name", name});
    ASSERT_EQ(made.status, 0) << made.errors;
    const nlohmann::json json = nlohmann::json::parse(made.output);
    std::ofstream(TokenFile(name)) << json["token"].get<std::string>() << "\n";
    std::ofstream(Tokens(), std::ios::app) << json["line"].get<std::string>() << "\n";
  }

  // The fields of a ServerConfig with TLS and access control.
  std::string ServerFields(const std::string& certificate) const {
    return absl::StrFormat(
        "tls_certificate_file: \"%s\" tls_key_file: \"%s\" tls_client_ca_file: \"%s\" audit_file: \"%s/audit.jsonl\"\n"
        "access { tokens_file: \"%s\" service_names: \"fetcher\" }\n",
        made_.Pem(certificate), made_.Key(certificate), made_.Pem("ca"), folder_, Tokens());
  }

  void ServeSecurely() {
    address_ = absl::StrCat("127.0.0.1:", FreePort());
    const std::string file = folder_ + "/server.textproto";
    std::ofstream(file) << "listen: \"" << address_ << "\"\n" << ServerFields("server");
    up_ = std::make_unique<Process>(
        std::vector<std::string>{Binary("mannequin"), "up", "--data", folder_ + "/data", "--server-config", file,
                                 "--admin-listen", "", "--console-listen", "", "--no-shipped-bundle"},
        folder_);
    ASSERT_TRUE(up_->WaitForOutput(address_, absl::Seconds(60))) << up_->errors();
  }

  Ended RunAs(const std::string& name, std::vector<std::string> words) const {
    words.insert(words.begin(), {"--tls-ca", made_.Pem("ca"), "--token-file", TokenFile(name)});
    return Run(words);
  }

  const rpc::Certificates made_;
};

TEST_F(SecurityCommand, ANewTokenIsAloneOnStandardOutputAndItsLineHoldsNoSecret) {
  const Ended made = Run({"token", "new", "--role", "backend", "--name", "shop"});
  EXPECT_EQ(made.status, 0);
  EXPECT_THAT(made.output, testing::MatchesRegex("mq_[A-Za-z0-9_-]+\n"));
  EXPECT_THAT(made.errors, AllOf(HasSubstr("tokens { name: \"shop\" role: ROLE_BACKEND sha256: "),
                                 Not(HasSubstr(made.output.substr(0, made.output.size() - 1)))));
  EXPECT_EQ(Run({"token", "new", "--role", "king", "--name", "shop"}).status, kUsage);
  const Ended bad = Run({"token", "new", "--role", "backend", "--name", "a b"});
  EXPECT_EQ(bad.status, kFailed);
  EXPECT_THAT(bad.errors, HasSubstr("name: \"a b\""));
}

TEST_F(SecurityCommand, UpServesWhoSaysWhoItIsAndMay) {
  AddToken("ana", "operator");
  AddToken("team", "catalog");
  ServeSecurely();
  EXPECT_EQ(RunAs("team", {"stats"}).status, 0);

  const Ended nameless = Run({"--tls-ca", made_.Pem("ca"), "stats"});
  EXPECT_EQ(nameless.status, kFailed);
  EXPECT_THAT(nameless.errors, HasSubstr("--token-file"));
  EXPECT_EQ(Run({"stats"}).status, kFailed);  // plain text

  ASSERT_TRUE(WriteFileAtomically(folder_ + "/products.jsonl", R"({"id":"A1","title":"Red boot"})").ok());
  const Ended refused = RunAs("team", {"embed", "catalog"});
  EXPECT_EQ(refused.status, kFailed);
  EXPECT_THAT(refused.errors,
              AllOf(HasSubstr("TextEmbedder/EmbedCatalog"), HasSubstr("role is catalog"), HasSubstr("for operator")));
  EXPECT_EQ(RunAs("ana", {"ingest", folder_ + "/products.jsonl"}).status, 0);
  const std::string audit = ReadFile(folder_ + "/audit.jsonl").value();
  EXPECT_THAT(audit, AllOf(HasSubstr("\"caller\":\"team\""), HasSubstr("PERMISSION_DENIED"),
                           HasSubstr("\"caller\":\"ana\""), HasSubstr("\"products.id\":[\"A1\"]")));
  EXPECT_THAT(audit, Not(HasSubstr("Red boot")));
}

TEST_F(SecurityCommand, VariablesOfTheEnvironmentDoAsTheOptions) {
  AddToken("ana", "operator");
  ServeSecurely();
  setenv("MANNEQUIN_TLS_CA", made_.Pem("ca").c_str(), 1);
  setenv("MANNEQUIN_TOKEN_FILE", TokenFile("ana").c_str(), 1);
  const Ended ended = Run({"stats"});
  unsetenv("MANNEQUIN_TLS_CA");
  unsetenv("MANNEQUIN_TOKEN_FILE");
  EXPECT_EQ(ended.status, 0) << ended.errors;
}

TEST_F(SecurityCommand, WhatCannotBeIsSaidBeforeAnythingIsSent) {
  AddToken("ana", "operator");
  address_ = "192.0.2.1:8600";
  EXPECT_THAT(Run({"--token-file", TokenFile("ana"), "stats"}).errors,
              AllOf(HasSubstr("--token-file"), HasSubstr("192.0.2.1"), HasSubstr("plain text"), HasSubstr("--tls-ca")));
  EXPECT_THAT(Run({"--tls-ca", TokenFile("ana"), "stats"}).errors, HasSubstr("tls_ca_file"));
  std::ofstream(folder_ + "/server.textproto") << "listen: \"127.0.0.1:0\" access { service_names: \"*\" }";
  const Ended console = Run({"up", "--data", folder_ + "/data", "--server-config", folder_ + "/server.textproto"});
  EXPECT_EQ(console.status, kFailed);
  EXPECT_THAT(console.errors, HasSubstr("--console-token-file"));
}

TEST_F(SecurityCommand, ReadersOfTheConsoleOfUpHaveTokensOfTheirOwn) {
  AddToken("ana", "operator");
  AddToken("team", "catalog");
  address_ = absl::StrCat("127.0.0.1:", FreePort());
  const std::string console = absl::StrCat("127.0.0.1:", FreePort()), file = folder_ + "/server.textproto";
  std::ofstream(file) << "listen: \"" << address_ << "\"\n" << ServerFields("server");
  up_ = std::make_unique<Process>(
      std::vector<std::string>{Binary("mannequin"), "up", "--data", folder_ + "/data", "--server-config", file,
                               "--admin-listen", "", "--console-listen", console, "--no-shipped-bundle"},
      folder_);
  ASSERT_TRUE(up_->WaitForOutput(address_, absl::Seconds(60))) << up_->errors();
  httplib::Client http("http://" + console);
  const auto embed = [&](const std::string& name) {
    const std::string token(absl::StripAsciiWhitespace(ReadFile(TokenFile(name)).value()));
    const httplib::Headers headers = {{"Authorization", "Bearer " + token}};
    return http.Post("/mannequin.v1.TextEmbedder/EmbedCatalog", headers, "{}", "application/json")->status;
  };
  // The calls are within the process, where no service asks who calls.
  EXPECT_EQ(embed("team"), 403);
  EXPECT_NE(embed("ana"), 403);
  EXPECT_EQ(http.Post("/mannequin.v1.ProductStore/GetStatistics", "{}", "application/json")->status, 401);
  EXPECT_THAT(ReadFile(folder_ + "/audit.jsonl").value(),
              AllOf(HasSubstr("\"caller\":\"ana\""), HasSubstr("TextEmbedder/EmbedCatalog")));
}

TEST_F(SecurityCommand, AConsoleDoesNotSendItsReadersTokensInPlainTextToAnotherMachine) {
  AddToken("ana", "operator");
  std::ofstream(folder_ + "/console.textproto")
      << "listen: \"127.0.0.1:0\" tokens_file: \"" << Tokens() << "\" scorer: \"192.0.2.1:8606\"";
  Process console({Binary("mannequin-console"), "--config", folder_ + "/console.textproto"}, folder_);
  EXPECT_EQ(console.Wait(), kFailed);
  EXPECT_THAT(console.errors(), AllOf(HasSubstr("192.0.2.1:8606"), HasSubstr("plain text"), HasSubstr("tls_ca_file")));
}

// As processes of their own: the fetcher is let in to the store by its certificate.
TEST_F(SecurityCommand, ServicesReachEachOtherByCertificatesAndPeopleByTokens) {
  AddToken("ana", "operator");
  made_.Issue("fetcher", "ca", "DNS:fetcher,IP:127.0.0.1");
  made_.Issue("laptop", "ca", "DNS:laptop,IP:127.0.0.1");
  config::v1::ClientConfig ana;
  ana.set_tls_ca_file(made_.Pem("ca"));
  ana.set_token_file(TokenFile("ana"));
  const auto start = [&](const std::string& service, const std::string& certificate, const std::string& fields) {
    const std::string address = absl::StrCat("127.0.0.1:", FreePort());
    const std::string file = absl::StrCat(folder_, "/", service, "-", certificate, ".textproto");
    std::ofstream(file) << "server { listen: \"" << address << "\"\n" << ServerFields(certificate) << "}\n" << fields;
    auto process =
        std::make_unique<Process>(std::vector<std::string>{Binary("mannequin-" + service), "--config", file}, folder_);
    EXPECT_TRUE(rpc::NewChannel(address, ana)->WaitForConnected(absl::ToChronoTime(absl::Now() + absl::Seconds(60))))
        << process->errors();
    return std::pair(address, std::move(process));
  };
  const auto client = [&](const std::string& certificate) {
    return absl::StrFormat("client { tls_ca_file: \"%s\" tls_certificate_file: \"%s\" tls_key_file: \"%s\" }\n",
                           made_.Pem("ca"), made_.Pem(certificate), made_.Key(certificate));
  };
  const auto [store, store_process] = start("store", "server", "data: \"" + folder_ + "/store\"\n");
  const auto neighbour = absl::StrCat("store: \"", store, "\"\n");
  const auto [known, known_process] = start("fetcher", "fetcher", neighbour + client("fetcher"));
  const auto [stranger, stranger_process] = start("fetcher", "laptop", neighbour + client("laptop"));

  const auto crawl = [&](const std::string& address) {
    const auto channel = rpc::NewChannel(address, ana);
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::StartCrawlResponse response;
    return rpc::FromGrpc(v1::ImageFetcher::NewStub(channel)->StartCrawl(&context, {}, &response));
  };
  EXPECT_TRUE(crawl(known).ok()) << crawl(known);
  const absl::Status refused = crawl(stranger);
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("laptop"));
  const std::string audit = ReadFile(folder_ + "/audit.jsonl").value();
  EXPECT_THAT(audit, AllOf(HasSubstr("\"service\":\"store\",\"caller\":\"fetcher\",\"role\":\"service\""),
                           HasSubstr("\"service\":\"fetcher\",\"caller\":\"ana\"")));
}

}  // namespace
}  // namespace mannequin

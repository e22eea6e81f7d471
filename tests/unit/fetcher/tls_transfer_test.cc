// TLS and HTTP/2 against a real nginx; skipped where there is none.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "gtest/gtest.h"
#include "services/fetcher/transfer.h"
#include "tests/free_port.h"

namespace mannequin {
namespace {

bool Works(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

class TlsTransferTest : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v nginx >/dev/null && command -v openssl >/dev/null") != 0) {
      GTEST_SKIP() << "nginx or openssl is not installed: TLS and HTTP/2 are not tested";
    }
    folder_ = *MakeTemporaryFolder("fetcher-tls");
    const std::string openssl = absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost -keyout ",
        folder_, "/key.pem -out ", folder_, "/ca.pem 2>/dev/null");
    ASSERT_EQ(std::system(openssl.c_str()), 0);
    std::filesystem::create_directory(folder_ + "/www");
    for (int i = 0; i < 200; ++i) std::ofstream(absl::StrCat(folder_, "/www/", i)) << "body " << i;
    http2_ = FreePort();
    do http1_ = FreePort();
    while (http1_ == http2_);
    const auto server = [&](int port, const char* protocol) {
      return absl::StrCat("server { listen 127.0.0.1:", port, " ssl", protocol, "; root ", folder_,
                          "/www; ssl_certificate ", folder_, "/ca.pem; ssl_certificate_key ", folder_, "/key.pem; }\n");
    };
    std::ofstream(folder_ + "/nginx.conf") << absl::StrCat(
        "worker_processes 1; daemon off; master_process off; pid ", folder_, "/pid; error_log ", folder_, "/error;\n",
        "events { worker_connections 512; }\nhttp { log_format c '$connection $server_protocol $uri'; access_log ",
        folder_, "/access c;\nkeepalive_requests 100000; client_body_temp_path ", folder_, "/t1; proxy_temp_path ",
        folder_, "/t2; fastcgi_temp_path ", folder_, "/t3; uwsgi_temp_path ", folder_, "/t4; scgi_temp_path ", folder_,
        "/t5;\n", server(http2_, " http2"), server(http1_, ""), "}\n");
    nginx_ = fork();
    if (nginx_ == 0) {
      const std::string configuration = folder_ + "/nginx.conf";
      const std::string log = folder_ + "/error";
      execlp("nginx", "nginx", "-p", folder_.c_str(), "-e", log.c_str(), "-c", configuration.c_str(), nullptr);
      _exit(127);
    }
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!(Works(http1_) && Works(http2_))) {
      ASSERT_LT(absl::Now(), deadline) << "nginx does not answer";
      absl::SleepFor(absl::Milliseconds(5));
    }
    filter_ = *AddressFilter::Create(
        {absl::StrCat("127.0.0.1/32:", http1_), absl::StrCat("127.0.0.1/32:", http2_), "::1/128"});
  }
  void TearDown() override {
    if (nginx_ > 0) {
      kill(nginx_, SIGQUIT);
      waitpid(nginx_, nullptr, 0);
    }
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  TransferOptions Trusting() {
    TransferOptions options;
    options.certificate_authorities = folder_ + "/ca.pem";
    return options;
  }
  static std::future<TransferResult> Begin(TransferEngine& engine, const std::string& url) {
    auto promise = std::make_shared<std::promise<TransferResult>>();
    std::vector<TransferRequest> requests(1);
    requests[0].url = url;
    requests[0].done = [promise](TransferResult result) { promise->set_value(std::move(result)); };
    engine.Submit(std::move(requests));
    return promise->get_future();
  }
  // All 200 files by `options`; how many connections they took, and by which protocol.
  std::pair<std::size_t, std::string> FetchAll(int port, const TransferOptions& options) {
    TransferEngine engine(filter_, options);
    std::vector<std::future<TransferResult>> results;
    for (int i = 0; i < 200; ++i) {
      results.push_back(Begin(engine, absl::StrCat("https://localhost:", port, "/", i)));
    }
    for (int i = 0; i < 200; ++i) {
      const TransferResult result = results[i].get();
      EXPECT_EQ(result.message, "");
      EXPECT_EQ(result.body, absl::StrCat("body ", i));
    }
    std::set<std::string> connections;
    std::string protocol;
    // The log is written when a request is through, a moment after we have it.
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    for (int lines = 0; lines < 201 && absl::Now() < deadline;) {
      std::ifstream log(folder_ + "/access");
      lines = 0;
      for (std::string line; std::getline(log, line); ++lines) {
        const std::vector<std::string> fields = absl::StrSplit(line, ' ');
        connections.insert(fields[0]);
        protocol = fields[1];
      }
    }
    return {connections.size(), protocol};
  }

  std::string folder_;
  int http1_ = 0;
  int http2_ = 0;
  pid_t nginx_ = -1;
  AddressFilter filter_;
};

TEST_F(TlsTransferTest, HttpTwoIsMultiplexedOverOneConnection) {
  const auto [connections, protocol] = FetchAll(http2_, Trusting());
  EXPECT_EQ(protocol, "HTTP/2.0");
  EXPECT_LE(connections, 2u);
}

TEST_F(TlsTransferTest, StreamsCountForTheLimitOfAHost) {
  TransferOptions options = Trusting();
  options.host_rules.push_back({"localhost", 3, -1, false});
  TransferEngine engine(filter_, options);
  std::vector<std::future<TransferResult>> results;
  for (int i = 0; i < 200; ++i) {
    results.push_back(Begin(engine, absl::StrCat("https://localhost:", http2_, "/", i)));
  }
  for (auto& result : results) {
    // The loop takes a slot before it looks whose turn it is, and gives it back.
    EXPECT_LE(engine.running(), 3 + 1);
    EXPECT_EQ(result.get().message, "");
  }
}

TEST_F(TlsTransferTest, WithoutHttpTwoConnectionsAreUsedAgain) {
  TransferOptions options = Trusting();
  options.host_rules.push_back({"localhost", 8, -1, false});
  const auto [connections, protocol] = FetchAll(http1_, options);
  EXPECT_EQ(protocol, "HTTP/1.1");
  EXPECT_LE(connections, 8u);
}

TEST_F(TlsTransferTest, ACertificateOfNobodyIsRefused) {
  TransferEngine engine(filter_, {});
  const TransferResult result = Begin(engine, absl::StrCat("https://localhost:", http1_, "/1")).get();
  EXPECT_EQ(result.failure, v1::FETCH_FAILURE_TLS) << result.message;
  EXPECT_EQ(result.retry, Retry::kNever);
  EXPECT_FALSE(result.sent);
}

TEST_F(TlsTransferTest, ACertificateOfAnotherNameIsRefused) {
  TransferEngine engine(filter_, Trusting());
  const TransferResult result = Begin(engine, absl::StrCat("https://127.0.0.1:", http1_, "/1")).get();
  EXPECT_EQ(result.failure, v1::FETCH_FAILURE_TLS) << result.message;
}

}  // namespace
}  // namespace mannequin

#include "services/mannequin/origin/origin.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "common/base/file.h"

namespace mannequin {
namespace {

class OriginTest : public testing::Test {
 protected:
  OriginTest() : root_(*MakeTemporaryFolder("origin")), folder_(root_ + "/images") {
    std::filesystem::create_directories(folder_ + "/more");
    Write(folder_ + "/a.jpg", std::string("\xff\xd8\xff\0picture", 11));
    Write(folder_ + "/more/b.png", "png");
    Write(folder_ + "/page.jpg", "<html></html>");
    Write(folder_ + "/empty.jpg", "");
    Write(folder_ + "/.hidden", "hidden");
    Write(root_ + "/secret.txt", "secret");
    origin_ = Origin::Start(folder_, 0).value();
  }
  ~OriginTest() override {
    origin_.reset();
    std::filesystem::remove_all(root_);
  }

  static void Write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  httplib::Client Client() const { return httplib::Client("127.0.0.1", origin_->port()); }

  const std::string root_;
  const std::string folder_;
  std::unique_ptr<Origin> origin_;
};

TEST_F(OriginTest, ServesFilesAsTheyAre) {
  httplib::Client client = Client();
  httplib::Result result = client.Get("/a.jpg");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->body, std::string("\xff\xd8\xff\0picture", 11));
  EXPECT_EQ(result->get_header_value("Content-Type"), "image/jpeg");
  EXPECT_EQ(client.Get("/more/b.png")->get_header_value("Content-Type"), "image/png");
  EXPECT_EQ(client.Get("/page.jpg")->get_header_value("Content-Type"), "text/html");
  result = client.Get("/empty.jpg");
  EXPECT_EQ(result->status, 200);
  EXPECT_TRUE(result->body.empty());
  EXPECT_EQ(origin_->address(), "127.0.0.1:" + std::to_string(origin_->port()));
}

TEST_F(OriginTest, ServesAFileThatCameLater) {
  httplib::Client client = Client();
  EXPECT_EQ(client.Get("/late.jpg")->status, 404);
  Write(folder_ + "/late.jpg", "late");
  EXPECT_EQ(client.Get("/late.jpg")->body, "late");
}

TEST_F(OriginTest, RefusesTraversalHiddenFilesAndFolders) {
  httplib::Client client = Client();
  client.set_url_encode(false);
  for (const char* path :
       {"/../secret.txt", "/%2e%2e/secret.txt", "/more/../../secret.txt", "/..%2fsecret.txt", "//secret.txt",
        "/.hidden", "/more", "/", "/more/", "/./a.jpg", "/a.jpg%00.png", "/missing.jpg"}) {
    httplib::Result result = client.Get(path);
    ASSERT_TRUE(result) << path;
    EXPECT_EQ(result->status, 404) << path;
    EXPECT_EQ(result->body.find("secret"), std::string::npos) << path;
  }
}

TEST_F(OriginTest, AnswersOnManyConnectionsThatStayOpen) {
  // Every connection asks once before any asks again: a pool smaller than their number
  // would stand still here.
  constexpr int kConnections = 200;
  std::vector<std::unique_ptr<httplib::Client>> clients;
  for (int i = 0; i < kConnections; ++i) {
    clients.push_back(std::make_unique<httplib::Client>("127.0.0.1", origin_->port()));
    clients.back()->set_keep_alive(true);
  }
  for (int round = 0; round < 3; ++round) {
    for (std::unique_ptr<httplib::Client>& client : clients) {
      httplib::Result result = client->Get("/a.jpg");
      ASSERT_TRUE(result) << httplib::to_string(result.error());
      EXPECT_EQ(result->status, 200);
    }
  }
}

TEST_F(OriginTest, StopsAndFreesItsPort) {
  const int port = origin_->port();
  EXPECT_EQ(Origin::Start(folder_, port).status().code(), absl::StatusCode::kUnavailable);
  origin_.reset();
  EXPECT_FALSE(httplib::Client("127.0.0.1", port).Get("/a.jpg"));
  absl::StatusOr<std::unique_ptr<Origin>> again = Origin::Start(folder_, port);
  EXPECT_TRUE(again.ok()) << again.status();
}

TEST_F(OriginTest, NeedsAFolder) {
  EXPECT_EQ(Origin::Start(folder_ + "/nothing", 0).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace mannequin

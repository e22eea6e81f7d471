// The crawl as a person steers it from the command line.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/store/remote_store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/integration/pictures.h"
#include "tests/integration/process.h"
#include "tests/origin/crawl_origin.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kPictures = 60;

class CrawlCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    InitImages();
    folder_ = MakeTemporaryFolder("crawl-command").value();
    WritePictures(folder_ + "/pictures", kPictures);
    address_ = absl::StrCat("127.0.0.1:", FreePort());
    up_ = std::make_unique<Process>(
        std::vector<std::string>{Binary("mannequin"), "up", "--data", folder_ + "/data", "--listen", address_,
                                 "--admin-listen", "", "--console-listen", "", "--allow-address", "127.0.0.1/32"},
        folder_);
    ASSERT_TRUE(up_->WaitForOutput(address_, absl::Seconds(60))) << up_->errors();
  }
  void TearDown() override {
    up_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Serve(CrawlOriginOptions options) {
    origin_.reset();
    origin_ = CrawlOrigin::Start(folder_ + "/pictures", options).value();
  }
  void AddProducts() const {
    v1::UpsertProductsRequest request;
    for (int i = 0; i < kPictures; ++i) {
      v1::Product& product = *request.add_products();
      product.set_id(PictureName(i));
      product.set_image_url(origin_->Url(absl::StrCat("/", PictureName(i))));
    }
    ASSERT_TRUE(NewRemoteStore(rpc::NewChannel(address_))->UpsertProducts(request).ok());
  }

  struct Ended {
    int status;
    std::string output;
    std::string errors;
  };
  Ended Crawl(std::vector<std::string> words) const {
    words.insert(words.begin(), {Binary("mannequin"), "crawl", "--server", address_});
    Process process(words, folder_);
    const int status = process.Wait();
    return {status, process.output(), process.errors()};
  }
  nlohmann::json Json(std::vector<std::string> words) const {
    words.insert(words.end(), {"--output", "json"});
    const Ended ended = Crawl(words);
    EXPECT_EQ(ended.status, 0) << ended.errors;
    return nlohmann::json::parse(ended.output, nullptr, false);
  }

  std::string folder_;
  std::string address_;
  std::unique_ptr<Process> up_;
  std::unique_ptr<CrawlOrigin> origin_;
};

TEST_F(CrawlCommand, PausesResumesAndReports) {
  CrawlOriginOptions slow;
  slow.latency = absl::Milliseconds(200);
  Serve(slow);
  AddProducts();
  Ended ended = Crawl({"--detach", "--connections", "2"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const std::string job = ended.output.substr(0, ended.output.find('\n'));
  EXPECT_THAT(job, HasSubstr("job-"));

  ended = Crawl({"pause"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr(job));
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (Json({"report", job})["state"] != "paused" && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(Json({"report"})["state"], "paused");
  const std::size_t asked = origin_->Targets().size();
  EXPECT_LT(asked, std::size_t{kPictures});
  EXPECT_THAT(Crawl({"list"}).output, HasSubstr("paused"));

  ASSERT_EQ(Crawl({"resume"}).status, 0);
  ended = Crawl({"watch"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("stored"));
  EXPECT_EQ(Json({"report", job})["stored"], kPictures);
  ended = Crawl({"pause", job});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("has ended already"));
  ended = Crawl({"resume"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("no crawl is under way"));
}

TEST_F(CrawlCommand, RefreshesByETagAndRefusesAnAgeThatIsNone) {
  CrawlOriginOptions options;
  options.etag = true;
  Serve(options);
  AddProducts();
  EXPECT_EQ(Json({})["stored"], kPictures);
  EXPECT_EQ(Json({"--refresh", "1d"})["not_modified"], 0) << "none is so old";
  const nlohmann::json again = Json({"--refresh", "0"});
  EXPECT_EQ(again["not_modified"], kPictures);
  EXPECT_EQ(again["stored"], 0);
  EXPECT_EQ(origin_->Counts().statuses.at(304), kPictures);
  const Ended ended = Crawl({"--refresh", "soon"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("\"soon\" is no age; give one such as 30d"));
}

TEST_F(CrawlCommand, SaysLoudlyWhenLittleCouldBeHadAndTriesAgainOnRequest) {
  CrawlOriginOptions options;
  options.faults.missing = 0.5;
  Serve(options);
  AddProducts();
  const Ended ended = Crawl({});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("not_found"));
  EXPECT_THAT(ended.errors, HasSubstr("WARNING: only"));
  EXPECT_THAT(ended.errors, HasSubstr("ingest a newer one"));

  options.port = origin_->port();
  options.faults.missing = 0;
  Serve(options);
  const nlohmann::json again = Json({"--retry-failed", "not_found"});
  EXPECT_GT(again["stored"], 10);
  EXPECT_EQ(again["failed"].size(), 0u);
  EXPECT_EQ(again["warning"], "");
}

TEST_F(CrawlCommand, KeepsToRobotsTxt) {
  CrawlOriginOptions options;
  options.robots = "User-agent: mannequin\nDisallow: /0000\n";
  Serve(options);
  AddProducts();
  const nlohmann::json report = Json({});
  EXPECT_EQ(report["failed"]["robots"], 10) << "00000.jpg to 00009.jpg";
  EXPECT_EQ(report["stored"], kPictures - 10);
  EXPECT_EQ(origin_->Counts().requests, kPictures - 10);
  EXPECT_EQ(origin_->Counts().robots, 1);
}

}  // namespace
}  // namespace mannequin

// The crawl as a person steers it from the command line.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/integration/crawl_suite.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

constexpr int kPictures = 60;

class CrawlCommand : public CrawlSuite {
 protected:
  CrawlCommand() : CrawlSuite(kPictures) {}

  struct Ended {
    int status;
    std::string output;
    std::string errors;
  };
  Ended Run(std::vector<std::string> words) const {
    const std::unique_ptr<Process> process = Crawl(std::move(words));
    const int status = process->Wait();
    return {status, process->output(), process->errors()};
  }
  nlohmann::json Json(std::vector<std::string> words) const {
    words.insert(words.end(), {"--output", "json"});
    const Ended ended = Run(words);
    EXPECT_EQ(ended.status, 0) << ended.errors;
    return nlohmann::json::parse(ended.output, nullptr, false);
  }
};

TEST_F(CrawlCommand, PausesResumesAndReports) {
  CrawlOriginOptions slow;
  slow.latency = absl::Milliseconds(200);
  Serve(slow);
  AddProducts();
  Ended ended = Run({"--detach", "--connections", "2"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const std::string job = ended.output.substr(0, ended.output.find('\n'));
  EXPECT_THAT(job, HasSubstr("job-"));

  ended = Run({"pause"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr(job));
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (Json({"report", job})["state"] != "paused" && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(Json({"report"})["state"], "paused");
  const std::size_t asked = origin_->Targets().size();
  EXPECT_LT(asked, std::size_t{kPictures});
  EXPECT_THAT(Run({"list"}).output, HasSubstr("paused"));

  ASSERT_EQ(Run({"resume"}).status, 0);
  ended = Run({"watch"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("stored"));
  EXPECT_EQ(Json({"report", job})["stored"], kPictures);
  ended = Run({"pause", job});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("has ended already"));
  ended = Run({"resume"});
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
  const Ended ended = Run({"--refresh", "soon"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.errors, HasSubstr("\"soon\" is no age; give one such as 30d"));
}

TEST_F(CrawlCommand, SaysLoudlyWhenLittleCouldBeHadAndTriesAgainOnRequest) {
  CrawlOriginOptions options;
  options.faults.missing = 0.5;
  Serve(options);
  AddProducts();
  const Ended ended = Run({});
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

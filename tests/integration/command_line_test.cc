// The command line as a person meets it: exit status, messages that say what to do.
#include <signal.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/terminal.h"
#include "tests/integration/process.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

constexpr int kFailed = 1;
constexpr int kUsage = 2;

class CommandLine : public ::testing::Test {
 protected:
  void SetUp() override { folder_ = MakeTemporaryFolder("command-line").value(); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  struct Ended {
    int status;
    std::string output;
    std::string errors;
  };
  Ended Run(std::vector<std::string> words) const {
    words.insert(words.begin(), Binary("mannequin"));
    Process process(words, folder_);
    const int status = process.Wait();
    return {status, process.output(), process.errors()};
  }

  std::vector<std::string> UpCommand(const std::string& address) const {
    return {Binary("mannequin"), "up", "--no-shipped-bundle", "--data", folder_ + "/data", "--listen", address,
            "--admin-listen",    "",   "--console-listen",    ""};
  }

  std::string folder_;
};

TEST_F(CommandLine, SaysUsageWithStatusTwo) {
  EXPECT_EQ(Run({}).status, kUsage);
  EXPECT_EQ(Run({"frobnicate"}).status, kUsage);
  EXPECT_EQ(Run({"ingest"}).status, kUsage);
  EXPECT_EQ(Run({"score"}).status, kUsage);
  EXPECT_EQ(Run({"--help"}).status, 0);
  EXPECT_THAT(Run({"ingest", "--help"}).output, HasSubstr("mannequin ingest metadata.json.gz"));
}

TEST_F(CommandLine, NamesTheNextStepWhenNobodyServes) {
  const Ended ended = Run({"--server", absl::StrCat("127.0.0.1:", FreePort()), "models", "list"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("mannequin up"));
}

TEST_F(CommandLine, ServesIngestsAndRefusesBadInputClearly) {
  const std::string address = absl::StrCat("127.0.0.1:", FreePort());
  Process up(UpCommand(address), folder_);
  ASSERT_TRUE(up.WaitForOutput(address, absl::Seconds(60))) << up.errors();

  ASSERT_TRUE(WriteFileAtomically(folder_ + "/products.json",
                                  "{'asin': 'A1', 'title': 'Red boot', 'categories': [['Shoes', 'Boot']]}\n"
                                  "{'asin': broken\n"
                                  "{'asin': 'A1', 'title': 'Blue boot', 'categories': [['Shoes', 'Boot']]}\n")
                  .ok());
  Ended ended = Run({"--server", address, "--output", "json", "ingest", folder_ + "/products.json"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const nlohmann::json report = nlohmann::json::parse(ended.output);
  EXPECT_EQ(report["format"], "snap");
  EXPECT_EQ(report["read"], 3);
  EXPECT_EQ(report["rejected"], 1);
  EXPECT_EQ(report["duplicates"], 1);
  for (const char* key : {"accepted", "seconds", "products_per_second", "peak_rss_bytes"})
    EXPECT_TRUE(report.contains(key)) << key;

  ended = Run({"--server", address, "--output", "json", "stats"});
  EXPECT_EQ(nlohmann::json::parse(ended.output)["products"], "1");

  ended = Run({"--server", address, "ingest", folder_ + "/nothing.json.gz"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("nothing.json.gz"));

  ended = Run({"--server", address, "generate", "--title", "Red boot", "--category", "Boot"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("train"));  // no bundle yet: says what to do

  // The same folder, the same port.
  ended =
      Run({"up", "--data", folder_ + "/data", "--listen", "127.0.0.1:0", "--admin-listen", "", "--console-listen", ""});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr(absl::StrCat(up.pid())));
  ended = Run({"up", "--data", folder_ + "/other", "--listen", address, "--admin-listen", "", "--console-listen", ""});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr(address.substr(address.find(':') + 1)));

  up.Signal(SIGTERM);
  EXPECT_EQ(up.Wait(), 0) << up.errors();
}

TEST_F(CommandLine, BacksUpRestoresAndChecks) {
  const std::string address = absl::StrCat("127.0.0.1:", FreePort());
  std::vector<std::string> command = UpCommand(address);
  command.insert(command.end(), {"--backup-folder", folder_ + "/scheduled", "--backup-every", "60"});
  Process up(command, folder_);
  ASSERT_TRUE(up.WaitForOutput(address, absl::Seconds(60))) << up.errors();
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/products.json",
                                  "{'asin': 'A1', 'title': 'Red boot', 'categories': [['Shoes', 'Boot']]}\n")
                  .ok());
  ASSERT_EQ(Run({"--server", address, "ingest", folder_ + "/products.json"}).status, 0);
  Ended ended = Run({"--server", address, "--output", "json", "backup", folder_ + "/backups", "--keep", "2"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_EQ(nlohmann::json::parse(ended.output)["backup_id"], "1");
  ended = Run({"--server", address, "--output", "json", "doctor"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_EQ(nlohmann::json::parse(ended.output)["faults_found"], 0);
  ended = Run({"doctor", "--data", folder_ + "/data"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("in use by process"));
  up.Signal(SIGTERM);
  EXPECT_EQ(up.Wait(), 0) << up.errors();

  ended = Run({"--output", "json", "restore", folder_ + "/backups", "--list"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  EXPECT_EQ(nlohmann::json::parse(ended.output).size(), 1u);
  EXPECT_EQ(Run({"restore", folder_ + "/scheduled", "--list"}).status, 0);
  EXPECT_EQ(Run({"restore", folder_ + "/nothing", "--data", folder_ + "/new"}).status, kFailed);
  ASSERT_EQ(Run({"restore", folder_ + "/backups", "--data", folder_ + "/new"}).status, 0);
  EXPECT_EQ(Run({"doctor", "--data", folder_ + "/new"}).status, 0);
  ended = Run({"restore", folder_ + "/backups", "--data", folder_ + "/new"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("is not empty"));
  EXPECT_EQ(Run({"doctor", "--data", folder_ + "/nothing"}).status, kFailed);
  EXPECT_NE(Run({"restore", folder_ + "/backups"}).status, 0);
  EXPECT_NE(Run({"restore", folder_ + "/backups", "--data", folder_ + "/a", "--store-data", folder_ + "/b"}).status, 0);
  ASSERT_EQ(Run({"restore", folder_ + "/backups", "--store-data", folder_ + "/alone"}).status, 0);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/alone/CURRENT"));
  EXPECT_EQ(Run({"doctor", "--data", folder_ + "/alone"}).status, 0);

  // A damaged store says which file and what to do.
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/new/store/CURRENT", "nonsense\n").ok());
  ended = Run({"doctor", "--data", folder_ + "/new"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("restore the latest backup"));
}

TEST_F(CommandLine, DemoLeavesItsPicturesAndNothingElse) {
  // However it ends: fifty products are too few to train a GAN on.
  Process demo(
      {"/usr/bin/env", "TMPDIR=" + folder_, Binary("mannequin"), "demo", "--products", "50", "--train-seconds", "1",
       "--listen", absl::StrCat("127.0.0.1:", FreePort()), "--admin-listen", "", "--console-listen", "", "--exit"},
      folder_);
  demo.Wait();
  int folders = 0;
  for (const auto& folder : std::filesystem::directory_iterator(folder_)) {
    if (folder.path().filename().string().rfind("mannequin-demo-", 0) != 0) continue;
    ++folders;
    for (const auto& left : std::filesystem::directory_iterator(folder)) EXPECT_EQ(left.path().filename(), "pictures");
  }
  EXPECT_EQ(folders, 1) << demo.errors();
}

TEST_F(CommandLine, RefusesADataFolderThatCannotBeWritten) {
  const Ended ended = Run({"up", "--data", "/proc/mannequin", "--listen", "127.0.0.1:0"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("/proc/mannequin"));
}

TEST(Terminal, CountsInThousandsAndAlignsWideText) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(-1234567), "-1,234,567");
  EXPECT_EQ(HumanBytes(1'500'000), "1.5 MB");
  EXPECT_EQ(HumanSeconds(125), "2 min 5 s");
  EXPECT_EQ(FormatTable({"a", "n"}, {{"특가", "1"}, {"x", "23"}}, {false, true}),
            "  a      n\n  특가   1\n  x     23\n");
}

}  // namespace
}  // namespace mannequin

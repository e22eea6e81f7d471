// doctor finds what is wrong with an installation and says what to do.
#include <netinet/in.h>
#include <sys/socket.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/mannequin/installation.h"
#include "tests/integration/command_suite.h"

namespace mannequin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class DoctorCommand : public CommandSuite {
 protected:
  static nlohmann::json Check(const Ended& ended, const std::string& what) {
    const nlohmann::json report = nlohmann::json::parse(ended.output, nullptr, false);
    for (const nlohmann::json& check : report["checks"]) {
      if (check["what"] == what) return check;
    }
    ADD_FAILURE() << what << " was not looked at: " << ended.output << ended.errors;
    return {};
  }
  Ended RunBare(std::vector<std::string> words) const {
    Process process(words, folder_);
    const int status = process.Wait();
    return {status, process.output(), process.errors()};
  }
};

TEST_F(DoctorCommand, WithoutAServerLooksAtTheMachineAndSaysWhatItDidNotLookAt) {
  // Nobody serves at the default address of a test machine, or somebody does: both are fine.
  const Ended ended = RunBare({Binary("mannequin"), "--output", "json", "doctor"});
  EXPECT_EQ(ended.status, 0) << ended.output << ended.errors;
  EXPECT_THAT(Check(ended, "LibTorch")["found"].get<std::string>(), HasSubstr("libtorch_cpu.so"));
  EXPECT_EQ(Check(ended, "fonts")["state"], "ok");
  EXPECT_THAT(Check(ended, "processor")["found"].get<std::string>(), HasSubstr("core"));
}

TEST_F(DoctorCommand, AServerThatWasNamedAndDoesNotAnswerIsAFault) {
  const Ended ended = Run({"--output", "json", "doctor"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.errors, HasSubstr("mannequin up"));
  EXPECT_EQ(Check(ended, address_)["state"], "fault");
}

TEST_F(DoctorCommand, SaysHowToGetMoreDescriptorsAndFonts) {
  Ended ended = RunBare(
      {"/bin/bash", "-c",
       absl::StrCat("ulimit -n 300; exec ", Binary("mannequin"), " --output json doctor --data ", folder_, "/none")});
  EXPECT_EQ(Check(ended, "descriptors")["state"], "note");
  EXPECT_THAT(Check(ended, "descriptors")["advice"].get<std::string>(), HasSubstr("ulimit -n"));
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/fonts.conf", "<fontconfig><dir>/nowhere</dir></fontconfig>").ok());
  ended = RunBare({"/usr/bin/env", absl::StrCat("FONTCONFIG_FILE=", folder_, "/fonts.conf"), Binary("mannequin"),
                   "--output", "json", "doctor"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_EQ(Check(ended, "fonts")["state"], "fault");
  EXPECT_THAT(Check(ended, "fonts")["advice"].get<std::string>(), HasSubstr("install fonts-dejavu-core"));
}

TEST_F(DoctorCommand, ReadsEveryBundleAndNamesTheDamagedFileAndACurrentThatIsNotThere) {
  const std::string bundles = folder_ + "/data/bundles";
  ASSERT_EQ(Run({"models", "install", bundles}).status, 0);
  shipped_bundle_ = true;
  Serve();
  Ended ended = Run({"--output", "json", "doctor"});
  EXPECT_EQ(ended.status, 0) << ended.errors << ended.output;
  std::string version = ReadFile(bundles + "/CURRENT").value();
  version.pop_back();
  EXPECT_EQ(Check(ended, version + ", current")["state"], "ok");
  up_->Signal(SIGTERM);
  ASSERT_EQ(up_->Wait(), 0);

  ended = Run({"--output", "json", "doctor", "--data", folder_ + "/data"});
  EXPECT_EQ(ended.status, 0) << ended.errors << ended.output;
  EXPECT_THAT(Check(ended, version + ", current")["found"].get<std::string>(), HasSubstr("checksums are right"));

  const std::string file = absl::StrCat(bundles, "/", version, "/generator.safetensors");
  std::string bytes = ReadFile(file).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(WriteFileAtomically(file, bytes).ok());
  ended = Run({"--output", "json", "doctor", "--data", folder_ + "/data"});
  EXPECT_EQ(ended.status, kFailed);
  const nlohmann::json damaged = Check(ended, version + ", current");
  EXPECT_EQ(damaged["state"], "fault");
  EXPECT_THAT(damaged["found"].get<std::string>(), HasSubstr("generator.safetensors"));
  EXPECT_THAT(damaged["advice"].get<std::string>(), HasSubstr("mannequin models promote"));

  std::filesystem::remove_all(absl::StrCat(bundles, "/", version));
  ended = Run({"doctor", "--data", folder_ + "/data"});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.output, AllOf(HasSubstr("fault"), HasSubstr("CURRENT"), HasSubstr("which is not there")));
}

TEST(Installation, APortInUseAndAFullDiskAreNamed) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  const std::string in_use = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  EXPECT_EQ(LookAtPort("services", in_use).health, Health::kNote);
  close(fd);
  EXPECT_EQ(LookAtPort("services", in_use).health, Health::kGood);
  EXPECT_EQ(LookAtPort("services", "nowhere:1").health, Health::kFault);

  InstallationNeeds all;
  all.free_bytes = INT64_MAX;
  EXPECT_EQ(LookAtDisk("data", "/tmp/is/not/there", all).health, Health::kFault);
  EXPECT_EQ(LookAtDisk("data", "/tmp/is/not/there", {.descriptors = 1, .free_bytes = 1}).health, Health::kGood);
  EXPECT_EQ(LookAtDisk("data", "/proc/nothing").health, Health::kFault);
}

}  // namespace
}  // namespace mannequin

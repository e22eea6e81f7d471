#include "common/rpc/service_main.h"

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "gtest/gtest.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin::rpc {
namespace {

class ServiceMainTest : public testing::Test {
 protected:
  ServiceMainTest() : folder_(*MakeTemporaryFolder("service-main")), file_(folder_ + "/trainer.textproto") {}
  ~ServiceMainTest() override { std::filesystem::remove_all(folder_); }

  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "mannequin-trainer");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    return ServiceMain(static_cast<int>(argv.size()), argv.data(), {"trainer", "Trains.", {"store"}}, &config_, [this] {
      ++served_;
      return result_;
    });
  }

  const std::string folder_, file_;
  config::v1::TrainerConfig config_;
  absl::Status result_;
  int served_ = 0;
};

TEST_F(ServiceMainTest, FlagsGoOverTheFile) {
  ASSERT_TRUE(WriteFileAtomically(file_, "store: \"a:1\" work: \"/w\" server { listen: \"b:2\" drain_ms: 5 }").ok());
  EXPECT_EQ(Run({"--config", file_, "--store", "c:3", "--admin-listen", "d:4"}), 0);
  EXPECT_EQ(served_, 1);
  EXPECT_EQ(config_.store(), "c:3");
  EXPECT_EQ(config_.work(), "/w");
  EXPECT_EQ(config_.server().listen(), "b:2");
  EXPECT_EQ(config_.server().admin_listen(), "d:4");
  EXPECT_EQ(config_.server().drain_ms(), 5);
}

TEST_F(ServiceMainTest, MissingOrUnknownConfigurationFailsBeforeServing) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(Run({}), 1);
  EXPECT_EQ(Run({"--config", folder_ + "/none"}), 1);
  ASSERT_TRUE(WriteFileAtomically(file_, "stoer: \"a:1\"").ok());
  EXPECT_EQ(Run({"--config", file_}), 1);
  EXPECT_EQ(Run({"--colour", "red"}), 2);
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("store: empty; give it in the --config file or as --store"), std::string::npos) << said;
  EXPECT_NE(said.find("stoer"), std::string::npos) << said;
  EXPECT_EQ(served_, 0);
}

TEST_F(ServiceMainTest, AFailureOfServingIsTheExitStatus) {
  result_ = absl::AlreadyExistsError("port taken");
  EXPECT_EQ(Run({"--store", "a:1"}), 1);
  EXPECT_EQ(served_, 1);
}

}  // namespace
}  // namespace mannequin::rpc

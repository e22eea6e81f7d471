// The command line as a person meets it: the binary, against an `up` of its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "gtest/gtest.h"
#include "tests/integration/process.h"

namespace mannequin {

// Exit status of the command line.
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;

class CommandSuite : public ::testing::Test {
 protected:
  CommandSuite() : folder_(MakeTemporaryFolder("command").value()) {}
  ~CommandSuite() override {
    up_.reset();
    std::filesystem::remove_all(folder_);
  }
  // Over folder_/data. Before it there is no server.
  void Serve() {
    address_ = absl::StrCat("127.0.0.1:", FreePort());
    std::vector<std::string> up = {Binary("mannequin"), "up",     "--data",         folder_ + "/data",
                                   "--listen",          address_, "--admin-listen", "",
                                   "--console-listen",  ""};
    if (!shipped_bundle_) up.push_back("--no-shipped-bundle");
    up_ = std::make_unique<Process>(up, folder_);
    ASSERT_TRUE(up_->WaitForOutput(address_, absl::Seconds(60))) << up_->errors();
  }

  struct Ended {
    int status;
    std::string output;
    std::string errors;
  };
  std::vector<std::string> Command(std::vector<std::string> words) const {
    words.insert(words.begin(), {Binary("mannequin"), "--server", address_});
    return words;
  }
  Ended Run(const std::vector<std::string>& words) const {
    Process process(Command(words), folder_);
    const int status = process.Wait();
    return {status, process.output(), process.errors()};
  }

  const std::string folder_;
  std::string address_ = "127.0.0.1:1";
  bool shipped_bundle_ = false;  // what `up` begins with
  std::unique_ptr<Process> up_;
};

}  // namespace mannequin

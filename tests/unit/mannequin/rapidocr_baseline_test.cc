#include "services/mannequin/score_eval/rapidocr_baseline.h"

#include <filesystem>

#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

class RapidOcrBaseline : public testing::Test {
 protected:
  RapidOcrBaseline() : folder_(MakeTemporaryFolder("rapidocr").value()) {}
  ~RapidOcrBaseline() override { std::filesystem::remove_all(folder_); }
  const std::string folder_;
};

TEST_F(RapidOcrBaseline, APythonWithoutThePackageIsToldWhatToInstall) {
  for (const char* python : {"false", "there-is-no-such-python"}) {
    const auto baseline = ReadByRapidOcr(python, folder_);
    EXPECT_EQ(baseline.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(baseline.status().message()), HasSubstr("pip install rapidocr-onnxruntime"));
  }
}

TEST_F(RapidOcrBaseline, WhatIsNoFigureIsAnErrorAndNotAZero) {
  // `echo` prints the script's path.
  const auto baseline = ReadByRapidOcr("echo", folder_);
  EXPECT_EQ(baseline.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(baseline.status().message()), HasSubstr("overlay_rapidocr.py"));
}

}  // namespace
}  // namespace mannequin

#include "services/trainer/curve.h"

#include <filesystem>

#include "common/base/file.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

class CurveTest : public testing::Test {
 protected:
  CurveTest() : folder_(*MakeTemporaryFolder("curve")), path_(folder_ + "/curve.pb") {}
  ~CurveTest() override { std::filesystem::remove_all(folder_); }

  void Add(std::int64_t from, std::int64_t to) {
    const auto writer = CurveWriter::Open(path_, from);
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (std::int64_t step = from + 1; step <= to; ++step) {
      v1::TrainingPoint point;
      point.set_step(step);
      point.set_loss_generator(1.0 / static_cast<double>(step));
      ASSERT_TRUE((*writer)->Add(point).ok());
    }
  }
  std::string Steps(std::size_t max = 1000) const {
    std::string text;
    for (const v1::TrainingPoint& point : *ReadCurve(path_, max)) text += std::to_string(point.step()) + " ";
    return text;
  }

  const std::string folder_, path_;
};

TEST_F(CurveTest, PointsBehindTheCheckpointAreCut) {
  EXPECT_EQ(ReadCurve(path_, 10).status().code(), absl::StatusCode::kNotFound);
  Add(0, 5);
  EXPECT_EQ(Steps(), "1 2 3 4 5 ");
  EXPECT_EQ((*ReadCurve(path_, 10))[2].loss_generator(), 1.0 / 3);
  Add(3, 6);
  EXPECT_EQ(Steps(), "1 2 3 4 5 6 ");
  Add(0, 1);
  EXPECT_EQ(Steps(), "1 ");
}

TEST_F(CurveTest, WhatACrashLeftOfAPointIsPassedOverAndCut) {
  Add(0, 3);
  const std::string whole = *ReadFile(path_);
  ASSERT_TRUE(WriteFileAtomically(path_, whole.substr(0, whole.size() - 4)).ok());
  EXPECT_EQ(Steps(), "1 2 ");
  Add(3, 4);
  EXPECT_EQ(Steps(), "1 2 4 ");
}

TEST_F(CurveTest, IsThinnedEvenlyAndEndsWithItsLastPoint) {
  Add(0, 10);
  EXPECT_EQ(Steps(5), "2 4 6 8 10 ");
  EXPECT_EQ(Steps(1), "10 ");
}

}  // namespace
}  // namespace mannequin

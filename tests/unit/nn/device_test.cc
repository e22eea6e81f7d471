#include "common/nn/device.h"

#include "common/nn/torch_device.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(Device, CpuIsAlwaysThere) { EXPECT_EQ(*PickDevice("cpu"), c10::Device(c10::kCPU)); }

TEST(Device, EmptyPicksOne) { EXPECT_TRUE(PickDevice("").ok()); }

TEST(Device, UnknownWordIsRefusedByName) {
  for (const char* name : {"gpu", "CPU", "cuda:", "cuda:x", "cuda:-1", "cuda0"}) {
    const auto device = PickDevice(name);
    EXPECT_EQ(device.status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_NE(device.status().message().find(name), absl::string_view::npos) << device.status();
  }
}

TEST(Device, AbsentGpuIsAClearError) {
  const auto device = PickDevice("cuda:4096");
  EXPECT_EQ(device.status().code(), absl::StatusCode::kFailedPrecondition) << device.status();
}

}  // namespace
}  // namespace mannequin

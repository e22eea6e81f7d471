#include "services/fetcher/transfer_setup.h"

#include <sys/resource.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "common/base/file.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

// A limit once lowered stays: each is tried in a process of its own.
template <typename Check>
[[noreturn]] void WithLimit(rlim_t soft, rlim_t hard, Check check) {
  const rlimit limit{soft, hard};
  std::exit(setrlimit(RLIMIT_NOFILE, &limit) == 0 && check() ? 0 : 1);
}

TEST(TransferSetupDeathTest, TheSoftLimitOnDescriptorsIsRaised) {
  EXPECT_EXIT(WithLimit(300, 2000,
                        [] {
                          rlimit after{};
                          const bool fits = ConnectionsThatFit(1000).value_or(0) == 1000;
                          getrlimit(RLIMIT_NOFILE, &after);
                          return fits && after.rlim_cur >= 1256 && after.rlim_cur < 2000;
                        }),
              testing::ExitedWithCode(0), "");
}

TEST(TransferSetupDeathTest, ConnectionsAreLoweredToWhatTheHardLimitLeaves) {
  EXPECT_EXIT(WithLimit(300, 500, [] { return ConnectionsThatFit(1000).value_or(0) == 500 - 256; }),
              testing::ExitedWithCode(0), "");
}

TEST(TransferSetupDeathTest, NotOneConnectionIsAnError) {
  EXPECT_EXIT(WithLimit(200, 200,
                        [] {
                          const absl::Status status = ConnectionsThatFit(10).status();
                          return absl::IsResourceExhausted(status) && absl::StrContains(status.message(), "ulimit");
                        }),
              testing::ExitedWithCode(0), "");
}

TEST(TransferSetup, OwnAuthoritiesComeBesidesTheSystems) {
  const absl::StatusOr<Authorities> system = Authorities::With("");
  ASSERT_TRUE(system.ok()) << system.status();
  const std::string folder = *MakeTemporaryFolder("authorities");
  const std::string file = folder + "/ca.pem";
  std::ofstream(file) << "-----BEGIN CERTIFICATE-----\nours\n-----END CERTIFICATE-----\n";
  const absl::StatusOr<Authorities> both = Authorities::With(file);
  ASSERT_TRUE(both.ok()) << both.status();
  const auto read = [](const std::string& path) {
    std::ifstream in(path);
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  };
  EXPECT_TRUE(absl::StrContains(read(both->path()), "\nours\n"));
  EXPECT_TRUE(absl::StrContains(read(both->path()), read(system->path())));
  std::ofstream(folder + "/none.pem") << "no certificate";
  EXPECT_EQ(Authorities::With(folder + "/none.pem").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Authorities::With(folder).status().code(), absl::StatusCode::kNotFound);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mannequin

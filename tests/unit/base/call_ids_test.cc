#include "common/base/call_ids.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/parallel.h"
#include "common/base/watched_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kParent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(CallIds, KeepWhatACallBringsAndMakeASpanOfTheirOwn) {
  const CallIds ids = IdsForCall(kParent, "vendor=1", "checkout-17");
  EXPECT_EQ(ids.request_id, "checkout-17");
  EXPECT_EQ(ids.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(ids.flags, "01");
  EXPECT_EQ(ids.trace_state, "vendor=1");
  EXPECT_EQ(ids.span_id.size(), 16u);
  EXPECT_NE(ids.span_id, "b7ad6b7169203331");
  EXPECT_EQ(Traceparent(ids), "00-0af7651916cd43dd8448eb211c80319c-" + ids.span_id + "-01");
}

TEST(CallIds, ATraceparentThatBreaksTheFormIsReplacedWhole) {
  for (const char* bad : {"", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",  // version 00 has no more
                          "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                          "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                          "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                          "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01"}) {
    const CallIds ids = IdsForCall(bad, "vendor=1", "");
    EXPECT_NE(ids.trace_id, "0af7651916cd43dd8448eb211c80319c") << bad;
    EXPECT_EQ(ids.trace_id.size(), 32u);
    EXPECT_EQ(ids.flags, "00");
    EXPECT_EQ(ids.trace_state, "");
  }
  EXPECT_EQ(IdsForCall("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later", "", "").trace_id,
            "0af7651916cd43dd8448eb211c80319c");
}

TEST(CallIds, ARequestIdThatCouldForgeALogLineIsReplaced) {
  for (const std::string& bad : {std::string("a\nb"), std::string("a\"b"), std::string("a b"), std::string(65, 'a')}) {
    EXPECT_EQ(IdsForCall("", "", bad).request_id.size(), 26u);
  }
  EXPECT_NE(IdsForCall("", "", "").request_id, IdsForCall("", "", "").request_id);
}

TEST(CallIds, AreInTheLinesOfTheThreadThatWorksForTheCall) {
  const auto ids = std::make_shared<const CallIds>(IdsForCall(kParent, "", "checkout-17"));
  const auto said_of_three_lines = [&](bool json) {
    config::v1::LogConfig config;
    config.set_json(json);
    testing::internal::CaptureStderr();
    EXPECT_TRUE(InitLog("test", config).ok());
    {
      const ScopedCall call(ids);
      spdlog::info("within");
      std::thread([] { spdlog::info("beside"); }).join();
    }
    spdlog::info("after");
    return testing::internal::GetCapturedStderr();
  };
  const std::string text = said_of_three_lines(false);
  EXPECT_THAT(text, HasSubstr("I test [checkout-17]: within"));
  EXPECT_THAT(text, HasSubstr("I test: beside"));
  EXPECT_THAT(text, HasSubstr("I test: after"));
  const std::string json = said_of_three_lines(true);
  const nlohmann::json first = nlohmann::json::parse(json.substr(0, json.find('\n')));
  EXPECT_EQ(first["request_id"], "checkout-17");
  EXPECT_EQ(first["trace_id"], "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(first["span_id"], ids->span_id);
  EXPECT_EQ(first["message"], "within");
  EXPECT_THAT(json.substr(json.find('\n')), Not(HasSubstr("request_id")));
  ASSERT_TRUE(InitLog("test", {}).ok());
}

TEST(WatchedFile, IsReadAnewWhenItChangedAndASecondIsOver) {
  const std::string folder = *MakeTemporaryFolder("watched");
  const std::string path = folder + "/file";
  ManualClock clock(absl::FromUnixSeconds(100));
  ASSERT_TRUE(WriteFileAtomically(path, "one").ok());
  std::string seen;
  int reads = 0;
  const auto file = WatchedFile::Open(
                        path,
                        [&](absl::string_view bytes) {
                          ++reads;
                          if (bytes == "bad") return absl::InvalidArgumentError("bad");
                          seen = std::string(bytes);
                          return absl::OkStatus();
                        },
                        clock)
                        .value();
  EXPECT_EQ(seen, "one");
  ASSERT_TRUE(WriteFileAtomically(path, "two").ok());
  file->Refresh();
  EXPECT_EQ(seen, "one");
  clock.Advance(absl::Seconds(1));
  file->Refresh();
  EXPECT_EQ(seen, "two");
  clock.Advance(absl::Seconds(1));
  file->Refresh();
  EXPECT_EQ(reads, 2);  // the same file is not read again
  ASSERT_TRUE(WriteFileAtomically(path, "bad").ok());
  clock.Advance(absl::Seconds(1));
  file->Refresh();
  EXPECT_EQ(seen, "two");
  std::filesystem::remove(path);
  clock.Advance(absl::Seconds(1));
  file->Refresh();
  ASSERT_TRUE(WriteFileAtomically(path, "three").ok());
  clock.Advance(absl::Seconds(1));
  file->Refresh();
  EXPECT_EQ(seen, "three");
  EXPECT_EQ(WatchedFile::Open(folder + "/none", [](absl::string_view) { return absl::OkStatus(); }).status().code(),
            absl::StatusCode::kNotFound);
  std::filesystem::remove_all(folder);
}

TEST(CallIds, AreThoseOfTheCallInEveryThreadThatWorksForIt) {
  const ScopedCall call(std::make_shared<const CallIds>(IdsForCall("", "", "upload-1")));
  std::atomic<int> same{0};
  const auto look = [&] { same += CurrentCall() != nullptr && CurrentCall()->request_id == "upload-1"; };
  std::thread(OfThisCall(look)).join();
  EXPECT_EQ(same, 1);
  ParallelFor(
      64, 1, [&](std::size_t, std::size_t) { look(); }, 4);
  EXPECT_EQ(same, 65);
  std::thread(look).join();  // one that does not
  EXPECT_EQ(same, 65);
}

}  // namespace
}  // namespace mannequin

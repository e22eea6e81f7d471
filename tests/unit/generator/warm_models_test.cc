#include "services/generator/warm_models.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "common/base/file.h"
#include "common/model/bundle.h"
#include "gtest/gtest.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {
namespace {

using Versions = std::vector<std::string>;

// Real models under names of our own: one bundle's networks are shared by all.
class WarmModelsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const BundleFolder folder(MakeTemporaryFolder("warm_models_test").value());
    const v1::BundleManifest manifest = PromoteRandomBundle(folder);
    gan_ = new LoadedGan(LoadGan(manifest, folder.FolderOf(manifest.version()), "cpu").value());
    std::filesystem::remove_all(folder.root());
  }
  static WarmModels::Model Named(const std::string& version, bool generator = true) {
    auto model = std::make_shared<GeneratorModel>();
    model->manifest.set_version(version);
    if (generator) model->gan = *gan_;
    return model;
  }
  WarmModels::Load Counted() {
    return [this](const std::string& version) -> absl::StatusOr<WarmModels::Model> {
      ++loads_[version];
      if (version == "none") return absl::NotFoundError("there is no bundle \"none\"");
      return Named(version, version != "text");
    };
  }

  static LoadedGan* gan_;
  std::map<std::string, int> loads_;
};
LoadedGan* WarmModelsTest::gan_ = nullptr;

TEST_F(WarmModelsTest, WithoutACurrentOneItSaysWhatToDo) {
  WarmModels models(2, Counted());
  const absl::Status status = models.Get("").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "mannequin train start")) << status;
}

TEST_F(WarmModelsTest, LoadsANamedOneOnceAndTheLeastRecentlyUsedLeaves) {
  WarmModels models(2, Counted());
  models.Promote(Named("current"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ((*models.Get("a"))->manifest.version(), "a");
  EXPECT_EQ(loads_["a"], 1);
  EXPECT_EQ(models.versions(), (Versions{"a", "current"}));
  EXPECT_TRUE(models.Get("b").ok());
  EXPECT_EQ(models.versions(), (Versions{"b", "current"}));
  EXPECT_TRUE(models.Get("a").ok());
  EXPECT_EQ(loads_["a"], 2);
  EXPECT_TRUE(models.Get("current").ok());
  EXPECT_EQ(loads_["current"], 0);
}

TEST_F(WarmModelsTest, TheCurrentOneNeverLeavesAndTheOneBeforeStaysWarm) {
  WarmModels models(3, Counted());
  models.Promote(Named("first"));
  models.Promote(Named("second"));
  EXPECT_EQ((*models.Get(""))->manifest.version(), "second");
  EXPECT_TRUE(models.Get("first").ok());
  EXPECT_EQ(loads_["first"], 0);
  for (const char* version : {"a", "b", "c", "d"}) EXPECT_TRUE(models.Get(version).ok());
  EXPECT_EQ(models.versions(), (Versions{"d", "c", "second"}));
}

TEST_F(WarmModelsTest, WithRoomForOneOthersAreLoadedForTheirCallAlone) {
  WarmModels models(1, Counted());
  models.Promote(Named("current"));
  EXPECT_EQ((*models.Get("a"))->manifest.version(), "a");
  EXPECT_EQ(models.versions(), Versions{"current"});
}

TEST_F(WarmModelsTest, WhatCannotBeLoadedIsNotKept) {
  WarmModels models(2, Counted());
  models.Promote(Named("current"));
  EXPECT_TRUE(absl::IsNotFound(models.Get("none").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(models.Get("text").status()));
  EXPECT_TRUE(models.Get("").ok());
}

TEST_F(WarmModelsTest, CallersOfOneThatIsBeingLoadedShareTheLoadAndOthersGoOn) {
  absl::Notification entered, open;
  std::atomic<int> loads{0};
  WarmModels models(2, [&](const std::string& version) -> absl::StatusOr<WarmModels::Model> {
    if (++loads == 1) entered.Notify();
    open.WaitForNotification();
    return Named(version);
  });
  models.Promote(Named("current"));
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) callers.emplace_back([&] { EXPECT_TRUE(models.Get("slow").ok()); });
  entered.WaitForNotification();
  EXPECT_TRUE(models.Get("").ok());
  EXPECT_TRUE(models.Get("current").ok());
  open.Notify();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(loads, 1);
}

}  // namespace
}  // namespace mannequin

#include "common/model/bundle.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

class BundleTest : public testing::Test {
 protected:
  void SetUp() override { root_ = MakeTemporaryFolder("bundle_test").value(); }
  void TearDown() override { fs::remove_all(root_); }

  // Publishes one file of these bytes; a second later each time, so that versions sort.
  v1::BundleManifest PublishOne(const std::string& bytes) {
    clock_.Advance(absl::Seconds(1));
    const std::string staging = folder().Stage().value();
    EXPECT_TRUE(WriteFileAtomically(staging + "/weights", bytes).ok());
    v1::BundleManifest manifest;
    manifest.mutable_embedding()->set_dimension(8);
    return folder().Publish(staging, manifest).value();
  }
  BundleFolder folder() { return BundleFolder(root_, clock_); }

  // What lies in the root, hidden names too.
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(root_)) names.push_back(entry.path().filename());
    return names;
  }

  std::string root_;
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
};

template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  while (absl::Now() < limit) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST_F(BundleTest, PublishFillsInTheManifestAndOpenReadsItBack) {
  const v1::BundleManifest published = PublishOne("abc");
  EXPECT_EQ(published.format(), 1);
  EXPECT_TRUE(absl::StartsWith(published.version(), "b-"));
  EXPECT_EQ(published.created_at().seconds(), 1'700'000'001);
  ASSERT_EQ(published.files_size(), 1);
  EXPECT_EQ(published.files(0).path(), "weights");
  EXPECT_EQ(published.files(0).size_bytes(), 3);
  EXPECT_EQ(published.files(0).sha256(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");

  const absl::StatusOr<v1::BundleManifest> opened = folder().Open(published.version());
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->SerializeAsString(), published.SerializeAsString());
}

TEST_F(BundleTest, PublishListsFilesInFoldersToo) {
  const std::string staging = folder().Stage().value();
  fs::create_directories(staging + "/samples");
  ASSERT_TRUE(WriteFileAtomically(staging + "/samples/grid.png", "x").ok());
  const v1::BundleManifest manifest = folder().Publish(staging, {}).value();
  ASSERT_EQ(manifest.files_size(), 1);
  EXPECT_EQ(manifest.files(0).path(), "samples/grid.png");
  EXPECT_TRUE(folder().Open(manifest.version()).ok());
}

TEST_F(BundleTest, AStagedBundleIsNotListedUntilItIsPublished) {
  const std::string staging = folder().Stage().value();
  ASSERT_TRUE(WriteFileAtomically(staging + "/weights", "abc").ok());
  EXPECT_TRUE(folder().List().value().empty());
  ASSERT_TRUE(folder().Publish(staging, {}).ok());
  EXPECT_EQ(folder().List().value().size(), 1u);
  EXPECT_FALSE(fs::exists(staging));
}

TEST_F(BundleTest, PublishRefusesAFolderThatWasNotStagedAndRemovesNoneOfItsNeighbours) {
  PublishOne("abc");
  const std::string foreign = root_ + "/foreign";
  fs::create_directories(foreign);
  EXPECT_EQ(folder().Publish(foreign, {}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(folder().List().value().size(), 1u);
}

TEST_F(BundleTest, ListIsOldestFirstAndSkipsOtherFolders) {
  const std::string first = PublishOne("1").version();
  const std::string second = PublishOne("2").version();
  fs::create_directories(root_ + "/notes");
  const std::vector<v1::BundleManifest> list = folder().List().value();
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].version(), first);
  EXPECT_EQ(list[1].version(), second);
}

TEST_F(BundleTest, ListOfAFolderThatDoesNotExistIsEmpty) {
  EXPECT_TRUE(BundleFolder(root_ + "/none").List().value().empty());
}

TEST_F(BundleTest, NothingIsCurrentUntilPromoted) {
  const std::string version = PublishOne("abc").version();
  EXPECT_EQ(folder().CurrentVersion().value(), "");
  EXPECT_EQ(folder().Promote(version).value().version(), version);
  EXPECT_EQ(folder().CurrentVersion().value(), version);
}

TEST_F(BundleTest, OpenAndPromoteOfAnUnknownVersionAreNotFound) {
  EXPECT_EQ(folder().Open("b-none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(folder().Promote("b-none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(folder().CurrentVersion().value(), "");
}

TEST_F(BundleTest, AVersionThatIsAPathIsRefused) {
  // A folder that a path could reach, so that only the check of the name refuses it.
  const std::string version = PublishOne("abc").version();
  fs::create_directories(root_ + "/inner");
  const BundleFolder inner(root_ + "/inner");
  for (const std::string& name : {absl::StrCat("../", version), std::string(".."), std::string("."), std::string(),
                                  root_ + "/" + version, std::string(65, 'b')}) {
    EXPECT_EQ(inner.Open(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(inner.Promote(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST_F(BundleTest, AFlippedByteIsDataLossThatNamesTheFile) {
  const std::string version = PublishOne("abc").version();
  ASSERT_TRUE(folder().Open(version).ok());
  std::ofstream(folder().FolderOf(version) + "/weights") << "abd";
  const absl::Status opened = folder().Open(version).status();
  EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(opened.message(), "weights")) << opened;
  EXPECT_EQ(folder().Promote(version).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(folder().CurrentVersion().value(), "");
}

TEST_F(BundleTest, AMissingFileIsDataLoss) {
  const std::string version = PublishOne("abc").version();
  fs::remove(folder().FolderOf(version) + "/weights");
  EXPECT_EQ(folder().Open(version).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(BundleTest, AManifestThatNamesAFileOutsideIsDataLoss) {
  PublishOne("abc");
  fs::create_directories(root_ + "/b-bad");
  std::ofstream(root_ + "/b-bad/manifest.textproto")
      << "format: 1 version: \"b-bad\" files { path: \"../secret\" sha256: \"00\" }";
  std::ofstream(root_ + "/secret") << "abc";
  const absl::Status opened = folder().Open("b-bad").status();
  EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(opened.message(), "outside")) << opened;
}

TEST_F(BundleTest, AManifestThatDoesNotParseIsDataLossAndAnotherFormatFailedPrecondition) {
  fs::create_directories(root_ + "/b-bad");
  std::ofstream(root_ + "/b-bad/manifest.textproto") << "formt: 1";
  EXPECT_EQ(folder().Open("b-bad").status().code(), absl::StatusCode::kDataLoss);
  std::ofstream(root_ + "/b-bad/manifest.textproto") << "format: 2";
  EXPECT_EQ(folder().Open("b-bad").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(BundleTest, TwoWritersPublishSideBySide) {
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([this] {
      for (int j = 0; j < 8; ++j) PublishOne("abc");
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(folder().List().value().size(), 32u);
  EXPECT_EQ(Names().size(), 32u);
}

TEST_F(BundleTest, FollowerLoadsThePromotedBundleBeforeStartReturns) {
  const std::string version = PublishOne("abc").version();
  ASSERT_TRUE(folder().Promote(version).ok());
  std::string loaded;
  BundleFollower follower(folder(), [&](const v1::BundleManifest& manifest, const std::string& path) {
    EXPECT_EQ(path, folder().FolderOf(manifest.version()));
    loaded = manifest.version();
    return absl::OkStatus();
  });
  follower.Start();
  EXPECT_EQ(loaded, version);
}

TEST_F(BundleTest, FollowerSeesAPromotionWithoutRestartAndLoadsEachOnce) {
  std::atomic<int> loads{0};
  BundleFollower follower(folder(), [&](const v1::BundleManifest&, const std::string&) {
    ++loads;
    return absl::OkStatus();
  });
  follower.Start();
  EXPECT_EQ(loads, 0);
  ASSERT_TRUE(folder().Promote(PublishOne("abc").version()).ok());
  EXPECT_TRUE(Eventually([&] { return loads == 1; }));
  EXPECT_TRUE(follower.Check().ok());
  EXPECT_EQ(loads, 1);
  ASSERT_TRUE(folder().Promote(PublishOne("def").version()).ok());
  EXPECT_TRUE(Eventually([&] { return loads == 2; }));
}

TEST_F(BundleTest, FollowerKeepsTheLoadedBundleWhenTheNewOneIsDamagedAndTakesItOnceMended) {
  const std::string good = PublishOne("abc").version();
  const std::string bad = PublishOne("def").version();
  ASSERT_TRUE(folder().Promote(good).ok());
  std::vector<std::string> loaded;
  BundleFollower follower(folder(), [&](const v1::BundleManifest& manifest, const std::string&) {
    loaded.push_back(manifest.version());
    return absl::OkStatus();
  });
  ASSERT_TRUE(follower.Check().ok());
  ASSERT_TRUE(folder().Promote(bad).ok());
  std::ofstream(folder().FolderOf(bad) + "/weights") << "xyz";
  EXPECT_EQ(follower.Check().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(loaded, std::vector<std::string>{good});
  std::ofstream(folder().FolderOf(bad) + "/weights") << "def";
  EXPECT_TRUE(follower.Check().ok());
  EXPECT_EQ(loaded, (std::vector<std::string>{good, bad}));
}

class AdoptedBundle : public BundleTest {
 protected:
  // As another machine published it: its files and manifest in a staging folder of this one.
  std::string Brought(const v1::BundleManifest& published, const std::string& from) {
    const std::string staging = folder().Stage().value();
    for (const char* file : {"weights", "manifest.textproto"}) {
      EXPECT_TRUE(CopyFile(from + "/" + published.version() + "/" + file, staging + "/" + file).ok());
    }
    return staging;
  }
};

TEST_F(AdoptedBundle, KeepsItsVersion) {
  const std::string elsewhere = root_;
  const v1::BundleManifest published = PublishOne("abc");
  root_ = MakeTemporaryFolder("bundle_test").value();
  const auto adopted = folder().Adopt(Brought(published, elsewhere));
  ASSERT_TRUE(adopted.ok()) << adopted.status();
  EXPECT_EQ(adopted->version(), published.version());
  EXPECT_TRUE(folder().Open(published.version()).ok());
  EXPECT_TRUE(folder().Adopt(Brought(published, elsewhere)).ok()) << "again";
  EXPECT_EQ(Names(), std::vector<std::string>{published.version()}) << "nothing else is left";
  fs::remove_all(elsewhere);
}

TEST_F(AdoptedBundle, IsRefusedWhenAFileIsNotWhatTheManifestSays) {
  const std::string elsewhere = root_;
  const v1::BundleManifest published = PublishOne("abc");
  root_ = MakeTemporaryFolder("bundle_test").value();
  const std::string staging = Brought(published, elsewhere);
  ASSERT_TRUE(WriteFileAtomically(staging + "/weights", "abd").ok());
  EXPECT_EQ(folder().Adopt(staging).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(Names().empty());
  fs::remove_all(elsewhere);
}

}  // namespace
}  // namespace mannequin

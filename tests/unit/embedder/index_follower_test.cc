#include "services/embedder/index_follower.h"

#include <atomic>
#include <filesystem>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "gtest/gtest.h"
#include "mannequin/v1/text_embedder.pb.h"
#include "services/store/rocks/rocks_store.h"
#include "tests/unit/embedder/vectors.h"

namespace mannequin {
namespace {

// Embeddings come into a real store as another replica would write them.
class IndexFollowerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = *MakeTemporaryFolder("follower");
    config::v1::StoreConfig config;
    config.set_data(folder_ + "/store");
    store_ = *RocksStore::Open(config, Clock::Real());
  }

  void TearDown() override {
    follower_.reset();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void Follow(int rest = 20) {
    follower_ = std::make_unique<IndexFollower>(
        *store_, IndexFollowerOptions{.folder = folder_ + "/index", .poll = absl::Milliseconds(10), .rest = rest},
        [this]() -> absl::StatusOr<VectorSpace> {
          return VectorSpace{bundle_.load(), kDimension};
        });
    follower_->Start();
  }

  void Put(const std::string& id, const std::vector<float>& values) {
    v1::PutEmbeddingsRequest request;
    *request.add_embeddings() = MakeEmbedding(id, values);
    ASSERT_TRUE(store_->PutEmbeddings(request).ok());
  }

  void QueueJob() {
    v1::CreateJobRequest create;
    create.set_kind(v1::JOB_KIND_EMBED_CATALOG);
    ASSERT_TRUE(store_->CreateJob(create).ok());
  }

  // The oldest job, which embedded something, run by another replica.
  void EndJob() {
    v1::LeaseJobRequest lease;
    lease.add_kinds(v1::JOB_KIND_EMBED_CATALOG);
    lease.set_worker("another");
    lease.mutable_lease()->set_seconds(60);
    const auto leased = store_->LeaseJob(lease);
    ASSERT_TRUE(leased.ok());
    v1::FinishJobRequest finish;
    finish.set_id(leased->job().id());
    finish.set_worker("another");
    finish.set_state(v1::JOB_STATE_SUCCEEDED);
    v1::EmbedCatalogProgress progress;
    progress.set_embedded(1);
    finish.mutable_progress()->PackFrom(progress);
    ASSERT_TRUE(store_->FinishJob(finish).ok());
  }

  std::string Nearest(const std::vector<float>& values) {
    const auto index = follower_->Of({"b", kDimension});
    if (!index.ok()) return index.status().ToString();
    const auto found = (*index)->Find({.values = values, .count = 1});
    return found.neighbours.empty() ? "" : found.neighbours[0].product_id;
  }

  void ExpectSoon(const std::vector<float>& values, const std::string& id) {
    for (const absl::Time deadline = absl::Now() + absl::Seconds(20); absl::Now() < deadline;) {
      if (Nearest(values) == id) return;
      absl::SleepFor(absl::Milliseconds(5));
    }
    ADD_FAILURE() << "nearest is " << Nearest(values) << ", expected " << id;
  }

  static constexpr int kDimension = 2;
  std::string folder_;
  std::atomic<const char*> bundle_ = "b";  // the current one
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<IndexFollower> follower_;
};

TEST_F(IndexFollowerTest, SeesWhatAnotherReplicaEmbeds) {
  Follow();
  EXPECT_EQ(Nearest({1.0f, 0.0f}), "");
  Put("a", {1.0f, 0.0f});
  ExpectSoon({1.0f, 0.0f}, "a");
  Put("b", {0.0f, 1.0f});
  ExpectSoon({0.0f, 1.0f}, "b");
  // Replaced: their number tells nothing, the end of the job does.
  Put("a", {0.0f, -1.0f});
  QueueJob();
  EndJob();
  ExpectSoon({0.0f, -1.0f}, "a");
}

TEST_F(IndexFollowerTest, SeesTheEndOfAJobBehindManyThatWait) {
  Follow();
  Put("a", {1.0f, 0.0f});
  ExpectSoon({1.0f, 0.0f}, "a");
  for (int i = 0; i < 30; ++i) QueueJob();
  Put("a", {0.0f, -1.0f});
  EndJob();
  ExpectSoon({0.0f, -1.0f}, "a");
}

TEST_F(IndexFollowerTest, ARefreshOfABundleThatIsNoLongerCurrentChangesNothing) {
  Follow();
  Put("a", {1.0f, 0.0f});
  ExpectSoon({1.0f, 0.0f}, "a");
  bundle_ = "c";
  Put("a", {0.0f, -1.0f});
  EXPECT_EQ(follower_->Refresh({"b", kDimension}).code(), absl::StatusCode::kUnavailable);
  const auto current = follower_->Of({"c", kDimension});
  ASSERT_TRUE(current.ok());
  EXPECT_EQ((*current)->bundle_version(), "c");
}

TEST_F(IndexFollowerTest, ARefreshSeesAllThatWasPutBefore) {
  Follow();
  Put("a", {1.0f, 0.0f});
  ExpectSoon({1.0f, 0.0f}, "a");
  Put("a", {0.0f, -1.0f});
  ASSERT_TRUE(follower_->Refresh({"b", kDimension}).ok());
  EXPECT_EQ(Nearest({0.0f, -1.0f}), "a");
}

TEST_F(IndexFollowerTest, RestsAfterAPassUntilAJobEnds) {
  Put("a", {1.0f, 0.0f});
  Follow(1'000'000'000);
  ExpectSoon({1.0f, 0.0f}, "a");
  Put("b", {0.0f, 1.0f});
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_EQ(Nearest({0.0f, 1.0f}), "a");
  QueueJob();
  EndJob();
  ExpectSoon({0.0f, 1.0f}, "b");
}

TEST_F(IndexFollowerTest, WritesTheFileSeldomUnlessAJobEnds) {
  const std::string path = folder_ + "/index/similarity.index";
  const auto kept = [&] {
    const auto index = SimilarityIndex::Load(path, "b", kDimension);
    return index.ok() ? (*index)->size() : 0;
  };
  const auto expect_kept = [&](std::size_t products) {
    for (const absl::Time deadline = absl::Now() + absl::Seconds(20); kept() != products && absl::Now() < deadline;) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_EQ(kept(), products);
  };
  Put("a", {1.0f, 0.0f});
  Follow();
  expect_kept(1);
  Put("b", {0.0f, 1.0f});
  ExpectSoon({0.0f, 1.0f}, "b");
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(kept(), 1u);
  QueueJob();
  EndJob();
  expect_kept(2);
  Put("c", {0.0f, -1.0f});
  ExpectSoon({0.0f, -1.0f}, "c");
  follower_->Stop();
  EXPECT_EQ(kept(), 3u);
}

TEST_F(IndexFollowerTest, OnceStoppedItAsksToTryElsewhere) {
  Follow();
  follower_->Stop();
  EXPECT_EQ(follower_->Refresh({"b", kDimension}).code(), absl::StatusCode::kUnavailable);
}

TEST_F(IndexFollowerTest, AnotherBundleBringsAnotherIndex) {
  Follow();
  Put("a", {1.0f, 0.0f});
  ExpectSoon({1.0f, 0.0f}, "a");
  bundle_ = "c";
  const auto other = follower_->Of({"c", kDimension});
  ASSERT_TRUE(other.ok());
  EXPECT_EQ((*other)->size(), 0u);
  EXPECT_EQ((*other)->bundle_version(), "c");
}

TEST_F(IndexFollowerTest, StartsFromItsFileAndBringsItUpToDate) {
  Follow();
  Put("a", {1.0f, 0.0f});
  ExpectSoon({1.0f, 0.0f}, "a");
  follower_->Stop();
  ASSERT_TRUE(std::filesystem::exists(folder_ + "/index/similarity.index"));
  Put("a", {0.0f, -1.0f});
  Put("b", {1.0f, 0.0f});
  Follow();
  EXPECT_EQ(Nearest({1.0f, 0.0f}), "b");
  EXPECT_EQ(Nearest({0.0f, -1.0f}), "a");
}

TEST_F(IndexFollowerTest, AFileOfSomethingElseIsReplaced) {
  std::filesystem::create_directories(folder_ + "/index");
  ASSERT_TRUE(WriteFileAtomically(folder_ + "/index/similarity.index", "not an index, but long enough for one").ok());
  Put("a", {1.0f, 0.0f});
  Follow();
  EXPECT_EQ(Nearest({1.0f, 0.0f}), "a");
  follower_->Stop();
  EXPECT_TRUE(SimilarityIndex::Load(folder_ + "/index/similarity.index", "b", kDimension).ok());
}

}  // namespace
}  // namespace mannequin

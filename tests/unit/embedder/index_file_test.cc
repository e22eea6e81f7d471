// The index's file: what is read back, and what is refused.
#include <filesystem>
#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "gtest/gtest.h"
#include "services/embedder/similarity_index.h"
#include "tests/unit/embedder/vectors.h"

namespace mannequin {
namespace {

class IndexFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = *MakeTemporaryFolder("index-file");
    path_ = folder_ + "/b.index";
    options_.exact_rows = 500;
    std::mt19937 random(1);
    vectors_ = ClusteredVectors(random, 16, 1'200, 10);
    std::vector<v1::Embedding> embeddings;
    for (std::size_t i = 0; i < vectors_.size(); ++i) {
      embeddings.push_back(MakeEmbedding(absl::StrCat(i), vectors_[i / 2],  // two products a vector
                                         {"Apparel", absl::StrCat("Kind ", i % 3)}, i));
    }
    index_ = std::make_unique<SimilarityIndex>("b", 16, options_);
    index_->Put(embeddings);
    ASSERT_TRUE(index_->Save(path_).ok());
  }

  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  absl::StatusCode LoadCode(const std::string& bundle = "b", int dimension = 16) {
    return SimilarityIndex::Load(path_, bundle, dimension, options_).status().code();
  }

  std::string folder_, path_;
  SimilarityOptions options_;
  std::vector<std::vector<float>> vectors_;
  std::unique_ptr<SimilarityIndex> index_;
};

TEST_F(IndexFileTest, WhatIsReadBackAnswersTheSame) {
  auto loaded = SimilarityIndex::Load(path_, "b", 16, options_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->size(), index_->size());
  EXPECT_EQ((*loaded)->rows(), index_->rows());
  for (const auto& path : std::vector<std::vector<std::string>>{{}, {"Apparel", "Kind 1"}}) {
    for (std::size_t i = 0; i < vectors_.size(); i += 40) {
      const SimilarityQuery query = {.values = vectors_[i], .count = 10, .category_path = path};
      const SimilarityIndex::Found a = index_->Find(query), b = (*loaded)->Find(query);
      EXPECT_EQ(a.exact, b.exact);
      ASSERT_EQ(a.neighbours.size(), b.neighbours.size());
      for (std::size_t k = 0; k < a.neighbours.size(); ++k) {
        EXPECT_EQ(a.neighbours[k].product_id, b.neighbours[k].product_id);
        EXPECT_EQ(a.neighbours[k].cosine, b.neighbours[k].cosine);
      }
    }
  }
  EXPECT_EQ((*loaded)->VectorOf("7")->text_hash, 7u);
  // It goes on as the first one would.
  const v1::Embedding more = MakeEmbedding("more", vectors_[1'000], {"Home"});
  (*loaded)->BeginPass();
  EXPECT_EQ((*loaded)->Put({&more, 1}), 1u);
  EXPECT_EQ((*loaded)->Find({.values = vectors_[1'000], .count = 1}).neighbours[0].product_id, "more");
  EXPECT_EQ((*loaded)->RemoveUnseen(), 1'200u);
}

TEST_F(IndexFileTest, EmptyAndExactIndexesAreKeptToo) {
  ASSERT_TRUE(SimilarityIndex("b", 16).Save(path_).ok());
  auto loaded = SimilarityIndex::Load(path_, "b", 16);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->size(), 0u);
}

TEST_F(IndexFileTest, OfAnotherBundleIsRefused) {
  EXPECT_EQ(LoadCode("c"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(LoadCode("b", 24), absl::StatusCode::kFailedPrecondition);
  options_.hnsw.links = 8;
  EXPECT_EQ(LoadCode(), absl::StatusCode::kDataLoss);  // links of another graph
}

TEST_F(IndexFileTest, EveryTruncationIsRefused) {
  const std::string whole = *ReadFile(path_);
  for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 50) {
    ASSERT_TRUE(WriteFileAtomically(path_, absl::string_view(whole).substr(0, size)).ok());
    EXPECT_EQ(LoadCode(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST_F(IndexFileTest, EveryFlippedBitIsRefused) {
  std::string bytes = *ReadFile(path_);
  for (std::size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 50) {
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << at % 8);
    ASSERT_TRUE(WriteFileAtomically(path_, bytes).ok());
    EXPECT_EQ(LoadCode(), absl::StatusCode::kDataLoss) << at;
    bytes[at] = static_cast<char>(bytes[at] ^ 1 << at % 8);
  }
}

// As if a faulty program had written it: nothing in it is believed that was not looked at.
TEST_F(IndexFileTest, NonsenseUnderAGoodChecksumIsRefusedOrHarmless) {
  const std::string whole = *ReadFile(path_);
  const std::size_t size = whole.size() - 32;
  std::mt19937 random(2);
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole.substr(0, size);
    // Half of them among the first bytes and the last, where the counts and products are.
    std::size_t at = random() % size;
    if (round % 4 == 1) at = random() % 64;
    if (round % 4 == 3) at = size - 1 - random() % (size / 8);
    bytes[at] = static_cast<char>(random());
    if (round % 10 == 0) bytes.resize(random() % size);
    bytes += absl::HexStringToBytes(Sha256Hex(bytes));
    ASSERT_TRUE(WriteFileAtomically(path_, bytes).ok());
    const auto loaded = SimilarityIndex::Load(path_, "b", 16, options_);
    refused += !loaded.ok();
    if (!loaded.ok()) continue;
    for (const bool exact : {false, true}) (*loaded)->Find({.values = vectors_[0], .exact = exact});
  }
  EXPECT_GT(refused, 50);
}

TEST_F(IndexFileTest, WhatIsMissingIsNotFound) {
  std::filesystem::remove(path_);
  EXPECT_EQ(LoadCode(), absl::StatusCode::kNotFound);
}

TEST_F(IndexFileTest, ASaveThatFailsLeavesTheOldOne) {
  // A folder where the new file would be written.
  std::filesystem::create_directories(path_ + ".tmp");
  EXPECT_FALSE(index_->Save(path_).ok());
  EXPECT_EQ(LoadCode(), absl::StatusCode::kOk);
}

}  // namespace
}  // namespace mannequin

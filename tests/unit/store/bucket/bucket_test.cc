// A bucket on a real S3 server.
#include "services/store/bucket/bucket.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/store/bucket/s3_server.h"

namespace mannequin::store {
namespace {

using testing::HasSubstr;

constexpr std::size_t kMiB = std::size_t{1} << 20;

std::string Bytes(std::size_t size, std::uint64_t seed) {
  Random random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.Next() >> 56);
  return bytes;
}

class BucketTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<S3Server>> server = S3Server::Start();
    if (absl::IsNotFound(server.status())) GTEST_SKIP() << server.status().message();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    config_ = server_->config("pictures");
    config_.set_prefix("mannequin/");
    bucket_ = Open(config_);
  }
  static std::unique_ptr<Bucket> Open(const config::v1::BucketConfig& config) {
    absl::StatusOr<std::unique_ptr<Bucket>> bucket = Bucket::Open(config);
    EXPECT_TRUE(bucket.ok()) << bucket.status();
    return bucket.ok() ? *std::move(bucket) : nullptr;
  }
  // "a/1:3 a/2:5"
  std::string Listed(const std::string& prefix) {
    std::vector<std::string> entries;
    const absl::Status status = bucket_->List(prefix, [&](absl::string_view key, std::int64_t bytes) {
      entries.push_back(absl::StrCat(key, ":", bytes));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return absl::StrJoin(entries, " ");
  }

  std::unique_ptr<S3Server> server_;
  config::v1::BucketConfig config_;
  std::unique_ptr<Bucket> bucket_;
};

TEST_F(BucketTest, GivesBackWhatWasPut) {
  const std::string bytes = Bytes(20'000, 1);
  ASSERT_TRUE(bucket_->Put({{.key = "images/a-b_c.d/1", .data = bytes, .media_type = "image/jpeg"}}).ok());
  EXPECT_EQ(*bucket_->Get("images/a-b_c.d/1"), bytes);
  EXPECT_EQ(*bucket_->Size("images/a-b_c.d/1"), 20'000);
}

TEST_F(BucketTest, GivesAPartThatIsWhatItIsSaidToBe) {
  ASSERT_TRUE(bucket_->Put({{.key = "both", .data = "picturerendition"}}).ok());
  EXPECT_EQ("rendition", bucket_->GetPart("both", 7, 9, Sha256Hex("rendition")).value_or("?"));
  EXPECT_EQ("picture", bucket_->GetPart("both", 0, 7, Sha256Hex("picture")).value_or("?"));
  EXPECT_TRUE(absl::IsDataLoss(bucket_->GetPart("both", 0, 7, Sha256Hex("another")).status()));
  EXPECT_TRUE(absl::IsDataLoss(bucket_->GetPart("both", 7, 10, Sha256Hex("rendition.")).status()));
  EXPECT_TRUE(absl::IsDataLoss(bucket_->GetPart("both", 70, 9, Sha256Hex("rendition")).status()));
  EXPECT_TRUE(absl::IsNotFound(bucket_->GetPart("none", 0, 1, Sha256Hex("n")).status()));
}

TEST_F(BucketTest, ReplacesAnObjectOfTheSameKey) {
  ASSERT_TRUE(bucket_->Put({{.key = "a", .data = "one"}}).ok());
  ASSERT_TRUE(bucket_->Put({{.key = "a", .data = "three"}}).ok());
  EXPECT_EQ(*bucket_->Get("a"), "three");
}

TEST_F(BucketTest, SaysThatAKeyIsNotThere) {
  EXPECT_EQ(bucket_->Get("absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(*bucket_->Size("absent"), std::nullopt);
}

TEST_F(BucketTest, PutsWhatIsBiggerThanAPartInParts) {
  config_.set_part_bytes(5 * kMiB);
  bucket_ = Open(config_);
  const std::string big = Bytes(12 * kMiB + 1, 2);
  const std::string exact = Bytes(5 * kMiB, 3);
  ASSERT_TRUE(
      bucket_->Put({{.key = "big", .data = big}, {.key = "exact", .data = exact}, {.key = "small", .data = "x"}}).ok());
  EXPECT_TRUE(*bucket_->Get("big") == big);
  EXPECT_TRUE(*bucket_->Get("exact") == exact);
  EXPECT_EQ(Listed(""), absl::StrCat("big:", big.size(), " exact:", exact.size(), " small:1"));
}

TEST_F(BucketTest, DeletesManyAndThoseThatAreNotThere) {
  std::vector<Bucket::Object> objects;
  std::vector<std::string> keys;
  for (int i = 0; i < 1200; ++i) objects.push_back({.key = absl::StrCat("d/", 1000 + i), .data = "x"});
  ASSERT_TRUE(bucket_->Put(objects).ok());
  for (const Bucket::Object& object : objects) keys.push_back(object.key);
  keys.push_back("d/absent");
  keys.erase(keys.begin());
  const absl::Status status = bucket_->Delete(keys);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(Listed(""), "d/1000:1");
}

TEST_F(BucketTest, ListsInOrderPageByPage) {
  std::vector<Bucket::Object> objects;
  for (int i = 0; i < 2100; ++i) objects.push_back({.key = absl::StrCat("p/", 10'000 + i), .data = "xy"});
  for (const char* key : {"p-0", "p.0", "p/10000-a", "p0", "q/1"}) objects.push_back({.key = key, .data = "z"});
  ASSERT_TRUE(bucket_->Put(objects).ok());
  std::vector<std::string> keys;
  const auto take = [&](absl::string_view key, std::int64_t) {
    keys.emplace_back(key);
    return absl::OkStatus();
  };
  ASSERT_TRUE(bucket_->List("p/", take).ok());
  EXPECT_EQ(keys.size(), 2101);
  EXPECT_EQ(keys.front(), "p/10000");
  EXPECT_EQ(keys[1], "p/10000-a");
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  keys.clear();
  ASSERT_TRUE(bucket_->List("", take).ok());
  EXPECT_EQ(keys.size(), 2105);
  EXPECT_EQ(Listed("q"), "q/1:1");
  EXPECT_EQ(Listed("none"), "");
}

TEST_F(BucketTest, EndsAListWithTheVisitorsStatus) {
  ASSERT_TRUE(bucket_->Put({{.key = "a", .data = "1"}, {.key = "b", .data = "2"}}).ok());
  int visited = 0;
  const absl::Status status = bucket_->List("", [&](absl::string_view, std::int64_t) {
    ++visited;
    return absl::CancelledError("enough");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(visited, 1);
}

TEST_F(BucketTest, KeepsItsPrefixToItself) {
  ASSERT_TRUE(bucket_->Put({{.key = "a", .data = "1"}}).ok());
  config_.set_prefix("");
  bucket_ = Open(config_);
  EXPECT_EQ(Listed(""), "mannequin/a:1");
}

TEST_F(BucketTest, FindsBytesThatChangedOnTheServersDisk) {
  ASSERT_TRUE(bucket_->Put({{.key = "a", .data = "0123456789"}}).ok());
  // In place: another file would have lost the checksum.
  std::fstream file(server_->FileOf("pictures", "mannequin/a"), std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file.seekp(9).put('0').flush().good());
  const absl::Status status = bucket_->Get("a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("SHA-256 differs"));
}

TEST_F(BucketTest, IsRefusedWithAWrongSecretInTheServersWords) {
  config_.set_credentials_file(server_->FileOf("..", "wrong"));
  ASSERT_TRUE(WriteFileAtomically(config_.credentials_file(),
                                  "[default]\naws_access_key_id=mannequin-test\naws_secret_access_key=hush-hush\n")
                  .ok());
  const absl::Status status = Bucket::Open(config_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(status.message(), testing::Not(HasSubstr("hush")));
}

TEST_F(BucketTest, GoesOnAfterTheServerStartedAgain) {
  ASSERT_TRUE(bucket_->Put({{.key = "a", .data = "1"}}).ok());
  server_->Stop();
  ASSERT_TRUE(server_->StartAgain().ok());
  EXPECT_EQ(*bucket_->Get("a"), "1");
}

// Prints a figure and asserts none.
TEST_F(BucketTest, PutsAndGetsAThousandPictures) {
  const std::string bytes = Bytes(20'000, 4);
  std::vector<Bucket::Object> objects;
  for (int i = 0; i < 1000; ++i)
    objects.push_back({.key = absl::StrCat("f/", i), .data = bytes, .media_type = "image/jpeg"});
  absl::Time begun = absl::Now();
  ASSERT_TRUE(bucket_->Put(objects).ok());
  const double put = absl::ToDoubleSeconds(absl::Now() - begun);
  begun = absl::Now();
  for (const Bucket::Object& object : objects) ASSERT_TRUE(*bucket_->Get(object.key) == bytes);
  const double got = absl::ToDoubleSeconds(absl::Now() - begun);
  std::printf("put %.0f objects/s, %.1f MB/s; got on one thread %.0f objects/s, %.1f MB/s\n", 1e3 / put, 20 / put,
              1e3 / got, 20 / got);
}

}  // namespace
}  // namespace mannequin::store

#include "services/fetcher/result_writer.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/fetcher/crawl_fixture.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

class ResultWriterTest : public CrawlFixture {
 protected:
  v1::FetchResult ResultFor(int i) {
    v1::FetchResult result;
    result.set_product_id(absl::StrCat("p", i));
    result.set_url(origin_.Url(absl::StrCat("/", i)));
    result.set_attempts(1);
    v1::Image& image = *result.mutable_image();
    image.set_data(Jpeg(i));
    image.set_media_type("image/jpeg");
    image.set_width(40);
    image.set_height(30);
    return result;
  }
  void Write(std::vector<v1::FetchResult> results) {
    ResultWriterOptions options;
    options.worker = "test";
    ResultWriter writer(*store_, options, [this](const auto& written, const auto& answer) {
      absl::MutexLock lock(&mutex_);
      written_ += written.results_size();
      dropped_ += answer.dropped_results_size();
    });
    for (v1::FetchResult& result : results) writer.Add(std::move(result));
    writer.Stop();
    EXPECT_EQ(writer.status(), absl::OkStatus());
  }

  int written_ = 0;
  int dropped_ = 0;
};

TEST_F(ResultWriterTest, OneThatTheStoreRefusesFailsAndTheOthersAreKept) {
  AddProducts(7);
  std::vector<v1::FetchResult> results;
  for (int i = 0; i < 7; ++i) results.push_back(ResultFor(i));
  results[2].add_renditions()->set_side(8);  // 16 is the least
  Write(std::move(results));
  EXPECT_EQ(written_, 7);
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 6);
  EXPECT_EQ(State("p2"), "FAILED OTHER");
  EXPECT_THAT(Image("p2").failure_message(), HasSubstr("the store refuses the picture"));
  EXPECT_THAT(Image("p2").failure_message(), HasSubstr("side: 8, expected 16 to 2048"));
}

TEST_F(ResultWriterTest, ThatAResultWasDroppedIsTold) {
  AddProducts(2);
  std::vector<v1::FetchResult> results = {ResultFor(0), ResultFor(1)};
  results[1].set_url(origin_.Url("/old"));
  Write(std::move(results));
  EXPECT_EQ(written_, 2);
  EXPECT_EQ(dropped_, 1);
  EXPECT_EQ(State("p1"), "PENDING");
}

TEST_F(ResultWriterTest, RenditionsCountForTheSizeOfABatch) {
  AddProducts(6);
  std::vector<v1::FetchResult> results;
  for (int i = 0; i < 6; ++i) {
    v1::Rendition& rendition = *results.emplace_back(ResultFor(i)).add_renditions();
    rendition.set_side(2048);
    rendition.set_data(std::string(7 << 20, static_cast<char>(i)));
  }
  Write(std::move(results));
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 6) << "42 MiB in all, where the store takes 32 at once";
}

}  // namespace
}  // namespace mannequin

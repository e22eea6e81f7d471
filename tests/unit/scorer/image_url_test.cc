// Listings whose picture is named by its address: scorer, fetcher and origin over real connections.
#include "services/scorer/image_url.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/image/generated_mark.h"
#include "gtest/gtest.h"
#include "tests/unit/scorer/neighbourhood.h"

namespace mannequin {
namespace {

class ImageUrlTest : public ScorerNeighbourhood {
 protected:
  ImageUrlTest() {
    PromoteBundle();
    PutPicture("shirt.jpg", StripesJpeg(1));
    PutPicture("page.jpg", "<html>Sorry</html>");
  }
  // The origin is one that the fetcher may ask.
  void ServeAll(absl::Duration latency = absl::ZeroDuration()) {
    ServeOrigin(latency);
    ServeFetcher({absl::StrCat("127.0.0.1/32:", origin_->port())});
    ServeScorer();
  }
  static v1::ScoreListingRequest At(const std::string& url) {
    v1::ScoreListingRequest request;
    *request.mutable_product() = Listed("Shirts", "Acme blue cotton shirt");
    request.set_image_url(url);
    return request;
  }
  // "CODE message".
  std::string Refusal(const std::string& url) {
    v1::Verdict verdict;
    const grpc::Status status = Score(At(url), &verdict);
    EXPECT_FALSE(status.ok());
    return absl::StrCat(absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())), " ",
                        status.error_message());
  }
};

TEST_F(ImageUrlTest, ThePictureAtAnAddressIsJudgedAsIfItWereSent) {
  ServeAll();
  v1::ScoreListingRequest sent;
  *sent.mutable_product() = At("").product();
  sent.set_image(StripesJpeg(1));
  const v1::Verdict by_url = MustScore(At(origin_->Url("/shirt.jpg")));
  const v1::Verdict by_bytes = MustScore(sent);
  EXPECT_EQ(by_url.kind(), by_bytes.kind());
  EXPECT_EQ(by_url.discriminator_logit(), by_bytes.discriminator_logit());
  EXPECT_EQ(by_url.sight().SerializeAsString(), by_bytes.sight().SerializeAsString());
  EXPECT_EQ(by_url.image_sha256().size(), 64U);
}

TEST_F(ImageUrlTest, TheMarkOfADrawnPictureSurvivesTheFetch) {
  const std::string xmp = absl::StrCat("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">", kGeneratedSourceType, "</x:xmpmeta>");
  PutPicture("drawn.jpg", EncodeImage(Stripes(64, 64, 2), "image/jpeg", 90, xmp).value());
  ServeAll();
  const v1::Verdict verdict = MustScore(At(origin_->Url("/drawn.jpg")));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_EQ(verdict.reasons(0).reason(), v1::ABUSE_REASON_PLACEHOLDER);
}

TEST_F(ImageUrlTest, APrivateAddressIsRefusedUnlessTheFetcherIsToldToAllowIt) {
  ServeOrigin();
  ServeFetcher({});
  ServeScorer();
  const std::string refusal = Refusal(origin_->Url("/shirt.jpg"));
  EXPECT_TRUE(absl::StartsWith(refusal, "PERMISSION_DENIED image_url: ")) << refusal;
  EXPECT_EQ(origin_->Counts().requests, 0);
}

TEST_F(ImageUrlTest, WhatTheOriginDidIsTheErrorWithTheFieldNamed) {
  ServeAll();
  const std::string missing = Refusal(origin_->Url("/nothing.jpg"));
  EXPECT_TRUE(absl::StartsWith(missing, "NOT_FOUND image_url: ")) << missing;
  const std::string page = Refusal(origin_->Url("/page.jpg"));
  EXPECT_TRUE(absl::StartsWith(page, "FAILED_PRECONDITION image_url: ")) << page;
}

TEST_F(ImageUrlTest, AnAddressThatIsNoHttpAddressOrTooLongIsInvalid) {
  ServeAll();
  EXPECT_EQ(Refusal("ftp://example.com/a.jpg"),
            "INVALID_ARGUMENT image_url: \"ftp://example.com/a.jpg\" does not begin with http:// or https://");
  EXPECT_EQ(Refusal(""), "INVALID_ARGUMENT image_url: \"\" does not begin with http:// or https://");
  const std::string longest = origin_->Url(absl::StrCat("/", std::string(2048, 'a')));
  EXPECT_EQ(Refusal(longest),
            absl::StrCat("INVALID_ARGUMENT image_url: ", longest.size(), " bytes are over the bound of 2048"));
  EXPECT_EQ(origin_->Counts().requests, 0);
}

TEST_F(ImageUrlTest, WithoutAFetcherItSaysWhatToDo) {
  ServeScorer();
  EXPECT_EQ(Refusal("http://example.com/a.jpg"),
            "FAILED_PRECONDITION image_url: this scorer knows no fetcher; set `fetcher` in its configuration, or send "
            "the picture itself in `image`");
}

TEST_F(ImageUrlTest, AFetcherThatIsDownIsUnavailableAndPicturesThatAreSentGoOn) {
  ServeAll();
  StopFetcher();
  const std::string refusal = Refusal(origin_->Url("/shirt.jpg"));
  EXPECT_EQ(refusal, absl::StrCat("UNAVAILABLE image_url: the fetcher at ", fetcher_server_->address(),
                                  " is UNAVAILABLE: it cannot be reached"));
  v1::ScoreListingRequest sent = At("");
  sent.set_image(StripesJpeg(1));
  EXPECT_NE(MustScore(sent).kind(), v1::VERDICT_KIND_NOT_SCORED);
}

TEST_F(ImageUrlTest, TheCallersDeadlineIsTheFetchs) {
  ServeAll(absl::Hours(1));
  const NeighbourService<v1::ImageFetcher> fetcher("fetcher", fetcher_server_->address());
  const absl::StatusOr<v1::Image> image =
      FetchImageUrl(fetcher, origin_->Url("/shirt.jpg"), absl::Now() + absl::Milliseconds(300));
  EXPECT_EQ(image.status().code(), absl::StatusCode::kDeadlineExceeded) << image.status();
  EXPECT_TRUE(absl::StartsWith(image.status().message(), "image_url: ")) << image.status();
}

TEST_F(ImageUrlTest, AStreamFetchesManyAndAnswersInOrder) {
  for (int i = 0; i < 20; ++i) PutPicture(absl::StrCat(i, ".jpg"), StripesJpeg(i));
  ServeAll();
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(60));
  auto stream = stub_->ScoreListings(&context);
  for (int i = 0; i < 20; ++i) {
    v1::ScoreListingsRequest request;
    *request.mutable_listing() = At(origin_->Url(i % 5 == 3 ? "/none.jpg" : absl::StrCat("/", i, ".jpg")));
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  std::vector<std::string> hashes;
  v1::ScoreListingsResponse response;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(stream->Read(&response)) << i;
    if (i % 5 == 3) {
      EXPECT_EQ(response.error_code(), static_cast<int>(grpc::StatusCode::NOT_FOUND)) << response.error_message();
      EXPECT_TRUE(absl::StartsWith(response.error_message(), "image_url: ")) << response.error_message();
    } else {
      EXPECT_EQ(response.error_code(), 0) << response.error_message();
      EXPECT_EQ(response.verdict().image_sha256(),
                MustScore(At(origin_->Url(absl::StrCat("/", i, ".jpg")))).image_sha256());
    }
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace mannequin

// What the scorer answers to what no honest client sends, over a real channel.
#include <functional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/unit/image/picture_files.h"
#include "tests/unit/scorer/served_scorer.h"

namespace mannequin {
namespace {

class ScorerBadInput : public testing::Test {
 protected:
  // One for all: nothing that a test sends may change what the next one gets.
  static void SetUpTestSuite() {
    scorer_ = std::make_unique<ServedScorer>();
    scorer_->Serve();
  }
  static void TearDownTestSuite() { scorer_.reset(); }

  // "CODE message" of a request, or "KIND reason-or-why".
  static std::string Answer(const v1::ScoreListingRequest& request) {
    v1::Verdict verdict;
    const grpc::Status status = scorer_->Score(request, &verdict);
    if (!status.ok()) return absl::StrCat(status.error_code(), " ", status.error_message());
    const std::string what = verdict.not_scored_reason().empty() ? v1::AbuseReason_Name(verdict.reasons(0).reason())
                                                                 : verdict.not_scored_reason();
    return absl::StrCat(v1::VerdictKind_Name(verdict.kind()), " ", what);
  }
  static std::string AnswerTo(const std::string& image) { return Answer(ShirtWith(image)); }

  static void ExpectStarts(const std::string& answer, const std::string& with) {
    EXPECT_TRUE(absl::StartsWith(answer, with)) << answer;
  }

  static inline std::unique_ptr<ServedScorer> scorer_;
};

const std::string kInvalid = absl::StrCat(grpc::StatusCode::INVALID_ARGUMENT, " ");
const std::string kJudged = "VERDICT_KIND_CLEAN ABUSE_REASON_";

std::string Jpeg() { return EncodeImage(TestTexture(200, 150), "image/jpeg").value(); }

std::string Converted(const std::string& suffix, VipsInterpretation to) {
  return EncodeByVips(TestTexture(120, 120), suffix, [to](VipsImage* image) {
    VipsImage* out = nullptr;
    EXPECT_EQ(vips_colourspace(image, &out, to, nullptr), 0) << vips_error_buffer();
    return out;
  });
}

TEST_F(ScorerBadInput, AFileThatIsNoPicture) {
  for (const std::string& bytes : {std::string("<html><body>404</body></html>"), std::string(), std::string(5000, '\0'),
                                   std::string("%PDF-1.7\n")}) {
    ExpectStarts(AnswerTo(bytes), kInvalid + "image: ");
  }
}

TEST_F(ScorerBadInput, APictureThatIsCutAnywhere) {
  const std::string jpeg = Jpeg(), png = EncodeImage(TestTexture(200, 150), "image/png").value();
  for (const std::string& bytes : {jpeg, png}) {
    for (const double part : {0.01, 0.3, 0.6, 0.95}) {
      const auto size = static_cast<std::size_t>(part * static_cast<double>(bytes.size()));
      ExpectStarts(AnswerTo(bytes.substr(0, size)), kInvalid + "image: ");
    }
  }
}

TEST_F(ScorerBadInput, AHundredMegapixelsByItsHeaderAreNotDecoded) {
  const std::string answer = AnswerTo(FlatPng(10'000, 10'000));
  // Not RESOURCE_EXHAUSTED: to send it again would help nobody.
  ExpectStarts(answer, kInvalid + "image: ");
  EXPECT_TRUE(absl::StrContains(answer, "max_pixels")) << answer;
}

TEST_F(ScorerBadInput, OfAnAnimationTheFirstFrameIsJudged) {
  // Its frames have 16 pixels.
  ExpectStarts(AnswerTo(AnimatedWebp(4)), "VERDICT_KIND_REVIEW ABUSE_REASON_LOW_QUALITY");
  ExpectStarts(AnswerTo(AnimatedPng(TestTexture(64, 64), 4)), kJudged);
  // This one has frames of one colour.
  ExpectStarts(AnswerTo(AnimatedGif(4)), "VERDICT_KIND_ABUSE ABUSE_REASON_PLACEHOLDER");
  const std::string endless = AnswerTo(AnimatedGif(10'000));
  ExpectStarts(endless, kInvalid + "image: ");
  EXPECT_TRUE(absl::StrContains(endless, "max_frames")) << endless;
}

TEST_F(ScorerBadInput, CmykAndSixteenBitsAreJudgedAsWhatTheyShow) {
  ExpectStarts(AnswerTo(Converted(".jpg[Q=90]", VIPS_INTERPRETATION_CMYK)), kJudged);
  ExpectStarts(AnswerTo(Converted(".png", VIPS_INTERPRETATION_RGB16)), kJudged);
  ExpectStarts(AnswerTo(Converted(".png", VIPS_INTERPRETATION_GREY16)), kJudged);
}

TEST_F(ScorerBadInput, OnePixelIsAPlaceholder) {
  ExpectStarts(AnswerTo(EncodeImage({1, 1, {200, 10, 10}}, "image/png").value()),
               "VERDICT_KIND_ABUSE ABUSE_REASON_PLACEHOLDER");
}

TEST_F(ScorerBadInput, APictureWithAnotherFileBehindItIsJudgedAsThePictureAndInFrontRefused) {
  const std::string zip("PK\x03\x04 and an archive", 22), html = "<script>alert(1)</script>";
  for (const std::string& other : {zip, html}) {
    ExpectStarts(AnswerTo(Jpeg() + other), kJudged);
    ExpectStarts(AnswerTo(other + Jpeg()), kInvalid + "image: ");
  }
  ExpectStarts(AnswerTo("GIF89a/*" + html + "*/"), kInvalid + "image: ");
}

TEST_F(ScorerBadInput, TextOverItsBounds) {
  v1::ScoreListingRequest request = ShirtWith(Jpeg());
  request.mutable_product()->set_title(std::string(1 << 20, 'x'));
  ExpectStarts(Answer(request), kInvalid + "product.title: 1048576 bytes");
  request = ShirtWith(Jpeg());
  for (int i = 0; i < 1000; ++i) request.mutable_product()->add_category_path("x");
  ExpectStarts(Answer(request), kInvalid + "product.category_path: ");
  request = ShirtWith(Jpeg());
  request.mutable_product()->add_attributes()->set_value(std::string(1000, 'x'));
  ExpectStarts(Answer(request), kInvalid + "product.attributes.value: ");
}

TEST_F(ScorerBadInput, NothingAtAll) {
  ExpectStarts(Answer({}), kInvalid + "source: ");
  v1::ScoreListingRequest request;
  request.set_image("");
  ExpectStarts(Answer(request), kInvalid + "product.title: ");
  request.mutable_product()->set_title(" \t");
  ExpectStarts(Answer(request), kInvalid + "product.title: ");
  request.mutable_product()->set_title("Shirt");
  ExpectStarts(Answer(request), kInvalid + "product.category_path: ");
  request.mutable_product()->add_category_path("Shirts");
  ExpectStarts(Answer(request), kInvalid + "image: ");
}

TEST_F(ScorerBadInput, ACategoryThatTheBundleDoesNotKnowIsNotScored) {
  v1::ScoreListingRequest request = ShirtWith(Jpeg());
  request.mutable_product()->add_category_path("Boats");
  ExpectStarts(Answer(request), "VERDICT_KIND_NOT_SCORED category \"Boats\" is not known");
}

TEST_F(ScorerBadInput, AMessageOverSixteenMegabytesAndOneThatIsNotTakenAtAll) {
  const std::string answer = AnswerTo(Jpeg() + std::string(17 << 20, '\0'));
  ExpectStarts(answer, kInvalid + "image: ");
  EXPECT_TRUE(absl::StrContains(answer, "max_bytes")) << answer;
  // gRPC's own word, before the scorer sees anything.
  ExpectStarts(AnswerTo(std::string(40 << 20, '\0')), absl::StrCat(grpc::StatusCode::RESOURCE_EXHAUSTED, " "));
}

TEST_F(ScorerBadInput, ADeadlineThatHasPassedAndACallThatIsCancelledAreNotJudged) {
  const double before = MetricSum("mannequin_scorer_batch_listings");
  v1::ScoreListingResponse response;
  grpc::ClientContext late;
  rpc::SetDeadline(late, absl::Seconds(-1));
  EXPECT_EQ(scorer_->stub().ScoreListing(&late, ShirtWith(Jpeg()), &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  grpc::ClientContext cancelled;
  cancelled.TryCancel();
  EXPECT_EQ(scorer_->stub().ScoreListing(&cancelled, ShirtWith(Jpeg()), &response).error_code(),
            grpc::StatusCode::CANCELLED);
  EXPECT_EQ(MetricSum("mannequin_scorer_batch_listings"), before);
}

}  // namespace
}  // namespace mannequin

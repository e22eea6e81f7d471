// Evidence of a mismatch over real channels: scorer, store and embedder as servers of their own.
#include "services/scorer/evidence.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tests/unit/scorer/neighbourhood.h"

namespace mannequin {
namespace {

class EvidenceTest : public ScorerNeighbourhood {
 protected:
  // Six products, each with the picture of its number under the category that the judge sees in it.
  void StoreHonestProducts() {
    const std::vector<std::string> titles = {"blue cotton shirt for men", "acme analog watch with leather strap",
                                             "leather boots for women",   "white cotton shirt",
                                             "black analog watch",        "red leather boots"};
    for (int i = 0; i < 6; ++i) {
      v1::ScoreListingRequest look = Ask(i, "Shirts", 0);
      const std::string seen = MustScore(look).sight().category();
      ASSERT_NE(seen, "");
      Store(absl::StrCat("p", i), Listed(seen, titles[static_cast<std::size_t>(i)]), StripesJpeg(i));
    }
  }
  void ScoreCatalog() {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::ScoreCatalogResponse response;
    ASSERT_TRUE(stub_->ScoreCatalog(&context, {}, &response).ok());
    AwaitSuccess(response.job());
  }
  void EmbedCatalog() {
    const auto embedder = v1::TextEmbedder::NewStub(rpc::NewChannel(embedder_server_->address()));
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::EmbedCatalogResponse response;
    ASSERT_TRUE(embedder->EmbedCatalog(&context, {}, &response).ok());
    AwaitSuccess(response.job());
  }
  static v1::ScoreListingRequest Ask(int picture, const std::string& category, int evidence) {
    v1::ScoreListingRequest request;
    *request.mutable_product() = Listed(category, "acme black analog watch with leather strap");
    request.set_image(StripesJpeg(picture));
    request.set_evidence(evidence);
    return request;
  }
  // A category that the judge does not see in the picture.
  std::string Other(int picture) {
    return MustScore(Ask(picture, "Shirts", 0)).sight().category() == "Watches" ? "Boots" : "Watches";
  }
  // Of a listing that is a mismatch.
  v1::Verdict Mismatch(int picture, int evidence) { return MustScore(Ask(picture, Other(picture), evidence)); }
  static std::string Degraded(const v1::Verdict& verdict) { return absl::StrJoin(verdict.degraded(), "\n"); }
  static std::vector<std::string> Ids(const v1::Verdict& verdict, v1::EvidenceKind kind) {
    std::vector<std::string> ids;
    for (const v1::EvidenceProduct& product : verdict.evidence()) {
      if (product.kind() == kind) ids.push_back(product.product_id());
    }
    return ids;
  }
  // The pictures are read on a thread of their own: until they can be asked.
  void AwaitPictures() {
    EXPECT_TRUE(Eventually([&] { return !Ids(Mismatch(0, 1), v1::EVIDENCE_KIND_PICTURE).empty(); }));
  }
  // Everything is served, scored and embedded.
  void ServeAll() {
    PromoteBundle();
    ServeEmbedder();
    ServeScorer();
    StoreHonestProducts();
    EmbedCatalog();
    ScoreCatalog();
    AwaitPictures();
  }
};

TEST_F(EvidenceTest, AMismatchShowsTheNearestProductsByPictureAndByText) {
  ServeAll();
  v1::ScoreListingRequest request = Ask(2, Other(2), 3);
  v1::Verdict verdict;
  // The embedder may still be making room for what was embedded just now.
  ASSERT_TRUE(Eventually([&] {
    verdict = MustScore(request);
    return verdict.degraded().empty();
  })) << Degraded(verdict);
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  ASSERT_EQ(verdict.evidence_size(), 6);
  // The very picture is in the store under p2.
  EXPECT_EQ(verdict.evidence(0).kind(), v1::EVIDENCE_KIND_PICTURE);
  EXPECT_EQ(verdict.evidence(0).product_id(), "p2");
  EXPECT_EQ(verdict.evidence(0).title(), "leather boots for women");
  EXPECT_EQ(verdict.evidence(0).category_path(1), verdict.sight().category());
  EXPECT_NEAR(verdict.evidence(0).similarity(), 1, 1e-6);
  for (int i = 1; i < 6; ++i) {
    EXPECT_EQ(verdict.evidence(i).kind(), i < 3 ? v1::EVIDENCE_KIND_PICTURE : v1::EVIDENCE_KIND_TEXT);
    const double before = i == 3 ? 1 : verdict.evidence(i - 1).similarity();
    EXPECT_LE(verdict.evidence(i).similarity(), before);
    EXPECT_NE(verdict.evidence(i).title(), "");
    EXPECT_EQ(verdict.evidence(i).category_path_size(), 2);
  }
  // No more than there is.
  request.set_evidence(20);
  verdict = MustScore(request);
  EXPECT_EQ(Ids(verdict, v1::EVIDENCE_KIND_PICTURE).size(), 6U);
  EXPECT_EQ(Ids(verdict, v1::EVIDENCE_KIND_TEXT).size(), 6U);
}

TEST_F(EvidenceTest, AStreamGivesEvidenceToThoseThatAskForIt) {
  ServeAll();
  const std::string other = Other(2);
  std::vector<v1::ScoreListingsResponse> responses(3);
  const auto score = [&] {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    auto stream = stub_->ScoreListings(&context);
    for (const int evidence : {0, 2, 21}) {
      v1::ScoreListingsRequest request;
      *request.mutable_listing() = Ask(2, other, evidence);
      EXPECT_TRUE(stream->Write(request));
    }
    stream->WritesDone();
    for (v1::ScoreListingsResponse& response : responses) EXPECT_TRUE(stream->Read(&response));
    EXPECT_TRUE(stream->Finish().ok());
    return responses[1].verdict().degraded().empty();
  };
  // It is given a fifth of a second, which a busy machine may exceed.
  ASSERT_TRUE(Eventually(score)) << Degraded(responses[1].verdict());
  EXPECT_EQ(responses[0].verdict().evidence_size(), 0);
  EXPECT_EQ(Ids(responses[1].verdict(), v1::EVIDENCE_KIND_TEXT).size(), 2U);
  EXPECT_EQ(Ids(responses[1].verdict(), v1::EVIDENCE_KIND_PICTURE).size(), 2U);
  EXPECT_EQ(Ids(responses[1].verdict(), v1::EVIDENCE_KIND_PICTURE)[0], "p2");
  EXPECT_EQ(responses[2].error_message(), "evidence: 21 is not 0 to 20");
}

TEST_F(EvidenceTest, AnHonestListingAndOneThatAsksForNoneGetNone) {
  ServeAll();
  const std::string seen = MustScore(Ask(2, "Shirts", 0)).sight().category();
  const v1::Verdict honest = MustScore(Ask(2, seen, 5));
  EXPECT_EQ(honest.kind(), v1::VERDICT_KIND_CLEAN);
  EXPECT_EQ(honest.evidence_size() + honest.degraded_size(), 0);
  const v1::Verdict unasked = Mismatch(2, 0);
  EXPECT_EQ(unasked.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_EQ(unasked.evidence_size() + unasked.degraded_size(), 0);
}

TEST_F(EvidenceTest, AProductIsNeverItsOwnEvidence) {
  ServeAll();
  v1::ScoreListingRequest request = Ask(2, Other(2), 20);
  request.mutable_product()->set_id("p2");
  v1::Verdict verdict;
  ASSERT_TRUE(Eventually([&] {
    verdict = MustScore(request);
    return Ids(verdict, v1::EVIDENCE_KIND_TEXT).size() == 5;
  })) << Degraded(verdict);
  EXPECT_EQ(Ids(verdict, v1::EVIDENCE_KIND_PICTURE).size(), 5U);
  for (const v1::EvidenceProduct& product : verdict.evidence()) EXPECT_NE(product.product_id(), "p2");
}

TEST_F(EvidenceTest, ACountOutOfItsBoundsIsInvalid) {
  PromoteBundle();
  ServeScorer();
  v1::Verdict verdict;
  for (const int count : {-1, 21}) {
    const grpc::Status status = Score(Ask(0, "Shirts", count), &verdict);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(status.error_message(), absl::StrCat("evidence: ", count, " is not 0 to 20"));
  }
}

TEST_F(EvidenceTest, AKeptVerdictHasThePicturesVectorAndAnswersKeepItToThemselves) {
  ServeAll();
  v1::GetVerdictRequest get;
  get.set_product_id("p1");
  EXPECT_EQ(store_->GetVerdict(get)->verdict().picture_vector().size(), 128U);
  EXPECT_NE(store_->GetVerdict(get)->verdict().sight().color(), "");
  EXPECT_EQ(Mismatch(1, 0).picture_vector(), "");
}

TEST_F(EvidenceTest, ProductsThatAreNotHonestOrWereCalledAbuseAreNoEvidence) {
  ServeAll();
  v1::GetVerdictRequest get;
  get.set_product_id("p0");
  v1::PutVerdictsRequest put;
  *put.add_verdicts() = store_->GetVerdict(get)->verdict();
  put.mutable_verdicts(0)->set_kind(v1::VERDICT_KIND_REVIEW);
  get.set_product_id("p2");
  *put.add_verdicts() = store_->GetVerdict(get)->verdict();
  put.mutable_verdicts(1)->set_bundle_version("b-of-before");
  ASSERT_TRUE(store_->PutVerdicts(put).ok());
  get.set_product_id("p1");
  v1::PutReviewRequest reviewed;
  v1::Review& review = *reviewed.mutable_review();
  review.set_product_id("p1");
  review.set_image_sha256(store_->GetVerdict(get)->verdict().image_sha256());
  review.set_decision(v1::VERDICT_KIND_ABUSE);
  review.add_reasons(v1::ABUSE_REASON_MISMATCH);
  review.set_reviewer("kim");
  ASSERT_TRUE(store_->PutReview(reviewed).ok());
  PictureIndexFollower pictures(*store_);
  pictures.Start();
  pictures.Follow(bundle_);
  ASSERT_TRUE(Eventually([&] { return pictures.Of(bundle_).ok(); }));
  EXPECT_EQ(pictures.Of(bundle_).value()->size(), 3U);
}

TEST_F(EvidenceTest, WhatCannotBeHadIsALineThatSaysWhatToDo) {
  PromoteBundle();
  ServeScorer();
  const auto is_read = [&](const v1::Verdict& verdict) { return !absl::StrContains(Degraded(verdict), "being read"); };
  v1::Verdict verdict;
  ASSERT_TRUE(Eventually([&] { return is_read(verdict = Mismatch(0, 3)); }));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_EQ(Degraded(verdict),
            absl::StrCat("evidence by picture: no honest product was scored with bundle ", bundle_,
                         " yet; run `mannequin score --all`\n"
                         "evidence by text: this scorer knows no embedder; set `embedder` in its configuration"));
}

TEST_F(EvidenceTest, ABundleWithoutAJudgeComparesNoPictures) {
  PromoteBundle(false);
  ServeScorer();
  v1::Verdict verdict;
  for (const char* category : {"Shirts", "Watches"}) {
    verdict = MustScore(Ask(0, category, 3));
    if (verdict.kind() == v1::VERDICT_KIND_ABUSE) break;
  }
  ASSERT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_FALSE(verdict.has_sight());
  EXPECT_EQ(verdict.degraded(0),
            absl::StrCat("evidence by picture: bundle ", bundle_, " has no judge that compares pictures"));
}

TEST_F(EvidenceTest, AnEmbedderThatIsDownIsALineAndPicturesAreFoundStill) {
  ServeAll();
  StopEmbedder();
  v1::Verdict verdict;
  EXPECT_TRUE(Eventually([&] {
    verdict = Mismatch(2, 2);
    return Ids(verdict, v1::EVIDENCE_KIND_PICTURE).size() == 2;
  }));
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_TRUE(Ids(verdict, v1::EVIDENCE_KIND_TEXT).empty());
  EXPECT_TRUE(absl::StartsWith(Degraded(verdict), absl::StrCat("evidence by text: the embedder at ",
                                                               embedder_server_->address(), " is UNAVAILABLE: ")))
      << Degraded(verdict);
}

TEST_F(EvidenceTest, AnEmbedderThatNeverAnswersDoesNotHoldTheVerdictUp) {
  PromoteBundle();
  const ListenerThatIsSilent embedder;
  ServeScorer(embedder.address());
  const v1::ScoreListingRequest request = Ask(0, Other(0), 3);
  v1::Verdict verdict;
  const grpc::Status status = Score(request, &verdict, absl::Seconds(20));
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_TRUE(absl::StrContains(Degraded(verdict), absl::StrCat("the embedder at ", embedder.address(), " ")))
      << Degraded(verdict);
}

TEST_F(EvidenceTest, AnEmbedderThatHasNoIndexSaysSoItself) {
  PromoteBundle();
  ServeEmbedder();
  ServeScorer();
  v1::Verdict verdict;
  ASSERT_TRUE(Eventually([&] {
    verdict = Mismatch(0, 3);
    return absl::StrContains(Degraded(verdict), "FAILED_PRECONDITION");
  })) << Degraded(verdict);
  EXPECT_TRUE(absl::StrContains(Degraded(verdict), "says FAILED_PRECONDITION: the catalogue is not embedded"))
      << Degraded(verdict);
}

TEST_F(EvidenceTest, WithTheStoreDownSentPicturesAreJudgedAndStoredOnesFail) {
  ServeAll();
  store_server_->Stop();
  const v1::Verdict verdict = Mismatch(2, 2);
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_ABUSE);
  EXPECT_TRUE(Ids(verdict, v1::EVIDENCE_KIND_PICTURE).empty());
  EXPECT_TRUE(absl::StartsWith(verdict.degraded(0), "evidence by picture: ")) << Degraded(verdict);
  EXPECT_TRUE(absl::StrContains(verdict.degraded(0), "the store does not name the products")) << Degraded(verdict);
  v1::ScoreListingRequest stored;
  stored.mutable_product()->set_id("p2");
  stored.set_stored(true);
  v1::Verdict none;
  EXPECT_EQ(Score(stored, &none).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(EvidenceTest, PicturesAreReadOnceTheStoreIsBack) {
  // Nobody listens there: the socket is bound and closed again.
  config::v1::ServerConfig server;
  server.set_listen("127.0.0.1:0");
  const std::string address = rpc::Server::Start("store", server, {store_service_.get()}).value()->address();
  const std::unique_ptr<ProductStore> away = NewRemoteStore(rpc::NewChannel(address));
  PictureIndexFollower pictures(*away, {.max_products = 10, .retry = absl::Milliseconds(10)});
  pictures.Start();
  pictures.Follow("b-1");
  ASSERT_TRUE(Eventually([&] {
    return absl::StrContains(pictures.Of("b-1").status().message(), "the kept verdicts could not be read: ");
  })) << pictures.Of("b-1").status();
  EXPECT_EQ(pictures.Of("b-1").status().code(), absl::StatusCode::kUnavailable);
  server.set_listen(address);
  const std::unique_ptr<rpc::Server> back = rpc::Server::Start("store", server, {store_service_.get()}).value();
  EXPECT_TRUE(Eventually([&] { return absl::IsFailedPrecondition(pictures.Of("b-1").status()); }))
      << pictures.Of("b-1").status();
}

}  // namespace
}  // namespace mannequin

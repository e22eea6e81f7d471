// Verdicts and what reviewers decide of them, over both implementations; and a store of the
// format before there were reviews.
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "services/store/keys.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/format.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kPicture(64, 'a');
const std::string kOtherPicture(64, 'b');

v1::Verdict MakeVerdict(const std::string& id, v1::VerdictKind kind = v1::VERDICT_KIND_REVIEW,
                        const std::string& picture = kPicture) {
  v1::Verdict verdict;
  verdict.set_product_id(id);
  verdict.set_kind(kind);
  verdict.set_image_sha256(picture);
  verdict.set_bundle_version("b-1");
  verdict.mutable_listing()->set_id(id);
  verdict.mutable_listing()->set_title("Title of " + id);
  return verdict;
}

v1::Review MakeReview(const std::string& id, v1::VerdictKind decision = v1::VERDICT_KIND_CLEAN,
                      const std::string& picture = kPicture) {
  v1::Review review;
  review.set_product_id(id);
  review.set_image_sha256(picture);
  review.set_decision(decision);
  if (decision == v1::VERDICT_KIND_ABUSE) review.add_reasons(v1::ABUSE_REASON_MISMATCH);
  review.set_reviewer("kim");
  return review;
}

class ReviewsTest : public StoreTest {
 protected:
  void Put(const v1::Verdict& verdict) {
    v1::PutVerdictsRequest request;
    *request.add_verdicts() = verdict;
    Must(store().PutVerdicts(request));
  }
  v1::Verdict Verdict(const std::string& id) {
    v1::GetVerdictRequest request;
    request.set_product_id(id);
    return Must(store().GetVerdict(request)).verdict();
  }
  absl::StatusOr<v1::PutReviewResponse> Try(const v1::Review& review) {
    v1::PutReviewRequest request;
    *request.mutable_review() = review;
    return store().PutReview(request);
  }
  v1::Review Review(const v1::Review& review) { return Must(Try(review)).review(); }

  // "a b", through pages of one.
  std::string Unreviewed(v1::VerdictKind kind = v1::VERDICT_KIND_UNSPECIFIED) {
    std::vector<std::string> ids;
    v1::ListVerdictsRequest request;
    request.set_kind(kind);
    request.set_unreviewed(true);
    request.set_page_size(1);
    do {
      const v1::ListVerdictsResponse page = Must(store().ListVerdicts(request));
      for (const v1::Verdict& verdict : page.verdicts()) ids.push_back(verdict.product_id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return absl::StrJoin(ids, " ");
  }
  // "a aaaa ABUSE", through pages of one.
  std::vector<std::string> Reviews() {
    std::vector<std::string> lines;
    v1::ListReviewsRequest request;
    request.set_page_size(1);
    do {
      const v1::ListReviewsResponse page = Must(store().ListReviews(request));
      for (const v1::Review& review : page.reviews()) {
        lines.push_back(absl::StrCat(review.product_id(), " ", review.image_sha256().substr(0, 4), " ",
                                     v1::VerdictKind_Name(review.decision()).substr(13)));
      }
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return lines;
  }
};

TEST_P(ReviewsTest, AReviewIsKeptWithItsVerdictAndMarksIt) {
  Put(MakeVerdict("p"));
  v1::Review given = MakeReview("p", v1::VERDICT_KIND_ABUSE);
  given.set_note("another shoe");
  const v1::Review kept = Review(given);
  EXPECT_EQ(absl::ToUnixSeconds(kStart), kept.reviewed_at().seconds());
  EXPECT_EQ(MakeVerdict("p").SerializeAsString(), kept.verdict().SerializeAsString());
  EXPECT_EQ("another shoe", kept.note());
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, Verdict("p").review_decision());
  EXPECT_THAT(Reviews(), ElementsAre("p aaaa ABUSE"));
  OpenAgain();
  v1::ListReviewsResponse listed = Must(store().ListReviews({}));
  ASSERT_EQ(1, listed.reviews_size());
  EXPECT_EQ(kept.SerializeAsString(), listed.reviews(0).SerializeAsString());
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, Verdict("p").review_decision());
  EXPECT_EQ("products=0 images=0/0 embeddings=0 placeholders=0 verdicts=1 reviews=1",
            Render(Must(store().GetStatistics({}))));
}

TEST_P(ReviewsTest, TheSameReviewAgainChangesNothingAndAnotherReplacesIt) {
  Put(MakeVerdict("p"));
  const v1::Review first = Review(MakeReview("p"));
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(first.SerializeAsString(), Review(MakeReview("p")).SerializeAsString());
  v1::Review changed = MakeReview("p", v1::VERDICT_KIND_ABUSE);
  changed.set_reviewer("lee");
  const v1::Review second = Review(changed);
  EXPECT_EQ(60, second.reviewed_at().seconds() - first.reviewed_at().seconds());
  EXPECT_EQ(v1::VERDICT_KIND_UNSPECIFIED, second.verdict().review_decision());
  EXPECT_THAT(Reviews(), ElementsAre("p aaaa ABUSE"));
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, Verdict("p").review_decision());
  EXPECT_EQ(1, Must(store().GetStatistics({})).reviews());
}

TEST_P(ReviewsTest, WithoutAVerdictOrOfAnotherPictureIsRefused) {
  EXPECT_EQ("NOT_FOUND", CodeOf(Try(MakeReview("p"))));
  Put(MakeVerdict("p"));
  const absl::Status other = Try(MakeReview("p", v1::VERDICT_KIND_CLEAN, kOtherPicture)).status();
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(other));
  EXPECT_THAT(std::string(other.message()), AllOf(HasSubstr("review.image_sha256: is bbbb"), HasSubstr("is of aaaa")));
  v1::Verdict pictureless = MakeVerdict("q", v1::VERDICT_KIND_NOT_SCORED, "");
  Put(pictureless);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Try(MakeReview("q"))));
  EXPECT_THAT(Reviews(), IsEmpty());
  EXPECT_EQ(v1::VERDICT_KIND_UNSPECIFIED, Verdict("p").review_decision());
}

TEST_P(ReviewsTest, FieldsAreNamedWithTheirBounds) {
  Put(MakeVerdict("p"));
  const auto error = [&](const std::function<void(v1::Review&)>& spoil) {
    v1::Review review = MakeReview("p", v1::VERDICT_KIND_ABUSE);
    spoil(review);
    const absl::Status status = Try(review).status();
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(error([](v1::Review& r) { r.clear_product_id(); }), HasSubstr("review.product_id: 0 bytes"));
  EXPECT_THAT(error([](v1::Review& r) { r.set_image_sha256("ABC"); }), HasSubstr("review.image_sha256: "));
  EXPECT_THAT(error([](v1::Review& r) { r.set_decision(v1::VERDICT_KIND_REVIEW); }),
              HasSubstr("review.decision: VERDICT_KIND_REVIEW, expected VERDICT_KIND_CLEAN or"));
  EXPECT_THAT(error([](v1::Review& r) { r.clear_decision(); }), HasSubstr("review.decision: "));
  EXPECT_THAT(error([](v1::Review& r) { r.clear_reasons(); }), HasSubstr("review.reasons: empty"));
  EXPECT_THAT(error([](v1::Review& r) { r.set_decision(v1::VERDICT_KIND_CLEAN); }), HasSubstr("review.reasons: "));
  EXPECT_THAT(error([](v1::Review& r) { r.add_reasons(v1::ABUSE_REASON_MISMATCH); }), HasSubstr("is there twice"));
  EXPECT_THAT(error([](v1::Review& r) { r.set_reasons(0, v1::ABUSE_REASON_UNSPECIFIED); }),
              HasSubstr("review.reasons: is not one of"));
  EXPECT_THAT(error([](v1::Review& r) { r.clear_reviewer(); }), HasSubstr("review.reviewer: 0 bytes"));
  EXPECT_THAT(error([](v1::Review& r) { r.set_reviewer(std::string(257, 'a')); }), HasSubstr("review.reviewer: 257"));
  EXPECT_THAT(error([](v1::Review& r) { r.set_note(std::string(4097, 'a')); }), HasSubstr("review.note: 4097"));
  EXPECT_THAT(error([](v1::Review& r) { r.mutable_reviewed_at(); }), HasSubstr("review.reviewed_at: "));
  EXPECT_THAT(error([](v1::Review& r) { r.mutable_verdict(); }), HasSubstr("review.verdict: "));
  EXPECT_THAT(Reviews(), IsEmpty());
}

TEST_P(ReviewsTest, ADecisionStaysWithItsPictureListingAndPolicyWhateverBundleJudges) {
  Put(MakeVerdict("p"));
  Review(MakeReview("p", v1::VERDICT_KIND_ABUSE));
  const auto decision_after = [&](const v1::Verdict& verdict) {
    Put(verdict);
    return v1::VerdictKind_Name(Verdict("p").review_decision()).substr(13);
  };
  v1::Verdict next = MakeVerdict("p", v1::VERDICT_KIND_CLEAN);
  next.set_bundle_version("b-2");
  next.set_rules_version("rules-2");
  EXPECT_EQ("ABUSE", decision_after(next));
  EXPECT_EQ("UNSPECIFIED", decision_after(MakeVerdict("p", v1::VERDICT_KIND_REVIEW, kOtherPicture)));
  EXPECT_EQ("ABUSE", decision_after(MakeVerdict("p"))) << "the first picture is back";
  v1::Verdict renamed = MakeVerdict("p");
  renamed.mutable_listing()->set_title("Another title");
  EXPECT_EQ("UNSPECIFIED", decision_after(renamed));
  v1::Verdict ruled = MakeVerdict("p");
  ruled.set_policy("amazon");
  EXPECT_EQ("UNSPECIFIED", decision_after(ruled));
  v1::Verdict claimed = MakeVerdict("q");
  claimed.set_review_decision(v1::VERDICT_KIND_CLEAN);
  Put(claimed);
  EXPECT_EQ(v1::VERDICT_KIND_UNSPECIFIED, Verdict("q").review_decision()) << "only a review decides";
  EXPECT_THAT(Reviews(), ElementsAre("p aaaa ABUSE"));
}

TEST_P(ReviewsTest, EachPictureOfAProductHasItsReviewInTheOrderOfTheIds) {
  for (const char* id : {"b", "a b", "a"}) {
    Put(MakeVerdict(id));
    Review(MakeReview(id));
  }
  Put(MakeVerdict("a", v1::VERDICT_KIND_ABUSE, kOtherPicture));
  Review(MakeReview("a", v1::VERDICT_KIND_ABUSE, kOtherPicture));
  EXPECT_THAT(Reviews(), ElementsAre("a aaaa CLEAN", "a bbbb ABUSE", "a b aaaa CLEAN", "b aaaa CLEAN"));
  v1::ListReviewsRequest request;
  request.set_page_size(1001);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().ListReviews(request)));
  request.set_page_size(1);
  request.set_page_token("nonsense");
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().ListReviews(request)));
}

TEST_P(ReviewsTest, TheQueueHoldsWhatNobodyHasReviewed) {
  for (const char* id : {"a", "b", "c"}) Put(MakeVerdict(id));
  Put(MakeVerdict("d", v1::VERDICT_KIND_ABUSE));
  Review(MakeReview("b"));
  EXPECT_EQ("a c", Unreviewed(v1::VERDICT_KIND_REVIEW));
  EXPECT_EQ("d", Unreviewed(v1::VERDICT_KIND_ABUSE));
  EXPECT_EQ("a c d", Unreviewed());
  Put(MakeVerdict("b", v1::VERDICT_KIND_REVIEW, kOtherPicture));
  EXPECT_EQ("a b c", Unreviewed(v1::VERDICT_KIND_REVIEW));
  Put(MakeVerdict("c", v1::VERDICT_KIND_CLEAN));
  EXPECT_EQ("a b", Unreviewed(v1::VERDICT_KIND_REVIEW));
  OpenAgain();
  EXPECT_EQ("a b", Unreviewed(v1::VERDICT_KIND_REVIEW));
  v1::ListVerdictsRequest list;
  list.set_kind(v1::VERDICT_KIND_REVIEW);
  list.set_unreviewed(true);
  list.set_page_size(1);
  const std::string token = Must(store().ListVerdicts(list)).next_page_token();
  list.set_unreviewed(false);
  list.set_page_token(token);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().ListVerdicts(list))) << "a token of another filter";
}

TEST_P(ReviewsTest, AVerdictIsKeptWholeAndItsFieldsHaveBounds) {
  v1::Verdict verdict = MakeVerdict("p");
  verdict.set_rules_version("rules-1 amazon-2026-11");
  verdict.set_policy("amazon");
  v1::PolicyFinding& finding = *verdict.add_policy_findings();
  finding.set_rule("white_background");
  finding.set_measured(0.41);
  verdict.mutable_sight()->set_category("Shirts");
  verdict.mutable_sight()->set_category_probability(0.9);
  v1::EvidenceProduct& evidence = *verdict.add_evidence();
  evidence.set_product_id("q");
  evidence.set_kind(v1::EVIDENCE_KIND_TEXT);
  evidence.set_similarity(1.0000001);
  verdict.add_degraded("evidence by text: the embedder is UNAVAILABLE");
  verdict.set_picture_vector(std::string(64, '\xff'));
  verdict.mutable_listing()->add_attributes()->set_name("Color");  // as its caller wrote it
  verdict.set_cached(true);
  Put(verdict);
  EXPECT_EQ(verdict.SerializeAsString(), Verdict("p").SerializeAsString());

  const auto error = [&](const std::function<void(v1::Verdict&)>& spoil) {
    v1::PutVerdictsRequest request;
    *request.add_verdicts() = verdict;
    spoil(*request.mutable_verdicts(0));
    const absl::Status status = store().PutVerdicts(request).status();
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status)) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(error([](v1::Verdict& v) { v.set_image_sha256("x"); }), HasSubstr("verdicts[0].image_sha256: "));
  EXPECT_THAT(error([](v1::Verdict& v) { v.add_reasons(); }), HasSubstr("verdicts[0].reasons.reason: "));
  EXPECT_THAT(error([](v1::Verdict& v) { v.set_policy(std::string(257, 'a')); }), HasSubstr("policy: 257"));
  EXPECT_THAT(error([](v1::Verdict& v) { v.add_policy_findings(); }), HasSubstr("policy_findings.rule: 0 bytes"));
  EXPECT_THAT(error([](v1::Verdict& v) { v.mutable_sight()->set_color_probability(1.5); }),
              HasSubstr("sight.color_probability: 1.5"));
  EXPECT_THAT(error([](v1::Verdict& v) { v.mutable_evidence(0)->clear_kind(); }), HasSubstr("evidence.kind: "));
  EXPECT_THAT(error([](v1::Verdict& v) { v.mutable_evidence(0)->set_similarity(std::nan("")); }),
              HasSubstr("evidence.similarity: "));
  EXPECT_THAT(error([](v1::Verdict& v) { v.add_degraded(); }), HasSubstr("degraded: 0 bytes"));
  EXPECT_THAT(error([](v1::Verdict& v) { v.mutable_listing()->set_id("q"); }), HasSubstr("listing.id: "));
  EXPECT_THAT(error([](v1::Verdict& v) { v.mutable_listing()->set_title(std::string(5000, 'a')); }),
              HasSubstr("listing.title: 5000"));
  EXPECT_THAT(error([](v1::Verdict& v) { v.set_picture_vector(std::string(70'000, 'a')); }),
              HasSubstr("picture_vector: bytes"));
}

TEST_P(ReviewsTest, BigVerdictsMakeShortPages) {
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
    v1::Verdict verdict = MakeVerdict(id);
    for (int i = 0; i < 256; ++i) {
      v1::PolicyFinding& finding = *verdict.add_policy_findings();
      finding.set_rule("rule");
      finding.set_detail(std::string(4096, 'd'));
      finding.set_source(std::string(4096, 's'));
    }
    Put(verdict);
    Review(MakeReview(id));
  }
  v1::ListVerdictsRequest verdicts;
  verdicts.set_page_size(1000);
  const v1::ListVerdictsResponse first = Must(store().ListVerdicts(verdicts));
  EXPECT_EQ(4, first.verdicts_size());
  verdicts.set_page_token(first.next_page_token());
  EXPECT_EQ(2, Must(store().ListVerdicts(verdicts)).verdicts_size());
  v1::ListReviewsRequest reviews;
  reviews.set_page_size(1000);
  const v1::ListReviewsResponse listed = Must(store().ListReviews(reviews));
  EXPECT_EQ(4, listed.reviews_size());
  reviews.set_page_token(listed.next_page_token());
  EXPECT_EQ(2, Must(store().ListReviews(reviews)).reviews_size());
}

MANNEQUIN_ALL_STORES(ReviewsTest);

// What a store of format 3 looks like: no reviews, and nothing in the index of those that wait.
void MakeFormat3(const std::string& data) {
  const std::unique_ptr<store::Database> db = Must(store::Database::Open(data, 0, nullptr));
  rocksdb::WriteBatch batch;
  const auto index = db->NewIterator(store::Family::kIndex);
  for (index->SeekToFirst(); index->Valid(); index->Next()) {
    if (index->key()[0] != 'w') continue;
    ASSERT_TRUE(batch.Delete(db->handle(store::Family::kIndex), index->key()).ok());
  }
  ASSERT_TRUE(batch.Put(db->handle(store::Family::kCounters), store::ToSlice(store::kFormatKey), "3").ok());
  ASSERT_EQ("OK", CodeOf(db->Sync(Must(db->Apply(batch)))));
  ASSERT_TRUE(db->rocks().DropColumnFamily(db->handle(store::Family::kReviews)).ok());
}

TEST(Format, AStoreFromBeforeReviewsOpensAndItsVerdictsWaitForOne) {
  const TemporaryFolder folder;
  ManualClock clock{kStart};
  const std::string data = folder.Sub("data");
  {
    const std::unique_ptr<RocksStore> store = Must(RocksStore::Open(ConfigOf(data), clock));
    v1::PutVerdictsRequest verdicts;
    *verdicts.add_verdicts() = MakeVerdict("p");
    *verdicts.add_verdicts() = MakeVerdict("q");
    Must(store->PutVerdicts(verdicts));
  }
  MakeFormat3(data);
  const std::unique_ptr<RocksStore> store = Must(RocksStore::Open(ConfigOf(data), clock));
  ASSERT_NE(nullptr, store);
  v1::ListVerdictsRequest list;
  list.set_kind(v1::VERDICT_KIND_REVIEW);
  list.set_unreviewed(true);
  EXPECT_EQ(2, Must(store->ListVerdicts(list)).verdicts_size());
  v1::PutReviewRequest request;
  *request.mutable_review() = MakeReview("p");
  Must(store->PutReview(request));
  EXPECT_EQ(1, Must(store->ListVerdicts(list)).verdicts_size());
  EXPECT_EQ(1, Must(store->ListReviews({})).reviews_size());
  EXPECT_THAT(FaultsOf(*store), IsEmpty());
}

}  // namespace
}  // namespace mannequin

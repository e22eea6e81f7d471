// Placeholders of the generator's service, from the making to the end.
#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/image/generated_mark.h"
#include "common/image/image.h"
#include "gmock/gmock.h"
#include "tests/unit/generator/served_generator.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Stub = v1::ImageGenerator::Stub;

constexpr auto kProposed = v1::PLACEHOLDER_STATE_PROPOSED;
constexpr auto kApproved = v1::PLACEHOLDER_STATE_APPROVED;
constexpr auto kRejected = v1::PLACEHOLDER_STATE_REJECTED;
constexpr auto kRetired = v1::PLACEHOLDER_STATE_RETIRED;

class Placeholders : public ServedGenerator {
 protected:
  // "2 proposed; reason: 1; ..."
  std::string Progress(const v1::Job& job) {
    v1::MakePlaceholdersProgress progress;
    EXPECT_TRUE(job.progress().UnpackTo(&progress)) << job.error();
    std::string text = absl::StrCat(progress.proposed(), " proposed");
    for (const v1::NoImageCount& count : progress.no_image()) {
      absl::StrAppend(&text, "; ", count.reason(), ": ", count.products());
    }
    return text;
  }
  v1::Placeholder Placeholder(const std::string& id) {
    v1::GetPlaceholderRequest get;
    get.set_product_id(id);
    const auto found = store_->GetPlaceholder(get);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? found->placeholder() : v1::Placeholder();
  }
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    return (stub_.get()->*method)(&context, request, response);
  }
  grpc::Status Review(const std::string& id, bool approve, const std::string& reason = "",
                      v1::Placeholder* after = nullptr) {
    v1::ReviewPlaceholderRequest request;
    request.set_product_id(id);
    request.set_approve(approve);
    request.set_rejection_reason(reason);
    request.set_reviewer("kim");
    v1::ReviewPlaceholderResponse response;
    const grpc::Status status = Call(&Stub::ReviewPlaceholder, request, &response);
    if (after != nullptr) *after = response.placeholder();
    return status;
  }
  static v1::RedrawPlaceholderRequest RedrawOf(const std::string& id, std::uint64_t seed = 0) {
    v1::RedrawPlaceholderRequest request;
    request.set_product_id(id);
    request.set_seed(seed);
    request.set_reviewer("lee");
    request.set_reason("too dark");
    return request;
  }
  grpc::Status Redraw(const v1::RedrawPlaceholderRequest& request) {
    v1::RedrawPlaceholderResponse response;
    return Call(&Stub::RedrawPlaceholder, request, &response);
  }
  grpc::Status Withdraw(const std::string& id, const std::string& reason = "") {
    v1::WithdrawPlaceholderRequest request;
    request.set_product_id(id);
    request.set_reason(reason);
    request.set_reviewer("park");
    v1::WithdrawPlaceholderResponse response;
    return Call(&Stub::WithdrawPlaceholder, request, &response);
  }
  std::vector<std::string> Queue(v1::PlaceholderState state = v1::PLACEHOLDER_STATE_UNSPECIFIED,
                                 const std::vector<std::string>& path = {}, double min_confidence = 0) {
    v1::ListPlaceholderQueueRequest request;
    request.set_state(state);
    request.mutable_category_path()->Assign(path.begin(), path.end());
    request.set_min_confidence(min_confidence);
    v1::ListPlaceholderQueueResponse response;
    EXPECT_TRUE(Call(&Stub::ListPlaceholderQueue, request, &response).ok());
    std::vector<std::string> ids;
    for (const v1::Placeholder& placeholder : response.placeholders()) ids.push_back(placeholder.product_id());
    return ids;
  }
  // "PROPOSED REJECTED(kim)[too dark]".
  std::string History(const std::string& id) {
    std::string text;
    const v1::Placeholder placeholder = Placeholder(id);
    for (const v1::PlaceholderEvent& event : placeholder.events()) {
      absl::StrAppend(&text, text.empty() ? "" : " ", v1::PlaceholderState_Name(event.state()).substr(18));
      if (!event.reviewer().empty()) absl::StrAppend(&text, "(", event.reviewer(), ")");
      if (!event.reason().empty()) absl::StrAppend(&text, "[", event.reason(), "]");
    }
    return text;
  }
  std::string Bytes(const std::string& sha256) {
    v1::GetImageRequest get;
    get.set_sha256(sha256);
    const auto image = store_->GetImage(get);
    EXPECT_TRUE(image.ok()) << image.status();
    return image.ok() ? image->image().data() : "";
  }
  // A PROPOSED placeholder for each.
  void Propose(const std::vector<v1::Product>& products) {
    Serve({});
    Store(products);
    MakePlaceholders();
    ASSERT_EQ(Queue().size(), products.size());
  }
  // A placeholder in each state, by its name in small letters.
  void ProposeEachState() {
    Propose({Shirt("proposed"), Shirt("approved"), Shirt("rejected"), Shirt("retired")});
    ASSERT_TRUE(Review("approved", true).ok());
    ASSERT_TRUE(Review("rejected", false).ok());
    StoreImage("retired");
  }
};

TEST_F(Placeholders, ProposesAPictureForEachProductWithoutOne) {
  Serve({});
  v1::Product with_image = Shirt("with"), pending = Shirt("pending");
  pending.set_image_url("http://example.com/x.jpg");
  std::vector<v1::Product> products{with_image, pending, Shirt("boat", "Boats")};
  for (int i = 0; i < 18; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  Store(products);
  StoreImage("with");

  v1::Job job = MakePlaceholders();
  EXPECT_EQ(job.state(), v1::JOB_STATE_SUCCEEDED) << job.error();
  EXPECT_EQ(Progress(job), absl::StrCat("18 proposed; category \"Boats\" is not known to bundle ", bundle_, ": 1"));
  EXPECT_EQ(Queue().size(), 18u);

  const v1::Placeholder placeholder = Placeholder("p3");
  EXPECT_EQ(placeholder.state(), v1::PLACEHOLDER_STATE_PROPOSED);
  EXPECT_EQ(placeholder.bundle_version(), bundle_);
  EXPECT_GT(placeholder.confidence(), 0);
  v1::GetImageRequest get;
  get.set_sha256(placeholder.image_sha256());
  const auto image = store_->GetImage(get);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_TRUE(HasGeneratedMark(image->image().data()));

  // Run again: nothing is drawn twice.
  job = MakePlaceholders();
  EXPECT_EQ(Progress(job), absl::StrCat("0 proposed; category \"Boats\" is not known to bundle ", bundle_, ": 1"));
}

TEST_F(Placeholders, NamedProductsAreDrawnAnewUnlessApproved) {
  Serve({});
  Store({Shirt("a"), Shirt("b"), Shirt("c"), Shirt("d")});
  StoreImage("d");
  MakePlaceholders();
  ASSERT_TRUE(Review("a", true).ok());
  ASSERT_TRUE(Review("b", false, "too dark").ok());
  const std::string before = Placeholder("b").image_sha256();

  v1::MakePlaceholdersRequest request;
  for (const char* id : {"a", "b", "d", "none"}) request.add_product_ids(id);
  request.set_seed(99);
  EXPECT_EQ(Progress(MakePlaceholders(request)),
            "1 proposed; the product has an approved placeholder: 1; the product has an image: 1; "
            "there is no such product: 1");
  EXPECT_EQ(Placeholder("a").state(), v1::PLACEHOLDER_STATE_APPROVED);
  EXPECT_EQ(Placeholder("b").state(), v1::PLACEHOLDER_STATE_PROPOSED);
  EXPECT_NE(Placeholder("b").image_sha256(), before);
  EXPECT_EQ(Placeholder("b").rejection_reason(), "");
}

TEST_F(Placeholders, AProductsPictureDoesNotDependOnItsNeighbours) {
  Serve({});
  Store({Shirt("a"), Shirt("b"), Shirt("c")});
  MakePlaceholders();
  const std::uint64_t among_others = Placeholder("b").seed();
  v1::MakePlaceholdersRequest alone;
  alone.add_product_ids("b");
  MakePlaceholders(alone);
  EXPECT_EQ(Placeholder("b").seed(), among_others);
}

TEST_F(Placeholders, AReviewIsSaidOnceAndStands) {
  Serve({});
  Store({Shirt("a"), Shirt("b")});
  MakePlaceholders();
  v1::Placeholder after;
  ASSERT_TRUE(Review("a", true, "", &after).ok());
  EXPECT_EQ(after.state(), v1::PLACEHOLDER_STATE_APPROVED);
  EXPECT_TRUE(Review("a", true, "", &after).ok());
  EXPECT_EQ(after.state(), v1::PLACEHOLDER_STATE_APPROVED);
  EXPECT_EQ(Review("a", false).error_code(), grpc::StatusCode::FAILED_PRECONDITION);

  ASSERT_TRUE(Review("b", false, "not a shirt", &after).ok());
  EXPECT_EQ(after.rejection_reason(), "not a shirt");
  EXPECT_EQ(Review("b", true).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(Queue().empty());
  EXPECT_EQ(Queue(v1::PLACEHOLDER_STATE_APPROVED), std::vector<std::string>{"a"});
  EXPECT_EQ(Queue(v1::PLACEHOLDER_STATE_REJECTED), std::vector<std::string>{"b"});
}

TEST_F(Placeholders, RefusesABadReview) {
  Serve({});
  EXPECT_EQ(Review("", true).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Review("none", true).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Review("none", false, std::string(1025, 'a')).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Review("none", true, "because").error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Placeholders, OfReviewersWhoDisagreeOneWins) {
  Serve({});
  std::vector<v1::Product> products;
  for (int i = 0; i < 6; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  Store(products);
  MakePlaceholders();
  for (int i = 0; i < 6; ++i) {
    const std::string id = absl::StrCat("p", i);
    grpc::Status yes, no;
    std::thread other([&] { no = Review(id, false, "no"); });
    yes = Review(id, true);
    other.join();
    EXPECT_NE(yes.ok(), no.ok()) << yes.error_message() << " / " << no.error_message();
    EXPECT_EQ((yes.ok() ? no : yes).error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(Placeholder(id).state(), yes.ok() ? v1::PLACEHOLDER_STATE_APPROVED : v1::PLACEHOLDER_STATE_REJECTED);
  }
}

TEST_F(Placeholders, AreMadeForACategory) {
  Serve({});
  v1::Product failed = Shirt("failed");
  failed.set_image_url("http://example.com/gone.jpg");
  Store({Shirt("a"), Shirt("b", "Boots"), failed});
  v1::CompleteFetchesRequest gone;
  gone.set_worker("w");
  gone.add_results()->set_product_id("failed");
  gone.mutable_results(0)->set_url(failed.image_url());
  gone.mutable_results(0)->mutable_failure()->set_reason(v1::FETCH_FAILURE_NOT_FOUND);
  ASSERT_TRUE(store_->CompleteFetches(gone).ok());
  v1::MakePlaceholdersRequest request;
  request.add_category_path("Apparel");
  request.add_category_path("Shirts");
  const v1::Job job = MakePlaceholders(request);
  EXPECT_EQ(Progress(job), "2 proposed");
  EXPECT_EQ(job.done(), 1);
  EXPECT_THAT(Queue(), ElementsAre("a", "failed"));
  EXPECT_THAT(Placeholder("a").category_path(), ElementsAre("Apparel", "Shirts"));
}

TEST_F(Placeholders, AreNotMadeOfACategoryAndOfNamedProductsAtOnce) {
  Serve({});
  v1::MakePlaceholdersRequest request;
  request.add_category_path("Apparel");
  request.add_product_ids("a");
  v1::MakePlaceholdersResponse response;
  const grpc::Status status = Call(&Stub::MakePlaceholders, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("category_path: given together with product_ids"));
}

TEST_F(Placeholders, TheQueueIsFilteredByCategoryAndConfidence) {
  Propose({Shirt("a"), Shirt("b", "Boots"), Shirt("c")});
  EXPECT_THAT(Queue(kProposed, {"Apparel", "Boots"}), ElementsAre("b"));
  EXPECT_THAT(Queue(kProposed, {"Apparel"}), ElementsAre("a", "b", "c"));
  const double best =
      std::max({Placeholder("a").confidence(), Placeholder("b").confidence(), Placeholder("c").confidence()});
  EXPECT_FALSE(Queue(kProposed, {}, best).empty());
  EXPECT_THAT(Queue(kProposed, {}, std::nextafter(best, 1.0)), IsEmpty());
}

TEST_F(Placeholders, AnApprovedOneIsShownWithABadgeAndTheSameMark) {
  Propose({Shirt("a")});
  EXPECT_EQ(Placeholder("a").badged_image_sha256(), "");
  ASSERT_TRUE(Review("a", true).ok());
  const v1::Placeholder approved = Placeholder("a");
  const std::string plain = Bytes(approved.image_sha256()), badged = Bytes(approved.badged_image_sha256());
  EXPECT_EQ(GeneratedSourceTypeOf(badged), kGeneratedSourceType);
  for (const std::string& part :
       {std::string("mannequin:ProductId=\"a\""), absl::StrCat("mannequin:BundleVersion=\"", bundle_),
        absl::StrCat("mannequin:Seed=\"", approved.seed(), "\"")}) {
    EXPECT_THAT(badged, HasSubstr(part));
  }
  const Pixels before = DecodeImage(plain).value(), after = DecodeImage(badged).value();
  ASSERT_EQ(before.rgb.size(), after.rgb.size());
  int changed = 0;
  for (std::size_t i = 0; i < before.rgb.size(); i += 3) {
    changed += !std::equal(&before.rgb[i], &before.rgb[i] + 3, &after.rgb[i]);
  }
  EXPECT_GT(changed, 0);
  EXPECT_LE(changed, before.width * before.height / 10);
  v1::GetImageRequest shown;
  shown.set_product_id("a");
  shown.set_or_placeholder(true);
  EXPECT_EQ(store_->GetImage(shown)->image().sha256(), approved.badged_image_sha256());
}

TEST_F(Placeholders, AReviewersNameAndWordsAreKept) {
  Propose({Shirt("a"), Shirt("b")});
  ASSERT_TRUE(Review("a", true).ok());
  ASSERT_TRUE(Withdraw("a", "a customer complained").ok());
  ASSERT_TRUE(Redraw(RedrawOf("a")).ok());
  EXPECT_EQ(History("a"), "PROPOSED APPROVED(kim) REJECTED(park)[a customer complained] PROPOSED(lee)[too dark]");
  ASSERT_TRUE(Review("b", false, "not a shirt").ok());
  EXPECT_EQ(History("b"), "PROPOSED REJECTED(kim)[not a shirt]");
}

TEST_F(Placeholders, ARedrawnOneHasAnotherPictureEachTime) {
  Propose({Shirt("a")});
  std::vector<std::string> pictures{Placeholder("a").image_sha256()};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Redraw(RedrawOf("a")).ok());
    pictures.push_back(Placeholder("a").image_sha256());
  }
  std::sort(pictures.begin(), pictures.end());
  EXPECT_EQ(std::unique(pictures.begin(), pictures.end()), pictures.end());
  EXPECT_TRUE(HasGeneratedMark(Bytes(Placeholder("a").image_sha256())));
}

TEST_F(Placeholders, APageThatShowsAnOldPictureDoesNotDecideOnTheNewOne) {
  Propose({Shirt("p1")});
  v1::ReviewPlaceholderRequest request;
  request.set_product_id("p1");
  request.set_approve(true);
  request.set_image_sha256(Placeholder("p1").image_sha256());
  ASSERT_TRUE(Redraw(RedrawOf("p1")).ok());
  v1::ReviewPlaceholderResponse response;
  const grpc::Status stale = Call(&Stub::ReviewPlaceholder, request, &response);
  EXPECT_EQ(stale.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(stale.error_message(), HasSubstr("look at the new picture"));
  EXPECT_EQ(Placeholder("p1").state(), kProposed);
  request.set_image_sha256(Placeholder("p1").image_sha256());
  EXPECT_TRUE(Call(&Stub::ReviewPlaceholder, request, &response).ok());
}

TEST_F(Placeholders, ARedrawWithASeedIsOneHoweverOftenItIsAsked) {
  Propose({Shirt("a")});
  ASSERT_TRUE(Redraw(RedrawOf("a", 99)).ok());
  const v1::Placeholder once = Placeholder("a");
  ASSERT_TRUE(Redraw(RedrawOf("a", 99)).ok());
  EXPECT_EQ(Placeholder("a").SerializeAsString(), once.SerializeAsString());
  EXPECT_EQ(History("a"), "PROPOSED PROPOSED(lee)[too dark]");
  ASSERT_TRUE(Review("a", false, "no").ok());
  ASSERT_TRUE(Redraw(RedrawOf("a", 99)).ok());
  EXPECT_EQ(Placeholder("a").state(), kProposed);
  EXPECT_EQ(Placeholder("a").image_sha256(), once.image_sha256());
  EXPECT_EQ(Placeholder("a").rejection_reason(), "");
}

TEST_F(Placeholders, OtherWordsDrawAnotherPictureOfTheSameSeed) {
  Propose({Shirt("a"), Shirt("b")});
  v1::RedrawPlaceholderRequest request = RedrawOf("a", 5);
  request.set_candidates(1);
  ASSERT_TRUE(Redraw(request).ok());
  const v1::Placeholder own = Placeholder("a");
  EXPECT_EQ(own.words(), "");
  request.mutable_words()->set_title("Globex red leather boots");
  request.mutable_words()->add_category_path("Boots");
  v1::Attribute& color = *request.mutable_words()->add_attributes();
  color.set_name("color");
  color.set_value("red");
  ASSERT_TRUE(Redraw(request).ok());
  const v1::Placeholder other = Placeholder("a");
  EXPECT_EQ(other.seed(), own.seed());
  EXPECT_NE(other.image_sha256(), own.image_sha256());
  EXPECT_EQ(other.words(), "Globex red leather boots; Boots; color: red");
  EXPECT_THAT(other.category_path(), ElementsAre("Apparel", "Shirts")) << "the product's";
}

TEST_F(Placeholders, WithoutAConfidentPictureTheOldOneStaysAndTheReasonIsSaid) {
  Propose({Shirt("a")});
  const std::string before = Placeholder("a").SerializeAsString();
  v1::RedrawPlaceholderRequest request = RedrawOf("a");
  request.mutable_words()->add_category_path("Boats");
  const grpc::Status status = Redraw(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("category \"Boats\" is not known"));
  EXPECT_EQ(Placeholder("a").SerializeAsString(), before);
}

TEST_F(Placeholders, EveryTransitionIsRefusedWhereTheStateDoesNotAllowIt) {
  ProposeEachState();
  const auto refused = [](const grpc::Status& status, const std::string& words) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << words;
    EXPECT_THAT(status.error_message(), HasSubstr(words));
  };
  refused(Review("approved", false), "is APPROVED; only one that is PROPOSED can be rejected");
  refused(Review("rejected", true), "is REJECTED; only one that is PROPOSED can be approved");
  refused(Review("retired", true), "is RETIRED; only one that is PROPOSED can be approved");
  refused(Review("retired", false), "is RETIRED");
  refused(Withdraw("proposed"), "is PROPOSED; only one that is APPROVED can be withdrawn");
  refused(Withdraw("retired"), "is RETIRED; only one that is APPROVED can be withdrawn");
  refused(Redraw(RedrawOf("approved")), "is APPROVED; withdraw it first");
  refused(Redraw(RedrawOf("retired")), "is RETIRED");
  EXPECT_EQ(Redraw(RedrawOf("none")).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Withdraw("none").error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Placeholder("retired").state(), kRetired);
}

TEST_F(Placeholders, EveryTransitionMayBeSaidTwice) {
  ProposeEachState();
  EXPECT_TRUE(Review("approved", true).ok());
  EXPECT_TRUE(Review("rejected", false, "another reason").ok());
  EXPECT_TRUE(Withdraw("rejected").ok());
  ASSERT_TRUE(Withdraw("approved", "no").ok());
  ASSERT_TRUE(Withdraw("approved", "no").ok());
  EXPECT_EQ(History("approved"), "PROPOSED APPROVED(kim) REJECTED(park)[no]");
  EXPECT_EQ(History("rejected"), "PROPOSED REJECTED(kim)");
  EXPECT_EQ(Placeholder("approved").badged_image_sha256(), "");
}

TEST_F(Placeholders, AreApprovedManyAtOnceFromAConfidenceOn) {
  Propose({Shirt("a"), Shirt("b", "Boots"), Shirt("c"), Shirt("d")});
  ASSERT_TRUE(Review("d", false).ok());
  v1::ApprovePlaceholdersRequest request;
  request.set_reviewer("kim");
  request.add_category_path("Apparel");
  request.add_category_path("Shirts");
  const double better = std::max(Placeholder("a").confidence(), Placeholder("c").confidence());
  request.set_min_confidence(better);
  v1::ApprovePlaceholdersResponse response;
  ASSERT_TRUE(Call(&Stub::ApprovePlaceholders, request, &response).ok());
  EXPECT_EQ(response.approved(), 1);
  EXPECT_THAT(Queue(kApproved), ElementsAre(Placeholder("a").confidence() == better ? "a" : "c"));
  request.clear_min_confidence();
  request.clear_category_path();
  ASSERT_TRUE(Call(&Stub::ApprovePlaceholders, request, &response).ok());
  EXPECT_EQ(response.approved(), 2);
  EXPECT_THAT(Queue(kApproved), ElementsAre("a", "b", "c"));
  EXPECT_EQ(History("b"), "PROPOSED APPROVED(kim)");
  ASSERT_TRUE(Call(&Stub::ApprovePlaceholders, request, &response).ok());
  EXPECT_EQ(response.approved(), 0);
  request.set_min_confidence(2);
  const grpc::Status bad = Call(&Stub::ApprovePlaceholders, request, &response);
  EXPECT_EQ(bad.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(bad.error_message(), HasSubstr("min_confidence"));
}

TEST_F(Placeholders, TwoWhoApproveManyAtOnceShareThem) {
  std::vector<v1::Product> products;
  for (int i = 0; i < 12; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  Propose(products);
  v1::ApprovePlaceholdersResponse mine, theirs;
  std::thread other([&] { EXPECT_TRUE(Call(&Stub::ApprovePlaceholders, {}, &theirs).ok()); });
  EXPECT_TRUE(Call(&Stub::ApprovePlaceholders, {}, &mine).ok());
  other.join();
  EXPECT_EQ(mine.approved() + theirs.approved(), 12);
  EXPECT_EQ(Queue(kApproved).size(), 12u);
  for (const v1::Product& product : products) EXPECT_EQ(History(product.id()), "PROPOSED APPROVED");
}

TEST_F(Placeholders, ARedrawAndAnApprovalAtOnceNeverBadgeAnotherPicture) {
  std::vector<v1::Product> products;
  for (int i = 0; i < 6; ++i) products.push_back(Shirt(absl::StrCat("p", i)));
  Propose(products);
  for (const v1::Product& product : products) {
    grpc::Status redrawn;
    std::thread other([&] { redrawn = Redraw(RedrawOf(product.id())); });
    const grpc::Status approved = Review(product.id(), true);
    other.join();
    const v1::Placeholder after = Placeholder(product.id());
    for (const grpc::Status& status : {redrawn, approved}) {
      EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::FAILED_PRECONDITION)
          << status.error_message();
    }
    ASSERT_TRUE(redrawn.ok() || approved.ok());
    EXPECT_EQ(after.state(), approved.ok() ? kApproved : kProposed);
    if (approved.ok()) {
      EXPECT_THAT(Bytes(after.badged_image_sha256()), HasSubstr(absl::StrCat("mannequin:Seed=\"", after.seed(), "\"")));
    }
  }
}

TEST_F(Placeholders, RefuseWhatIsOverItsBoundAndNameTheField) {
  Propose({Shirt("a")});
  const auto refused = [](const grpc::Status& status, const std::string& words) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << words;
    EXPECT_THAT(status.error_message(), HasSubstr(words));
  };
  const auto redraw = [&](auto change) {
    v1::RedrawPlaceholderRequest request = RedrawOf("a");
    change(request);
    return Redraw(request);
  };
  refused(redraw([](auto& r) { r.clear_product_id(); }), "product_id: empty");
  refused(redraw([](auto& r) { r.set_candidates(33); }), "candidates: 33, expected 1 to 32");
  refused(redraw([](auto& r) { r.set_reason(std::string(1025, 'a')); }), "reason: 1025 bytes, expected at most 1024");
  refused(redraw([](auto& r) { r.set_reviewer(std::string(257, 'a')); }), "reviewer: 257 bytes");
  refused(redraw([](auto& r) { r.mutable_words()->set_title(std::string(5000, 'a')); }), "words: 5000 bytes");
  refused(Withdraw("a", std::string(1025, 'a')), "reason: 1025 bytes");
  refused(Withdraw(""), "product_id: empty");
  EXPECT_EQ(History("a"), "PROPOSED");
}

}  // namespace
}  // namespace mannequin

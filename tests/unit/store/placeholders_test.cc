// Placeholders over both implementations: their states, pictures, badges, history and lists.
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "rocksdb/write_batch.h"
#include "services/store/rocks/database.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kProposed = v1::PLACEHOLDER_STATE_PROPOSED;
constexpr auto kApproved = v1::PLACEHOLDER_STATE_APPROVED;
constexpr auto kRejected = v1::PLACEHOLDER_STATE_REJECTED;
constexpr auto kRetired = v1::PLACEHOLDER_STATE_RETIRED;

v1::Product ProductIn(const std::string& id, const std::vector<std::string>& path) {
  v1::Product product = MakeProduct(id);
  product.mutable_category_path()->Assign(path.begin(), path.end());
  return product;
}

class PlaceholdersTest : public StoreTest {
 protected:
  // With `picture` as its new one, and a badge when it becomes APPROVED.
  v1::PutPlaceholderRequest PutOf(const std::string& id, v1::PlaceholderState state, const std::string& picture = "") {
    v1::PutPlaceholderRequest request;
    request.mutable_placeholder()->set_product_id(id);
    request.mutable_placeholder()->set_state(state);
    if (!picture.empty()) *request.mutable_image() = MakeImage(picture);
    if (state == kApproved) *request.mutable_badged_image() = MakeImage("badged " + id);
    return request;
  }
  absl::StatusOr<v1::PutPlaceholderResponse> Put(const std::string& id, v1::PlaceholderState state,
                                                 const std::string& picture = "") {
    return store().PutPlaceholder(PutOf(id, state, picture));
  }
  v1::Placeholder Of(const std::string& id) {
    v1::GetPlaceholderRequest request;
    request.set_product_id(id);
    return Must(store().GetPlaceholder(request)).placeholder();
  }
  // "PROPOSED APPROVED(kim)": states of the events, with who decided and why.
  std::string History(const std::string& id) {
    return absl::StrJoin(Of(id).events(), " ", [](std::string* out, const v1::PlaceholderEvent& event) {
      absl::StrAppend(out, v1::PlaceholderState_Name(event.state()).substr(18));
      if (!event.reviewer().empty()) absl::StrAppend(out, "(", event.reviewer(), ")");
      if (!event.reason().empty()) absl::StrAppend(out, "[", event.reason(), "]");
    });
  }
  std::string Statistics() { return Render(Must(store().GetStatistics({}))); }
  // The bytes that stand for the product, with "generated " before a placeholder's.
  std::string Shown(const std::string& id, bool or_placeholder = true) {
    v1::GetImageRequest request;
    request.set_product_id(id);
    request.set_or_placeholder(or_placeholder);
    const auto response = store().GetImage(request);
    if (!response.ok()) return CodeOf(response);
    return (response->generated() ? "generated " : "") + response->image().data();
  }
  std::vector<std::string> List(v1::ListPlaceholdersRequest request) {
    std::vector<std::string> ids;
    do {
      const v1::ListPlaceholdersResponse page = Must(store().ListPlaceholders(request));
      for (const v1::Placeholder& placeholder : page.placeholders()) ids.push_back(placeholder.product_id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }
};

TEST_P(PlaceholdersTest, IsReviewedAndListedByState) {
  Upsert(store(), {MakeProduct("a"), MakeProduct("b")});
  EXPECT_EQ("NOT_FOUND", CodeOf(Put("x", kProposed, "drawn")));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(Put("a", kProposed))) << "no picture";
  Must(Put("a", kProposed, "drawn"));
  Must(Put("b", kProposed, "drawn"));
  EXPECT_EQ("products=2 MISSING=2 images=1/5 embeddings=0 placeholders=2 verdicts=0", Statistics());
  v1::PutPlaceholderRequest late = PutOf("a", kRejected);
  late.set_expected_state(kApproved);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(store().PutPlaceholder(late)));
  Must(Put("a", kApproved));
  EXPECT_EQ(64u, Of("a").image_sha256().size()) << "the picture stays";

  v1::ListPlaceholdersRequest list;
  list.set_page_size(1);
  EXPECT_THAT(List(list), ElementsAre("a", "b"));
  list.set_state(kApproved);
  EXPECT_THAT(List(list), ElementsAre("a"));
  list.set_state(kRejected);
  EXPECT_THAT(List(list), IsEmpty());
}

TEST_P(PlaceholdersTest, MustBeNewRefusesWhereThereIsOne) {
  Upsert(store(), {MakeProduct("a")});
  v1::PutPlaceholderRequest request = PutOf("a", kProposed, "drawn");
  request.set_must_be_new(true);
  Must(store().PutPlaceholder(request));
  const auto again = store().PutPlaceholder(request);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(again));
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("PROPOSED, expected none"));
  request.set_expected_state(kProposed);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().PutPlaceholder(request)));
}

TEST_P(PlaceholdersTest, EveryChangeOfStateOrPictureIsAnEvent) {
  Upsert(store(), {MakeProduct("a")});
  v1::PutPlaceholderRequest put = PutOf("a", kProposed, "first");
  put.mutable_placeholder()->set_seed(7);
  put.mutable_placeholder()->set_confidence(0.25);
  put.mutable_placeholder()->set_bundle_version("b-1");
  // What a caller sends as history is not believed.
  put.mutable_placeholder()->add_events()->set_reviewer("nobody");
  Must(store().PutPlaceholder(put));
  clock_.Advance(absl::Seconds(60));
  Must(store().PutPlaceholder(put));
  EXPECT_EQ("PROPOSED", History("a")) << "the same once more is no event";
  put = PutOf("a", kProposed, "second");
  put.mutable_placeholder()->set_words("a red shirt");
  put.set_reviewer("kim");
  put.set_reason("too dark");
  Must(store().PutPlaceholder(put));
  put = PutOf("a", kApproved);
  put.set_reviewer("lee");
  Must(store().PutPlaceholder(put));
  Must(PutImage(store(), "a", "real"));
  EXPECT_EQ("PROPOSED PROPOSED(kim)[too dark] APPROVED(lee) RETIRED", History("a"));
  const v1::Placeholder kept = Of("a");
  EXPECT_EQ(7u, kept.events(0).seed());
  EXPECT_EQ(0.25, kept.events(0).confidence());
  EXPECT_EQ("b-1", kept.events(0).bundle_version());
  EXPECT_EQ(Sha256Hex("first"), kept.events(0).image_sha256());
  EXPECT_EQ(Sha256Hex("second"), kept.events(1).image_sha256());
  EXPECT_EQ("a red shirt", kept.events(1).words());
  EXPECT_EQ(60, kept.events(1).at().seconds() - kept.events(0).at().seconds());
}

TEST_P(PlaceholdersTest, KeepsTheLast64Events) {
  Upsert(store(), {MakeProduct("a")});
  for (int i = 0; i < 70; ++i) {
    v1::PutPlaceholderRequest put = PutOf("a", kProposed, absl::StrCat("picture ", i));
    put.mutable_placeholder()->set_seed(static_cast<std::uint64_t>(i));
    Must(store().PutPlaceholder(put));
  }
  const v1::Placeholder kept = Of("a");
  ASSERT_EQ(64, kept.events_size());
  EXPECT_EQ(6u, kept.events(0).seed());
  EXPECT_EQ(69u, kept.events(63).seed());
  EXPECT_THAT(Statistics(), HasSubstr("images=1/10")) << "former pictures are not kept";
}

TEST_P(PlaceholdersTest, ARealImageRetiresItHoweverItComes) {
  Upsert(store(), {MakeProduct("proposed"), MakeProduct("approved"), MakeProduct("rejected"),
                   MakeProduct("crawled", "http://x/c")});
  for (const char* id : {"proposed", "approved", "rejected", "crawled"}) Must(Put(id, kProposed, "drawn"));
  Must(Put("approved", kApproved));
  Must(Put("rejected", kRejected));
  for (const char* id : {"proposed", "approved", "rejected"}) Must(PutImage(store(), id, "real"));
  v1::CompleteFetchesRequest fetched;
  fetched.set_worker("w");
  fetched.add_results()->set_product_id("crawled");
  fetched.mutable_results(0)->set_url("http://x/c");
  *fetched.mutable_results(0)->mutable_image() = MakeImage("real");
  EXPECT_EQ(1, Must(store().CompleteFetches(fetched)).stored());
  EXPECT_EQ("PROPOSED RETIRED", History("proposed"));
  EXPECT_EQ("PROPOSED APPROVED RETIRED", History("approved"));
  EXPECT_EQ("PROPOSED REJECTED RETIRED", History("rejected"));
  EXPECT_EQ("PROPOSED RETIRED", History("crawled"));
  EXPECT_EQ("real", Shown("approved"));
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(Put("proposed", kProposed, "late")));
  Must(PutImage(store(), "proposed", "another"));
  EXPECT_EQ("PROPOSED RETIRED", History("proposed")) << "retired once";
  EXPECT_THAT(FaultsOf(store()), IsEmpty());
}

TEST_P(PlaceholdersTest, ABadgeIsKeptWhileItIsApprovedAndNoLonger) {
  Upsert(store(), {MakeProduct("a"), MakeProduct("b")});
  Must(Put("a", kProposed, "drawn"));
  v1::PutPlaceholderRequest bare = PutOf("a", kApproved);
  bare.clear_badged_image();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().PutPlaceholder(bare)));
  v1::PutPlaceholderRequest early = PutOf("a", kProposed);
  *early.mutable_badged_image() = MakeImage("badged");
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().PutPlaceholder(early)));

  EXPECT_EQ(Sha256Hex("badged a"), Must(Put("a", kApproved)).placeholder().badged_image_sha256());
  EXPECT_THAT(Statistics(), HasSubstr("images=2/13"));
  Must(store().PutPlaceholder(bare));
  EXPECT_EQ(Sha256Hex("badged a"), Of("a").badged_image_sha256()) << "approved once more it keeps its badge";
  Must(Put("a", kRejected));
  EXPECT_EQ("", Of("a").badged_image_sha256());
  EXPECT_THAT(Statistics(), HasSubstr("images=1/5"));
  Must(Put("a", kProposed));
  Must(Put("a", kApproved));
  Must(PutImage(store(), "a", "real"));
  EXPECT_EQ("", Of("a").badged_image_sha256());
  EXPECT_THAT(Statistics(), HasSubstr("images=2/9"));
  EXPECT_THAT(FaultsOf(store()), IsEmpty());
}

TEST_P(PlaceholdersTest, AnApprovalOfAPictureThatWasDrawnAnewIsRefused) {
  Upsert(store(), {MakeProduct("a")});
  Must(Put("a", kProposed, "first"));
  v1::PutPlaceholderRequest approve = PutOf("a", kApproved);
  *approve.mutable_placeholder() = Of("a");
  approve.mutable_placeholder()->set_state(kApproved);
  Must(Put("a", kProposed, "second"));
  const auto refused = store().PutPlaceholder(approve);
  EXPECT_EQ("FAILED_PRECONDITION", CodeOf(refused));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(Sha256Hex("second")));
  EXPECT_EQ(kProposed, Of("a").state());
}

TEST_P(PlaceholdersTest, IsShownWithItsBadgeOnlyWhereAskedForAndApproved) {
  Upsert(store(), {MakeProduct("a")});
  EXPECT_EQ("NOT_FOUND", Shown("a"));
  EXPECT_EQ("NOT_FOUND", Shown("x"));
  Must(Put("a", kProposed, "drawn"));
  EXPECT_EQ("NOT_FOUND", Shown("a"));
  Must(Put("a", kApproved));
  EXPECT_EQ("generated badged a", Shown("a"));
  EXPECT_EQ("NOT_FOUND", Shown("a", /*or_placeholder=*/false));
  v1::GetImageRequest small;
  small.set_product_id("a");
  small.set_or_placeholder(true);
  small.set_at_least_side(64);
  EXPECT_EQ("badged a", Must(store().GetImage(small)).image().data()) << "it has no smaller one";
  Must(Put("a", kRejected));
  EXPECT_EQ("NOT_FOUND", Shown("a"));
  Must(PutImage(store(), "a", "real"));
  EXPECT_EQ("real", Shown("a"));
}

TEST_P(PlaceholdersTest, AreListedByCategoryAndConfidence) {
  Upsert(store(), {ProductIn("boot", {"Shoes", "Boots"}), ProductIn("clog", {"Shoes", "Clogs"}),
                   ProductIn("shirt", {"Apparel", "Shirts"}), ProductIn("sandal", {"Shoes"})});
  double confidence = 0.2;
  for (const char* id : {"boot", "clog", "shirt", "sandal"}) {
    v1::PutPlaceholderRequest put = PutOf(id, kProposed, "drawn");
    put.mutable_placeholder()->set_confidence(confidence += 0.1);
    Must(store().PutPlaceholder(put));
  }
  v1::ListPlaceholdersRequest list;
  list.set_page_size(1);
  list.set_state(kProposed);
  list.add_category_path("Shoes");
  EXPECT_THAT(List(list), ElementsAre("boot", "clog", "sandal"));
  list.set_min_confidence(0.35);
  EXPECT_THAT(List(list), ElementsAre("clog", "sandal"));
  list.add_category_path("Clogs");
  EXPECT_THAT(List(list), ElementsAre("clog"));
  list.add_category_path("Red");
  EXPECT_THAT(List(list), IsEmpty());
  // What it was when it was drawn stays, wherever the product goes.
  Upsert(store(), {ProductIn("clog", {"Garden"})});
  Must(Put("clog", kRejected));
  v1::ListPlaceholdersRequest rejected;
  rejected.add_category_path("Shoes");
  rejected.set_state(kRejected);
  EXPECT_THAT(List(rejected), ElementsAre("clog"));
}

TEST_P(PlaceholdersTest, APageOfOtherFiltersIsRefused) {
  Upsert(store(), {MakeProduct("a"), MakeProduct("b")});
  Must(Put("a", kProposed, "drawn"));
  Must(Put("b", kProposed, "drawn"));
  v1::ListPlaceholdersRequest list;
  list.set_page_size(1);
  list.set_page_token(Must(store().ListPlaceholders(list)).next_page_token());
  list.set_min_confidence(0.5);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().ListPlaceholders(list)));
}

TEST_P(PlaceholdersTest, RefusesWhatIsOverItsBoundAndNamesTheField) {
  Upsert(store(), {MakeProduct("a")});
  const auto fault = [&](auto change) {
    v1::PutPlaceholderRequest put = PutOf("a", kProposed, "drawn");
    change(put);
    const auto result = store().PutPlaceholder(put);
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(result));
    return std::string(result.status().message());
  };
  EXPECT_THAT(fault([](auto& put) { put.set_reviewer(std::string(257, 'a')); }), HasSubstr("reviewer: 257 bytes"));
  EXPECT_THAT(fault([](auto& put) { put.set_reason(std::string(1025, 'a')); }), HasSubstr("reason: 1025 bytes"));
  EXPECT_THAT(fault([](auto& put) { put.mutable_placeholder()->set_words(std::string(4097, 'a')); }),
              HasSubstr("placeholder.words: 4097 bytes"));
  v1::ListPlaceholdersRequest list;
  list.set_min_confidence(1.5);
  EXPECT_THAT(std::string(store().ListPlaceholders(list).status().message()), HasSubstr("min_confidence: 1.5"));
  list.set_min_confidence(0);
  for (int i = 0; i < 17; ++i) list.add_category_path("part");
  EXPECT_THAT(std::string(store().ListPlaceholders(list).status().message()), HasSubstr("category_path: 17"));
}

MANNEQUIN_ALL_STORES(PlaceholdersTest);

// A record as the store wrote it before it kept history, badges and categories.
TEST(OldPlaceholders, AreReadListedShownAndGoOnWithAHistory) {
  TemporaryFolder folder;
  ManualClock clock(kStart);
  const auto open = [&] { return Must(RocksStore::Open(ConfigOf(folder.path()), clock)); };
  {
    const auto store = open();
    Upsert(*store, {ProductIn("a", {"Shoes", "Boots"})});
    v1::PutPlaceholderRequest put;
    put.mutable_placeholder()->set_product_id("a");
    put.mutable_placeholder()->set_state(kApproved);
    put.mutable_placeholder()->set_seed(7);
    *put.mutable_image() = MakeImage("drawn");
    *put.mutable_badged_image() = MakeImage("drawn");  // two references to one picture
    Must(store->PutPlaceholder(put));
  }
  {
    const auto db = Must(store::Database::Open(folder.path(), 8 << 20, nullptr));
    v1::Placeholder old = *Must(db->Read<v1::Placeholder>(store::Family::kPlaceholders, "a"));
    old.clear_badged_image_sha256();
    old.clear_events();
    old.clear_category_path();
    rocksdb::WriteBatch batch;
    ASSERT_TRUE(batch.Put(db->handle(store::Family::kPlaceholders), "a", old.SerializeAsString()).ok());
    ASSERT_TRUE(
        batch.Put(db->handle(store::Family::kImageReferences), Must(store::ImageKey(old.image_sha256())), "1").ok());
    ASSERT_EQ("OK", CodeOf(db->Sync(Must(db->Apply(batch)))));
  }
  const auto store = open();
  EXPECT_THAT(FaultsOf(*store), IsEmpty());
  v1::GetImageRequest shown;
  shown.set_product_id("a");
  shown.set_or_placeholder(true);
  EXPECT_EQ("drawn", Must(store->GetImage(shown)).image().data());
  EXPECT_TRUE(Must(store->GetImage(shown)).generated());
  v1::ListPlaceholdersRequest list;
  list.add_category_path("Shoes");
  EXPECT_EQ(1, Must(store->ListPlaceholders(list)).placeholders_size());
  Must(PutImage(*store, "a", "real"));
  v1::GetPlaceholderRequest get;
  get.set_product_id("a");
  const v1::Placeholder retired = Must(store->GetPlaceholder(get)).placeholder();
  ASSERT_EQ(2, retired.events_size());
  EXPECT_EQ(kApproved, retired.events(0).state());
  EXPECT_EQ(7u, retired.events(0).seed());
  EXPECT_EQ(kRetired, retired.events(1).state());
  EXPECT_THAT(FaultsOf(*store), IsEmpty());
}

}  // namespace
}  // namespace mannequin

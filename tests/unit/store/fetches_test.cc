// The queue of fetches: fair between origins, refreshes, and the renditions that come with
// a picture; over both implementations.
#include <map>
#include <string>

#include "absl/strings/str_join.h"
#include "common/base/sha256.h"
#include "gmock/gmock.h"
#include "services/store/url_origin.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

class FetchesTest : public StoreTest {
 protected:
  // Products a0, a1, ... of http://a.example, b0, ... of http://b.example.
  void AddProducts(const std::string& shop, int count) {
    for (int i = 0; i < count; ++i) {
      Upsert(store(), {MakeProduct(absl::StrCat(shop, i), absl::StrCat("http://", shop, ".example/", i))});
    }
  }

  v1::LeaseFetchesResponse Lease(int max_products, int per_origin = 0, std::vector<std::string> except = {},
                                 const std::string& worker = "w") {
    v1::LeaseFetchesRequest request;
    request.set_worker(worker);
    request.set_max_products(max_products);
    request.set_max_products_per_origin(per_origin);
    request.mutable_except_origins()->Assign(except.begin(), except.end());
    *request.mutable_lease() = Seconds(60);
    return Must(store().LeaseFetches(request));
  }
  static std::string Ids(const v1::LeaseFetchesResponse& response) {
    return absl::StrJoin(response.tasks(), " ",
                         [](std::string* out, const v1::FetchTask& task) { out->append(task.product_id()); });
  }

  v1::FetchResult ResultFor(const std::string& id) {
    v1::FetchResult result;
    result.set_product_id(id);
    result.set_url(Get(store(), id).product().image_url());
    result.set_attempts(1);
    return result;
  }
  absl::StatusOr<v1::CompleteFetchesResponse> Complete(const v1::FetchResult& result) {
    v1::CompleteFetchesRequest request;
    request.set_worker("w");
    *request.add_results() = result;
    return store().CompleteFetches(request);
  }
  // As the fetcher ends a fetch: with what the origin said of the picture.
  v1::FetchResult Fetched(const std::string& id, const std::string& bytes) {
    v1::FetchResult result = ResultFor(id);
    *result.mutable_image() = MakeImage(bytes);
    result.set_etag("\"1\"");
    result.set_last_modified("Tue, 24 Nov 2026 10:00:00 GMT");
    result.set_source_sha256(Sha256Hex(bytes));
    result.set_perceptual_hash(42);
    return result;
  }
  v1::FetchResult Failed(const std::string& id, v1::FetchFailure reason, bool retry) {
    v1::FetchResult result = ResultFor(id);
    result.mutable_failure()->set_reason(reason);
    result.mutable_failure()->set_message("because");
    result.mutable_failure()->set_retry(retry);
    return result;
  }
  static void AddRendition(v1::FetchResult& result, int side, const std::string& data) {
    v1::Rendition& rendition = *result.add_renditions();
    rendition.set_side(side);
    rendition.set_width(side);
    rendition.set_height(side / 2);
    rendition.set_data(data);
  }

  std::int64_t Refresh() { return Must(store().RefreshFetches({})).products(); }
  absl::StatusOr<v1::Image> Picture(const std::string& id, int at_least_side) {
    v1::GetImageRequest request;
    request.set_product_id(id);
    request.set_at_least_side(at_least_side);
    absl::StatusOr<v1::GetImageResponse> response = store().GetImage(request);
    if (!response.ok()) return response.status();
    return response->image();
  }
};
MANNEQUIN_ALL_STORES(FetchesTest);

TEST_P(FetchesTest, OriginsTakeTurnsAndNoneGetsMoreThanItsShare) {
  AddProducts("a", 5);
  AddProducts("b", 2);
  AddProducts("c", 1);
  const v1::LeaseFetchesResponse first = Lease(100, 2);
  EXPECT_EQ("a0 a1 b0 b1 c0", Ids(first));
  EXPECT_EQ("http://a.example:80", first.tasks(0).origin());
  EXPECT_EQ("a2 a3", Ids(Lease(100, 2))) << "the rest of the only one that has more";
  EXPECT_EQ("a4", Ids(Lease(100, 2)));
  EXPECT_EQ("", Ids(Lease(100, 2)));
}

TEST_P(FetchesTest, AShortCallGoesOnWithTheOriginAfterTheLastOne) {
  AddProducts("a", 4);
  AddProducts("b", 4);
  AddProducts("c", 4);
  EXPECT_EQ("a0 a1", Ids(Lease(2, 2)));
  EXPECT_EQ("b0 b1", Ids(Lease(2, 2)));
  EXPECT_EQ("c0 c1", Ids(Lease(2, 2)));
  EXPECT_EQ("a2 a3", Ids(Lease(2, 2)));
}

TEST_P(FetchesTest, ExceptedOriginsAreLeftAlone) {
  AddProducts("a", 2);
  AddProducts("b", 2);
  EXPECT_EQ("b0 b1", Ids(Lease(100, 0, {"http://a.example:80"})));
  EXPECT_EQ("a0 a1", Ids(Lease(100, 0, {"http://b.example:80"})));
}

TEST_P(FetchesTest, PartsDivideTheOriginsAmongThem) {
  for (char host = 'a'; host <= 'p'; ++host) AddProducts(std::string(1, host), 2);
  std::map<std::string, int> part_of;
  for (int part = 0; part < 4; ++part) {
    v1::LeaseFetchesRequest request;
    request.set_worker(absl::StrCat("fetcher-", part));
    request.set_max_products(100);
    *request.mutable_lease() = Seconds(60);
    request.set_parts(4);
    request.set_part(part);
    const v1::LeaseFetchesResponse leased = Must(store().LeaseFetches(request));
    EXPECT_GT(leased.tasks_size(), 0) << part;
    for (const v1::FetchTask& task : leased.tasks()) {
      EXPECT_EQ(part, part_of.emplace(task.origin(), part).first->second) << task.origin();
    }
  }
  EXPECT_EQ(16U, part_of.size());
  EXPECT_EQ("", Ids(Lease(100))) << "all are leased";
  v1::LeaseFetchesRequest wrong;
  wrong.set_worker("w");
  wrong.set_max_products(1);
  *wrong.mutable_lease() = Seconds(60);
  wrong.set_part(1);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().LeaseFetches(wrong)));
}

TEST_P(FetchesTest, WhatComesBetweenTwoLeasesIsFound) {
  AddProducts("b", 2);
  EXPECT_EQ("b0 b1", Ids(Lease(10)));
  AddProducts("a", 1);
  Upsert(store(), {MakeProduct("a-first", "http://b.example/first")});
  EXPECT_EQ("a0 a-first", Ids(Lease(10))) << "a new origin, and an id before those that were walked over";
  Must(Complete(Failed("b0", v1::FETCH_FAILURE_TIMEOUT, true)));
  EXPECT_EQ("b0", Ids(Lease(10))) << "given back";
  for (const char* id : {"a0", "a-first", "b0", "b1"}) Must(Complete(Fetched(id, id)));
  EXPECT_EQ("", Ids(Lease(10)));
  Refresh();
  EXPECT_EQ("a0 a-first b0 b1", Ids(Lease(10)));
}

TEST_P(FetchesTest, ProductsWithoutAProperUrlAreLeasedToo) {
  Upsert(store(), {MakeProduct("odd", "no url at all")});
  AddProducts("a", 1);
  const v1::LeaseFetchesResponse leased = Lease(10, 1);
  EXPECT_EQ("a0 odd", Ids(leased));
  EXPECT_EQ("", leased.tasks(1).origin());
}

TEST_P(FetchesTest, AProductMovesToItsNewOriginWithItsUrl) {
  AddProducts("a", 1);
  Upsert(store(), {MakeProduct("a0", "https://b.example/0")});
  EXPECT_EQ("https://b.example:443", Lease(10).tasks(0).origin());
}

TEST_P(FetchesTest, WhatIsKnownOfAFetchIsKept) {
  AddProducts("a", 1);
  Lease(10);
  EXPECT_EQ(1, Must(Complete(Fetched("a0", "picture"))).stored());
  const v1::ImageInfo image = Get(store(), "a0").image();
  EXPECT_EQ("\"1\"", image.etag());
  EXPECT_EQ("Tue, 24 Nov 2026 10:00:00 GMT", image.last_modified());
  EXPECT_EQ(Sha256Hex("picture"), image.source_sha256());
  EXPECT_EQ(42u, image.perceptual_hash());
  EXPECT_EQ(1, image.attempts());
}

TEST_P(FetchesTest, AttemptsAndTheLastReasonStayWithAProductThatIsTriedAgain) {
  AddProducts("a", 1);
  Lease(10);
  v1::FetchResult result = Failed("a0", v1::FETCH_FAILURE_TIMEOUT, true);
  result.set_attempts(3);
  Must(Complete(result));
  const v1::ImageInfo image = Get(store(), "a0").image();
  EXPECT_EQ(v1::IMAGE_STATE_PENDING, image.state());
  EXPECT_EQ(v1::FETCH_FAILURE_TIMEOUT, image.failure());
  EXPECT_EQ("because", image.failure_message());
  EXPECT_EQ(3, Lease(10).tasks(0).attempts());

  v1::FetchResult given_back = Failed("a0", v1::FETCH_FAILURE_UNSPECIFIED, true);
  given_back.set_attempts(0);
  Must(Complete(given_back));
  EXPECT_EQ(v1::FETCH_FAILURE_TIMEOUT, Get(store(), "a0").image().failure()) << "nothing was learnt";
  EXPECT_EQ(3, Lease(10).tasks(0).attempts());
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(Complete(Failed("a0", v1::FETCH_FAILURE_UNSPECIFIED, false))));
}

TEST_P(FetchesTest, APictureThatShowsNoProductMakesTheListingMissing) {
  AddProducts("a", 1);
  Lease(10);
  Must(Complete(Failed("a0", v1::FETCH_FAILURE_NOT_AVAILABLE, false)));
  EXPECT_EQ(v1::IMAGE_STATE_MISSING, Get(store(), "a0").image().state());
  EXPECT_THAT(Render(Must(store().GetStatistics({}))), HasSubstr("MISSING=1 NOT_AVAILABLE=1"));
  EXPECT_EQ("", Ids(Lease(10)));

  Upsert(store(), {MakeProduct("never-had-one")});
  v1::RetryFetchesRequest retry;
  EXPECT_EQ(0, Must(store().RetryFetches(retry)).products()) << "it has not FAILED";
  retry.set_failure(v1::FETCH_FAILURE_NOT_AVAILABLE);
  EXPECT_EQ(1, Must(store().RetryFetches(retry)).products());
  EXPECT_EQ("a0", Ids(Lease(10)));
}

TEST_P(FetchesTest, ARefreshKeepsThePictureUntilAnotherComes) {
  AddProducts("a", 2);
  Lease(10);
  Must(Complete(Fetched("a0", "old")));
  Must(Complete(Fetched("a1", "same")));
  clock_.Advance(absl::Hours(1));
  ASSERT_EQ(2, Refresh());
  EXPECT_EQ(0, Refresh()) << "they are marked already";
  EXPECT_EQ(2, Must(store().GetStatistics({})).refreshes());

  const v1::LeaseFetchesResponse leased = Lease(10);
  ASSERT_EQ("a0 a1", Ids(leased));
  EXPECT_TRUE(leased.tasks(0).refresh());
  EXPECT_EQ("\"1\"", leased.tasks(0).etag());
  EXPECT_EQ("Tue, 24 Nov 2026 10:00:00 GMT", leased.tasks(0).last_modified());
  EXPECT_EQ(Sha256Hex("old"), leased.tasks(0).source_sha256());
  EXPECT_EQ("old", Must(Picture("a0", 0)).data());

  EXPECT_EQ(1, Must(Complete(Fetched("a0", "new"))).stored());
  v1::FetchResult unchanged = ResultFor("a1");
  unchanged.mutable_not_modified();
  const auto updated = Get(store(), "a1").updated_at();
  EXPECT_EQ(1, Must(Complete(unchanged)).not_modified());
  EXPECT_EQ("new", Must(Picture("a0", 0)).data());
  EXPECT_EQ("same", Must(Picture("a1", 0)).data());
  EXPECT_EQ(absl::ToUnixSeconds(clock_.Now()), Get(store(), "a1").image().fetched_at().seconds());
  EXPECT_EQ(updated.SerializeAsString(), Get(store(), "a1").updated_at().SerializeAsString());
  EXPECT_EQ(0, Must(store().GetStatistics({})).refreshes());
  EXPECT_EQ("", Ids(Lease(10)));
}

TEST_P(FetchesTest, ARefreshThatFailsCostsNoPicture) {
  AddProducts("a", 1);
  Lease(10);
  Must(Complete(Fetched("a0", "picture")));
  Refresh();
  Lease(10);
  Must(Complete(Failed("a0", v1::FETCH_FAILURE_TIMEOUT, true)));
  EXPECT_EQ("a0", Ids(Lease(10))) << "it is still marked";
  Must(Complete(Failed("a0", v1::FETCH_FAILURE_NOT_FOUND, false)));
  const v1::ImageInfo image = Get(store(), "a0").image();
  EXPECT_EQ(v1::IMAGE_STATE_STORED, image.state());
  EXPECT_EQ(v1::FETCH_FAILURE_NOT_FOUND, image.failure());
  EXPECT_FALSE(image.refresh());
  EXPECT_EQ("picture", Must(Picture("a0", 0)).data());
  EXPECT_THAT(Render(Must(store().GetStatistics({}))), HasSubstr("STORED=1 images=1/7"));
}

TEST_P(FetchesTest, OnlyWhatWasFetchedBeforeATimeIsRefreshed) {
  AddProducts("a", 2);
  Lease(10);
  Must(Complete(Fetched("a0", "old")));
  clock_.Advance(absl::Hours(2));
  Must(Complete(Fetched("a1", "young")));
  Upsert(store(), {MakeProduct("put", "http://a.example/put")});
  Must(PutImage(store(), "put", "by hand"));
  v1::RefreshFetchesRequest request;
  request.mutable_fetched_before()->set_seconds(absl::ToUnixSeconds(clock_.Now() - absl::Hours(1)));
  EXPECT_EQ(1, Must(store().RefreshFetches(request)).products());
  EXPECT_EQ("a0", Ids(Lease(10)));
  EXPECT_EQ(1, Refresh()) << "young; what was put by hand has no source to compare with";
}

TEST_P(FetchesTest, RenditionsComeAndGoWithTheirPicture) {
  AddProducts("a", 2);
  Lease(10);
  v1::FetchResult result = Fetched("a0", "picture");
  AddRendition(result, 256, "middle");
  AddRendition(result, 64, "small");
  Must(Complete(result));
  EXPECT_EQ("small", Must(Picture("a0", 64)).data());
  const v1::Image middle = Must(Picture("a0", 65));
  EXPECT_EQ("middle", middle.data());
  EXPECT_EQ("image/jpeg", middle.media_type());
  EXPECT_EQ(128, middle.height());
  EXPECT_EQ(Sha256Hex("picture"), middle.sha256()) << "of the picture that it was made of";
  EXPECT_EQ("picture", Must(Picture("a0", 257)).data());
  EXPECT_EQ("picture", Must(Picture("a0", 0)).data());
  EXPECT_EQ(11, Must(store().GetStatistics({})).rendition_bytes());

  // The same picture for another product: nothing is kept twice, and the last one takes all.
  v1::FetchResult again = Fetched("a1", "picture");
  AddRendition(again, 64, "small");
  Must(Complete(again));
  EXPECT_EQ(11, Must(store().GetStatistics({})).rendition_bytes());
  Must(PutImage(store(), "a0", "other"));
  EXPECT_EQ("small", Must(Picture("a1", 64)).data());
  Must(PutImage(store(), "a1", "other"));
  EXPECT_EQ(0, Must(store().GetStatistics({})).rendition_bytes());
  EXPECT_EQ("other", Must(Picture("a1", 64)).data());
}

TEST_P(FetchesTest, ResultsAreChecked) {
  AddProducts("a", 1);
  Lease(10);
  const auto expect_refused = [&](const std::function<void(v1::FetchResult&)>& spoil, const std::string& words) {
    v1::FetchResult result = Fetched("a0", "picture");
    spoil(result);
    const absl::Status status = Complete(result).status();
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status));
    EXPECT_THAT(std::string(status.message()), HasSubstr(words));
  };
  expect_refused([](v1::FetchResult& r) { AddRendition(r, 15, "x"); }, "renditions.side: 15, expected 16 to 2048");
  expect_refused([](v1::FetchResult& r) { AddRendition(r, 64, ""); }, "renditions.data: bytes: 0");
  expect_refused(
      [](v1::FetchResult& r) {
        AddRendition(r, 64, "x");
        AddRendition(r, 64, "y");
      },
      "two of side 64");
  expect_refused([](v1::FetchResult& r) { r.set_etag(std::string(1025, 'x')); }, "etag");
  expect_refused([](v1::FetchResult& r) { r.set_source_sha256("ABC"); }, "source_sha256");
  expect_refused([](v1::FetchResult& r) { r.set_attempts(-1); }, "attempts");
  EXPECT_EQ(v1::IMAGE_STATE_PENDING, Get(store(), "a0").image().state());
}

TEST(UrlOrigin, IsWhatTheQueueIsOrderedBy) {
  using store::OriginOf;
  EXPECT_EQ("http://shop.example:80", OriginOf("http://shop.example/a.jpg"));
  EXPECT_EQ("https://shop.example:443", OriginOf("HTTPS://Shop.Example?x"));
  EXPECT_EQ("http://shop.example:8080", OriginOf("http://user:pass@shop.example:8080#f"));
  EXPECT_EQ("http://[::1]:80", OriginOf("http://[::1]/a"));
  EXPECT_EQ("http://[::1]:8900", OriginOf("http://[::1]:8900/a"));
  EXPECT_EQ("http://shop.example:80", OriginOf("  http://shop.example:/a"));
  for (const char* none : {"", "shop.example/a", "ftp://shop.example/", "http://", "http:///a", "http://@/a"}) {
    EXPECT_EQ("", OriginOf(none)) << none;
  }
  // 252 bytes of "ü" and what surrounds them: cut between two characters.
  const std::string cut = OriginOf(absl::StrCat("http://", std::string(247, 'x'), "\xc3\xbc.example/"));
  EXPECT_EQ(absl::StrCat("http://", std::string(247, 'x')), cut);
}

}  // namespace
}  // namespace mannequin

// Every RPC but those of jobs, over both implementations.
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProductStoreTest : public StoreTest {
 protected:
  std::string Statistics() { return Render(Must(store().GetStatistics({}))); }

  std::vector<std::string> Scan(const v1::ProductFilter& filter) {
    std::vector<std::string> ids;
    v1::ScanProductsRequest request;
    *request.mutable_filter() = filter;
    EXPECT_EQ("OK", CodeOf(store().ScanProducts(request, [&](const v1::StoredProduct& product) {
                ids.push_back(product.product().id());
                return absl::OkStatus();
              })));
    return ids;
  }

  // Through pages of `page_size`.
  std::vector<std::string> List(const v1::ProductFilter& filter, int page_size) {
    std::vector<std::string> ids;
    v1::ListProductsRequest request;
    *request.mutable_filter() = filter;
    request.set_page_size(page_size);
    do {
      const v1::ListProductsResponse page = Must(store().ListProducts(request));
      EXPECT_LE(page.products_size(), page_size);
      for (const v1::StoredProduct& product : page.products()) ids.push_back(product.product().id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return ids;
  }

  v1::LeaseFetchesResponse Lease(const std::string& worker, int max_products, int seconds = 60) {
    v1::LeaseFetchesRequest request;
    request.set_worker(worker);
    request.set_max_products(max_products);
    *request.mutable_lease() = Seconds(seconds);
    return Must(store().LeaseFetches(request));
  }

  static std::string Ids(const v1::LeaseFetchesResponse& response) {
    return absl::StrJoin(response.tasks(), " ",
                         [](std::string* out, const v1::FetchTask& task) { out->append(task.product_id()); });
  }

  v1::CompleteFetchesResponse Fail(const std::string& id, const std::string& url, v1::FetchFailure reason, bool retry) {
    v1::CompleteFetchesRequest request;
    request.set_worker("a");
    v1::FetchResult& result = *request.add_results();
    result.set_product_id(id);
    result.set_url(url);
    result.set_attempts(1);
    result.mutable_failure()->set_reason(reason);
    result.mutable_failure()->set_message("because");
    result.mutable_failure()->set_retry(retry);
    return Must(store().CompleteFetches(request));
  }
};

TEST_P(ProductStoreTest, UpsertCreatesThenUpdatesThenLeavesAlone) {
  EXPECT_EQ(1, Upsert(store(), {MakeProduct("a")}).created());
  v1::Product changed = MakeProduct("a");
  changed.set_brand("Acme");
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(1, Upsert(store(), {changed}).updated());
  const v1::StoredProduct stored = Get(store(), "a");
  EXPECT_EQ("Acme", stored.product().brand());
  EXPECT_EQ(5, stored.updated_at().seconds() - stored.created_at().seconds());
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(1, Upsert(store(), {changed}).unchanged());
  EXPECT_EQ(stored.updated_at().seconds(), Get(store(), "a").updated_at().seconds());
  EXPECT_EQ("products=1 MISSING=1 images=0/0 embeddings=0 placeholders=0 verdicts=0", Statistics());
}

TEST_P(ProductStoreTest, OneProductTwiceInABatchIsWrittenInOrder) {
  v1::Product second = MakeProduct("a", "http://x/1");
  const v1::UpsertProductsResponse counts = Upsert(store(), {MakeProduct("a"), second, second});
  EXPECT_EQ("1 1 1", absl::StrCat(counts.created(), " ", counts.updated(), " ", counts.unchanged()));
  EXPECT_EQ("products=1 PENDING=1 images=0/0 embeddings=0 placeholders=0 verdicts=0", Statistics());
}

TEST_P(ProductStoreTest, UpsertNamesTheFieldAndItsBound) {
  const auto error = [&](const std::function<void(v1::Product&)>& spoil) {
    v1::UpsertProductsRequest request;
    *request.add_products() = MakeProduct("good");
    *request.add_products() = MakeProduct("bad");
    spoil(*request.mutable_products(1));
    const absl::Status status = store().UpsertProducts(request).status();
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status));
    return std::string(status.message());
  };
  EXPECT_THAT(error([](auto& p) { p.set_id(""); }), HasSubstr("products[1].id: 0 bytes, expected 1 to 128"));
  EXPECT_THAT(error([](auto& p) { p.set_id(std::string(129, 'x')); }), HasSubstr("129 bytes"));
  EXPECT_THAT(error([](auto& p) { p.set_id("a\nb"); }), HasSubstr("control character"));
  EXPECT_THAT(error([](auto& p) { p.set_title(std::string(4097, 'x')); }), HasSubstr("title: 4097 bytes"));
  EXPECT_THAT(error([](auto& p) { p.set_brand(std::string(257, 'x')); }), HasSubstr("brand: 257 bytes"));
  EXPECT_THAT(error([](auto& p) { p.set_description(std::string(65537, 'x')); }), HasSubstr("description: 65537"));
  EXPECT_THAT(error([](auto& p) { p.set_image_url(std::string(2049, 'x')); }), HasSubstr("image_url: 2049 bytes"));
  EXPECT_THAT(error([](auto& p) {
                for (int i = 0; i < 17; ++i) p.add_category_path("c");
              }),
              HasSubstr("category_path: 17, expected 0 to 16"));
  EXPECT_THAT(error([](auto& p) {
                for (int i = 0; i < 2; ++i) {
                  p.add_attributes()->set_name("color");
                  p.mutable_attributes(i)->set_value("red");
                }
              }),
              HasSubstr("\"color\" is there twice"));
  EXPECT_EQ("NOT_FOUND", CodeOf(TryGet(store(), "good"))) << "a batch is written whole or not at all";
}

TEST_P(ProductStoreTest, GetAnswersNotFoundAndBatchGetListsWhatIsMissing) {
  Upsert(store(), {MakeProduct("a"), MakeProduct("b")});
  EXPECT_EQ("NOT_FOUND", CodeOf(TryGet(store(), "x")));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(TryGet(store(), "")));
  v1::BatchGetProductsRequest request;
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().BatchGetProducts(request)));
  for (const char* id : {"b", "x", "a"}) request.add_ids(id);
  const v1::BatchGetProductsResponse found = Must(store().BatchGetProducts(request));
  ASSERT_EQ(2, found.products_size());
  EXPECT_EQ("b", found.products(0).product().id());
  EXPECT_EQ("a", found.products(1).product().id());
  EXPECT_THAT(found.missing_ids(), ElementsAre("x"));
}

TEST_P(ProductStoreTest, ListsAndScansByEveryConditionInIdOrder) {
  // Category and brand and state in every combination, plus a category that only looks alike.
  std::vector<v1::Product> products;
  v1::UpsertProductsRequest request;
  for (int i = 0; i < 60; ++i) {
    v1::Product product = MakeProduct(absl::StrCat("p", 100 + i), i % 2 == 0 ? "http://x/i" : "");
    product.add_category_path("Apparel");
    product.add_category_path(i % 3 == 0 ? "Topwear" : "Top");
    if (i % 5 == 0) product.set_brand("Acme");
    *request.add_products() = product;
    products.push_back(product);
  }
  Must(store().UpsertProducts(request));
  v1::PutVerdictsRequest verdicts;
  for (int i = 0; i < 60; i += 4) {
    verdicts.add_verdicts()->set_product_id(products[i].id());
    verdicts.mutable_verdicts(i / 4)->set_kind(v1::VERDICT_KIND_ABUSE);
  }
  Must(store().PutVerdicts(verdicts));
  for (int mask = 0; mask < 16; ++mask) {
    v1::ProductFilter filter;
    if (mask & 1) {
      filter.add_category_path("Apparel");
      filter.add_category_path("Topwear");
    }
    if (mask & 2) filter.set_brand("Acme");
    if (mask & 4) filter.set_image_state(v1::IMAGE_STATE_PENDING);
    if (mask & 8) filter.set_verdict(v1::VERDICT_KIND_ABUSE);
    std::vector<std::string> expected;
    for (const v1::Product& product : products) {
      if ((mask & 1) && product.category_path(1) != "Topwear") continue;
      if ((mask & 2) && product.brand() != "Acme") continue;
      if ((mask & 4) && product.image_url().empty()) continue;
      if ((mask & 8) && (&product - products.data()) % 4 != 0) continue;
      expected.push_back(product.id());
    }
    EXPECT_EQ(expected, Scan(filter)) << mask;
    EXPECT_EQ(expected, List(filter, 7)) << mask;
  }
  v1::ProductFilter top;
  top.add_category_path("Apparel");
  EXPECT_EQ(60u, Scan(top).size()) << "a category holds what is below it";
}

TEST_P(ProductStoreTest, IndexFollowsAChangedBrandAndCategory) {
  v1::Product product = MakeProduct("a");
  product.set_brand("Old");
  product.add_category_path("One");
  Upsert(store(), {product});
  product.set_brand("New");
  product.set_category_path(0, "Two");
  Upsert(store(), {product});
  v1::ProductFilter filter;
  filter.set_brand("Old");
  EXPECT_THAT(Scan(filter), ElementsAre());
  filter.set_brand("New");
  filter.add_category_path("Two");
  EXPECT_THAT(Scan(filter), ElementsAre("a"));
  filter.set_category_path(0, "One");
  EXPECT_THAT(Scan(filter), ElementsAre());
}

TEST_P(ProductStoreTest, UpdatedAfterLeavesOutOlderProducts) {
  Upsert(store(), {MakeProduct("old")});
  v1::ProductFilter filter;
  *filter.mutable_updated_after() = Get(store(), "old").updated_at();
  clock_.Advance(absl::Seconds(1));
  Upsert(store(), {MakeProduct("new")});
  EXPECT_THAT(Scan(filter), ElementsAre("new"));
  filter.set_image_state(v1::IMAGE_STATE_MISSING);
  EXPECT_THAT(Scan(filter), ElementsAre("new"));
  filter.mutable_updated_after()->set_seconds(-1);
  v1::ListProductsRequest request;
  *request.mutable_filter() = filter;
  EXPECT_THAT(std::string(store().ListProducts(request).status().message()), HasSubstr("filter.updated_after"));
}

TEST_P(ProductStoreTest, ChangesAreFollowedInTheirOrderFromPageToPage) {
  for (const char* id : {"c", "a", "d", "b"}) {
    Upsert(store(), {MakeProduct(id)});
    clock_.Advance(absl::Nanoseconds(1));
  }
  v1::ProductFilter filter;
  filter.mutable_updated_after();
  EXPECT_THAT(List(filter, 1), ElementsAre("c", "a", "d", "b"));
  *filter.mutable_updated_after() = Get(store(), "a").updated_at();
  EXPECT_THAT(List(filter, 10), ElementsAre("d", "b"));

  v1::ListProductsRequest request;
  request.mutable_filter()->mutable_updated_after();
  request.set_page_size(3);
  request.set_page_token(Must(store().ListProducts(request)).next_page_token());
  clock_.Advance(absl::Seconds(1));
  Must(PutImage(store(), "a", "picture"));
  OpenAgain();
  const v1::ListProductsResponse rest = Must(store().ListProducts(request));
  ASSERT_EQ(2, rest.products_size()) << "what changed since the first page comes again, at the end";
  EXPECT_EQ("b", rest.products(0).product().id());
  EXPECT_EQ("a", rest.products(1).product().id());
}

TEST_P(ProductStoreTest, AClockThatGoesBackHidesNoChangeFromItsFollowers) {
  Upsert(store(), {MakeProduct("a")});
  v1::ProductFilter filter;
  for (const char* id : {"b", "c", "d"}) {
    *filter.mutable_updated_after() =
        Get(store(), id[0] == 'b' ? "a" : std::string(1, static_cast<char>(id[0] - 1))).updated_at();
    clock_.Advance(-absl::Hours(1));
    if (id[0] == 'd') OpenAgain();
    Upsert(store(), {MakeProduct(id)});
    EXPECT_THAT(List(filter, 10), ElementsAre(id));
  }
}

TEST_P(ProductStoreTest, AVerdictOnAProductThatWasNeverListedIsNoProduct) {
  v1::PutVerdictsRequest verdicts;
  verdicts.add_verdicts()->set_product_id("unlisted");
  verdicts.mutable_verdicts(0)->set_kind(v1::VERDICT_KIND_CLEAN);
  Must(store().PutVerdicts(verdicts));
  v1::ProductFilter filter;
  filter.set_verdict(v1::VERDICT_KIND_CLEAN);
  EXPECT_THAT(Scan(filter), ElementsAre());
  filter.set_image_state(v1::IMAGE_STATE_MISSING);
  EXPECT_THAT(Scan(filter), ElementsAre());
}

TEST_P(ProductStoreTest, ScansBeyondTheBoundAreRefusedByItsName) {
  Upsert(store(), {MakeProduct("a")});
  // One inside the other: each holds its place until the innermost has ended.
  const std::function<absl::Status(int)> nest = [&](int depth) {
    if (depth == 0) return absl::OkStatus();
    absl::Status inner;
    const absl::Status scanned = store().ScanProducts({}, [&](const v1::StoredProduct&) {
      inner = nest(depth - 1);
      return absl::OkStatus();
    });
    return scanned.ok() ? inner : scanned;
  };
  if (GetParam() == Kind::kEmbedded) {
    EXPECT_EQ("OK", CodeOf(nest(16)));
    const absl::Status refused = nest(17);
    EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(refused));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("max_concurrent_scans: 16"));
  }
  EXPECT_EQ("OK", CodeOf(nest(1))) << "places are given back";
}

TEST_P(ProductStoreTest, PageTokensOutliveARestartAndBelongToTheirFilter) {
  Upsert(store(), {MakeProduct("a"), MakeProduct("b"), MakeProduct("c")});
  v1::ListProductsRequest request;
  request.set_page_size(2);
  request.set_page_token(Must(store().ListProducts(request)).next_page_token());
  ASSERT_FALSE(request.page_token().empty());
  OpenAgain();
  const v1::ListProductsResponse second = Must(store().ListProducts(request));
  ASSERT_EQ(1, second.products_size());
  EXPECT_EQ("c", second.products(0).product().id());
  EXPECT_EQ("", second.next_page_token());

  request.mutable_filter()->set_brand("Acme");
  EXPECT_THAT(store().ListProducts(request).status().message(), HasSubstr("another filter"));
  request.clear_filter();
  for (const std::string& token : {std::string("x"), std::string("AAAA"), request.page_token() + "A"}) {
    request.set_page_token(token);
    EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().ListProducts(request))) << token;
  }
  request.clear_page_token();
  request.set_page_size(1001);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().ListProducts(request)));
}

TEST_P(ProductStoreTest, ScanEndsWithItsVisitorsStatus) {
  v1::UpsertProductsRequest request;
  for (int i = 0; i < 3000; ++i) {
    v1::Product product = MakeProduct(absl::StrCat("p", 10000 + i));
    product.set_description(std::string(1000, 'd'));
    *request.add_products() = product;
  }
  Must(store().UpsertProducts(request));
  EXPECT_EQ(3000u, Scan({}).size()) << "several messages";
  int seen = 0;
  EXPECT_EQ("ABORTED", CodeOf(store().ScanProducts({}, [&](const v1::StoredProduct&) {
              return ++seen == 5 ? absl::AbortedError("enough") : absl::OkStatus();
            })));
  EXPECT_EQ(5, seen);
}

TEST_P(ProductStoreTest, PutImageStoresOnceAndCountsReferences) {
  Upsert(store(), {MakeProduct("a", "http://x/a"), MakeProduct("b", "http://x/b")});
  const v1::ImageInfo info = Must(PutImage(store(), "a", "same")).product().image();
  EXPECT_EQ(v1::IMAGE_STATE_STORED, info.state());
  EXPECT_EQ(64u, info.sha256().size());
  EXPECT_EQ(4, info.size_bytes());
  EXPECT_EQ(info.sha256(), Must(PutImage(store(), "b", "same")).product().image().sha256());
  EXPECT_THAT(Statistics(), HasSubstr("STORED=2 images=1/4 "));

  v1::GetImageRequest by_hash;
  by_hash.set_sha256(info.sha256());
  EXPECT_EQ("same", Must(store().GetImage(by_hash)).image().data());
  v1::GetImageRequest by_product;
  by_product.set_product_id("a");
  EXPECT_EQ(info.sha256(), Must(store().GetImage(by_product)).image().sha256());

  // A changed URL lets go of the picture; the last reference takes it along.
  Upsert(store(), {MakeProduct("a", "http://x/a2")});
  EXPECT_EQ(v1::IMAGE_STATE_PENDING, Get(store(), "a").image().state());
  EXPECT_EQ("NOT_FOUND", CodeOf(store().GetImage(by_product)));
  EXPECT_EQ("same", Must(store().GetImage(by_hash)).image().data());
  Must(PutImage(store(), "b", "other!"));
  EXPECT_EQ("NOT_FOUND", CodeOf(store().GetImage(by_hash)));
  EXPECT_THAT(Statistics(), HasSubstr("PENDING=1 STORED=1 images=1/6 "));
}

TEST_P(ProductStoreTest, TheSamePictureAgainStaysStored) {
  Upsert(store(), {MakeProduct("a")});
  Must(PutImage(store(), "a", "same"));
  Must(PutImage(store(), "a", "same"));
  v1::GetImageRequest request;
  request.set_product_id("a");
  EXPECT_EQ("same", Must(store().GetImage(request)).image().data());
}

TEST_P(ProductStoreTest, ImageErrorsAreTheirOwn) {
  Upsert(store(), {MakeProduct("a")});
  EXPECT_EQ("NOT_FOUND", CodeOf(PutImage(store(), "x", "data")));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(PutImage(store(), "a", "")));
  const absl::Status large = PutImage(store(), "a", std::string((16 << 20) + 1, 'x')).status();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(large));
  EXPECT_THAT(std::string(large.message()), HasSubstr("image.data: 16777217, expected 1 to 16777216"));
  v1::PutImageRequest wrong;
  wrong.set_product_id("a");
  *wrong.mutable_image() = MakeImage("data");
  wrong.mutable_image()->set_sha256(std::string(64, '0'));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().PutImage(wrong)));
  v1::GetImageRequest request;
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().GetImage(request)));
  request.set_sha256("ABC");
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().GetImage(request)));
  request.set_sha256(std::string(64, '0'));
  EXPECT_EQ("NOT_FOUND", CodeOf(store().GetImage(request)));
}

TEST_P(ProductStoreTest, FetchLeasesGoAroundAndExpire) {
  for (const char* id : {"a", "b", "c", "d"}) Upsert(store(), {MakeProduct(id, "http://x/i")});
  Upsert(store(), {MakeProduct("no-url")});
  EXPECT_EQ("a b", Ids(Lease("w1", 2, 10)));
  EXPECT_EQ("c", Ids(Lease("w2", 1, 20)));
  const v1::LeaseFetchesResponse rest = Lease("w1", 10, 20);
  EXPECT_EQ("d", Ids(rest));
  EXPECT_EQ(1, rest.leased_by_others());
  const v1::LeaseFetchesResponse none = Lease("w3", 10);
  EXPECT_EQ("", Ids(none));
  EXPECT_EQ(4, none.leased_by_others());
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ("a b", Ids(Lease("w3", 10, 60)));
  OpenAgain();
  if (GetParam() == Kind::kPostgres) {
    EXPECT_EQ("", Ids(Lease("w4", 10))) << "leases are in the database, and other processes have them";
    return;
  }
  EXPECT_EQ("a b c d", Ids(Lease("w4", 10))) << "leases end with the store's process";
}

TEST_P(ProductStoreTest, FetchResultsMoveProductsAlong) {
  Upsert(store(), {MakeProduct("a", "http://x/a"), MakeProduct("b", "http://x/b")});
  Lease("a", 10);
  EXPECT_EQ(0, Fail("a", "http://x/a", v1::FETCH_FAILURE_TIMEOUT, true).failed());
  EXPECT_EQ(v1::IMAGE_STATE_PENDING, Get(store(), "a").image().state());
  const v1::LeaseFetchesResponse again = Lease("a", 10);
  ASSERT_EQ("a", Ids(again));
  EXPECT_EQ(1, again.tasks(0).attempts());
  EXPECT_EQ(1, Fail("a", "http://x/a", v1::FETCH_FAILURE_NOT_FOUND, false).failed());
  const v1::ImageInfo failed = Get(store(), "a").image();
  EXPECT_EQ(v1::IMAGE_STATE_FAILED, failed.state());
  EXPECT_EQ(v1::FETCH_FAILURE_NOT_FOUND, failed.failure());
  EXPECT_EQ("because", failed.failure_message());
  EXPECT_EQ(2, failed.attempts());
  EXPECT_THAT(Statistics(), HasSubstr("PENDING=1 FAILED=1 NOT_FOUND=1 "));

  v1::RetryFetchesRequest retry;
  retry.set_failure(v1::FETCH_FAILURE_DNS);
  EXPECT_EQ(0, Must(store().RetryFetches(retry)).products());
  retry.set_failure(v1::FETCH_FAILURE_NOT_FOUND);
  EXPECT_EQ(1, Must(store().RetryFetches(retry)).products());
  EXPECT_THAT(Statistics(), HasSubstr("products=2 PENDING=2 images"));

  v1::CompleteFetchesRequest complete;
  complete.set_worker("a");
  v1::FetchResult& result = *complete.add_results();
  result.set_product_id("a");
  result.set_url("http://x/a");
  result.set_attempts(1);
  *result.mutable_image() = MakeImage("picture");
  EXPECT_EQ(1, Must(store().CompleteFetches(complete)).stored());
  EXPECT_EQ(1, Get(store(), "a").image().attempts());
  EXPECT_THAT(Statistics(), HasSubstr("PENDING=1 STORED=1 images=1/7 "));
  EXPECT_EQ(1, Must(store().CompleteFetches(complete)).dropped()) << "no longer waits for one";
}

TEST_P(ProductStoreTest, FetchResultsForAnotherUrlOrNoProductAreDropped) {
  Upsert(store(), {MakeProduct("a", "http://x/old")});
  Lease("a", 10);
  Upsert(store(), {MakeProduct("a", "http://x/new")});
  EXPECT_EQ(1, Fail("a", "http://x/old", v1::FETCH_FAILURE_DNS, false).dropped());
  EXPECT_EQ(1, Fail("gone", "http://x/old", v1::FETCH_FAILURE_DNS, false).dropped());
  EXPECT_EQ(v1::IMAGE_STATE_PENDING, Get(store(), "a").image().state());
  EXPECT_EQ("a", Ids(Lease("b", 10))) << "the stale lease is given back";
}

TEST_P(ProductStoreTest, FetchRequestsAreChecked) {
  v1::LeaseFetchesRequest lease;
  lease.set_worker("w");
  lease.set_max_products(1);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().LeaseFetches(lease))) << "no lease";
  *lease.mutable_lease() = Seconds(3601);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().LeaseFetches(lease)));
  *lease.mutable_lease() = Seconds(60);
  lease.set_max_products(10'001);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().LeaseFetches(lease)));
  lease.set_max_products(1);
  lease.clear_worker();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().LeaseFetches(lease)));
  v1::CompleteFetchesRequest complete;
  complete.set_worker("w");
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().CompleteFetches(complete))) << "no result";
  complete.add_results()->set_product_id("a");
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().CompleteFetches(complete))) << "no outcome";
}

TEST_P(ProductStoreTest, EmbeddingsAreReplacedAndScannedInOrder) {
  v1::PutEmbeddingsRequest request;
  for (const char* id : {"b", "a", "b"}) {
    v1::Embedding& embedding = *request.add_embeddings();
    embedding.set_product_id(id);
    embedding.add_values(static_cast<float>(request.embeddings_size()));
  }
  EXPECT_EQ(3, Must(store().PutEmbeddings(request)).written());
  std::string seen;
  EXPECT_EQ("OK", CodeOf(store().ScanEmbeddings({}, [&](const v1::Embedding& embedding) {
              absl::StrAppend(&seen, embedding.product_id(), "=", embedding.values(0), " ");
              return absl::OkStatus();
            })));
  EXPECT_EQ("a=2 b=3 ", seen);
  EXPECT_THAT(Statistics(), HasSubstr("embeddings=2"));
  request.mutable_embeddings(1)->add_values(1);
  EXPECT_THAT(std::string(store().PutEmbeddings(request).status().message()), HasSubstr("2 components, expected 1"));
  request.mutable_embeddings(1)->mutable_values()->Truncate(1);
  request.mutable_embeddings(1)->set_values(0, NAN);
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().PutEmbeddings(request)));
  request.mutable_embeddings(1)->set_values(0, 1);
  request.mutable_embeddings(1)->add_category_path(std::string(257, 'x'));
  EXPECT_THAT(std::string(store().PutEmbeddings(request).status().message()),
              HasSubstr("embeddings[1].category_path: 257 bytes"));
  request.mutable_embeddings(1)->clear_category_path();
  for (int i = 0; i < 17; ++i) request.mutable_embeddings(1)->add_category_path("part");
  EXPECT_THAT(std::string(store().PutEmbeddings(request).status().message()),
              HasSubstr("embeddings[1].category_path: 17, expected 0 to 16"));
}

TEST_P(ProductStoreTest, VerdictsAreReplacedAndListedByKind) {
  v1::PutVerdictsRequest request;
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().PutVerdicts(request)));
  for (const char* id : {"a", "b", "c"}) {
    request.add_verdicts()->set_product_id(id);
    request.mutable_verdicts(request.verdicts_size() - 1)->set_kind(v1::VERDICT_KIND_CLEAN);
  }
  EXPECT_EQ(3, Must(store().PutVerdicts(request)).written());
  request.mutable_verdicts(1)->set_kind(v1::VERDICT_KIND_ABUSE);
  Must(store().PutVerdicts(request));
  EXPECT_THAT(Statistics(), HasSubstr("verdicts=3"));
  v1::GetVerdictRequest get;
  get.set_product_id("b");
  EXPECT_EQ(v1::VERDICT_KIND_ABUSE, Must(store().GetVerdict(get)).verdict().kind());
  get.set_product_id("x");
  EXPECT_EQ("NOT_FOUND", CodeOf(store().GetVerdict(get)));
  v1::ListVerdictsRequest list;
  list.set_kind(v1::VERDICT_KIND_CLEAN);
  list.set_page_size(1);
  const v1::ListVerdictsResponse first = Must(store().ListVerdicts(list));
  EXPECT_EQ("a", first.verdicts(0).product_id());
  list.set_page_token(first.next_page_token());
  EXPECT_EQ("c", Must(store().ListVerdicts(list)).verdicts(0).product_id());
  request.mutable_verdicts(0)->clear_kind();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().PutVerdicts(request)));
}

TEST_P(ProductStoreTest, BackupIsVerifiedAndIncremental) {
  Upsert(store(), {MakeProduct("a")});
  v1::CreateBackupRequest request;
  if (GetParam() == Kind::kPostgres) {
    EXPECT_EQ("UNIMPLEMENTED", CodeOf(store().CreateBackup(request, nullptr))) << "the engines have their own";
    return;
  }
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().CreateBackup(request, nullptr)));
  request.set_folder(folder_.Sub("data"));
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().CreateBackup(request, nullptr)));
  request.set_folder(folder_.Sub("backup"));
  const v1::CreateBackupResponse first = Must(store().CreateBackup(request, nullptr));
  EXPECT_GT(first.size_bytes(), 0);
  EXPECT_EQ(first.backup_id() + 1, Must(store().CreateBackup(request, nullptr)).backup_id());
}

TEST_P(ProductStoreTest, BackupEndsWhenItsCallerHasEnough) {
  if (GetParam() == Kind::kPostgres) GTEST_SKIP() << "the engines have their own";
  v1::CreateBackupRequest request;
  request.set_folder(folder_.Sub("backup"));
  EXPECT_EQ("CANCELLED", CodeOf(store().CreateBackup(request, [](const auto&) { return false; })));
}

TEST_P(ProductStoreTest, ReopenKeepsEverything) {
  Upsert(store(), {MakeProduct("a", "http://x/a"), MakeProduct("b")});
  Must(PutImage(store(), "a", "data"));
  v1::PutPlaceholderRequest placeholder;
  placeholder.mutable_placeholder()->set_product_id("b");
  placeholder.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_PROPOSED);
  *placeholder.mutable_image() = MakeImage("drawn");
  Must(store().PutPlaceholder(placeholder));
  const std::string before = Statistics();
  const std::string product = Get(store(), "a").SerializeAsString();
  OpenAgain();
  EXPECT_EQ(before, Statistics());
  EXPECT_EQ(product, Get(store(), "a").SerializeAsString());
  v1::GetImageRequest image;
  image.set_product_id("a");
  EXPECT_EQ("data", Must(store().GetImage(image)).image().data());
  v1::GetPlaceholderRequest kept;
  kept.set_product_id("b");
  EXPECT_EQ(v1::PLACEHOLDER_STATE_PROPOSED, Must(store().GetPlaceholder(kept)).placeholder().state());
}

MANNEQUIN_ALL_STORES(ProductStoreTest);

}  // namespace
}  // namespace mannequin

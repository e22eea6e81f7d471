// Several stores on one schema and bucket: what one process may rely on while others write.
#include <algorithm>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "tests/unit/store/postgres/postgres_suite.h"

namespace mannequin {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr unsigned kSeed = 20240612;

// Three in this process and one of its own: of each of them threads write.
class SharedStores : public PostgresSuite {
 protected:
  void SetUp() override {
    PostgresSuite::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // All at once: the schema is not there yet.
    std::vector<std::unique_ptr<PostgresStore>> opened(3);
    process_ = std::make_unique<StoreProcess>(engines_);
    Together(3, [&](int i) { opened[static_cast<std::size_t>(i)] = Open(); });
    for (auto& store : opened) {
      ASSERT_NE(nullptr, store);
      stores_.push_back(std::move(store));
    }
    ASSERT_TRUE(process_->IsServing()) << process_->words();
    stores_.push_back(process_->Connect());
  }
  void TearDown() override { stores_.clear(); }
  ProductStore& store(int i) { return *stores_[static_cast<std::size_t>(i) % stores_.size()]; }

  std::unique_ptr<StoreProcess> process_;
  std::vector<std::unique_ptr<ProductStore>> stores_;
};

// Codes that calls of one who does not know what the others do may end with.
void ExpectOneOf(const std::set<std::string>& codes, const absl::Status& status) {
  EXPECT_TRUE(status.ok() || codes.count(CodeOf(status)) > 0) << status;
}

TEST_F(SharedStores, WritersOfTheSameRecordsLeaveExactCountsAndNoFault) {
  constexpr int kProducts = 40;
  constexpr int kRounds = 25;
  const std::string deadlocks = Deadlocks();
  const auto id_of = [](unsigned i) { return absl::StrCat("p", i); };
  const auto url_of = [](unsigned i) { return absl::StrCat("http://origin", i % 3, "/", i); };
  Together(12, [&](int thread) {
    std::mt19937 random(kSeed + static_cast<unsigned>(thread));
    ProductStore& store = this->store(thread);
    // In another order each time, as clients have theirs.
    const auto some = [&](std::size_t count) {
      std::vector<unsigned> numbers(kProducts);
      for (unsigned i = 0; i < kProducts; ++i) numbers[i] = i;
      std::shuffle(numbers.begin(), numbers.end(), random);
      numbers.resize(count);
      return numbers;
    };
    for (int round = 0; round < kRounds; ++round) {
      v1::UpsertProductsRequest upsert;
      for (const unsigned i : some(15)) {
        v1::Product product = MakeProduct(id_of(i), url_of(random() % 4));
        product.add_category_path(absl::StrCat("Category ", random() % 5));
        product.add_category_path(absl::StrCat("Below ", random() % 5));
        product.set_brand(absl::StrCat("Brand ", random() % 3));
        *upsert.add_products() = product;
      }
      ExpectOneOf({}, store.UpsertProducts(upsert).status());
      // Pictures of the same bytes come and go.
      v1::CompleteFetchesRequest complete;
      complete.set_worker("w");
      for (const unsigned i : some(8)) {
        *complete.add_results() = Fetched(id_of(i), url_of(random() % 4), absl::StrCat("picture ", random() % 4));
      }
      ExpectOneOf({}, store.CompleteFetches(complete).status());
      ExpectOneOf({"NOT_FOUND"}, PutImage(store, id_of(some(1)[0]), absl::StrCat("picture ", random() % 4)).status());
      v1::GetImageRequest get;
      get.set_product_id(id_of(some(1)[0]));
      ExpectOneOf({"NOT_FOUND"}, store.GetImage(get).status());
      v1::PutVerdictsRequest verdicts;
      for (const unsigned i : some(10)) {
        v1::Verdict& verdict = *verdicts.add_verdicts();
        verdict.set_product_id(id_of(i));
        verdict.set_kind(random() % 2 == 0 ? v1::VERDICT_KIND_CLEAN : v1::VERDICT_KIND_ABUSE);
        verdict.set_image_sha256(std::string(64, static_cast<char>('a' + random() % 2)));
      }
      ExpectOneOf({}, store.PutVerdicts(verdicts).status());
      v1::PutReviewRequest review;
      review.mutable_review()->set_product_id(id_of(some(1)[0]));
      review.mutable_review()->set_image_sha256(std::string(64, 'a'));
      review.mutable_review()->set_decision(v1::VERDICT_KIND_CLEAN);
      review.mutable_review()->set_reviewer("kim");
      ExpectOneOf({"NOT_FOUND", "FAILED_PRECONDITION"}, store.PutReview(review).status());
      v1::PutPlaceholderRequest placeholder;
      placeholder.mutable_placeholder()->set_product_id(id_of(some(1)[0]));
      const bool approved = random() % 2 == 0;
      placeholder.mutable_placeholder()->set_state(approved ? v1::PLACEHOLDER_STATE_APPROVED
                                                            : v1::PLACEHOLDER_STATE_PROPOSED);
      *placeholder.mutable_image() = MakeImage(absl::StrCat("picture ", random() % 4));
      if (approved) *placeholder.mutable_badged_image() = MakeImage(absl::StrCat("picture ", random() % 4));
      ExpectOneOf({"NOT_FOUND", "FAILED_PRECONDITION"}, store.PutPlaceholder(placeholder).status());
      v1::PutEmbeddingsRequest embeddings;
      for (const unsigned i : some(5)) {
        embeddings.add_embeddings()->set_product_id(id_of(i));
        embeddings.mutable_embeddings()->rbegin()->add_values(1);
      }
      ExpectOneOf({}, store.PutEmbeddings(embeddings).status());
      if (round % 10 == 0) ExpectOneOf({}, store.RetryFetches({}).status());
      if (round % 10 == 5) ExpectOneOf({}, store.RefreshFetches({}).status());
    }
  });
  EXPECT_THAT(FaultsOf(store(0)), IsEmpty());
  const std::string statistics = Render(Must(store(0).GetStatistics({})));
  EXPECT_THAT(statistics, HasSubstr(absl::StrCat("products=", kProducts, " ")));
  for (int i = 1; i < 4; ++i) EXPECT_EQ(statistics, Render(Must(store(i).GetStatistics({}))));
  EXPECT_EQ(deadlocks, Deadlocks()) << "each holds its callers up for a second";
}

TEST_F(SharedStores, FetchesOfManyOriginsAreLeasedOnceAndCompletedOnce) {
  constexpr int kProducts = 20'000;
  constexpr int kOrigins = 150;
  {
    const std::unique_ptr<ProductWriter> writer = store(0).WriteProducts();
    for (int i = 0; i < kProducts;) {
      v1::UpsertProductsRequest request;
      for (int k = 0; k < 2'000; ++k, ++i) {
        *request.add_products() =
            MakeProduct(absl::StrCat("p", i), absl::StrCat("http://origin", i * 7 % kOrigins, "/", i));
      }
      ASSERT_EQ("OK", CodeOf(writer->Write(request)));
    }
    ASSERT_EQ(kProducts, Must(writer->Finish()).created());
  }
  std::mutex mutex;
  std::set<std::string> leased;
  std::int64_t failed = 0, stored = 0, dropped = 0;
  const std::string deadlocks = Deadlocks();
  Together(8, [&](int thread) {
    const std::string worker = absl::StrCat("worker-", thread);
    for (;;) {
      v1::LeaseFetchesRequest lease;
      lease.set_worker(worker);
      lease.set_max_products(400);
      lease.set_max_products_per_origin(thread % 2 == 0 ? 0 : 25);
      *lease.mutable_lease() = Seconds(600);
      const v1::LeaseFetchesResponse tasks = Must(store(thread).LeaseFetches(lease));
      if (tasks.tasks().empty()) {
        if (tasks.leased_by_others() == 0) return;
        continue;
      }
      EXPECT_LE(tasks.tasks_size(), 400);
      v1::CompleteFetchesRequest complete;
      complete.set_worker(worker);
      for (const v1::FetchTask& task : tasks.tasks()) {
        const bool is_picture = task.product_id().back() == '7' && task.product_id().size() > 5;
        *complete.add_results() = Fetched(task.product_id(), task.url(), is_picture ? task.url().substr(0, 16) : "");
      }
      const v1::CompleteFetchesResponse done = Must(store(thread + 1).CompleteFetches(complete));
      const std::lock_guard<std::mutex> lock(mutex);
      for (const v1::FetchTask& task : tasks.tasks()) {
        EXPECT_TRUE(leased.insert(task.product_id()).second) << task.product_id() << " is leased twice";
      }
      failed += done.failed();
      stored += done.stored();
      dropped += done.dropped();
    }
  });
  EXPECT_EQ(kProducts, static_cast<int>(leased.size()));
  EXPECT_EQ(kProducts, failed + stored);
  EXPECT_EQ(0, dropped);
  EXPECT_EQ(deadlocks, Deadlocks());
  EXPECT_EQ(0, Number("SELECT count(*) FROM fetches"));
  EXPECT_THAT(FaultsOf(store(0)), IsEmpty());
}

TEST_F(SharedStores, AJobIsCreatedOnceAKeyAndLeasedOnce) {
  constexpr int kKeys = 30;
  std::mutex mutex;
  std::map<std::string, std::set<std::string>> ids;
  Together(8, [&](int thread) {
    for (int i = 0; i < kKeys; ++i) {
      v1::CreateJobRequest create;
      create.set_kind(v1::JOB_KIND_CRAWL);
      create.set_idempotency_key(absl::StrCat("key ", i));
      const std::string id = Must(store(thread).CreateJob(create)).job().id();
      const std::lock_guard<std::mutex> lock(mutex);
      ids[create.idempotency_key()].insert(id);
    }
  });
  ASSERT_EQ(static_cast<std::size_t>(kKeys), ids.size());
  for (const auto& [key, of_key] : ids) EXPECT_EQ(1u, of_key.size()) << key;
  EXPECT_EQ(kKeys, Number("SELECT count(*) FROM jobs"));
  std::map<std::string, int> leases;
  Together(8, [&](int thread) {
    const std::string worker = absl::StrCat("worker-", thread);
    for (;;) {
      v1::LeaseJobRequest lease;
      lease.set_worker(worker);
      lease.add_kinds(v1::JOB_KIND_CRAWL);
      *lease.mutable_lease() = Seconds(600);
      const v1::LeaseJobResponse leased = Must(store(thread).LeaseJob(lease));
      if (!leased.has_job()) return;
      v1::FinishJobRequest finish;
      finish.set_id(leased.job().id());
      finish.set_worker(worker);
      finish.set_state(v1::JOB_STATE_SUCCEEDED);
      ExpectOneOf({}, store(thread + 1).FinishJob(finish).status());
      const std::lock_guard<std::mutex> lock(mutex);
      ++leases[leased.job().id()];
    }
  });
  EXPECT_EQ(static_cast<std::size_t>(kKeys), leases.size());
  for (const auto& [id, times] : leases) EXPECT_EQ(1, times) << id;
  EXPECT_THAT(FaultsOf(store(0)), IsEmpty());
}

// Follows the updates until `stop` has said so, and answers the products that were seen. Pages are in the
// order of the updates; products of a category are in that of their ids, so it takes a scan.
std::set<std::string> Follow(ProductStore& store, bool of_category, const std::function<bool()>& stop) {
  v1::ProductFilter filter;
  filter.mutable_updated_after()->set_seconds(1);
  if (of_category) filter.add_category_path("Apparel");
  std::set<std::string> seen;
  for (bool last = false; !last;) {
    last = stop();
    google::protobuf::Timestamp newest = filter.updated_after();
    const auto see = [&](const v1::StoredProduct& product) {
      seen.insert(product.product().id());
      newest = std::max(newest, product.updated_at(), [](const auto& a, const auto& b) { return a < b; });
      return absl::OkStatus();
    };
    if (of_category) {
      v1::ScanProductsRequest scan;
      *scan.mutable_filter() = filter;
      EXPECT_EQ(absl::OkStatus(), store.ScanProducts(scan, see));
    } else {
      v1::ListProductsRequest list;
      *list.mutable_filter() = filter;
      list.set_page_size(500);
      do {
        const v1::ListProductsResponse page = Must(store.ListProducts(list));
        for (const v1::StoredProduct& product : page.products()) EXPECT_TRUE(see(product).ok());
        list.set_page_token(page.next_page_token());
      } while (!list.page_token().empty());
    }
    *filter.mutable_updated_after() = newest;
  }
  return seen;
}

class Followers : public PostgresSuite, public testing::WithParamInterface<bool> {};

// Each product is written once: one that a follower does not see then, he never sees.
TEST_P(Followers, OfTheStoreThatWritesMissNothing) {
  const std::unique_ptr<PostgresStore> store = Open();
  std::atomic<int> writing{6};
  std::set<std::string> seen;
  std::thread follower([&] { seen = Follow(*store, GetParam(), [&] { return writing == 0; }); });
  std::atomic<int> written{0};
  Together(6, [&](int thread) {
    for (int round = 0; round < 20; ++round) {
      v1::UpsertProductsRequest request;
      // Long changes and short ones: those begun later land first.
      const int count = thread % 2 == 0 ? 300 : 2;
      for (int i = 0; i < count; ++i) {
        v1::Product product = MakeProduct(absl::StrCat("p", thread, "-", round, "-", i));
        product.add_category_path("Apparel");
        *request.add_products() = product;
      }
      written += static_cast<int>(Must(store->UpsertProducts(request)).created());
    }
    --writing;
  });
  follower.join();
  EXPECT_EQ(written, static_cast<int>(seen.size()));
}

INSTANTIATE_TEST_SUITE_P(Calls, Followers, testing::Bool(),
                         [](const auto& tested) { return tested.param ? "ByScansOfACategory" : "ByPages"; });

// As long as an index takes them, and longer.
TEST_F(PostgresSuite, TheLongestCategoriesAreKeptAndFound) {
  const std::unique_ptr<PostgresStore> store = Open();
  std::mt19937 random(kSeed);
  v1::Product product = MakeProduct("a");
  for (int depth = 0; depth < 16; ++depth) {
    std::string& part = *product.add_category_path();
    // Nothing that a compression makes shorter.
    while (part.size() < 256) part += static_cast<char>('!' + random() % 90);
  }
  Upsert(*store, {product, MakeProduct("b")});
  v1::ListProductsRequest list;
  for (int depth = 0; depth < 16; ++depth) {
    list.mutable_filter()->add_category_path(product.category_path(depth));
    const v1::ListProductsResponse page = Must(store->ListProducts(list));
    ASSERT_EQ(1, page.products_size()) << depth;
    EXPECT_EQ("a", page.products(0).product().id());
  }
  EXPECT_THAT(FaultsOf(*store), IsEmpty());
}

TEST_F(PostgresSuite, ScansLeaveConnectionsForOtherCalls) {
  engines_.mutable_postgres()->set_max_connections(4);
  const std::unique_ptr<PostgresStore> store = Open();
  Upsert(*store, {MakeProduct("a")});
  // Each scan waits in its first product for the one that it begins itself.
  std::set<std::string> codes;
  int depth = 0;
  std::function<absl::Status(const v1::StoredProduct&)> visit = [&](const v1::StoredProduct&) {
    EXPECT_EQ("OK", CodeOf(TryGet(*store, "a")));
    if (++depth < 10) codes.insert(CodeOf(store->ScanProducts({}, visit)));
    return absl::OkStatus();
  };
  EXPECT_EQ("OK", CodeOf(store->ScanProducts({}, visit)));
  EXPECT_EQ(2, depth);
  EXPECT_THAT(codes, testing::ElementsAre("OK", "RESOURCE_EXHAUSTED"));
}

}  // namespace
}  // namespace mannequin

// What PostgreSQL makes of the store's statements when there is much in the tables: no call that is made often
// reads a table from end to end, or many rows that it throws away. Also with the plans that a statement gets
// once it has been run some times, for parameters that the planner does not know.
#include <cstdio>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "services/store/postgres/product_columns.h"
#include "tests/unit/store/bucket/s3_server.h"
#include "tests/unit/store/postgres/postgres_server.h"
#include "tests/unit/store/postgres/postgres_suite.h"

namespace mannequin {
namespace {

using testing::IsEmpty;

constexpr int kProducts = 200'000;
// Of a record's own bytes: a table of small rows is read from end to end for a thousand of them.
constexpr int kRecordBytes = 600;
// Of rows that a plan may read in vain.
constexpr std::int64_t kMaxRemoved = 5'000;

// Of rows that a plan may pass on from one step to the next, for calls of a thousand records.
constexpr std::int64_t kMaxRows = 10'000;

class QueryPlans : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<PostgresServer>> server =
        PostgresServer::Start({"fsync = off", "session_preload_libraries = 'auto_explain'", "autovacuum = off",
                               "auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on",
                               "auto_explain.log_timing = off", "jit = off"});
    if (absl::IsNotFound(server.status())) GTEST_SKIP() << server.status().message();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    absl::StatusOr<std::unique_ptr<S3Server>> bucket = S3Server::Start();
    if (absl::IsNotFound(bucket.status())) GTEST_SKIP() << bucket.status().message();
    ASSERT_TRUE(bucket.ok()) << bucket.status();
    bucket_ = *std::move(bucket);
    Open("auto");
    Fill();
  }
  void Open(const std::string& plan_cache_mode) {
    config::v1::StoreConfig config;
    config.mutable_postgres()->set_connection(
        absl::StrCat(server_->connection(), " options='-c plan_cache_mode=", plan_cache_mode, "'"));
    *config.mutable_bucket() = bucket_->config("pictures");
    store_ = Must(PostgresStore::Open(config, Clock::Real()));
    ASSERT_NE(nullptr, store_);
  }
  // A record of one field that nobody knows is a record of anything.
  void Fill() {
    const std::string record = absl::StrCat("decode('a206d804' || repeat('00', ", kRecordBytes, "), 'hex')");
    const std::unique_ptr<store::Connection> sql = Must(
        store::Connection::Open(server_->connection() + " options='-c auto_explain.log_min_duration=-1'", "mannequin"));
    ASSERT_NE(nullptr, sql);
    v1::ProductFilter filter;
    filter.add_category_path("C1");
    const std::string category = absl::BytesToHexString(store::CategoryKey(filter.category_path(), 1));
    const std::string rows = absl::StrCat(" FROM generate_series(1, ", kProducts, ") AS n");
    const std::int64_t end = absl::ToUnixNanos(absl::Now() + absl::Hours(1));
    for (const std::string& statement : std::vector<std::string>{
             absl::StrCat("INSERT INTO products SELECT 'p' || n, ", record,
                          ", 1 + n % 4, ('Brand' || n % 500)::bytea, n % 16, "
                          "1700000000000000000 + n * 1000",
                          rows),
             absl::StrCat("INSERT INTO product_categories SELECT CASE WHEN n % 2 = 0 THEN decode('", category,
                          "', 'hex') ELSE ('other' || n % 100)::bytea END, 'p' || n", rows),
             absl::StrCat("INSERT INTO fetches SELECT 'p' || n, ('http://origin' || n % 200)::bytea, ", end,
                          ", 'other'", rows),
             absl::StrCat("INSERT INTO verdicts SELECT 'p' || n, ", record, ", 1 + n % 3, n % 2 = 0", rows),
             "INSERT INTO placeholders SELECT 'p' || n, '', 1 + n % 4" + rows,
             absl::StrCat("INSERT INTO embeddings SELECT 'p' || n, ", record, rows),
             "INSERT INTO images SELECT sha256(n::text::bytea), 1, 'o' || n, '', 1, 1" + rows,
             "INSERT INTO doomed_objects SELECT 'd' || n, 9000000000000000000" + rows,
             "INSERT INTO jobs SELECT 'job-' || lpad(n::text, 9, '0'), '', 1, 4, false, 0" + rows,
             "INSERT INTO job_keys SELECT n::text::bytea, 'job-' || lpad(n::text, 9, '0')" + rows,
             "INSERT INTO reviews SELECT n::text::bytea, ''" + rows,
             "ANALYZE",
         }) {
      ASSERT_EQ(absl::OkStatus(), sql->Execute(statement)) << statement;
    }
  }

  // What is slow about the statements of `call`.
  std::vector<std::string> SlowIn(const std::function<void()>& call) {
    const std::size_t before = server_->log().size();
    call();
    std::vector<std::string> slow;
    const std::string log = server_->log().substr(before);
    for (const absl::string_view plan : absl::StrSplit(log, "LOG:  duration:")) {
      for (const absl::string_view line : absl::StrSplit(plan, '\n')) {
        bool is_slow = absl::StrContains(line, "Seq Scan on ") && !absl::StrContains(line, "Seq Scan on statistics") &&
                       !absl::StrContains(line, "Seq Scan on store_format");
        const std::size_t removed = line.find("Rows Removed by ");
        if (removed != absl::string_view::npos) {
          is_slow = std::stoll(std::string(line.substr(line.find(": ", removed) + 2))) > kMaxRemoved;
        }
        const std::size_t actual = line.find("(actual rows=");
        if (actual != absl::string_view::npos) {
          std::int64_t rows = 0, loops = 0;
          EXPECT_EQ(
              2, std::sscanf(std::string(line.substr(actual)).c_str(), "(actual rows=%ld loops=%ld)", &rows, &loops));
          is_slow = is_slow || rows * loops > kMaxRows;
        }
        if (!is_slow) continue;
        slow.push_back(std::string(plan));
        break;
      }
    }
    return slow;
  }

  std::unique_ptr<PostgresServer> server_;
  std::unique_ptr<S3Server> bucket_;
  std::unique_ptr<PostgresStore> store_;
};

TEST_F(QueryPlans, OfCallsThatAreMadeOftenReadNoTableFromEndToEnd) {
  const auto list = [&](const std::function<void(v1::ListProductsRequest&)>& set) {
    v1::ListProductsRequest request;
    set(request);
    for (int page = 0; page < 3; ++page) {
      const absl::StatusOr<v1::ListProductsResponse> answer = store_->ListProducts(request);
      ASSERT_TRUE(answer.ok()) << answer.status();
      if (answer->next_page_token().empty()) break;
      request.set_page_token(answer->next_page_token());
    }
  };
  int upserts = 0;
  const std::vector<std::pair<std::string, std::function<void()>>> calls = {
      {"GetProduct", [&] { (void)TryGet(*store_, "p77"); }},
      {"BatchGetProducts",
       [&] {
         v1::BatchGetProductsRequest request;
         for (int i = 0; i < 1000; ++i) request.add_ids(absl::StrCat("p", i * 13));
         Must(store_->BatchGetProducts(request));
       }},
      {"UpsertProducts",
       [&] {
         ++upserts;
         for (int round = 0; round < 2; ++round) {
           v1::UpsertProductsRequest request;
           for (int i = 0; i < 1000; ++i) {
             v1::Product product = MakeProduct(absl::StrCat("q", i), absl::StrCat("http://x", upserts, "/", round));
             product.add_category_path(absl::StrCat("C", round));
             product.set_brand(absl::StrCat("B", round));
             *request.add_products() = product;
           }
           Must(store_->UpsertProducts(request));
         }
       }},
      {"ListProducts", [&] { list([](v1::ListProductsRequest&) {}); }},
      {"ListProducts image_state",
       [&] { list([](auto& request) { request.mutable_filter()->set_image_state(v1::IMAGE_STATE_PENDING); }); }},
      {"ListProducts brand", [&] { list([](auto& request) { request.mutable_filter()->set_brand("Brand7"); }); }},
      {"ListProducts verdict",
       [&] { list([](auto& request) { request.mutable_filter()->set_verdict(v1::VERDICT_KIND_ABUSE); }); }},
      {"ListProducts category and state",
       [&] {
         list([](auto& request) {
           request.mutable_filter()->add_category_path("C1");
           request.mutable_filter()->set_image_state(static_cast<v1::ImageState>(3));
         });
       }},
      {"ListProducts updated_after",
       [&] {
         list([](auto& request) { request.mutable_filter()->mutable_updated_after()->set_seconds(1'700'000'000); });
       }},
      {"ScanProducts updated_after",
       [&] {
         v1::ScanProductsRequest scan;
         scan.mutable_filter()->mutable_updated_after()->set_seconds(1'750'000'000);
         EXPECT_EQ("OK", CodeOf(store_->ScanProducts(scan, [](const auto&) { return absl::OkStatus(); })));
       }},
      {"LeaseFetches of what others have",
       [&] {
         v1::LeaseFetchesRequest request;
         request.set_worker("w");
         request.set_max_products(500);
         *request.mutable_lease() = Seconds(60);
         // Those of UpsertProducts above.
         Must(store_->LeaseFetches(request));
         Must(store_->LeaseFetches(request));
         Must(store_->LeaseFetches(request));
       }},
      {"CompleteFetches",
       [&] {
         v1::CompleteFetchesRequest request;
         request.set_worker("w");
         for (int i = 0; i < 500; ++i) {
           *request.add_results() =
               Fetched(absl::StrCat("q", i), absl::StrCat("http://x", upserts, "/1"), absl::StrCat("picture ", i % 3));
         }
         EXPECT_EQ(500, Must(store_->CompleteFetches(request)).stored());
       }},
      {"LeaseJob and ListJobs",
       [&] {
         v1::LeaseJobRequest lease;
         lease.set_worker("w");
         lease.add_kinds(v1::JOB_KIND_CRAWL);
         *lease.mutable_lease() = Seconds(60);
         EXPECT_FALSE(Must(store_->LeaseJob(lease)).has_job());
         v1::CreateJobRequest create;
         create.set_kind(v1::JOB_KIND_CRAWL);
         create.set_idempotency_key(absl::StrCat("key ", upserts));
         Must(store_->CreateJob(create));
         EXPECT_TRUE(Must(store_->LeaseJob(lease)).has_job());
         v1::ListJobsRequest open;
         open.set_state(v1::JOB_STATE_QUEUED);
         Must(store_->ListJobs(open));
         v1::ListJobsRequest any;
         any.set_page_token(Must(store_->ListJobs(any)).next_page_token());
         Must(store_->ListJobs(any));
       }},
      {"PutVerdicts and PutReview",
       [&] {
         v1::PutVerdictsRequest verdicts;
         for (int i = 0; i < 500; ++i) {
           v1::Verdict& verdict = *verdicts.add_verdicts();
           verdict.set_product_id(absl::StrCat("q", i));
           verdict.set_kind(v1::VERDICT_KIND_ABUSE);
           verdict.set_image_sha256(std::string(64, 'a'));
         }
         Must(store_->PutVerdicts(verdicts));
         Must(store_->PutVerdicts(verdicts));
         v1::PutReviewRequest review;
         review.mutable_review()->set_product_id("q1");
         review.mutable_review()->set_image_sha256(std::string(64, 'a'));
         review.mutable_review()->set_decision(v1::VERDICT_KIND_CLEAN);
         review.mutable_review()->set_reviewer("kim");
         Must(store_->PutReview(review));
         v1::ListVerdictsRequest list_verdicts;
         list_verdicts.set_kind(v1::VERDICT_KIND_ABUSE);
         list_verdicts.set_unreviewed(true);
         Must(store_->ListVerdicts(list_verdicts));
         v1::ListPlaceholdersRequest list_placeholders;
         list_placeholders.set_state(v1::PLACEHOLDER_STATE_PROPOSED);
         Must(store_->ListPlaceholders(list_placeholders));
         Must(store_->ListReviews({}));
       }},
      {"PutEmbeddings",
       [&] {
         v1::PutEmbeddingsRequest embeddings;
         for (int i = 0; i < 500; ++i) {
           embeddings.add_embeddings()->set_product_id(absl::StrCat("q", i));
           embeddings.mutable_embeddings()->rbegin()->add_values(1);
         }
         Must(store_->PutEmbeddings(embeddings));
         Must(store_->PutEmbeddings(embeddings));
       }},
      {"GetImage",
       [&] {
         EXPECT_EQ("NOT_FOUND", CodeOf(store_->GetImage([] {
                     v1::GetImageRequest request;
                     request.set_sha256(std::string(64, 'a'));
                     return request;
                   }())));
       }},
      {"GetStatistics", [&] { Must(store_->GetStatistics({})); }},
      {"SweepObjects", [&] { EXPECT_EQ(0, Must(store_->SweepObjects())); }},
  };
  for (const std::string mode : {"auto", "force_generic_plan"}) {
    Open(mode);
    for (const auto& [name, call] : calls) EXPECT_THAT(SlowIn(call), IsEmpty()) << name << ", " << mode;
  }
}

}  // namespace
}  // namespace mannequin

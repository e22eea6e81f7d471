#include "services/store/catalog_metrics.h"

#include <map>

#include "common/rpc/metrics.h"
#include "gmock/gmock.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

// The gauge of `family` with such a label pair, e.g. "crawl/queued", or "stored".
std::map<std::string, double> Gauges(const std::string& family) {
  std::map<std::string, double> values;
  for (const prometheus::MetricFamily& collected : rpc::MetricsRegistry()->Collect()) {
    if (collected.name != family) continue;
    for (const prometheus::ClientMetric& metric : collected.metric) {
      std::string labels;
      for (const auto& label : metric.label) absl::StrAppend(&labels, labels.empty() ? "" : "/", label.value);
      values[labels] = metric.gauge.value;
    }
  }
  return values;
}

class CatalogMetricsTest : public StoreTest {
 protected:
  std::string CreateJob(v1::JobKind kind) {
    v1::CreateJobRequest request;
    request.set_kind(kind);
    return store().CreateJob(request)->job().id();
  }
};

TEST_P(CatalogMetricsTest, CountWaitingAndRunningJobsByKindAndProductsByImage) {
  for (int i = 0; i < 3; ++i) CreateJob(v1::JOB_KIND_CRAWL);
  CreateJob(v1::JOB_KIND_MAKE_PLACEHOLDERS);
  v1::LeaseJobRequest lease;
  lease.add_kinds(v1::JOB_KIND_CRAWL);
  lease.set_worker("w");
  *lease.mutable_lease() = Seconds(10);
  ASSERT_TRUE(store().LeaseJob(lease)->has_job());
  v1::CancelJobRequest cancel;
  cancel.set_id(CreateJob(v1::JOB_KIND_CRAWL));
  ASSERT_TRUE(store().CancelJob(cancel).ok());
  v1::UpsertProductsRequest listings;
  v1::Product& product = *listings.add_products();
  product.set_id("p-1");
  product.set_title("Black bag");
  ASSERT_TRUE(store().UpsertProducts(listings).ok());

  const CatalogMetrics metrics(store());
  std::map<std::string, double> jobs = Gauges("mannequin_store_jobs");
  EXPECT_EQ(jobs["crawl/queued"], 2);
  EXPECT_EQ(jobs["crawl/running"], 1);
  EXPECT_EQ(jobs["make_placeholders/queued"], 1);
  EXPECT_EQ(jobs["train_gan/queued"], 0);
  EXPECT_EQ(jobs.size(), 14u);
  EXPECT_EQ(Gauges("mannequin_store_products")["missing"], 1);
}

INSTANTIATE_TEST_SUITE_P(AllStores, CatalogMetricsTest,
                         testing::Values(Kind::kEmbedded, Kind::kRemote, Kind::kPostgres), KindName);

TEST(CatalogMetrics, AreNotANumberWhileTheStoreCannotBeRead) {
  const auto lost = NewRemoteStore(rpc::NewChannel("127.0.0.1:1"));
  const CatalogMetrics metrics(*lost);
  EXPECT_THAT(Gauges("mannequin_store_jobs")["crawl/queued"], testing::IsNan());
  EXPECT_THAT(Gauges("mannequin_store_products")["stored"], testing::IsNan());
}

}  // namespace
}  // namespace mannequin

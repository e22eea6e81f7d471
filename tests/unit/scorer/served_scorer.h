// A scorer with a real bundle of random weights behind a real server, for tests over a channel: as it is, or as what
// a fixture is made from.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/rpc/channel.h"
#include "common/rpc/metrics.h"
#include "common/rpc/server.h"
#include "services/scorer/scorer_service.h"
#include "services/store/rocks/rocks_store.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {

class ServedScorer {
 public:
  ServedScorer() : folder_(MakeTemporaryFolder("served_scorer").value()), bundles_(folder_ + "/bundles") {
    config::v1::StoreConfig store;
    store.set_data(folder_ + "/store");
    store_ = RocksStore::Open(store, Clock::Real()).value();
    config.set_bundles(bundles_.root());
    config.set_device("cpu");
  }
  ~ServedScorer() {
    if (server_) server_->Drain();
    if (service_) service_->Stop();
    service_.reset();
    other_store_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Listens; `Start` loads the bundle.
  void Listen() {
    service_ = std::make_unique<ScorerService>(other_store_ ? *other_store_ : *store_, config);
    config::v1::ServerConfig server;
    server.set_listen("127.0.0.1:0");
    server.set_drain_ms(1000);
    server_ = rpc::Server::Start("scorer", server, {service_.get()}).value();
    stub_ = v1::AbuseScorer::NewStub(rpc::NewChannel(server_->address()));
  }
  void Start() { service_->Start(); }
  void Serve(const RandomBundleOptions& options = {}) {
    bundle_ = PromoteRandomBundle(bundles_, options).version();
    ServeWithoutBundle();
  }
  // Or with the one that was promoted already.
  void ServeWithoutBundle() {
    Listen();
    Start();
  }

  RocksStore& store() { return *store_; }
  const BundleFolder& bundles() const { return bundles_; }
  const std::string& address() const { return server_->address(); }
  v1::AbuseScorer::Stub& stub() { return *stub_; }

  grpc::Status Score(const v1::ScoreListingRequest& request, v1::Verdict* verdict) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::ScoreListingResponse response;
    const grpc::Status status = stub_->ScoreListing(&context, request, &response);
    *verdict = response.verdict();
    return status;
  }

  config::v1::ScorerConfig config;

 protected:
  const std::string folder_;
  const BundleFolder bundles_;
  std::string bundle_;                         // that Serve promoted
  std::unique_ptr<ProductStore> other_store_;  // in the place of its own, when there is one
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<ScorerService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::AbuseScorer::Stub> stub_;
};

inline v1::ScoreListingRequest ShirtWith(const std::string& image) {
  v1::ScoreListingRequest request;
  v1::Product& product = *request.mutable_product();
  product.set_title("Acme blue cotton shirt");
  product.add_category_path("Apparel");
  product.add_category_path("Shirts");
  request.set_image(image);
  return request;
}

// Sum of the process's counters, or of a histogram's observations, of this name.
inline double MetricSum(absl::string_view name) {
  double sum = 0;
  for (const prometheus::MetricFamily& family : rpc::MetricsRegistry()->Collect()) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      sum += metric.counter.value + metric.gauge.value + metric.histogram.sample_sum;
    }
  }
  return sum;
}

// True once `condition` holds; gives up after a generous while.
template <typename Condition>
bool Eventually(Condition condition) {
  const absl::Time limit = absl::Now() + absl::Seconds(60);
  while (absl::Now() < limit) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return false;
}

}  // namespace mannequin

// A real scorer with its neighbours as real servers of their own, which a test may stop: store, embedder, fetcher and
// an origin of pictures.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/remote_store.h"
#include "gtest/gtest.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "services/embedder/embedder_service.h"
#include "services/fetcher/fetcher_service.h"
#include "services/scorer/scorer_service.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/store_service.h"
#include "tests/origin/crawl_origin.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {

// A service on a port of its own.
class ServedAlone {
 public:
  ServedAlone(const std::string& name, grpc::Service* service) {
    config::v1::ServerConfig server;
    server.set_listen("127.0.0.1:0");
    server.set_drain_ms(1000);
    server_ = rpc::Server::Start(name, server, {service}).value();
    address_ = server_->address();
  }
  // Nobody listens there any more.
  void Stop() {
    if (server_) server_->Drain();
    server_.reset();
  }
  const std::string& address() const { return address_; }

 private:
  std::unique_ptr<rpc::Server> server_;
  std::string address_;
};

// Takes connections and says nothing, as a process that hangs does.
class ListenerThatIsSilent {
 public:
  ListenerThatIsSilent() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    address_ = absl::StrCat("127.0.0.1:", ntohs(address.sin_port));
  }
  ~ListenerThatIsSilent() { close(socket_); }
  const std::string& address() const { return address_; }

 private:
  const int socket_;
  std::string address_;
};

// Not of one colour, which would be a placeholder; another picture for another `shade`.
inline Pixels Stripes(int width, int height, int shade) {
  Pixels pixels{width, height, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width * 3; ++x) {
      pixels.rgb.push_back(static_cast<std::uint8_t>((x * (3 + shade) + y * (shade % 7)) % 256));
    }
  }
  return pixels;
}
inline std::string StripesJpeg(int shade) { return EncodeImage(Stripes(96, 96, shade), "image/jpeg").value(); }

class ScorerNeighbourhood : public testing::Test {
 protected:
  ScorerNeighbourhood() : folder_(MakeTemporaryFolder("scorer_test").value()), bundles_(folder_ + "/bundles") {
    InitImages();
    config::v1::StoreConfig store;
    store.set_data(folder_ + "/store");
    store_ = RocksStore::Open(store, Clock::Real()).value();
    store_service_ = std::make_unique<StoreService>(*store_);
    store_server_ = std::make_unique<ServedAlone>("store", store_service_.get());
    remote_store_ = NewRemoteStore(rpc::NewChannel(store_server_->address()));
  }
  ~ScorerNeighbourhood() override {
    if (scorer_server_) scorer_server_->Stop();
    if (scorer_) scorer_->Stop();
    StopEmbedder();
    StopFetcher();
    scorer_.reset();
    store_server_->Stop();
    std::filesystem::remove_all(folder_);
  }

  // Random weights: a listing under the category that they see in its picture is honest, any other a mismatch.
  void PromoteBundle(bool judge = true) {
    bundle_ = PromoteRandomBundle(bundles_, {.judge = judge, .mismatch_margin_weight = -1e6}).version();
  }
  void ServeEmbedder() {
    config::v1::EmbedderConfig config;
    config.set_bundles(bundles_.root());
    embedder_ = std::make_unique<EmbedderService>(*store_, config);
    embedder_server_ = std::make_unique<ServedAlone>("embedder", embedder_.get());
    embedder_->Start();
  }
  void StopEmbedder() {
    if (embedder_server_) embedder_server_->Stop();
    if (embedder_) embedder_->Stop();
  }
  // Private addresses are refused but for those of `allow`.
  void ServeFetcher(const std::vector<std::string>& allow) {
    config::v1::FetcherConfig config;
    for (const std::string& range : allow) config.add_allow_addresses(range);
    fetcher_ = std::make_unique<FetcherService>(*store_, config);
    fetcher_server_ = std::make_unique<ServedAlone>("fetcher", fetcher_.get());
    fetcher_->Start();
  }
  void StopFetcher() {
    if (fetcher_server_) fetcher_server_->Stop();
    if (fetcher_) fetcher_->Stop();
  }
  // Knows the neighbours that are served by now, or another embedder.
  void ServeScorer(const std::string& embedder = "") {
    config::v1::ScorerConfig config;
    config.set_bundles(bundles_.root());
    config.set_device("cpu");
    config.set_embedder(embedder_server_ ? embedder_server_->address() : embedder);
    if (fetcher_server_) config.set_fetcher(fetcher_server_->address());
    scorer_ = std::make_unique<ScorerService>(*remote_store_, config);
    scorer_server_ = std::make_unique<ServedAlone>("scorer", scorer_.get());
    scorer_->Start();
    stub_ = v1::AbuseScorer::NewStub(rpc::NewChannel(scorer_server_->address()));
  }
  // Files of the origin are put there before.
  void ServeOrigin(absl::Duration latency = absl::ZeroDuration()) {
    CrawlOriginOptions options;
    options.latency = latency;
    origin_ = CrawlOrigin::Start(pictures(), options).value();
  }
  std::string pictures() const { return folder_ + "/pictures"; }
  void PutPicture(const std::string& name, const std::string& bytes) {
    std::filesystem::create_directories(pictures());
    ASSERT_TRUE(WriteFileAtomically(pictures() + "/" + name, bytes).ok());
  }

  static v1::Product Listed(const std::string& category, const std::string& title) {
    v1::Product product;
    product.set_title(title);
    product.add_category_path("Things");
    product.add_category_path(category);
    return product;
  }
  grpc::Status Score(const v1::ScoreListingRequest& request, v1::Verdict* verdict,
                     absl::Duration timeout = absl::Seconds(60)) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, timeout);
    v1::ScoreListingResponse response;
    const grpc::Status status = stub_->ScoreListing(&context, request, &response);
    *verdict = response.verdict();
    return status;
  }
  v1::Verdict MustScore(const v1::ScoreListingRequest& request) {
    v1::Verdict verdict;
    const grpc::Status status = Score(request, &verdict);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return verdict;
  }
  void Store(const std::string& id, const v1::Product& listed, const std::string& image) {
    v1::UpsertProductsRequest upsert;
    v1::Product& product = *upsert.add_products();
    product = listed;
    product.set_id(id);
    ASSERT_TRUE(store_->UpsertProducts(upsert).ok());
    v1::PutImageRequest put;
    put.set_product_id(id);
    put.mutable_image()->set_data(image);
    put.mutable_image()->set_media_type("image/jpeg");
    const auto stored = store_->PutImage(put);
    ASSERT_TRUE(stored.ok()) << stored.status();
  }
  template <typename Condition>
  static bool Eventually(Condition condition) {
    const absl::Time limit = absl::Now() + absl::Seconds(60);
    while (absl::Now() < limit) {
      if (condition()) return true;
      std::this_thread::yield();
    }
    return false;
  }
  void AwaitSuccess(const v1::Job& job) {
    v1::GetJobRequest get;
    get.set_id(job.id());
    v1::Job now;
    EXPECT_TRUE(Eventually([&] {
      now = store_->GetJob(get)->job();
      return now.state() != v1::JOB_STATE_QUEUED && now.state() != v1::JOB_STATE_RUNNING;
    }));
    EXPECT_EQ(now.state(), v1::JOB_STATE_SUCCEEDED) << now.error();
  }

  const std::string folder_;
  const BundleFolder bundles_;
  std::string bundle_;
  std::unique_ptr<RocksStore> store_;
  std::unique_ptr<StoreService> store_service_;
  std::unique_ptr<ServedAlone> store_server_;
  std::unique_ptr<ProductStore> remote_store_;
  std::unique_ptr<CrawlOrigin> origin_;
  std::unique_ptr<EmbedderService> embedder_;
  std::unique_ptr<ServedAlone> embedder_server_;
  std::unique_ptr<FetcherService> fetcher_;
  std::unique_ptr<ServedAlone> fetcher_server_;
  std::unique_ptr<ScorerService> scorer_;
  std::unique_ptr<ServedAlone> scorer_server_;
  std::unique_ptr<v1::AbuseScorer::Stub> stub_;
};

}  // namespace mannequin

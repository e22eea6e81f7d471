// Each service is restarted under load while another process of it serves, and no call fails: the clients leave a
// server that drains before it ends, and come back to one that is ready.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "common/store/remote_store.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "mannequin/v1/image_generator.grpc.pb.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "services/mannequin/shipped_bundle.h"
#include "tests/integration/pictures.h"
#include "tests/integration/service_processes.h"
#include "tests/origin/crawl_origin.h"
#include "tests/system/callers.h"
#include "tests/system/shirt.h"
#include "tests/unit/store/postgres/engines.h"

namespace mannequin {
namespace {

constexpr int kCallsBetween = 40;  // answered before the next process goes

class RollingRestart : public testing::Test {
 protected:
  RollingRestart() : folder_(MakeTemporaryFolder("rolling-restart").value()) {
    InitImages();
    WritePictures(folder_ + "/pictures", 1);
    picture_ = ReadFile(folder_ + "/pictures/" + PictureName(0)).value();
  }
  ~RollingRestart() override { std::filesystem::remove_all(folder_); }

  // Two processes of `service` over one store, `call`ed at both addresses, as clients find those of a headless service.
  // `method` is one that each call makes, "AbuseScorer/ScoreListing".
  void Run(const std::string& service, const std::string& configuration, const std::string& method,
           const std::function<Callers::Call(const std::shared_ptr<grpc::Channel>&)>& call) {
    const std::string one = service + "-1", two = service + "-2";
    for (const std::string& name : {one, two}) suite_.Start(name, configuration);
    Callers callers(4, call(rpc::NewChannel(absl::StrCat("ipv4:", suite_.AddressOf(one), ",", suite_.AddressOf(two)))));
    for (const std::string& name : {one, two, one}) {
      ASSERT_TRUE(callers.AwaitMore(kCallsBetween));
      // The next one goes when the clients are back at the one before: a second or two after it is ready.
      for (const std::string& each : {one, two}) ASSERT_TRUE(suite_.AwaitAnswer(each, method)) << suite_.LogOf(each);
      EXPECT_EQ(suite_.Stop(name), 0) << suite_.LogOf(name);
      EXPECT_TRUE(absl::StrContains(suite_.LogOf(name), "drained for")) << suite_.LogOf(name);
      suite_.Start(name, configuration);
    }
    ASSERT_TRUE(callers.AwaitMore(kCallsBetween));
    EXPECT_EQ(callers.End(), "");
  }

  void InstallBundle() { ASSERT_TRUE(InstallShippedBundle(BundleFolder(suite_.bundles())).ok()); }

  const std::string folder_;
  std::string picture_;
  ServiceProcesses suite_;
};

TEST_F(RollingRestart, OfScorersFailsNoCall) {
  InstallBundle();
  suite_.Start("store");
  Run("scorer", "", "AbuseScorer/ScoreListing", [this](const auto& channel) -> Callers::Call {
    return [this, stub = std::shared_ptr(v1::AbuseScorer::NewStub(channel))](const std::string& name) -> std::string {
      grpc::ClientContext context;
      rpc::SetDeadline(context, absl::Seconds(20));
      v1::ScoreListingRequest request;
      *request.mutable_product() = Shirt(name);
      request.set_image(picture_);
      v1::ScoreListingResponse response;
      const grpc::Status status = stub->ScoreListing(&context, request, &response);
      if (!status.ok()) return status.error_message();
      return response.verdict().kind() == v1::VERDICT_KIND_NOT_SCORED ? response.verdict().not_scored_reason() : "";
    };
  });
}

TEST_F(RollingRestart, OfEmbeddersFailsNoCall) {
  InstallBundle();
  suite_.Start("store");
  Run("embedder", "", "TextEmbedder/EmbedTexts", [](const auto& channel) -> Callers::Call {
    return [stub = std::shared_ptr(v1::TextEmbedder::NewStub(channel))](const std::string& name) -> std::string {
      grpc::ClientContext context;
      rpc::SetDeadline(context, absl::Seconds(20));
      v1::EmbedTextsRequest request;
      request.add_texts("Blue cotton shirt " + name);
      v1::EmbedTextsResponse response;
      return stub->EmbedTexts(&context, request, &response).error_message();
    };
  });
}

TEST_F(RollingRestart, OfGeneratorsFailsNoCall) {
  InstallBundle();
  suite_.Start("store");
  Run("generator", "", "ImageGenerator/GenerateImages", [](const auto& channel) -> Callers::Call {
    return [stub = std::shared_ptr(v1::ImageGenerator::NewStub(channel))](const std::string& name) -> std::string {
      grpc::ClientContext context;
      rpc::SetDeadline(context, absl::Seconds(20));
      v1::GenerateImagesRequest request;
      *request.mutable_product() = Shirt(name);
      request.set_candidates(1);
      request.set_include_unconfident(true);
      v1::GenerateImagesResponse response;
      const grpc::Status status = stub->GenerateImages(&context, request, &response);
      if (!status.ok()) return status.error_message();
      return response.images_size() == 1 ? "" : "no picture";
    };
  });
}

TEST_F(RollingRestart, OfFetchersFailsNoCall) {
  const std::unique_ptr<CrawlOrigin> origin = CrawlOrigin::Start(folder_ + "/pictures", {}).value();
  suite_.Start("store");
  Run("fetcher",
      "allow_addresses: \"127.0.0.0/8\" "
      "host_rules { host: \"*\" connections: 16 requests_per_second: -1 ignore_robots: true }",
      "ImageFetcher/FetchImage", [&](const auto& channel) -> Callers::Call {
        return [url = origin->Url("/" + PictureName(0)),
                stub = std::shared_ptr(v1::ImageFetcher::NewStub(channel))](const std::string&) -> std::string {
          grpc::ClientContext context;
          rpc::SetDeadline(context, absl::Seconds(20));
          v1::FetchImageRequest request;
          request.set_url(url);
          v1::FetchImageResponse response;
          return stub->FetchImage(&context, request, &response).error_message();
        };
      });
}

TEST_F(RollingRestart, OfTrainersFailsNoCall) {
  InstallBundle();
  suite_.Start("store");
  Run("trainer", "devices: \"cpu\"", "GanTrainer/ListBundles", [](const auto& channel) -> Callers::Call {
    return [stub = std::shared_ptr(v1::GanTrainer::NewStub(channel))](const std::string&) -> std::string {
      grpc::ClientContext context;
      rpc::SetDeadline(context, absl::Seconds(20));
      v1::ListBundlesResponse response;
      const grpc::Status status = stub->ListBundles(&context, {}, &response);
      if (!status.ok()) return status.error_message();
      return response.bundles_size() == 1 ? "" : "not the one bundle";
    };
  });
}

// Writes, which are never sent twice by themselves, among them.
TEST_F(RollingRestart, OfStoreProcessesOnPostgresFailsNoCall) {
  absl::StatusOr<config::v1::StoreConfig> engines = NewEngines();
  if (absl::IsNotFound(engines.status())) GTEST_SKIP() << engines.status().message();
  ASSERT_TRUE(engines.ok()) << engines.status();
  engines->mutable_postgres()->set_max_connections(8);
  std::string configuration;
  google::protobuf::TextFormat::PrintToString(*engines, &configuration);
  Run("store", configuration, "ProductStore/UpsertProducts", [this](const auto& channel) -> Callers::Call {
    return [this, store = std::shared_ptr(NewRemoteStore(channel))](const std::string& name) -> std::string {
      v1::UpsertProductsRequest listings;
      *listings.add_products() = Shirt(name);
      if (const auto put = store->UpsertProducts(listings); !put.ok()) return put.status().ToString();
      v1::PutImageRequest image;
      image.set_product_id(name);
      image.mutable_image()->set_data(picture_);
      image.mutable_image()->set_media_type("image/jpeg");
      image.mutable_image()->set_width(64);
      image.mutable_image()->set_height(48);
      if (const auto put = store->PutImage(image); !put.ok()) return put.status().ToString();
      v1::CreateJobRequest job;
      job.set_kind(v1::JOB_KIND_CRAWL);
      if (const auto made = store->CreateJob(job); !made.ok()) return made.status().ToString();
      v1::GetProductRequest get;
      get.set_id(name);
      const auto found = store->GetProduct(get);
      return found.ok() ? "" : found.status().ToString();
    };
  });
}

}  // namespace
}  // namespace mannequin

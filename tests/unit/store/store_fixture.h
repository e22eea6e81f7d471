// One suite for every implementation of ProductStore: what holds for the embedded store
// must hold through gRPC and on PostgreSQL with a bucket, errors included.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "common/store/remote_store.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "services/store/postgres/postgres_store.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/store_service.h"
#include "tests/unit/store/postgres/engines.h"

namespace mannequin {

inline constexpr absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(*MakeTemporaryFolder("store-test")) {}
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string Sub(const std::string& name) const { return path_ + "/" + name; }

 private:
  const std::string path_;
};

inline config::v1::StoreConfig ConfigOf(const std::string& data) {
  config::v1::StoreConfig config;
  config.set_data(data);
  config.set_block_cache_bytes(8 << 20);
  return config;
}

enum class Kind { kEmbedded, kRemote, kPostgres };

class StoreTest : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (GetParam() == Kind::kPostgres) {
      absl::StatusOr<config::v1::StoreConfig> engines = NewEngines();
      if (absl::IsNotFound(engines.status())) GTEST_SKIP() << engines.status().message();
      ASSERT_TRUE(engines.ok()) << engines.status();
      engines_ = *std::move(engines);
    }
    OpenAgain();
  }
  void TearDown() override { Close(); }

  // Closes and opens on the same data, as a restart does.
  void OpenAgain() {
    Close();
    if (GetParam() == Kind::kPostgres) {
      absl::StatusOr<std::unique_ptr<PostgresStore>> postgres = PostgresStore::Open(engines_, clock_);
      ASSERT_TRUE(postgres.ok()) << postgres.status();
      postgres_ = *std::move(postgres);
      store_ = postgres_.get();
      return;
    }
    absl::StatusOr<std::unique_ptr<RocksStore>> opened = RocksStore::Open(ConfigOf(folder_.Sub("data")), clock_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    rocks_ = *std::move(opened);
    if (GetParam() == Kind::kEmbedded) {
      store_ = rocks_.get();
      return;
    }
    service_ = std::make_unique<StoreService>(*rocks_);
    config::v1::ServerConfig config;
    config.set_listen("127.0.0.1:0");
    absl::StatusOr<std::unique_ptr<rpc::Server>> server = rpc::Server::Start("store", config, {service_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    remote_ = NewRemoteStore(rpc::NewChannel(server_->address()));
    store_ = remote_.get();
  }

  void Close() {
    remote_.reset();
    server_.reset();
    service_.reset();
    rocks_.reset();
    postgres_.reset();
  }

  ProductStore& store() { return *store_; }

  TemporaryFolder folder_;
  ManualClock clock_{kStart};

 private:
  config::v1::StoreConfig engines_;
  std::unique_ptr<PostgresStore> postgres_;
  std::unique_ptr<RocksStore> rocks_;
  std::unique_ptr<StoreService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<ProductStore> remote_;
  ProductStore* store_ = nullptr;
};

inline std::string KindName(const testing::TestParamInfo<Kind>& info) {
  return info.param == Kind::kEmbedded ? "Embedded" : info.param == Kind::kRemote ? "Remote" : "Postgres";
}

#define MANNEQUIN_ALL_STORES(Suite) \
  INSTANTIATE_TEST_SUITE_P(Stores, Suite, testing::Values(Kind::kEmbedded, Kind::kRemote, Kind::kPostgres), KindName)

// The value, or a failure of the test with the status.
template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    return T();
  }
  return *std::move(result);
}

// "NOT_FOUND", for comparisons that print well.
template <typename T>
std::string CodeOf(const absl::StatusOr<T>& result) {
  return absl::StatusCodeToString(result.status().code());
}
inline std::string CodeOf(const absl::Status& status) { return absl::StatusCodeToString(status.code()); }

inline v1::Product MakeProduct(const std::string& id, const std::string& url = "") {
  v1::Product product;
  product.set_id(id);
  product.set_title("Title of " + id);
  product.set_image_url(url);
  return product;
}

inline v1::UpsertProductsResponse Upsert(ProductStore& store, std::initializer_list<v1::Product> products) {
  v1::UpsertProductsRequest request;
  for (const v1::Product& product : products) *request.add_products() = product;
  return Must(store.UpsertProducts(request));
}

inline absl::StatusOr<v1::StoredProduct> TryGet(ProductStore& store, const std::string& id) {
  v1::GetProductRequest request;
  request.set_id(id);
  absl::StatusOr<v1::GetProductResponse> response = store.GetProduct(request);
  if (!response.ok()) return response.status();
  return response->product();
}
inline v1::StoredProduct Get(ProductStore& store, const std::string& id) { return Must(TryGet(store, id)); }

inline v1::Image MakeImage(const std::string& data) {
  v1::Image image;
  image.set_data(data);
  image.set_media_type("image/png");
  image.set_width(2);
  image.set_height(3);
  return image;
}

inline absl::StatusOr<v1::PutImageResponse> PutImage(ProductStore& store, const std::string& id,
                                                     const std::string& data) {
  v1::PutImageRequest request;
  request.set_product_id(id);
  *request.mutable_image() = MakeImage(data);
  return store.PutImage(request);
}

inline google::protobuf::Duration Seconds(int seconds) {
  return google::protobuf::util::TimeUtil::SecondsToDuration(seconds);
}

// "products=2 PENDING=1 STORED=1 images=1/4 embeddings=0 placeholders=0 verdicts=0", and
// " reviews=1" when there are any.
inline std::string Render(const v1::GetStatisticsResponse& statistics) {
  std::string text = absl::StrCat("products=", statistics.products());
  for (const v1::ImageStateCount& count : statistics.image_states()) {
    if (count.products() != 0) {
      absl::StrAppend(&text, " ", v1::ImageState_Name(count.state()).substr(12), "=", count.products());
    }
  }
  for (const v1::FetchFailureCount& count : statistics.fetch_failures()) {
    if (count.products() != 0) {
      absl::StrAppend(&text, " ", v1::FetchFailure_Name(count.failure()).substr(14), "=", count.products());
    }
  }
  return absl::StrCat(text, " images=", statistics.images(), "/", statistics.image_bytes(),
                      " embeddings=", statistics.embeddings(), " placeholders=", statistics.placeholders(),
                      " verdicts=", statistics.verdicts(),
                      statistics.reviews() == 0 ? "" : absl::StrCat(" reviews=", statistics.reviews()));
}

}  // namespace mannequin

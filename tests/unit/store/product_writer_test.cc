// Long streams of products: whatever way they are kept, the store is the same as after
// batches of the same products.
#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "tests/unit/store/store_fixture.h"

namespace mannequin {
namespace {

using testing::HasSubstr;

// Products in no order, some ids again and again, texts that try the grammar of the index.
std::vector<v1::Product> RandomProducts(int count, unsigned seed) {
  std::mt19937 random(seed);
  const std::vector<std::string> words = {"A", "B", std::string("A\0", 2), std::string("\0\xC2\x80", 3), "Ärmel", "ab"};
  const auto word = [&] { return words[random() % words.size()]; };
  std::vector<v1::Product> products;
  for (int i = 0; i < count; ++i) {
    v1::Product product = MakeProduct(absl::StrCat("p", random() % (count * 9 / 10)));
    if (random() % 10 == 0) product.set_id(std::string(128, 'x') + product.id());
    product.set_id(product.id().substr(0, 128));
    if (random() % 3 != 0) product.set_image_url("http://x/" + product.id());
    if (random() % 2 != 0) product.set_brand(word());
    for (unsigned depth = random() % 4; depth > 0; --depth) product.add_category_path(word());
    products.push_back(product);
  }
  return products;
}

std::vector<v1::UpsertProductsRequest> InMessages(const std::vector<v1::Product>& products, std::size_t each) {
  std::vector<v1::UpsertProductsRequest> messages;
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (i % each == 0) messages.emplace_back();
    *messages.back().add_products() = products[i];
  }
  return messages;
}

v1::UpsertProductsResponse Stream(ProductStore& store, const std::vector<v1::UpsertProductsRequest>& messages) {
  const std::unique_ptr<ProductWriter> writer = store.WriteProducts();
  for (const v1::UpsertProductsRequest& message : messages) EXPECT_TRUE(writer->Write(message).ok());
  return Must(writer->Finish());
}

std::string Counts(const v1::UpsertProductsResponse& counts) {
  return absl::StrCat(counts.created(), " created, ", counts.updated(), " updated, ", counts.unchanged(), " unchanged");
}

// Every product with all its fields, by every condition that some product meets.
std::string RenderAll(ProductStore& store) {
  std::vector<v1::ProductFilter> filters(1);
  std::set<std::string> seen;
  std::string text;
  const auto scan = [&](const v1::ProductFilter& filter, const std::function<void(const v1::StoredProduct&)>& each) {
    absl::StrAppend(&text, filter.ShortDebugString(), ":\n");
    v1::ScanProductsRequest request;
    *request.mutable_filter() = filter;
    EXPECT_TRUE(store
                    .ScanProducts(request,
                                  [&](const v1::StoredProduct& product) {
                                    each(product);
                                    return absl::OkStatus();
                                  })
                    .ok());
  };
  const auto add = [&](const v1::ProductFilter& filter) {
    if (seen.insert(filter.SerializeAsString()).second) filters.push_back(filter);
  };
  scan({}, [&](const v1::StoredProduct& product) {
    v1::StoredProduct timeless = product;  // each change has a time of its own
    timeless.clear_created_at();
    timeless.clear_updated_at();
    absl::StrAppend(&text, timeless.ShortDebugString(), "\n");
    v1::ProductFilter filter;
    for (const std::string& part : product.product().category_path()) {
      filter.add_category_path(part);
      add(filter);
    }
    filter.Clear();
    filter.set_brand(product.product().brand());
    add(filter);
    filter.Clear();
    filter.set_image_state(product.image().state());
    add(filter);
  });
  for (const v1::ProductFilter& filter : filters) {
    scan(filter, [&](const v1::StoredProduct& product) { absl::StrAppend(&text, product.product().id(), " "); });
  }
  v1::ScanProductsRequest all;
  all.mutable_filter()->mutable_updated_after()->set_seconds(1);
  std::set<std::string> changed;
  EXPECT_TRUE(store
                  .ScanProducts(all,
                                [&](const v1::StoredProduct& product) {
                                  changed.insert(product.product().id());
                                  return absl::OkStatus();
                                })
                  .ok());
  absl::StrAppend(&text, absl::StrJoin(changed, " "));
  return text + Render(Must(store.GetStatistics({})));
}

class ProductWriterTest : public StoreTest {};
MANNEQUIN_ALL_STORES(ProductWriterTest);

TEST_P(ProductWriterTest, AStreamLeavesWhatTheSameBatchesLeave) {
  // Few, many, and many in an order.
  for (const int count : {100, 9'000, 20'000}) {
    SCOPED_TRACE(count);
    std::vector<v1::Product> products = RandomProducts(count, static_cast<unsigned>(count));
    if (count == 20'000) {
      std::stable_sort(products.begin(), products.end(),
                       [](const v1::Product& a, const v1::Product& b) { return a.id() < b.id(); });
    }
    const TemporaryFolder other_folder;
    const auto batched = Must(RocksStore::Open(ConfigOf(other_folder.Sub("data")), clock_));
    v1::UpsertProductsResponse sum;
    for (const v1::UpsertProductsRequest& message : InMessages(products, 1000)) {
      const v1::UpsertProductsResponse counts = Must(batched->UpsertProducts(message));
      sum.set_created(sum.created() + counts.created());
      sum.set_updated(sum.updated() + counts.updated());
      sum.set_unchanged(sum.unchanged() + counts.unchanged());
    }
    const TemporaryFolder folder;
    const auto streamed = Must(RocksStore::Open(ConfigOf(folder.Sub("data")), clock_));
    EXPECT_EQ(Counts(sum), Counts(Stream(*streamed, InMessages(products, 1000))));
    EXPECT_EQ(RenderAll(*batched), RenderAll(*streamed));
  }
}

TEST_P(ProductWriterTest, NewChangedAndEqualProductsAreToldApart) {
  std::vector<v1::Product> products = RandomProducts(3'000, 1);
  std::map<std::string, v1::Product> last;
  for (const v1::Product& product : products) last[product.id()] = product;
  Stream(store(), InMessages(products, 500));
  std::vector<v1::Product> kept;
  for (const auto& [id, product] : last) kept.push_back(product);
  EXPECT_EQ(absl::StrCat("0 created, 0 updated, ", kept.size(), " unchanged"),
            Counts(Stream(store(), InMessages(kept, 1'000))));
  clock_.Advance(absl::Seconds(1));
  std::vector<v1::Product> more;
  for (int i = 0; i < 12'000; ++i) more.push_back(MakeProduct(absl::StrCat("new", i * 7919 % 12'007)));
  for (const auto& [id, product] : last) more.push_back(MakeProduct(id, "http://elsewhere/" + id));
  EXPECT_EQ(absl::StrCat("12000 created, ", last.size(), " updated, 0 unchanged"),
            Counts(Stream(store(), InMessages(more, 2'000))));
  OpenAgain();
  EXPECT_EQ(absl::StrCat("products=", 12'000 + last.size(), " MISSING=12000 PENDING=", last.size(),
                         " images=0/0 embeddings=0 placeholders=0 verdicts=0"),
            Render(Must(store().GetStatistics({}))));
}

TEST_P(ProductWriterTest, OthersMayWriteTheSameProductsMeanwhile) {
  constexpr int kProducts = 30'000;
  std::vector<v1::Product> products;
  for (int i = 0; i < kProducts; ++i) products.push_back(MakeProduct(absl::StrCat("p", i), "http://x/i"));
  std::atomic<bool> done{false};
  std::thread other([&] {
    for (int i = 0; !done; ++i) {
      Upsert(store(), {MakeProduct(absl::StrCat("p", i * 7919 % kProducts), "http://x/i")});
      Must(PutImage(store(), absl::StrCat("p", i * 7919 % kProducts), "picture"));
    }
  });
  Stream(store(), InMessages(products, 2'000));
  done = true;
  other.join();
  std::int64_t stored = 0;
  std::int64_t all = 0;
  ASSERT_TRUE(store()
                  .ScanProducts({},
                                [&](const v1::StoredProduct& product) {
                                  ++all;
                                  stored += product.image().state() == v1::IMAGE_STATE_STORED ? 1 : 0;
                                  return absl::OkStatus();
                                })
                  .ok());
  EXPECT_EQ(kProducts, all);
  EXPECT_GT(stored, 0);
  EXPECT_EQ(absl::StrCat("products=", all, " PENDING=", all - stored, " STORED=", stored,
                         " images=1/7 embeddings=0 placeholders=0 verdicts=0"),
            Render(Must(store().GetStatistics({}))));
}

TEST_P(ProductWriterTest, ACheckpointIsKeptWithItsProductsAndGoesAtTheEnd) {
  v1::GetIngestCheckpointRequest which;
  which.set_source("catalogue.json.gz");
  EXPECT_EQ("NOT_FOUND", CodeOf(store().GetIngestCheckpoint(which)));
  for (const int count : {10, 8'000}) {
    std::vector<v1::UpsertProductsRequest> messages;
    for (int i = 0; i < 2; ++i) {
      messages.push_back({});
      for (int k = 0; k < count; ++k)
        *messages.back().add_products() = MakeProduct(absl::StrCat(count, "-", i, "-", k));
      v1::IngestCheckpoint& checkpoint = *messages.back().mutable_checkpoint();
      checkpoint.set_source(which.source());
      checkpoint.set_text_bytes(100 * (i + 1));
      checkpoint.set_lines(i + 1);
    }
    Stream(store(), messages);
    OpenAgain();
    const v1::IngestCheckpoint kept = Must(store().GetIngestCheckpoint(which)).checkpoint();
    EXPECT_EQ("200 2", absl::StrCat(kept.text_bytes(), " ", kept.lines()));
    v1::UpsertProductsRequest end;
    end.mutable_checkpoint()->set_source(which.source());
    end.mutable_checkpoint()->set_finished(true);
    Stream(store(), {end});
    EXPECT_EQ("NOT_FOUND", CodeOf(store().GetIngestCheckpoint(which)));
  }
  v1::UpsertProductsRequest bad;
  bad.mutable_checkpoint();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().UpsertProducts(bad)));
  which.clear_source();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(store().GetIngestCheckpoint(which)));
}

TEST_P(ProductWriterTest, ABadProductEndsTheStreamByItsName) {
  v1::UpsertProductsRequest good;
  *good.add_products() = MakeProduct("good");
  v1::UpsertProductsRequest bad = good;
  *bad.add_products() = MakeProduct("");
  const std::unique_ptr<ProductWriter> writer = store().WriteProducts();
  absl::Status status = writer->Write(good);
  if (status.ok()) status = writer->Write(bad);
  // A remote store says so at the end at the latest.
  if (status.ok()) status = writer->Finish().status();
  EXPECT_EQ("INVALID_ARGUMENT", CodeOf(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("products[1].id"));
}

TEST(ProductStream, AFaultIsToldAtOnceAndNotWhenTheCallerGoesOn) {
  const TemporaryFolder folder;
  const std::unique_ptr<RocksStore> store = Must(RocksStore::Open(ConfigOf(folder.Sub("data")), Clock::Real()));
  StoreService service(*store);
  config::v1::ServerConfig config;
  config.set_listen("127.0.0.1:0");
  const std::unique_ptr<rpc::Server> server = Must(rpc::Server::Start("store", config, {&service}));
  const auto stub = v1::ProductStore::NewStub(rpc::NewChannel(server->address()));
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(60));
  v1::UpsertProductsResponse response;
  const auto stream = stub->UpsertProducts(&context, &response);
  v1::UpsertProductsRequest message;
  *message.add_products() = MakeProduct("good");
  EXPECT_TRUE(stream->Write(message));
  *message.add_products() = MakeProduct("");
  EXPECT_TRUE(stream->Write(message));
  EXPECT_EQ(grpc::StatusCode::INVALID_ARGUMENT, stream->Finish().error_code()) << "with no end of the stream sent";
}

TEST_P(ProductWriterTest, OneMoreThanMayWriteAtOnceIsRefused) {
  v1::UpsertProductsRequest request;
  *request.add_products() = MakeProduct("a");
  std::vector<std::unique_ptr<ProductWriter>> writers;
  for (int i = 0; i < 9; ++i) writers.push_back(store().WriteProducts());
  // Which one it is, and at which message, is the server's affair: all are open, one is told.
  absl::Status refused;
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  for (std::size_t i = 0; refused.ok() && absl::Now() < deadline; i = (i + 1) % writers.size()) {
    refused = writers[i]->Write(request);
    if (!refused.ok()) writers.erase(writers.begin() + static_cast<std::ptrdiff_t>(i));
  }
  EXPECT_EQ("RESOURCE_EXHAUSTED", CodeOf(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("long streams of products: 8 are under way"));
  for (const auto& writer : writers) EXPECT_TRUE(writer->Finish().ok()) << "the eight others go on";
}

TEST_P(ProductWriterTest, WithoutAnEndWhatWasNotKeptIsDropped) {
  {
    const std::unique_ptr<ProductWriter> writer = store().WriteProducts();
    for (const v1::UpsertProductsRequest& message : InMessages(RandomProducts(100, 1), 50)) {
      EXPECT_TRUE(writer->Write(message).ok());
    }
  }
  OpenAgain();
  EXPECT_EQ(0, Must(store().GetStatistics({})).products());
}

}  // namespace
}  // namespace mannequin

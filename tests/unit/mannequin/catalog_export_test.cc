#include "services/mannequin/export/catalog_export.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "services/mannequin/export/catalog_writer.h"
#include "services/mannequin/ingest/ingest.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Texts that a separator, a reference, a quote or trimming could change.
class HostileTexts {
 public:
  explicit HostileTexts(std::uint64_t seed) : random_(seed) {}

  int Below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

  // Of `least` to `most` bytes; at times exactly `most`.
  std::string Text(size_t least, size_t most) {
    std::string text;
    const size_t wanted = Below(20) == 0 ? most : std::min<size_t>(most, least + static_cast<size_t>(Below(40)));
    while (text.size() < wanted) {
      const std::string piece = kPieces[Below(static_cast<int>(std::size(kPieces)))];
      if (text.size() + piece.size() <= most)
        text += piece;
      else
        text += 'x';
    }
    return text;
  }

  v1::Product Product(int number) {
    v1::Product product;
    product.set_id(absl::StrCat(number, Printable(Text(0, 100))));
    product.set_title(Text(0, 4096));
    for (int i = Below(5); i > 0 || (product.title().empty() && product.category_path().empty()); --i) {
      product.add_category_path(Text(1, 256));
    }
    product.set_brand(Text(0, 256));
    product.set_description(Text(0, Below(30) == 0 ? 65'536 : 500));
    product.set_image_url(Text(0, 2048));
    std::vector<std::string> names(std::begin(kNames), std::end(kNames));
    std::shuffle(names.begin(), names.end(), random_);
    names.resize(static_cast<size_t>(Below(static_cast<int>(names.size()) + 1)));
    for (const std::string& name : names) {
      v1::Attribute* const attribute = product.add_attributes();
      attribute->set_name(name);
      attribute->set_value(Text(1, 256));
      attribute->set_derived(Below(3) == 0);
    }
    return product;
  }

 private:
  static constexpr const char* kPieces[] = {"\t",
                                            "\n",
                                            "\r",
                                            "\r\n",
                                            "\"",
                                            "\"\"",
                                            "'",
                                            "&",
                                            "&amp;",
                                            "&#10;",
                                            "&#x9;",
                                            "&quot;",
                                            "&gt;",
                                            "&lt;b&gt;",
                                            "&;",
                                            "&#",
                                            ";",
                                            " > ",
                                            ">",
                                            ",",
                                            ", ",
                                            " ",
                                            "  ",
                                            "a",
                                            "Red",
                                            "\xF0\x9F\x98\x80",
                                            "\xC3\xA9",
                                            "\xC2\xA0",
                                            "\xE2\x80\xA8",
                                            "\xEF\xBB\xBF",
                                            "\\",
                                            "\\n",
                                            "<b>",
                                            "</p>",
                                            "{",
                                            "}",
                                            "[",
                                            "mannequin:",
                                            "\x01",
                                            "\x7F",
                                            "|",
                                            "\v"};
  // Some are columns of a feed, some can be no column's name.
  static constexpr const char* kNames[] = {"color",
                                           "size",
                                           "title",
                                           "id",
                                           "link",
                                           "price",
                                           "sleeve length",
                                           "google_product_category",
                                           "mannequin_derived",
                                           "mannequin_order",
                                           "g:x",
                                           "a,b",
                                           "a > b",
                                           " x ",
                                           "\"q\"",
                                           "&amp;",
                                           "tab\there",
                                           "caf\xC3\xA9",
                                           "mannequin:color",
                                           "{",
                                           "https://x",
                                           "-"};

  static std::string Printable(std::string text) {
    std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    return text;
  }

  std::mt19937_64 random_;
};

class CatalogExportTest : public ::testing::Test {
 protected:
  CatalogExportTest() : folder_(*MakeTemporaryFolder("catalog_export_test")) {}
  ~CatalogExportTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<RocksStore> NewStore(const std::string& name) {
    config::v1::StoreConfig config;
    config.set_data(absl::StrCat(folder_, "/", name));
    config.set_block_cache_bytes(8 << 20);
    absl::StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(config, Clock::Real());
    EXPECT_EQ(store.status(), absl::OkStatus());
    return *std::move(store);
  }
  static void Put(ProductStore& store, const std::vector<v1::Product>& products) {
    v1::UpsertProductsRequest request;
    request.mutable_products()->Assign(products.begin(), products.end());
    ASSERT_EQ(store.UpsertProducts(request).status(), absl::OkStatus());
  }
  static std::map<std::string, std::string> Contents(ProductStore& store) {
    std::map<std::string, std::string> contents;
    EXPECT_EQ(store.ScanProducts({},
                                 [&contents](const v1::StoredProduct& stored) {
                                   contents[stored.product().id()] = stored.product().SerializeAsString();
                                   return absl::OkStatus();
                                 }),
              absl::OkStatus());
    return contents;
  }
  std::string Path(absl::string_view name) const { return absl::StrCat(folder_, "/", name); }
  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.is_regular_file()) names.push_back(entry.path().filename());
    }
    return names;
  }

  const std::string folder_;
};

v1::Product Simple(absl::string_view id, absl::string_view title) {
  v1::Product product;
  product.set_id(std::string(id));
  product.set_title(std::string(title));
  return product;
}

TEST_F(CatalogExportTest, IngestOfAnExportGivesTheSameProducts) {
  HostileTexts texts(20240229);
  const std::unique_ptr<RocksStore> store = NewStore("store");
  std::vector<v1::Product> products;
  for (int i = 0; i < 400; ++i) products.push_back(texts.Product(i));
  Put(*store, products);
  const std::map<std::string, std::string> expected = Contents(*store);
  ASSERT_EQ(expected.size(), 400u);
  for (const std::string format : {"jsonl", "merchant"}) {
    for (const std::string ending : {"", ".gz", ".zst"}) {
      SCOPED_TRACE(format + ending);
      const std::string path = Path("products" + ending);
      const absl::StatusOr<ExportReport> written = ExportCatalog(path, {.format = format}, *store);
      ASSERT_EQ(written.status(), absl::OkStatus());
      EXPECT_EQ(written->products, 400);
      EXPECT_EQ(written->refused_by_ingest, 0);
      EXPECT_EQ(written->file_bytes, static_cast<int64_t>(std::filesystem::file_size(path)));

      const std::unique_ptr<RocksStore> other = NewStore("other-" + format + ending);
      const absl::StatusOr<IngestReport> read = IngestFile(path, {.strict = true}, *other);
      ASSERT_EQ(read.status(), absl::OkStatus());
      EXPECT_EQ(read->format, format);
      EXPECT_EQ(read->compression, ending == ".gz" ? "gzip" : ending == ".zst" ? "zstd" : "plain");
      EXPECT_EQ(Contents(*other), expected);
    }
  }
}

TEST_F(CatalogExportTest, AFeedSaysWhatWasDerivedAndInWhichOrder) {
  const std::unique_ptr<RocksStore> store = NewStore("store");
  v1::Product first = Simple("A", "Red Shirt"), second = Simple("B", "T & S");
  first.add_category_path("Clothing, Shoes");
  first.add_category_path("Shirts");
  for (v1::Product* product : {&first, &second}) {
    for (const char* name : {"color", "sleeve length"}) {
      v1::Attribute* const attribute = product->add_attributes();
      attribute->set_name(name);
      attribute->set_value("x");
    }
  }
  first.mutable_attributes(0)->set_derived(true);
  second.mutable_attributes()->SwapElements(0, 1);
  Put(*store, {first, second});
  ASSERT_EQ(ExportCatalog(Path("feed.tsv"), {.format = "merchant"}, *store).status(), absl::OkStatus());
  EXPECT_EQ(*ReadFile(Path("feed.tsv")),
            "id\ttitle\tdescription\timage_link\tbrand\tproduct_type\tcolor\tmannequin:sleeve length\t"
            "mannequin_derived\tmannequin_order\n"
            "A\tRed Shirt\t\t\t\tClothing&#44; Shoes > Shirts\tx\tx\tcolor\t\n"
            "B\tT & S\t\t\t\t\tx\tx\t\tsleeve length,color\n");
}

TEST_F(CatalogExportTest, OnlyWhatTheFilterNamesIsWritten) {
  const std::unique_ptr<RocksStore> store = NewStore("store");
  v1::Product nike = Simple("A", "one");
  nike.set_brand("Nike");
  Put(*store, {nike, Simple("B", "two")});
  ExportOptions options;
  options.filter.set_brand("Nike");
  ASSERT_EQ(ExportCatalog(Path("nike"), options, *store).status(), absl::OkStatus());
  EXPECT_EQ(*ReadFile(Path("nike")), "{\"id\":\"A\",\"title\":\"one\",\"brand\":\"Nike\"}\n");
}

TEST_F(CatalogExportTest, AnEmptyStoreGivesAWholeFileWithoutProducts) {
  const std::unique_ptr<RocksStore> store = NewStore("store");
  ASSERT_EQ(ExportCatalog(Path("empty.jsonl"), {}, *store).status(), absl::OkStatus());
  EXPECT_EQ(*ReadFile(Path("empty.jsonl")), "");
  ASSERT_EQ(ExportCatalog(Path("empty.gz"), {}, *store).status(), absl::OkStatus());
  EXPECT_THAT(std::string(IngestFile(Path("empty.gz"), {}, *store).status().message()), HasSubstr("it is empty"));
}

TEST_F(CatalogExportTest, AnExportThatEndsEarlyLeavesTheOldFileAndNothingElse) {
  const std::unique_ptr<RocksStore> store = NewStore("store");
  std::vector<v1::Product> products;
  for (int i = 0; i < 2'500; ++i) products.push_back(Simple(absl::StrCat("B", i), "T"));
  Put(*store, products);
  ASSERT_EQ(WriteFileAtomically(Path("old"), "old"), absl::OkStatus());
  int calls = 0;
  const absl::Status status = ExportCatalog(Path("old"), {}, *store, [&calls](const ExportProgress& now) {
                                EXPECT_EQ(now.products, 1000 * ++calls);
                                return calls < 2;
                              }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(*ReadFile(Path("old")), "old");
  EXPECT_THAT(Files(), ElementsAre("old"));
}

TEST_F(CatalogExportTest, WrongArgumentsAreNamed) {
  const std::unique_ptr<RocksStore> store = NewStore("store");
  const absl::Status format = ExportCatalog(Path("x"), {.format = "xml"}, *store).status();
  EXPECT_EQ(format.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(format.message()), HasSubstr("known: jsonl, merchant"));
  EXPECT_EQ(ExportCatalog(Path("no/such/folder"), {}, *store).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ExportCatalog(folder_, {}, *store).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Files(), ElementsAre());
}

TEST_F(CatalogExportTest, TooManyKindsOfAttributesAreNoFeed) {
  const std::unique_ptr<RocksStore> store = NewStore("store");
  std::vector<v1::Product> products;
  for (int i = 0; i < 20; ++i) {
    v1::Product& product = products.emplace_back(Simple(absl::StrCat("B", i), "T"));
    for (int k = 0; k < 60; ++k) {
      v1::Attribute* const attribute = product.add_attributes();
      attribute->set_name(absl::StrCat("a", i * 60 + k));
      attribute->set_value("x");
    }
  }
  Put(*store, products);
  EXPECT_EQ(ExportCatalog(Path("feed"), {.format = "merchant"}, *store).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ExportCatalog(Path("lines"), {}, *store).status(), absl::OkStatus());
  EXPECT_THAT(Files(), ElementsAre("lines"));
}

class ChannelExportTest : public CatalogExportTest {
 protected:
  ChannelExportTest() : store_(NewStore("store")) {
    v1::Product failed = Simple("failed/1 &", "T"), pending = Simple("pending", "T");
    failed.set_image_url("http://shop/gone.jpg");
    pending.set_image_url("http://shop/soon.jpg");
    Put(*store_, {Simple("missing", "T"), failed, pending, Simple("proposed", "T"), Simple("real", "T")});
    v1::CompleteFetchesRequest gone;
    gone.set_worker("w");
    gone.add_results()->set_product_id(failed.id());
    gone.mutable_results(0)->set_url(failed.image_url());
    gone.mutable_results(0)->mutable_failure()->set_reason(v1::FETCH_FAILURE_NOT_FOUND);
    EXPECT_EQ(store_->CompleteFetches(gone)->failed(), 1);
    for (const char* id : {"missing", "failed/1 &", "pending", "real"}) Place(id, v1::PLACEHOLDER_STATE_APPROVED);
    Place("proposed", v1::PLACEHOLDER_STATE_PROPOSED);
    v1::PutImageRequest real;
    real.set_product_id("real");
    real.mutable_image()->set_data("real");
    EXPECT_EQ(store_->PutImage(real).status(), absl::OkStatus());
  }
  void Place(const std::string& id, v1::PlaceholderState state) {
    v1::PutPlaceholderRequest request;
    request.mutable_placeholder()->set_product_id(id);
    request.mutable_placeholder()->set_state(state);
    request.mutable_image()->set_data("drawn");
    if (state == v1::PLACEHOLDER_STATE_APPROVED) request.mutable_badged_image()->set_data("badged");
    EXPECT_EQ(store_->PutPlaceholder(request).status(), absl::OkStatus());
  }
  // "id address" a line.
  std::string Written(const ExportOptions& options, ExportReport& report) {
    report = ExportCatalog(Path("x"), options, *store_).value();
    std::string text;
    for (const absl::string_view line : absl::StrSplit(*ReadFile(Path("x")), '\n', absl::SkipEmpty())) {
      v1::Product product;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(std::string(line), &product).ok()) << line;
      absl::StrAppend(&text, product.id(), " ", product.image_url(), "\n");
    }
    return text;
  }

  const std::unique_ptr<RocksStore> store_;
};

TEST_F(ChannelExportTest, ProductsWithoutAnImageGetTheirApprovedPlaceholdersAddress) {
  ExportReport report;
  EXPECT_EQ(Written({.placeholders = true, .image_base = "https://shop.example/"}, report),
            "failed/1 & https://shop.example/images/failed%2F1%20%26\n"
            "missing https://shop.example/images/missing\n"
            "pending http://shop/soon.jpg\n"
            "proposed \n"
            "real \n");
  EXPECT_EQ(report.placeholders_linked, 2);
  EXPECT_EQ(report.placeholders_left_out, 0);
}

TEST_F(ChannelExportTest, WithoutAnAddressTheyAreLeftOutAndCounted) {
  ExportReport report;
  const std::string plain = Written({}, report);
  EXPECT_EQ(report.placeholders_left_out, 0) << "nobody asked";
  EXPECT_EQ(Written({.placeholders = true}, report), plain);
  EXPECT_EQ(report.placeholders_linked, 0);
  EXPECT_EQ(report.placeholders_left_out, 2);
}

TEST_F(ChannelExportTest, ABaseThatIsNoAddressIsRefused) {
  for (const std::string base : {"shop.example", "ftp://shop.example", "https://", "https:///x", "https://a b",
                                 "https://a?x", "https://a#x", "https://a\n"}) {
    EXPECT_EQ(CheckImageBase(base).code(), absl::StatusCode::kInvalidArgument) << base;
    ExportOptions options;
    options.image_base = base;
    EXPECT_EQ(ExportCatalog(Path("x"), options, *store_).status().code(), absl::StatusCode::kInvalidArgument) << base;
  }
  EXPECT_EQ(CheckImageBase("https://shop.example:8443/media").code(), absl::StatusCode::kOk);
  EXPECT_EQ(CheckImageBase("https://" + std::string(1100, 'a')).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CatalogExportTest, ProductsThatIngestWouldRefuseAreCounted) {
  const std::unique_ptr<RocksStore> store = NewStore("store");
  Put(*store, {Simple("A", ""), Simple("B", "T")});
  EXPECT_EQ(ExportCatalog(Path("x"), {}, *store)->refused_by_ingest, 1);
}

TEST(CatalogWriter, AnAttributeWithoutAColumnAsksForAnotherExport) {
  v1::Product product = Simple("A", "T");
  product.add_attributes()->set_name("new");
  std::string line;
  const absl::Status status = NewMerchantWriter({})->Append(product, &line);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()), StartsWith("product \"A\" has a new attribute \"new\""));
}

}  // namespace
}  // namespace mannequin

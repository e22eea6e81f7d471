#include "services/mannequin/sample/sample.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "common/base/file.h"

namespace mannequin {
namespace {

SampleOptions Options(int count, std::uint64_t seed = 1) {
  SampleOptions options;
  options.count = count;
  options.seed = seed;
  options.size = 64;
  options.base_url = "http://127.0.0.1:8900";
  return options;
}

std::map<SampleTruth, int> Counts(const SampleCatalog& catalog) {
  std::map<SampleTruth, int> counts;
  for (const SampleProduct& product : catalog.products) ++counts[product.truth];
  return counts;
}

std::string Leaf(const v1::Product& product) { return product.category_path(product.category_path_size() - 1); }

std::string Unzipped(const std::string& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  std::string text;
  char buffer[4096];
  for (int n = gzread(file, buffer, sizeof(buffer)); n > 0; n = gzread(file, buffer, sizeof(buffer)))
    text.append(buffer, n);
  gzclose(file);
  return text;
}

TEST(MakeSample, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const SampleCatalog one = MakeSample(Options(60));
  const SampleCatalog two = MakeSample(Options(60));
  const SampleCatalog other = MakeSample(Options(60, 2));
  int different = 0;
  for (std::size_t i = 0; i < one.products.size(); ++i) {
    EXPECT_EQ(one.products[i].product.SerializeAsString(), two.products[i].product.SerializeAsString());
    EXPECT_EQ(one.products[i].truth, two.products[i].truth);
    different += one.products[i].product.title() != other.products[i].product.title() ? 1 : 0;
    if (i >= 20) continue;
    const absl::StatusOr<std::string> body = ImageBody(one.options, one.products[i]);
    EXPECT_EQ(body.ok(), ImageBody(two.options, two.products[i]).ok());
    if (body.ok()) {
      EXPECT_EQ(*body, *ImageBody(two.options, two.products[i]));
    }
  }
  EXPECT_GT(different, 50);
}

TEST(MakeSample, HasTheSharesItPromises) {
  const std::map<SampleTruth, int> counts = Counts(MakeSample(Options(2000)));
  EXPECT_EQ(counts.at(SampleTruth::kOverlay), 100);
  EXPECT_EQ(counts.at(SampleTruth::kMismatch), 80);
  EXPECT_EQ(counts.at(SampleTruth::kNoImage), 60);
  EXPECT_EQ(counts.at(SampleTruth::kNotFound), 60);
  EXPECT_EQ(counts.at(SampleTruth::kHtml), 1);
  EXPECT_EQ(counts.at(SampleTruth::kEmpty), 1);
  EXPECT_EQ(counts.at(SampleTruth::kTruncated), 1);
  EXPECT_EQ(counts.at(SampleTruth::kClean), 1697);
}

TEST(MakeSample, TellsTheTruthAboutEachProduct) {
  const SampleCatalog catalog = MakeSample(Options(400));
  std::set<std::string> ids, categories;
  int printed = 0;
  for (const SampleProduct& product : catalog.products) {
    const v1::Product& p = product.product;
    EXPECT_TRUE(ids.insert(p.id()).second);
    categories.insert(Leaf(p));
    EXPECT_FALSE(p.brand().empty());
    EXPECT_EQ(p.title().rfind(p.brand(), 0), 0u) << p.title();
    EXPECT_EQ(p.image_url().empty(), product.truth == SampleTruth::kNoImage);
    EXPECT_EQ(product.shown.category != Leaf(p), product.truth == SampleTruth::kMismatch) << p.title();
    EXPECT_EQ(!product.overlay.text.empty(), product.truth == SampleTruth::kOverlay);
    std::set<std::string> names;
    for (const v1::Attribute& attribute : p.attributes()) {
      EXPECT_TRUE(names.insert(attribute.name()).second);
      EXPECT_FALSE(attribute.value().empty());
    }
    EXPECT_TRUE(names.count("color") == 1 && names.count("material") == 1) << p.title();
    printed += product.has_print ? 1 : 0;
    EXPECT_EQ(product.has_print, names.count("print") == 1);
  }
  EXPECT_EQ(categories.size(), 20u);
  EXPECT_GT(printed, 5);
}

TEST(ImageBody, DecodesWhereItShouldAndOnlyThere) {
  const SampleCatalog catalog = MakeSample(Options(120));
  int decoded = 0;
  std::set<std::string> different;
  for (const SampleProduct& product : catalog.products) {
    const absl::StatusOr<std::string> body = ImageBody(catalog.options, product);
    switch (product.truth) {
      case SampleTruth::kNoImage:
      case SampleTruth::kNotFound:
        EXPECT_EQ(body.status().code(), absl::StatusCode::kNotFound);
        break;
      case SampleTruth::kHtml:
      case SampleTruth::kEmpty:
      case SampleTruth::kTruncated:
        ASSERT_TRUE(body.ok()) << body.status();
        EXPECT_FALSE(DecodeImage(*body).ok()) << TruthName(product.truth);
        break;
      default:
        ASSERT_TRUE(body.ok()) << body.status();
        const absl::StatusOr<Pixels> pixels = DecodeImage(*body);
        ASSERT_TRUE(pixels.ok()) << pixels.status();
        EXPECT_EQ(pixels->width, 64);
        different.insert(*body);
        ++decoded;
    }
  }
  EXPECT_GT(decoded, 100);
  EXPECT_EQ(different.size(), static_cast<std::size_t>(decoded));
}

TEST(ImageBody, PaintsTheOverlayOverThePicture) {
  const SampleCatalog catalog = MakeSample(Options(120));
  for (SampleProduct product : catalog.products) {
    if (product.truth != SampleTruth::kOverlay) continue;
    const std::string with = *ImageBody(catalog.options, product);
    product.truth = SampleTruth::kClean;
    EXPECT_NE(with, *ImageBody(catalog.options, product));
  }
}

TEST(WriteSample, WritesCatalogueImagesAndTruthThatAgree) {
  const std::string folder = *MakeTemporaryFolder("sample");
  const SampleOptions options = Options(80);
  ASSERT_TRUE(WriteSample(folder, options).ok());
  const SampleCatalog catalog = MakeSample(options);

  const std::string text = Unzipped(folder + "/catalog.json.gz");
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 80);
  EXPECT_EQ(text.rfind("{'asin': 'S000001', 'title': ", 0), 0u) << text.substr(0, 200);
  EXPECT_NE(text.find("'imUrl': 'http://127.0.0.1:8900/S0000"), std::string::npos);
  EXPECT_NE(text.find("'attributes': {'color': '"), std::string::npos);
  // An apostrophe turns the quotes round, as repr() does.
  EXPECT_NE(text.find("\"Potter's Lane"), std::string::npos);

  std::ifstream lines(folder + "/truth.jsonl");
  std::size_t i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    const nlohmann::json truth = nlohmann::json::parse(line);
    const SampleProduct& product = catalog.products.at(i);
    EXPECT_EQ(truth["id"], product.product.id());
    EXPECT_EQ(truth["truth"], std::string(TruthName(product.truth)));
    EXPECT_EQ(truth["category"] != truth["shown_category"], product.truth == SampleTruth::kMismatch);
    const bool has_file = std::filesystem::exists(folder + "/images/" + product.product.id() + ".jpg");
    EXPECT_EQ(has_file, product.truth != SampleTruth::kNoImage && product.truth != SampleTruth::kNotFound);
  }
  EXPECT_EQ(i, 80u);
  std::filesystem::remove_all(folder);
}

TEST(WriteSample, RefusesOptionsOutOfRange) {
  EXPECT_EQ(WriteSample("/nowhere", Options(0)).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin

#include "common/text/product_labels.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

v1::Product Product(const std::vector<std::string>& path, const std::string& brand, const std::string& color = "") {
  v1::Product product;
  for (const std::string& category : path) product.add_category_path(category);
  product.set_brand(brand);
  if (!color.empty()) {
    product.add_attributes()->set_name("color");
    product.mutable_attributes(0)->set_value(color);
  }
  return product;
}

ProductLabels LabelsOf(const std::vector<v1::Product>& products, const LabelBounds& bounds = {}) {
  LabelCounter counter(bounds);
  for (const v1::Product& product : products) counter.Add(product);
  return ProductLabels(counter);
}

std::vector<std::string> NamesOf(const ProductLabels& labels) {
  std::vector<std::string> names;
  for (const ProductLabels::Kind& kind : labels.kinds()) names.push_back(absl::StrCat(kind.name, " ", kind.size));
  return names;
}

std::vector<v1::Product> Twice(std::vector<v1::Product> products) {
  const std::size_t n = products.size();
  for (std::size_t i = 0; i < n; ++i) products.push_back(products[i]);
  return products;
}

TEST(ProductLabels, AreCategoryCategoryAboveBrandAndAttributes) {
  const ProductLabels labels =
      LabelsOf(Twice({Product({"Apparel", "Shirts"}, "Acme", "red"), Product({"Apparel", "Jeans"}, "Bolt", "blue"),
                      Product({"Home", "Lamps"}, "Acme", "blue")}));
  EXPECT_THAT(NamesOf(labels), UnorderedElementsAre("category 3", "category above 2", "brand 2", "attribute color 2"));
}

TEST(ProductLabels, SameLabelIsTheSameNumberWhateverTheCaseOfBrandAndValue) {
  const ProductLabels labels =
      LabelsOf(Twice({Product({"Apparel", "Shirts"}, "Acme", "red"), Product({"Home", "Lamps"}, "Bolt", "blue")}));
  EXPECT_EQ(labels.Of(Product({"Apparel", "Shirts"}, "ACME", "Red")),
            labels.Of(Product({"Apparel", "Shirts"}, "acme", "red")));
  EXPECT_NE(labels.Of(Product({"Apparel", "Shirts"}, "acme", "red")),
            labels.Of(Product({"Home", "Lamps"}, "acme", "red")));
}

TEST(ProductLabels, LabelOfOneProductAndAnUnknownOneAreNone) {
  std::vector<v1::Product> products = Twice({Product({"Shirts"}, "Acme"), Product({"Lamps"}, "Bolt")});
  products.push_back(Product({"Shirts"}, "Once"));
  const ProductLabels labels = LabelsOf(products);
  for (const char* brand : {"Once", "Never"}) {
    const std::vector<std::int32_t> of = labels.Of(Product({}, brand));
    for (const std::int32_t label : of) EXPECT_EQ(label, -1) << brand;
  }
}

TEST(ProductLabels, AKindOfOneLabelTeachesNothing) {
  EXPECT_THAT(LabelsOf(Twice({Product({"Shirts"}, "Acme"), Product({"Shirts"}, "Acme")})).kinds(), IsEmpty());
  EXPECT_THAT(LabelsOf({}).kinds(), IsEmpty());
}

TEST(ProductLabels, RareAttributesAreLeftOut) {
  std::vector<v1::Product> products(1'000, Product({"Shirts"}, "Acme"));
  for (int i = 0; i < 1'000; i += 2) products[static_cast<std::size_t>(i)] = Product({"Lamps"}, "Bolt");
  for (int i = 0; i < 4; ++i)
    products[static_cast<std::size_t>(i)] = Product({"Lamps"}, "Bolt", i < 2 ? "red" : "blue");
  EXPECT_THAT(NamesOf(LabelsOf(products)), UnorderedElementsAre("category 2", "brand 2"));
}

TEST(ProductLabels, EightMostFrequentAttributesAtMost) {
  std::vector<v1::Product> products;
  for (int i = 0; i < 40; ++i) {
    v1::Product product = Product({i % 2 ? "Shirts" : "Lamps"}, "");
    for (int a = 0; a < 12; ++a) {
      if (i % (a + 1) != 0) continue;
      v1::Attribute& attribute = *product.add_attributes();
      attribute.set_name(absl::StrCat("a", a));
      attribute.set_value(i % 4 < 2 ? "x" : "y");
    }
    products.push_back(product);
  }
  const std::vector<std::string> names = NamesOf(LabelsOf(products));
  EXPECT_LE(names.size(), 9u);
  EXPECT_THAT(names, testing::Contains("attribute a0 2"));
}

v1::Product WithAttribute(const std::string& name, const std::string& value) {
  v1::Product product;
  product.add_attributes()->set_name(name);
  product.mutable_attributes(0)->set_value(value);
  return product;
}

TEST(ProductLabels, FrequentAttributesOutliveAnyNumberOfRareOnes) {
  std::vector<v1::Product> products;
  for (int i = 0; i < 400; ++i) {
    products.push_back(WithAttribute(absl::StrCat("made up ", i), "x"));
    // Its first product comes when the bound is long reached.
    if (i >= 100) products.push_back(WithAttribute("color", i % 2 ? "red" : "blue"));
  }
  LabelBounds bounds;
  bounds.attributes = 16;
  EXPECT_THAT(NamesOf(LabelsOf(products, bounds)), ElementsAre("attribute color 2"));
}

TEST(ProductLabels, FrequentValuesOutliveAnyNumberOfRareOnes) {
  std::vector<v1::Product> products;
  for (int i = 0; i < 1'000; ++i) {
    products.push_back(Product({absl::StrCat("once ", i)}, absl::StrCat("once ", i), absl::StrCat("once ", i)));
    products.push_back(Product({i % 2 ? "Shirts" : "Lamps"}, i % 2 ? "Acme" : "Bolt", i % 2 ? "red" : "blue"));
  }
  LabelBounds bounds;
  bounds.values = bounds.categories = 32;
  EXPECT_THAT(NamesOf(LabelsOf(products, bounds)), UnorderedElementsAre("category 2", "brand 2", "attribute color 2"));
}

TEST(ProductLabels, OfTooManyLabelsTheMostFrequentAreKept) {
  std::vector<v1::Product> products;
  for (int brand = 0; brand < 10; ++brand) {
    for (int i = 0; i < 2 + brand; ++i) products.push_back(Product({}, absl::StrCat("b", brand)));
  }
  LabelBounds bounds;
  bounds.labels = 3;
  const ProductLabels labels = LabelsOf(products, bounds);
  EXPECT_THAT(NamesOf(labels), ElementsAre("brand 3"));
  for (int brand = 0; brand < 10; ++brand) {
    EXPECT_EQ(labels.Of(Product({}, absl::StrCat("b", brand)))[0] >= 0, brand >= 7) << brand;
  }
}

TEST(ProductLabels, ALongTextIsNoLabel) {
  std::vector<v1::Product> products = Twice({Product({"Shirts"}, "Acme"), Product({"Lamps"}, "Bolt")});
  products.push_back(Product({}, std::string(257, 'x')));
  products.push_back(products.back());
  EXPECT_THAT(NamesOf(LabelsOf(products)), UnorderedElementsAre("category 2", "brand 2"));
}

TEST(ProductLabels, NumbersDoNotDependOnTheOrderOfProducts) {
  std::vector<v1::Product> products = Twice({Product({"Shirts"}, "Acme"), Product({"Lamps"}, "Bolt")});
  const std::vector<std::int32_t> of = LabelsOf(products).Of(products[0]);
  std::reverse(products.begin(), products.end());
  EXPECT_EQ(LabelsOf(products).Of(Product({"Shirts"}, "Acme")), of);
}

}  // namespace
}  // namespace mannequin

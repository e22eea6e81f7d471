#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_split.h"
#include "common/text/text_encoder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

void AddAttribute(v1::Product& product, const std::string& name, const std::string& value, bool derived) {
  v1::Attribute& attribute = *product.add_attributes();
  attribute.set_name(name);
  attribute.set_value(value);
  attribute.set_derived(derived);
}

// Each part is one word.
v1::Product Product() {
  v1::Product product;
  product.set_title("Slim");
  product.add_category_path("Apparel");
  product.add_category_path("Shirts");
  product.set_brand("Acme");
  AddAttribute(product, "color", "navy", false);
  AddAttribute(product, "gender", "men", true);  // the title says it already
  AddAttribute(product, "fabric", "cotton", false);
  return product;
}

std::vector<std::string> Parts(const std::string& text) { return absl::StrSplit(text, ' ', absl::SkipEmpty()); }

TEST(ProductText, HoldsLeafBrandAttributesAndTitle) {
  EXPECT_EQ(ProductText(Product()), "Shirts Acme navy cotton Slim");
  EXPECT_EQ(ProductText(v1::Product()), "");
}

TEST(ShuffledProductText, WithoutDroppingHoldsAllPartsOnceAndNothingElse) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(Parts(ShuffledProductText(Product(), random, 0)),
                testing::UnorderedElementsAre("Shirts", "Acme", "navy", "cotton", "Slim"));
  }
}

TEST(ShuffledProductText, InventsNothingAndDoublesNothing) {
  const std::set<std::string> known = {"Shirts", "Acme", "navy", "cotton", "Slim"};
  std::mt19937_64 random(2);
  for (int i = 0; i < 2'000; ++i) {
    const std::vector<std::string> parts = Parts(ShuffledProductText(Product(), random, 0.5));
    const std::set<std::string> once(parts.begin(), parts.end());
    EXPECT_EQ(once.size(), parts.size());
    EXPECT_TRUE(std::includes(known.begin(), known.end(), once.begin(), once.end()));
  }
}

TEST(ShuffledProductText, EachPartButTheTitleIsDroppedAsOftenAsAskedFor) {
  constexpr int kTexts = 10'000;
  std::map<std::string, int> seen;
  std::mt19937_64 random(3);
  for (int i = 0; i < kTexts; ++i) {
    for (const std::string& part : Parts(ShuffledProductText(Product(), random, 0.3))) ++seen[part];
  }
  EXPECT_EQ(seen["Slim"], kTexts);
  for (const char* part : {"Shirts", "Acme", "navy", "cotton"}) {
    // Nine standard deviations of a count of 10,000 draws.
    EXPECT_NEAR(seen[part], 0.7 * kTexts, 9 * 46) << part;
  }
}

TEST(ShuffledProductText, EachPartAloneMayBeDropped) {
  std::set<std::string> missing;
  std::mt19937_64 random(4);
  for (int i = 0; i < 2'000; ++i) {
    const std::vector<std::string> parts = Parts(ShuffledProductText(Product(), random, 0.2));
    if (parts.size() != 4) continue;
    for (const std::string part : {"Shirts", "Acme", "navy", "cotton"}) {
      if (std::count(parts.begin(), parts.end(), part) == 0) missing.insert(part);
    }
  }
  EXPECT_THAT(missing, testing::UnorderedElementsAre("Shirts", "Acme", "navy", "cotton"));
}

TEST(ShuffledProductText, KeepsTheTitleAndWithoutOneEverything) {
  std::mt19937_64 random(5);
  v1::Product product = Product();
  EXPECT_EQ(ShuffledProductText(product, random, 1), "Slim");
  EXPECT_EQ(ShuffledProductText(product, random, 7), "Slim");  // above 1 is 1
  EXPECT_EQ(Parts(ShuffledProductText(product, random, -1)).size(), 5u);
  product.clear_title();
  EXPECT_EQ(ShuffledProductText(product, random, 1), ProductText(product));
  EXPECT_EQ(ShuffledProductText(v1::Product(), random, 0.5), "");
}

TEST(ShuffledProductText, SameSeedSameText) {
  std::mt19937_64 a(6), b(6), c(7);
  bool differs = false;
  for (int i = 0; i < 100; ++i) {
    const std::string text = ShuffledProductText(Product(), a, 0.3);
    EXPECT_EQ(text, ShuffledProductText(Product(), b, 0.3));
    differs = differs || text != ShuffledProductText(Product(), c, 0.3);
  }
  EXPECT_TRUE(differs);
}

TEST(ShuffledProductText, EachOrderIsAsLikelyAsAnother) {
  v1::Product product = Product();
  product.clear_brand();
  product.mutable_attributes()->DeleteSubrange(1, 2);  // leaf, one attribute and the title are left
  constexpr int kTexts = 6'000;
  std::map<std::string, int> orders;
  std::mt19937_64 random(8);
  for (int i = 0; i < kTexts; ++i) ++orders[ShuffledProductText(product, random, 0)];
  ASSERT_EQ(orders.size(), 6u);
  double chi_square = 0;
  for (const auto& [order, count] : orders) chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_square, 25.7);  // one in ten thousand of fair shuffles is above, five degrees of freedom
}

}  // namespace
}  // namespace mannequin

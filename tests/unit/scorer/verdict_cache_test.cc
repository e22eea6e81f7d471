#include "services/scorer/verdict_cache.h"

#include <optional>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

v1::Verdict Of(const std::string& product_id, double milliseconds) {
  v1::Verdict verdict;
  verdict.set_product_id(product_id);
  verdict.set_milliseconds(milliseconds);
  return verdict;
}

v1::Product Shirt() {
  v1::Product product;
  product.set_id("p1");
  product.set_title("Blue shirt");
  product.set_brand("Acme");
  product.add_category_path("Apparel");
  product.add_category_path("Shirts");
  v1::Attribute* color = product.add_attributes();
  color->set_name("color");
  color->set_value("blue");
  return product;
}

std::string Key(const v1::Product& product, const std::string& image = "abc", const std::string& bundle = "b-1",
                const std::string& policy = "") {
  return VerdictKey(product, image, {bundle, policy});
}

TEST(VerdictCache, GivesBackWhatWasPutWithoutTheProductsId) {
  VerdictCache cache(2);
  EXPECT_FALSE(cache.Find("k").has_value());
  cache.Put("k", Of("p1", 7));
  const std::optional<v1::Verdict> found = cache.Find("k");
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->cached());
  EXPECT_EQ(found->product_id(), "");
  EXPECT_EQ(found->milliseconds(), 7);
}

TEST(VerdictCache, TheLeastRecentlyUsedLeaves) {
  VerdictCache cache(2);
  cache.Put("a", Of("", 1));
  cache.Put("b", Of("", 2));
  EXPECT_TRUE(cache.Find("a").has_value());
  cache.Put("c", Of("", 3));
  EXPECT_FALSE(cache.Find("b").has_value());
  EXPECT_TRUE(cache.Find("a").has_value());
  EXPECT_TRUE(cache.Find("c").has_value());
  cache.Put("c", Of("", 4));
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.Find("c")->milliseconds(), 4);
}

TEST(VerdictCache, OfSizeZeroKeepsNothing) {
  VerdictCache cache(0);
  cache.Put("a", Of("", 1));
  EXPECT_FALSE(cache.Find("a").has_value());
}

TEST(VerdictKey, IsAnotherForEverythingThatIsJudgedAndForNothingElse) {
  std::set<std::string> keys{Key(Shirt()), Key(Shirt(), "abd"), Key(Shirt(), "abc", "b-2"),
                             Key(Shirt(), "abc", "b-1", "amazon")};
  v1::Product product = Shirt();
  product.set_title("Blue shirts");
  keys.insert(Key(product));
  product = Shirt();
  product.set_brand("");
  keys.insert(Key(product));
  product = Shirt();
  product.set_category_path(0, "Apparel6:Shirts");
  keys.insert(Key(product));
  product = Shirt();
  product.mutable_attributes(0)->set_value("red");
  keys.insert(Key(product));
  product = Shirt();
  product.mutable_attributes(0)->set_derived(true);
  keys.insert(Key(product));
  product = Shirt();
  product.clear_category_path();
  product.add_category_path("Apparel");
  product.add_category_path("Shirts");
  product.set_brand("AcmeA");
  keys.insert(Key(product));
  EXPECT_EQ(keys.size(), 10u);
  product = Shirt();
  product.set_id("another");
  product.set_description("nobody reads it");
  product.set_image_url("http://127.0.0.1/");
  EXPECT_EQ(Key(product), Key(Shirt()));
}

}  // namespace
}  // namespace mannequin

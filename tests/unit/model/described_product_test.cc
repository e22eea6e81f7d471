#include "common/model/described_product.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

v1::Product Shirt() {
  v1::Product product;
  product.set_title("Blue shirt");
  product.add_category_path("Apparel");
  product.add_category_path("Shirts");
  return product;
}

// INVALID_ARGUMENT whose message begins with the field.
void ExpectRefused(const v1::Product& product, const std::string& field) {
  const absl::Status status = CheckDescribed(product);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << field;
  EXPECT_TRUE(absl::StartsWith(status.message(), field + ":")) << status;
}

TEST(DescribedProduct, NeedsNoIdAndNoAddress) { EXPECT_TRUE(CheckDescribed(Shirt()).ok()); }

TEST(DescribedProduct, ACategoryAloneIsEnoughUnlessAListingIsJudged) {
  v1::Product product = Shirt();
  product.set_title(" ");
  EXPECT_TRUE(CheckDescribed(product).ok());
  const absl::Status status = CheckListing(product);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(status.message(), "product.title:")) << status;
  EXPECT_TRUE(CheckListing(Shirt()).ok());
  product.clear_category_path();
  EXPECT_FALSE(CheckListing(product).ok());
}

TEST(DescribedProduct, NamesTheFieldThatIsMissing) {
  v1::Product product = Shirt();
  product.clear_category_path();
  ExpectRefused(product, "product.category_path");
  product = Shirt();
  product.add_category_path("");
  ExpectRefused(product, "product.category_path");
}

TEST(DescribedProduct, NamesTheFieldThatIsTooLarge) {
  v1::Product product = Shirt();
  product.set_title(std::string(4096, 'a'));
  EXPECT_TRUE(CheckDescribed(product).ok());
  product.set_title(std::string(4097, 'a'));
  ExpectRefused(product, "product.title");
  product = Shirt();
  product.set_brand(std::string(257, 'a'));
  ExpectRefused(product, "product.brand");
  product = Shirt();
  product.set_description(std::string(65537, 'a'));
  ExpectRefused(product, "product.description");
  product = Shirt();
  for (int i = 0; i < 15; ++i) product.add_category_path("Shirts");
  ExpectRefused(product, "product.category_path");
  product = Shirt();
  for (int i = 0; i < 65; ++i) product.add_attributes()->set_name("color");
  ExpectRefused(product, "product.attributes");
  product = Shirt();
  product.add_attributes()->set_value(std::string(257, 'a'));
  ExpectRefused(product, "product.attributes.value");
}

TEST(DescribedProduct, LeafIsTheLastPartOfThePath) {
  EXPECT_EQ(LeafCategory(Shirt()), "Shirts");
  EXPECT_EQ(LeafCategory({}), "");
}

TEST(ListedColor, IsTheAttributeOrElseWhatTheTitleSays) {
  v1::Product product;
  product.add_category_path("Shirts");
  product.set_title("Men's Navy Blue Shirt");
  EXPECT_EQ(ListedColor(product), "navy blue");
  v1::Attribute& color = *product.add_attributes();
  color.set_name("color");
  color.set_value("Red");
  EXPECT_EQ(ListedColor(product), "red");
  product.clear_attributes();
  product.set_title("Shirt");
  EXPECT_EQ(ListedColor(product), "");
}

}  // namespace
}  // namespace mannequin

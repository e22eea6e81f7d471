#include "common/text/normalizer.h"

#include <random>

#include "common/text/text_encoder.h"
#include "common/text/tokenizer.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

std::string Normalized(const std::string& text) {
  const auto words = Normalize(text);
  return words.ok() ? *words : std::string("error");
}

TEST(Normalizer, MakesWordsOfListings) {
  EXPECT_EQ(Normalized("Levi&#39;s&reg; MEN  Jeans, jeans"), "levi s men jeans");
  EXPECT_EQ(Normalized("Bose&amp;amp;Co &quot;S23C550H&quot;"), "bose co s23c550h");
  EXPECT_EQ(Normalized("Nike™ AIR\tMax®"), "nike air max");
  EXPECT_EQ(Normalized("ＦＵＬＬ ｗｉｄｔｈ，Straße"), "full width strasse");
  EXPECT_EQ(Normalized("Caf&eacute; &#xe9;t&eacute; — “bleu”"), "café été bleu");
  EXPECT_EQ(Normalized("a & b &nosuch; &#; &#xD800; &"), "a b nosuch xd800");
  EXPECT_EQ(Normalized("red red red shoe red"), "red shoe red");
  EXPECT_EQ(Normalized(" .,;-_ "), "");
}

TEST(Normalizer, IsIdempotent) {
  for (const std::string text : {"Levi&#39;s&reg; MEN Jeans", "ＦＵＬＬ ｗｉｄｔｈ，Straße", "日本語 ギター 😀"}) {
    EXPECT_EQ(Normalized(Normalized(text)), Normalized(text));
  }
}

TEST(Normalizer, RefusesWhatIsNotUtf8AndWhatIsTooLong) {
  for (const std::string text : {"a\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "ab\xe2\x82"}) {
    EXPECT_EQ(Normalize(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(Normalize(std::string(kMaxTextBytes, 'a')).ok());
  EXPECT_EQ(Normalize(std::string(kMaxTextBytes + 1, 'a')).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Tokenizer, RoundTripsAndFallsBackToBytes) {
  const std::vector<std::string> texts(50, "acoustic guitar with wooden body and steel strings for beginners");
  std::size_t at = 0;
  const NextText next = [&]() -> const std::string* { return at < texts.size() ? &texts[at++] : nullptr; };
  // Far more pieces than this text has: capped, not refused.
  const auto model = TrainTokenizer(next, {.vocabulary_size = 8'000});
  ASSERT_TRUE(model.ok()) << model.status();
  const auto tokenizer = Tokenizer::FromBytes(*model);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_LE((*tokenizer)->vocabulary_size(), 8'000);
  for (const std::string text : {"guitar strings", "wooden violin 日本 😀"}) {
    EXPECT_EQ((*tokenizer)->Decode((*tokenizer)->Ids(text)), text);
  }
  const std::vector<std::string> pieces = (*tokenizer)->Pieces("😀");
  EXPECT_EQ(pieces.back(), "<0x80>");
  EXPECT_EQ(TrainTokenizer([]() -> const std::string* { return nullptr; }, {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Tokenizer::FromBytes("x").status().code(), absl::StatusCode::kDataLoss);
}

TEST(ProductText, HoldsLeafBrandAttributesAndTitle) {
  v1::Product product;
  product.set_title("Slim Fit");
  product.add_category_path("Apparel");
  product.add_category_path("Shirts");
  product.set_brand("Acme");
  v1::Attribute& colour = *product.add_attributes();
  colour.set_name("color");
  colour.set_value("navy blue");
  v1::Attribute& derived = *product.add_attributes();
  derived.set_name("gender");
  derived.set_value("men");
  derived.set_derived(true);  // the title says it already
  EXPECT_EQ(ProductText(product), "Shirts Acme navy blue Slim Fit");
  std::mt19937_64 random(1);
  EXPECT_EQ(ShuffledProductText(product, random, 1), "Slim Fit");
  EXPECT_EQ(ShuffledProductText(product, random, 0).size(), ProductText(product).size());
  product.clear_title();
  EXPECT_EQ(ShuffledProductText(product, random, 1), ProductText(product));
}

}  // namespace
}  // namespace mannequin

// Every format under lines that are nearly right: nothing crashes, and each line is a
// product within the bounds or is refused with a reason. The sanitizers watch the memory.
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/utf8.h"
#include "common/model/derived_attributes.h"
#include "gtest/gtest.h"
#include "services/mannequin/ingest/record_format.h"

namespace mannequin {
namespace {

struct Corpus {
  std::string format;
  // Empty: the format has none.
  std::string header;
  std::vector<std::string> lines;
};

std::vector<Corpus> Corpora() {
  return {
      {"jsonl",
       "",
       {R"({"id":"B1","title":"Red \u00e9\ud83d\ude00 Shirt","categoryPath":["Apparel","Shirts"],"brand":"Nike",)"
        R"("attributes":[{"name":"color","value":"red","derived":true}],"imageUrl":"http://x/1.jpg"})",
        R"({"id":"B2","title":null,"category_path":["x"],"image_url":"u","description":"a\n\"b\""})"}},
      {"snap",
       "",
       {R"({'asin': '0000031852', 'title': "Girls Ballet Tutu \u00e9", 'price': 3.17, 'imUrl': 'http://x/51.jpg', )"
        R"('related': {'also_bought': ['B00JHONN1S']}, 'categories': [['Sports', 'Dance']], 'brand': None})"}},
      {"amazon-2018",
       "",
       {R"({"category": ["Clothing &amp; Shoes", "</span>", "x"], "description": ["Soft <br/> &#39;", ""], "title": )"
        R"("Men's Tutu", "brand": "Visit Amazon's K Page", "feature": ["100% Cotton"], "main_cat": "<img alt=\"A\"/>", )"
        R"("price": "$3.17 - $5", "asin": "A1", "imageURL": ["u"], "imageURLHighRes": ["v"], "also_buy": [["x"]]})"}},
      {"amazon-2023",
       "",
       {R"({"main_category": "FASHION", "title": "Socks", "features": ["a"], "description": [], "price": 14.99, )"
        R"("images": [{"thumb": "t", "large": "l", "variant": "MAIN", "hi_res": null}], "store": "Y", "categories": )"
        R"(["Men"], "details": {"Color": "Navy", "Brand": "N"}, "parent_asin": "B0"})",
        R"({"title": "T", "images": {"hi_res": [null, "h"], "variant": ["MAIN", "P"]}, "details": )"
        R"("{\"Color\": \"Red\"}", "parent_asin": "B1"})"}},
      {"merchant",
       "id\ttitle\tdescription\tproduct_type\tgoogle_product_category\tcolor\tlink",
       {"A\tMen&#39;s \"7\" Shirt\t<p>Soft</p>\tA, B > C &gt; D, E\t212\tred\thttps://x",
        "\"B\"\t\"a \"\"b\"\"\"\t\t\tX > Y\t&amp;\t"}},
      {"merchant",
       "id\ttitle\tproduct_type\tcolor\tmannequin:x y\tmannequin_derived\tmannequin_order",
       {"A\t&#32;T&#9;\ta&#62;b > c&#44;d\tred\t1\tcolor\tx y,color"}},
  };
}

class Mutator {
 public:
  explicit Mutator(std::uint64_t seed) : random_(seed) {}

  std::string Mutated(std::string line, const std::string& other) {
    for (size_t i = 1 + Below(3); i > 0; --i) Mutate(&line, other);
    return line;
  }

 private:
  size_t Below(size_t n) { return n == 0 ? 0 : random_() % n; }

  void Mutate(std::string* line, const std::string& other) {
    static constexpr const char* kPieces[] = {"\"",
                                              "'",
                                              "\\",
                                              "\\u",
                                              "\\ud800",
                                              "\\x4",
                                              "{",
                                              "}",
                                              "[",
                                              "]",
                                              ":",
                                              ",",
                                              "\t",
                                              "null",
                                              "None",
                                              "true",
                                              "1e999",
                                              "-",
                                              "&",
                                              "&#",
                                              ";",
                                              "<",
                                              "<b>",
                                              ">",
                                              "\xE9",
                                              "\xED\xA0\x80",
                                              "\xF0\x9F\x98\x80",
                                              "\x01",
                                              " ",
                                              "title"};
    const size_t at = Below(line->size() + 1);
    switch (Below(6)) {
      case 0:  // cut
        line->resize(at);
        return;
      case 1:  // a byte less
        if (at < line->size()) line->erase(at, 1);
        return;
      case 2:  // another byte
        if (at < line->size()) (*line)[at] = static_cast<char>(random_());
        return;
      case 3:
        line->insert(at, kPieces[Below(std::size(kPieces))]);
        return;
      case 4:  // a part twice
        line->insert(Below(line->size() + 1), line->substr(at, Below(60)));
        return;
      case 5:  // a part of another line
        line->insert(at, other.substr(Below(other.size() + 1), Below(60)));
        return;
    }
  }

  std::mt19937_64 random_;
};

bool IsWholeUtf8(const v1::Product& product) {
  const auto whole = [](const std::string& text) { return FindInvalidUtf8(text) == text.size(); };
  bool all = whole(product.id()) && whole(product.title()) && whole(product.brand()) && whole(product.description()) &&
             whole(product.image_url());
  for (const std::string& part : product.category_path()) all = all && whole(part);
  for (const v1::Attribute& attribute : product.attributes()) {
    all = all && whole(attribute.name()) && whole(attribute.value());
  }
  return all;
}

TEST(RecordMutation, ALineIsAProductWithinTheBoundsOrRefusedWithAReason) {
  constexpr int kRounds = 20'000;
  for (const Corpus& corpus : Corpora()) {
    const std::unique_ptr<RecordFormat> format = *NewRecordFormat(corpus.format);
    RecordError error;
    if (!corpus.header.empty()) {
      ASSERT_TRUE(format->ReadHeader(corpus.header, &error)) << error.what;
    }
    v1::Product product;
    for (const std::string& line : corpus.lines) ASSERT_TRUE(format->Parse(line, &product, &error)) << error.what;
    Mutator mutator(7);
    int accepted = 0;
    for (int i = 0; i < kRounds; ++i) {
      const std::string& base = corpus.lines[static_cast<size_t>(i) % corpus.lines.size()];
      const std::string line = mutator.Mutated(base, corpus.lines.back());
      error = {};
      if (!format->Parse(line, &product, &error)) {
        ASSERT_NE(error.what, "") << corpus.format << ": " << line;
        ASSERT_GE(error.column, 0) << line;
        ASSERT_LE(error.column, static_cast<int>(line.size()) + 1) << line;
        ASSERT_EQ(FindInvalidUtf8(error.what), error.what.size()) << line;
        continue;
      }
      ++accepted;
      if (format->DerivesAttributes()) DeriveAttributes(&product);
      ASSERT_TRUE(CheckProduct(product, &error)) << error.what << ": " << line;
      ASSERT_TRUE(IsWholeUtf8(product)) << corpus.format << ": " << line;
    }
    EXPECT_GT(accepted, kRounds / 100) << corpus.format;
    EXPECT_LT(accepted, kRounds) << corpus.format;
  }
}

TEST(RecordMutation, AHeaderIsTakenOrRefusedWithAReason) {
  Mutator mutator(11);
  for (const Corpus& corpus : Corpora()) {
    if (corpus.header.empty()) continue;
    for (int i = 0; i < 5'000; ++i) {
      const std::unique_ptr<RecordFormat> format = *NewRecordFormat(corpus.format);
      const std::string header = mutator.Mutated(corpus.header, corpus.lines[0]);
      RecordError error;
      if (!format->ReadHeader(header, &error)) {
        ASSERT_NE(error.what, "") << header;
        continue;
      }
      v1::Product product;
      for (const std::string& line : corpus.lines) {
        if (!format->Parse(line, &product, &error)) continue;
        ASSERT_TRUE(CheckProduct(product, &error)) << header;
      }
    }
  }
}

}  // namespace
}  // namespace mannequin

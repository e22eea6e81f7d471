#include "services/mannequin/ingest/amazon_2018_format.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "services/mannequin/ingest/amazon_fields.h"
#include "services/mannequin/ingest/catalog_text.h"

namespace mannequin {

bool Amazon2018Format::Parse(absl::string_view line, v1::Product* product, RecordError* error) {
  product->Clear();
  for (absl::string_view& image : images_) image = {};
  main_category_ = {};
  const auto read = [this, product](absl::string_view key, JsonValue& value) { return ReadField(key, value, product); };
  if (!record_.Open(line) || !record_.ForEachField(read)) {
    *error = record_.error();
    return false;
  }
  if (product->id().empty()) {
    *error = {0, "asin: missing; it is the product's id"};
    return false;
  }
  SetImage(product);
  if (product->category_path().empty()) UseMainCategory(product);
  return CheckProduct(*product, error);
}

bool Amazon2018Format::ReadField(absl::string_view key, JsonValue& value, v1::Product* product) {
  const auto add_paragraph = [product](absl::string_view text) {
    AppendParagraph(text, kMaxDescriptionBytes, product->mutable_description());
    return true;
  };
  absl::string_view text;
  if (key == "asin") {
    if (!record_.ReadText(key, value, &text)) return false;
    product->mutable_id()->assign(text.data(), text.size());
    return true;
  }
  if (key == "title") return ReadTitle(value, product);
  if (key == "brand") return ReadBrand(value, product);
  if (key == "category") return ReadCategory(key, value, product);
  if (key == "price") return ReadAmazonPrice(record_, value, product);
  if (key == "description" || key == "feature") return record_.ForEachText(key, value, add_paragraph);
  if (key == "imageURLHighRes") return ReadImages(key, value, kHighRes);
  if (key == "imageURL") return ReadImages(key, value, kNormal);
  if (key == "image") return ReadImages(key, value, kOld);
  if (key == "main_cat") return record_.ReadText(key, value, &main_category_);
  if (key == "reviewerID") {
    return record_.FailAt(value, "reviewerID: this is a review; give the file of products (meta_*.json.gz)");
  }
  return true;
}

bool Amazon2018Format::ReadTitle(JsonValue& value, v1::Product* product) {
  absl::string_view text;
  if (!record_.ReadText("title", value, &text)) return false;
  if (absl::StrContains(text, "getTime()")) text = {};
  CleanLine(text, product->mutable_title());
  return true;
}

bool Amazon2018Format::ReadBrand(JsonValue& value, v1::Product* product) {
  absl::string_view text;
  if (!record_.ReadText("brand", value, &text)) return false;
  if (absl::StartsWith(text, "Visit Amazon's ") && absl::EndsWith(text, " Page")) {
    absl::ConsumePrefix(&text, "Visit Amazon's ");
    absl::ConsumeSuffix(&text, " Page");
  }
  CleanLine(text, product->mutable_brand());
  return true;
}

bool Amazon2018Format::ReadCategory(absl::string_view field, JsonValue& value, v1::Product* product) {
  product->clear_category_path();
  bool ended = false;
  return record_.ForEachText(field, value, [product, &ended](absl::string_view text) {
    ended |=
        text.size() > kMaxCategoryPartBytes || product->category_path_size() == kMaxCategoryParts || HasMarkup(text);
    if (ended) return true;
    std::string* const part = product->add_category_path();
    CleanLine(text, part);
    if (part->empty()) product->mutable_category_path()->RemoveLast();
    return true;
  });
}

bool Amazon2018Format::ReadImages(absl::string_view field, JsonValue& value, ImageKind kind) {
  absl::string_view& first = images_[kind];
  first = {};
  return record_.ForEachText(field, value, [&first](absl::string_view url) {
    if (first.empty()) first = url;
    return true;
  });
}

void Amazon2018Format::SetImage(v1::Product* product) const {
  for (const absl::string_view url : images_) {
    if (url.empty()) continue;
    product->mutable_image_url()->assign(url.data(), url.size());
    return;
  }
}

// Of many fashion records all that is known: <img src="..." alt="AMAZON FASHION"/>.
void Amazon2018Format::UseMainCategory(v1::Product* product) const {
  constexpr absl::string_view kAlternative = "alt=\"";
  absl::string_view text = main_category_;
  if (HasMarkup(text)) {
    const size_t begin = text.find(kAlternative);
    if (begin == absl::string_view::npos) return;
    text = text.substr(begin + kAlternative.size());
    text = text.substr(0, text.find('"'));
  }
  if (text.empty() || text.size() > kMaxCategoryPartBytes) return;
  CleanLine(text, product->add_category_path());
}

}  // namespace mannequin

#include "services/mannequin/ingest/jsonl_format.h"

#include "absl/strings/str_cat.h"

namespace mannequin {

bool JsonlFormat::Parse(absl::string_view line, v1::Product* product, RecordError* error) {
  product->Clear();
  seen_ = 0;
  const auto read = [this, product](absl::string_view key, JsonValue& value) { return ReadField(key, value, product); };
  if (!record_.Open(line) || !record_.ForEachField(read)) {
    *error = record_.error();
    return false;
  }
  if (product->id().empty()) {
    *error = {0, "id: missing; every product needs one"};
    return false;
  }
  return CheckProduct(*product, error);
}

bool JsonlFormat::ReadField(absl::string_view key, JsonValue& value, v1::Product* product) {
  switch (key.size()) {
    case 2:
      if (key == "id") return ReadText(v1::Product::kIdFieldNumber, key, value, product->mutable_id());
      break;
    case 5:
      if (key == "title") return ReadText(v1::Product::kTitleFieldNumber, key, value, product->mutable_title());
      if (key == "brand") return ReadText(v1::Product::kBrandFieldNumber, key, value, product->mutable_brand());
      break;
    case 8:
      if (key != "imageUrl") break;
      return ReadText(v1::Product::kImageUrlFieldNumber, key, value, product->mutable_image_url());
    case 9:
      if (key != "image_url") break;
      return ReadText(v1::Product::kImageUrlFieldNumber, key, value, product->mutable_image_url());
    case 10:
      if (key == "attributes") return ReadAttributes(value, product);
      break;
    case 11:
      if (key != "description") break;
      return ReadText(v1::Product::kDescriptionFieldNumber, key, value, product->mutable_description());
    case 12:
      if (key == "categoryPath") return ReadCategoryPath(key, value, product);
      break;
    case 13:
      if (key == "category_path") return ReadCategoryPath(key, value, product);
      break;
  }
  return record_.FailAt(value, absl::StrCat("\"", key, "\" is no field of a product (product.proto names them)"));
}

bool JsonlFormat::ReadText(int number, absl::string_view field, JsonValue& value, std::string* text) {
  absl::string_view read;
  if (!Once(number, field, value, &seen_) || !record_.ReadText(field, value, &read)) return false;
  text->assign(read.data(), read.size());
  return true;
}

bool JsonlFormat::ReadCategoryPath(absl::string_view field, JsonValue& value, v1::Product* product) {
  if (!Once(v1::Product::kCategoryPathFieldNumber, field, value, &seen_)) return false;
  if (record_.IsNull(value)) return true;
  return record_.ForEachItem(field, value, [this, field, product](JsonValue& item) {
    absl::string_view part;
    if (!record_.ReadString(field, item, &part)) return false;
    product->add_category_path()->assign(part.data(), part.size());
    return true;
  });
}

bool JsonlFormat::ReadAttributes(JsonValue& value, v1::Product* product) {
  if (!Once(v1::Product::kAttributesFieldNumber, "attributes", value, &seen_)) return false;
  if (record_.IsNull(value)) return true;
  return record_.ForEachItem(
      "attributes", value, [this, product](JsonValue& item) { return ReadAttribute(item, product->add_attributes()); });
}

bool JsonlFormat::ReadAttribute(JsonValue& value, v1::Attribute* attribute) {
  uint32_t seen = 0;
  return record_.ForEachField("attributes", value, [this, attribute, &seen](absl::string_view key, JsonValue& part) {
    absl::string_view text;
    if (key == "name") {
      if (!Once(v1::Attribute::kNameFieldNumber, "attributes.name", part, &seen)) return false;
      if (!record_.ReadText("attributes.name", part, &text)) return false;
      attribute->mutable_name()->assign(text.data(), text.size());
      return true;
    }
    if (key == "value") {
      if (!Once(v1::Attribute::kValueFieldNumber, "attributes.value", part, &seen)) return false;
      if (!record_.ReadText("attributes.value", part, &text)) return false;
      attribute->mutable_value()->assign(text.data(), text.size());
      return true;
    }
    if (key == "derived") {
      if (!Once(v1::Attribute::kDerivedFieldNumber, "attributes.derived", part, &seen)) return false;
      bool derived = false;
      if (!record_.IsNull(part) && !record_.ReadBool("attributes.derived", part, &derived)) return false;
      attribute->set_derived(derived);
      return true;
    }
    return record_.FailAt(part, absl::StrCat("\"", key, "\" is no field of an attribute (name, value, derived)"));
  });
}

}  // namespace mannequin

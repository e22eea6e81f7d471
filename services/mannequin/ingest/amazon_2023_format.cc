#include "services/mannequin/ingest/amazon_2023_format.h"

#include <algorithm>
#include <iterator>

#include "services/mannequin/ingest/amazon_fields.h"
#include "services/mannequin/ingest/catalog_text.h"

namespace mannequin {
namespace {

// Details that say what a product looks like or whom it is for. The others (dimensions of
// the parcel, ranks, dates, numbers of models) would be noise in its text.
struct Detail {
  absl::string_view key;
  absl::string_view attribute;
};
constexpr Detail kDetails[] = {
    {"Color", "color"},           {"Colour", "color"},
    {"Material", "material"},     {"Material Type", "material"},
    {"Fabric Type", "fabric"},    {"Size", "size"},
    {"Department", "department"}, {"Style", "style"},
    {"Pattern", "pattern"},       {"Shape", "shape"},
    {"Finish Type", "finish"},    {"Closure Type", "closure"},
    {"Sleeve Type", "sleeve"},    {"Neck Style", "neck"},
    {"Fit Type", "fit"},          {"Age Range (Description)", "age_group"},
};

}  // namespace

absl::string_view* Amazon2023Format::Picture::Size(absl::string_view name) {
  if (name == "variant") return &variant;
  if (name == "hi_res") return &hi_res;
  if (name == "large") return &large;
  if (name == "thumb") return &thumb;
  return nullptr;
}

bool Amazon2023Format::Parse(absl::string_view line, v1::Product* product, RecordError* error) {
  product->Clear();
  store_.clear();
  main_category_.clear();
  const auto read = [this, product](absl::string_view key, JsonValue& value) { return ReadField(key, value, product); };
  if (!record_.Open(line) || !record_.ForEachField(read)) {
    *error = record_.error();
    return false;
  }
  if (product->id().empty()) {
    *error = {0, "parent_asin: missing; it is the product's id"};
    return false;
  }
  if (product->brand().empty()) product->mutable_brand()->assign(store_);
  if (product->category_path().empty() && !main_category_.empty()) product->add_category_path()->assign(main_category_);
  return CheckProduct(*product, error);
}

bool Amazon2023Format::ReadField(absl::string_view key, JsonValue& value, v1::Product* product) {
  const auto add_paragraph = [product](absl::string_view text) {
    AppendParagraph(text, kMaxDescriptionBytes, product->mutable_description());
    return true;
  };
  switch (key.size()) {
    case 5:
      if (key == "title") return ReadLine(key, value, product->mutable_title());
      if (key == "store") return ReadLine(key, value, &store_);
      if (key == "price") return ReadAmazonPrice(record_, value, product);
      break;
    case 6:
      if (key == "images") return ReadImages(value, product);
      break;
    case 7:
      if (key == "details") return ReadDetails(value, product);
      if (key == "user_id") {
        return record_.FailAt(value, "user_id: this is a review; give the file of products (meta_*.jsonl.gz)");
      }
      break;
    case 8:
      if (key == "features") return record_.ForEachText(key, value, add_paragraph);
      break;
    case 10:
      if (key == "categories") return ReadCategories(value, product);
      break;
    case 11: {
      if (key == "description") return record_.ForEachText(key, value, add_paragraph);
      if (key != "parent_asin") break;
      absl::string_view text;
      if (!record_.ReadText(key, value, &text)) return false;
      product->mutable_id()->assign(text.data(), text.size());
      return true;
    }
    case 13:
      if (key == "main_category") return ReadLine(key, value, &main_category_);
      break;
  }
  return true;
}

bool Amazon2023Format::ReadLine(absl::string_view field, JsonValue& value, std::string* text) {
  absl::string_view read;
  if (!record_.ReadText(field, value, &read)) return false;
  CleanLine(read, text);
  return true;
}

bool Amazon2023Format::ReadCategories(JsonValue& value, v1::Product* product) {
  product->clear_category_path();
  return record_.ForEachText("categories", value, [product](absl::string_view text) {
    if (product->category_path_size() == kMaxCategoryParts) return true;
    std::string* const part = product->add_category_path();
    CleanLine(text, part);
    if (part->empty()) product->mutable_category_path()->RemoveLast();
    return true;
  });
}

bool Amazon2023Format::ReadImages(JsonValue& value, v1::Product* product) {
  pictures_.clear();
  product->clear_image_url();
  if (record_.IsNull(value)) return true;
  if (!(JsonRecord::FirstOf(value) == '{' ? ReadPictureDict(value) : ReadPictureList(value))) return false;
  const auto has_url = [](const Picture& picture) { return !picture.Best().empty(); };
  auto chosen = std::find_if(pictures_.begin(), pictures_.end(), [&has_url](const Picture& picture) {
    return picture.variant == "MAIN" && has_url(picture);
  });
  if (chosen == pictures_.end()) chosen = std::find_if(pictures_.begin(), pictures_.end(), has_url);
  if (chosen == pictures_.end()) return true;
  const absl::string_view url = chosen->Best();
  product->mutable_image_url()->assign(url.data(), url.size());
  return true;
}

bool Amazon2023Format::ReadPictureList(JsonValue& value) {
  return record_.ForEachItem("images", value, [this](JsonValue& item) {
    // Nothing is better than the first MAIN picture that there is.
    const bool decided = !pictures_.empty() && pictures_.back().variant == "MAIN" && !pictures_.back().Best().empty();
    if (decided || record_.IsNull(item)) return true;
    Picture& picture = pictures_.emplace_back();
    return record_.ForEachField("images", item, [this, &picture](absl::string_view key, JsonValue& part) {
      absl::string_view* const size = picture.Size(key);
      return size == nullptr || record_.ReadText("images", part, size);
    });
  });
}

bool Amazon2023Format::ReadPictureDict(JsonValue& value) {
  return record_.ForEachField("images", value, [this](absl::string_view key, JsonValue& list) {
    if (Picture().Size(key) == nullptr || record_.IsNull(list)) return true;
    size_t index = 0;
    return record_.ForEachItem("images", list, [this, key, &index](JsonValue& item) {
      if (index == pictures_.size()) pictures_.emplace_back();
      return record_.ReadText("images", item, pictures_[index++].Size(key));
    });
  });
}

bool Amazon2023Format::ReadDetails(JsonValue& value, v1::Product* product) {
  if (record_.IsNull(value)) return true;
  if (JsonRecord::FirstOf(value) == '"') {
    absl::string_view text;
    if (!record_.ReadString("details", value, &text)) return false;
    const auto read = [this, product](absl::string_view key, JsonValue& detail) {
      ReadDetail(details_, key, detail, product);
      return true;
    };
    // A string that is no dict says nothing: a product is whole without.
    if (details_.Open(text)) (void)details_.ForEachField(read);
    return true;
  }
  return record_.ForEachField("details", value, [this, product](absl::string_view key, JsonValue& detail) {
    ReadDetail(record_, key, detail, product);
    return true;
  });
}

void Amazon2023Format::ReadDetail(JsonRecord& record, absl::string_view key, JsonValue& value, v1::Product* product) {
  const Detail* const detail =
      std::find_if(std::begin(kDetails), std::end(kDetails), [key](const Detail& d) { return d.key == key; });
  const bool is_brand = key == "Brand";
  if (!is_brand && detail == std::end(kDetails)) return;
  absl::string_view text;
  if (JsonRecord::FirstOf(value) != '"' || !record.ReadString("details", value, &text)) return;
  CleanLine(text, &scratch_);
  if (!is_brand) {
    OfferAttribute(detail->attribute, scratch_, product);
  } else if (scratch_.size() <= kMaxBrandBytes) {
    product->mutable_brand()->assign(scratch_);
  }
}

}  // namespace mannequin

#include "services/mannequin/ingest/record_format.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/mannequin/ingest/amazon_2018_format.h"
#include "services/mannequin/ingest/amazon_2023_format.h"
#include "services/mannequin/ingest/jsonl_format.h"
#include "services/mannequin/ingest/merchant_format.h"
#include "services/mannequin/ingest/snap_format.h"

namespace mannequin {
namespace {

bool Fail(RecordError* error, std::string what) {
  *error = {0, std::move(what)};
  return false;
}

bool Fits(absl::string_view field, const std::string& value, size_t max_bytes, RecordError* error) {
  if (value.size() <= max_bytes) return true;
  return Fail(error, absl::StrCat(field, ": ", value.size(), " bytes, at most ", max_bytes, " are kept"));
}

bool CheckAttributes(const v1::Product& product, RecordError* error) {
  if (product.attributes().empty()) return true;
  if (product.attributes_size() > kMaxAttributes) {
    return Fail(error,
                absl::StrCat("attributes: ", product.attributes_size(), ", at most ", kMaxAttributes, " are kept"));
  }
  int checked = 0;
  for (const v1::Attribute& attribute : product.attributes()) {
    if (attribute.name().empty() || attribute.value().empty()) {
      return Fail(error, "attributes: a name or value is empty");
    }
    if (!Fits("attributes.name", attribute.name(), kMaxAttributeNameBytes, error)) return false;
    if (!Fits(attribute.name(), attribute.value(), kMaxAttributeValueBytes, error)) return false;
    if (absl::c_any_of(attribute.name(), [](unsigned char c) { return absl::ascii_isupper(c); })) {
      return Fail(error, absl::StrCat("attributes: \"", attribute.name(), "\" is not lower case"));
    }
    // At most 64: comparing each with those before it costs less than a set does.
    const auto same = [&attribute](const v1::Attribute& other) { return other.name() == attribute.name(); };
    if (std::find_if(product.attributes().begin(), product.attributes().end(), same) !=
        product.attributes().begin() + checked++) {
      return Fail(error, absl::StrCat("attributes: \"", attribute.name(), "\" stands twice"));
    }
  }
  return true;
}

}  // namespace

const std::vector<absl::string_view>& KnownFormats() {
  static const auto* const kNames =
      new std::vector<absl::string_view>{"jsonl", "snap", "amazon-2018", "amazon-2023", "merchant"};
  return *kNames;
}

absl::StatusOr<std::unique_ptr<RecordFormat>> NewRecordFormat(absl::string_view name) {
  if (name == "jsonl") return std::make_unique<JsonlFormat>();
  if (name == "amazon-2018") return std::make_unique<Amazon2018Format>();
  if (name == "amazon-2023") return std::make_unique<Amazon2023Format>();
  if (name == "merchant") return std::make_unique<MerchantFormat>();
  if (name == "snap") return std::make_unique<SnapFormat>();
  return absl::InvalidArgumentError(
      absl::StrCat("unknown catalogue format \"", name, "\"; known: ", absl::StrJoin(KnownFormats(), ", ")));
}

void SetAttribute(absl::string_view name, absl::string_view value, v1::Product* product) {
  for (v1::Attribute& attribute : *product->mutable_attributes()) {
    if (attribute.name() != name) continue;
    attribute.mutable_value()->assign(value.data(), value.size());
    return;
  }
  v1::Attribute* const attribute = product->add_attributes();
  attribute->mutable_name()->assign(name.data(), name.size());
  attribute->mutable_value()->assign(value.data(), value.size());
}

void OfferAttribute(absl::string_view name, absl::string_view value, v1::Product* product) {
  if (value.empty() || value.size() > kMaxAttributeValueBytes) return;
  if (name.empty() || name.size() > kMaxAttributeNameBytes) return;
  if (product->attributes_size() >= kMaxAttributes) return;
  SetAttribute(name, value, product);
}

bool CheckProduct(const v1::Product& product, RecordError* error) {
  if (product.id().empty()) return Fail(error, "the record has no id (SNAP: \"asin\")");
  if (!Fits("id", product.id(), kMaxProductIdBytes, error)) return false;
  for (const char c : product.id()) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return Fail(error, "id: a control character");
  }
  if (product.title().empty() && product.category_path().empty()) {
    return Fail(error, "the record has neither a title nor a category");
  }
  if (!Fits("title", product.title(), kMaxTitleBytes, error) ||
      !Fits("brand", product.brand(), kMaxBrandBytes, error) ||
      !Fits("description", product.description(), kMaxDescriptionBytes, error) ||
      !Fits("image_url", product.image_url(), kMaxImageUrlBytes, error)) {
    return false;
  }
  if (product.category_path_size() > kMaxCategoryParts) {
    return Fail(error, absl::StrCat("category_path: ", product.category_path_size(), " parts, at most ",
                                    kMaxCategoryParts, " are kept"));
  }
  for (const std::string& part : product.category_path()) {
    if (!Fits("category_path", part, kMaxCategoryPartBytes, error)) return false;
  }
  return CheckAttributes(product, error);
}

}  // namespace mannequin

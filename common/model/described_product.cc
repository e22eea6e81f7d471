#include "common/model/described_product.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/status_macros.h"
#include "common/model/derived_attributes.h"

namespace mannequin {
namespace {

absl::Status CheckBytes(absl::string_view field, const std::string& text, std::size_t most) {
  if (text.size() <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", text.size(), " bytes, expected at most ", most));
}

absl::Status CheckCount(absl::string_view field, int count, int most) {
  if (count <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", count, " of them, expected at most ", most));
}

}  // namespace

absl::Status CheckDescribed(const v1::Product& product) {
  if (LeafCategory(product).empty()) {
    return absl::InvalidArgumentError("product.category_path: empty; name at least the leaf category");
  }
  RETURN_IF_ERROR(CheckBytes("product.id", product.id(), 128));
  RETURN_IF_ERROR(CheckBytes("product.title", product.title(), 4096));
  RETURN_IF_ERROR(CheckBytes("product.brand", product.brand(), 256));
  RETURN_IF_ERROR(CheckBytes("product.description", product.description(), 65536));
  RETURN_IF_ERROR(CheckBytes("product.image_url", product.image_url(), 2048));
  RETURN_IF_ERROR(CheckCount("product.category_path", product.category_path_size(), 16));
  for (const std::string& part : product.category_path()) {
    RETURN_IF_ERROR(CheckBytes("product.category_path", part, 256));
  }
  RETURN_IF_ERROR(CheckCount("product.attributes", product.attributes_size(), 64));
  for (const v1::Attribute& attribute : product.attributes()) {
    RETURN_IF_ERROR(CheckBytes("product.attributes.name", attribute.name(), 64));
    RETURN_IF_ERROR(CheckBytes("product.attributes.value", attribute.value(), 256));
  }
  return absl::OkStatus();
}

absl::Status CheckListing(const v1::Product& product) {
  if (absl::StripAsciiWhitespace(product.title()).empty()) {
    return absl::InvalidArgumentError("product.title: empty; say what the product is");
  }
  return CheckDescribed(product);
}

std::string LeafCategory(const v1::Product& product) {
  if (product.category_path().empty()) return "";
  return product.category_path(product.category_path_size() - 1);
}

std::string ListedColor(const v1::Product& product) {
  const auto find = [](const v1::Product& described) -> std::string {
    for (const v1::Attribute& attribute : described.attributes()) {
      if (attribute.name() == "color") return absl::AsciiStrToLower(attribute.value());
    }
    return "";
  };
  if (std::string given = find(product); !given.empty()) return given;
  v1::Product described = product;
  DeriveAttributes(&described);
  return find(described);
}

}  // namespace mannequin

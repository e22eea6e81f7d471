#include "services/mannequin/ingest/merchant_format.h"

#include <algorithm>
#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/utf8.h"
#include "common/text/html_entities.h"
#include "services/mannequin/ingest/catalog_text.h"
#include "services/mannequin/ingest/merchant_cell.h"

namespace mannequin {
namespace {

constexpr absl::string_view kVerbatim = "mannequin:";
// Nothing that describes a product, and long.
constexpr absl::string_view kAddresses[] = {"link",
                                            "mobile_link",
                                            "canonical_link",
                                            "ads_redirect",
                                            "additional_image_link",
                                            "additional_image_links",
                                            "lifestyle_image_link",
                                            "video_link",
                                            "virtual_model_link",
                                            "checkout_link_template"};

bool IsAddress(absl::string_view name) { return absl::c_linear_search(kAddresses, name); }

// "g:Image Link" -> "image_link".
std::string Canonical(absl::string_view name) {
  std::string canonical = absl::AsciiStrToLower(name);
  if (absl::StartsWith(canonical, "g:")) canonical.erase(0, 2);
  std::replace(canonical.begin(), canonical.end(), ' ', '_');
  return canonical;
}

bool IsNameCharacter(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
         c == '_';
}

bool Fail(int column, std::string what, RecordError* error) {
  *error = {column, std::move(what)};
  return false;
}

// A line of values, of JSON or of a web page is no header.
bool LooksLikeValue(absl::string_view name) {
  return absl::StrContains(name, "://") || name.find_first_of("{}<>") != absl::string_view::npos;
}

int ColumnAt(absl::string_view line, absl::string_view cell) { return static_cast<int>(cell.data() - line.data()) + 1; }

}  // namespace

std::string MerchantFormat::ColumnOf(absl::string_view attribute) {
  const bool plain = absl::c_all_of(attribute, IsNameCharacter);
  if (plain && ColumnFor(attribute).role == Role::kAttribute) return std::string(attribute);
  std::string column(kVerbatim);
  AppendCell(attribute, &column);
  return column;
}

MerchantFormat::Column MerchantFormat::ColumnFor(absl::string_view cell) {
  std::string name;
  ReadCell(cell, &name);
  if (absl::StartsWith(name, kVerbatim)) {
    return {Role::kAttribute, name.substr(kVerbatim.size()), /*verbatim=*/true};
  }
  name = Canonical(name);
  if (name == "id") return {Role::kId, name};
  if (name == "title") return {Role::kTitle, name};
  if (name == "description") return {Role::kDescription, name};
  if (name == "brand") return {Role::kBrand, name};
  if (name == "image_link") return {Role::kImage, name};
  if (name == "product_type") return {Role::kProductType, name};
  if (name == "google_product_category") return {Role::kGoogleCategory, name};
  if (name == "mannequin_derived") return {Role::kDerived, name};
  if (name == "mannequin_order") return {Role::kOrder, name};
  if (IsAddress(name) || name.size() > kMaxAttributeNameBytes) return {Role::kNone, name};
  return {Role::kAttribute, name};
}

bool MerchantFormat::ReadHeader(absl::string_view line, RecordError* error) {
  columns_.clear();
  const size_t invalid = FindInvalidUtf8(line);
  if (invalid != line.size()) return Fail(static_cast<int>(invalid) + 1, "invalid UTF-8", error);
  for (const absl::string_view cell : absl::StrSplit(line, '\t')) {
    Column column = ColumnFor(cell);
    if (column.name.empty() || (!column.verbatim && LooksLikeValue(column.name))) {
      return Fail(ColumnAt(line, cell),
                  absl::StrCat("header: \"", absl::CHexEscape(absl::StripAsciiWhitespace(cell).substr(0, 40)),
                               "\" is no column's name (expected a line such as \"id<tab>title<tab>image_link\")"),
                  error);
    }
    const bool twice = column.role != Role::kNone && absl::c_any_of(columns_, [&column](const Column& other) {
                         return other.role == column.role && other.name == column.name;
                       });
    if (twice) return Fail(ColumnAt(line, cell), absl::StrCat("header: ", column.name, " stands twice"), error);
    columns_.push_back(std::move(column));
  }
  return CheckColumns(error);
}

bool MerchantFormat::CheckColumns(RecordError* error) {
  const auto has = [this](Role role) {
    return absl::c_any_of(columns_, [role](const Column& column) { return column.role == role; });
  };
  if (columns_.size() < 2) {
    return Fail(0, "header: one column only (expected a line such as \"id<tab>title<tab>image_link\")", error);
  }
  if (!has(Role::kId)) return Fail(0, "header: no column \"id\"", error);
  if (!has(Role::kTitle) && !has(Role::kProductType) && !has(Role::kGoogleCategory)) {
    return Fail(0, "header: no column \"title\", \"product_type\" or \"google_product_category\"", error);
  }
  exact_ = has(Role::kDerived);
  return true;
}

bool MerchantFormat::Parse(absl::string_view line, v1::Product* product, RecordError* error) {
  product->Clear();
  google_category_ = derived_ = order_ = {};
  const size_t invalid = FindInvalidUtf8(line);
  if (invalid != line.size()) return Fail(static_cast<int>(invalid) + 1, "invalid UTF-8", error);
  size_t cells = 0;
  for (const absl::string_view cell : absl::StrSplit(line, '\t')) {
    if (cells < columns_.size()) ReadCellInto(columns_[cells], cell, product);
    ++cells;
  }
  if (cells != columns_.size()) {
    return Fail(0,
                absl::StrCat(cells, " cells, the header has ", columns_.size(), " columns: ",
                             cells < columns_.size() ? "was the line cut?" : "is there a tab inside a value?"),
                error);
  }
  if (product->id().empty()) return Fail(0, "id: empty; every product needs one", error);
  UseGoogleCategory(product);
  return ReadDerived(product, error) && ReadOrder(product, error) && CheckProduct(*product, error);
}

void MerchantFormat::ReadCellInto(const Column& column, absl::string_view cell, v1::Product* product) {
  switch (column.role) {
    case Role::kId:
      return ReadText(cell, product->mutable_id());
    case Role::kTitle:
      return ReadText(cell, product->mutable_title());
    case Role::kBrand:
      return ReadText(cell, product->mutable_brand());
    case Role::kImage:
      return ReadText(cell, product->mutable_image_url());
    case Role::kDescription:
      if (exact_) return ReadCell(cell, product->mutable_description());
      return AppendParagraph(StripCell(cell, &scratch_), kMaxDescriptionBytes, product->mutable_description());
    case Role::kProductType:
      return ReadPath(cell, product);
    case Role::kGoogleCategory:
      google_category_ = cell;
      return;
    case Role::kDerived:
      derived_ = cell;
      return;
    case Role::kOrder:
      order_ = cell;
      return;
    case Role::kAttribute:
      if (cell.empty()) return;
      ReadText(cell, &scratch_);
      OfferAttribute(column.name, scratch_, product);
      return;
    case Role::kNone:
      return;
  }
}

void MerchantFormat::ReadText(absl::string_view cell, std::string* text) {
  if (exact_) return ReadCell(cell, text);
  std::string quoted;
  CleanLine(StripCell(cell, &quoted), text);
}

void MerchantFormat::ReadPath(absl::string_view cell, v1::Product* product) {
  ForEachPartOfPath(cell, [this, product](absl::string_view part) {
    if (part.empty()) return;
    std::string* const text = product->add_category_path();
    if (exact_) {
      text->clear();
      AppendHtmlDecoded(part, text);
    } else {
      CleanLine(part, text);
    }
    if (text->empty()) product->mutable_category_path()->RemoveLast();
  });
}

void MerchantFormat::UseGoogleCategory(v1::Product* product) {
  ReadText(google_category_, &scratch_);
  const bool number = absl::c_all_of(scratch_, [](unsigned char c) { return absl::ascii_isdigit(c); });
  if (product->category_path().empty() && !number) {
    ReadPath(google_category_, product);
  } else {
    OfferAttribute("google_product_category", scratch_, product);
  }
}

bool MerchantFormat::ReadDerived(v1::Product* product, RecordError* error) {
  if (derived_.empty()) return true;
  for (const absl::string_view cell : absl::StrSplit(derived_, ',')) {
    ReadCell(cell, &scratch_);
    const auto found = absl::c_find_if(*product->mutable_attributes(),
                                       [this](const v1::Attribute& attribute) { return attribute.name() == scratch_; });
    if (found == product->mutable_attributes()->end()) {
      return Fail(0, absl::StrCat("mannequin_derived: the product has no attribute \"", scratch_, "\""), error);
    }
    found->set_derived(true);
  }
  return true;
}

bool MerchantFormat::ReadOrder(v1::Product* product, RecordError* error) {
  if (order_.empty()) return true;
  auto& attributes = *product->mutable_attributes();
  int next = 0;
  for (const absl::string_view cell : absl::StrSplit(order_, ',')) {
    ReadCell(cell, &scratch_);
    int at = next;
    while (at < attributes.size() && attributes[at].name() != scratch_) ++at;
    if (at >= attributes.size()) {
      return Fail(0, absl::StrCat("mannequin_order: the product has no other attribute \"", scratch_, "\""), error);
    }
    attributes.SwapElements(next++, at);
  }
  return true;
}

}  // namespace mannequin

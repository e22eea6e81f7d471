// A product feed of Google Merchant Center as tab-separated text. The first line names the
// columns: in any case, with blanks or underscores, with or without "g:" before them.
//
//   id     title        description  link         image_link     brand  product_type     color  price
//   A-17   Red Dress    Soft.        https://...  https://....   Acme   Women > Dresses  red    12.99 EUR
//
//   id, title, description, brand      the fields of that name
//   image_link                         image_url
//   product_type                       category_path: the first path of the cell
//   google_product_category            category_path where product_type is empty and it is no
//                                      number; otherwise an attribute
//   link and the other addresses       left out (kAddresses in merchant_format.cc)
//   any other column                   an attribute of its name in lower case, with "_" for
//                                      blanks; left out when over the bounds of product.proto
//
// Cells are as merchant_cell.h has them; texts are cleaned (catalog_text.h). A line has as
// many cells as the header. A file that `mannequin export` wrote is read back to the byte,
// nothing cleaned and nothing derived. Its header has
//
//   mannequin_derived   which attributes were derived from the title: names, commas between
//   mannequin_order     the attributes' names in their order, where it is not the columns'
//   mannequin:NAME      an attribute whose name is no column's, such as "sleeve length"
//
// Source: https://support.google.com/merchants/answer/7052112.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "services/mannequin/ingest/record_format.h"

namespace mannequin {

class MerchantFormat : public RecordFormat {
 public:
  absl::string_view name() const override { return "merchant"; }
  std::unique_ptr<RecordFormat> Clone() const override { return std::make_unique<MerchantFormat>(*this); }
  bool HasHeader() const override { return true; }
  bool ReadHeader(absl::string_view line, RecordError* error) override;
  bool Parse(absl::string_view line, v1::Product* product, RecordError* error) override;
  bool DerivesAttributes() const override { return !exact_; }

  // How an attribute's column is called in a header: its name where that says the attribute
  // and nothing else, otherwise "mannequin:NAME".
  static std::string ColumnOf(absl::string_view attribute);

 private:
  enum class Role {
    kId,
    kTitle,
    kDescription,
    kBrand,
    kImage,
    kProductType,
    kGoogleCategory,
    kDerived,
    kOrder,
    kAttribute,
    kNone
  };
  struct Column {
    Role role;
    // As messages call it; of kAttribute the attribute's name.
    std::string name;
    // "mannequin:NAME".
    bool verbatim = false;
  };

  static Column ColumnFor(absl::string_view cell);
  bool CheckColumns(RecordError* error);
  void ReadCellInto(const Column& column, absl::string_view cell, v1::Product* product);
  void ReadText(absl::string_view cell, std::string* text);
  void ReadPath(absl::string_view cell, v1::Product* product);
  void UseGoogleCategory(v1::Product* product);
  bool ReadDerived(v1::Product* product, RecordError* error);
  bool ReadOrder(v1::Product* product, RecordError* error);

  std::vector<Column> columns_;
  // Of our own export.
  bool exact_ = false;
  // Cells of the line being read that wait for the others.
  absl::string_view google_category_;
  absl::string_view derived_;
  absl::string_view order_;
  std::string scratch_;
};

}  // namespace mannequin

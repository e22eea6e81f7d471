#include "services/mannequin/export/catalog_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "services/mannequin/ingest/merchant_cell.h"
#include "services/mannequin/ingest/merchant_format.h"

namespace mannequin {
namespace {

class JsonlWriter : public CatalogWriter {
 public:
  void AppendHeader(std::string* /*out*/) override {}
  absl::Status Append(const v1::Product& product, std::string* out) override {
    line_.clear();
    const google::protobuf::util::Status status = google::protobuf::util::MessageToJsonString(product, &line_);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("product \"", product.id(),
                       "\" is no JSON: ", absl::string_view(status.message().data(), status.message().size())));
    }
    absl::StrAppend(out, line_, "\n");
    return absl::OkStatus();
  }

 private:
  std::string line_;
};

class MerchantWriter : public CatalogWriter {
 public:
  explicit MerchantWriter(AttributeColumns columns) : columns_(std::move(columns)) {}

  void AppendHeader(std::string* out) override {
    absl::StrAppend(out, "id\ttitle\tdescription\timage_link\tbrand\tproduct_type\t");
    for (const std::string& name : columns_.names()) absl::StrAppend(out, MerchantFormat::ColumnOf(name), "\t");
    absl::StrAppend(out, "mannequin_derived\tmannequin_order\n");
  }

  absl::Status Append(const v1::Product& product, std::string* out) override {
    cells_.assign(columns_.names().size(), nullptr);
    bool in_order = true;
    int last = -1;
    for (const v1::Attribute& attribute : product.attributes()) {
      const int column = columns_.IndexOf(attribute.name());
      if (column < 0) {
        return absl::AbortedError(absl::StrCat("product \"", product.id(), "\" has a new attribute \"",
                                               attribute.name(), "\": the store changed meanwhile, export again"));
      }
      cells_[static_cast<size_t>(column)] = &attribute;
      in_order &= column > last;
      last = column;
    }
    for (const std::string* text :
         {&product.id(), &product.title(), &product.description(), &product.image_url(), &product.brand()}) {
      AppendCell(*text, out);
      *out += '\t';
    }
    AppendPathOf(product, out);
    *out += '\t';
    for (const v1::Attribute* attribute : cells_) {
      if (attribute != nullptr) AppendCell(attribute->value(), out);
      *out += '\t';
    }
    AppendNames(
        product, [](const v1::Attribute& attribute) { return attribute.derived(); }, out);
    *out += '\t';
    if (!in_order)
      AppendNames(
          product, [](const v1::Attribute&) { return true; }, out);
    *out += '\n';
    return absl::OkStatus();
  }

 private:
  static void AppendPathOf(const v1::Product& product, std::string* out) {
    bool first = true;
    for (const std::string& part : product.category_path()) {
      if (part.empty()) continue;
      if (!std::exchange(first, false)) *out += " > ";
      AppendPart(part, out);
    }
  }

  template <typename Predicate>
  static void AppendNames(const v1::Product& product, Predicate wanted, std::string* out) {
    bool first = true;
    for (const v1::Attribute& attribute : product.attributes()) {
      if (!wanted(attribute)) continue;
      if (!std::exchange(first, false)) *out += ',';
      AppendName(attribute.name(), out);
    }
  }

  const AttributeColumns columns_;
  // Of one product, a column each.
  std::vector<const v1::Attribute*> cells_;
};

}  // namespace

absl::Status AttributeColumns::Add(const v1::Product& product) {
  for (const v1::Attribute& attribute : product.attributes()) {
    const auto [entry, added] = index_.try_emplace(attribute.name(), static_cast<int>(names_.size()));
    if (!added) continue;
    names_.push_back(attribute.name());
    if (names_.size() > kMost) {
      return absl::FailedPreconditionError(
          absl::StrCat("the products have more than ", kMost,
                       " kinds of attributes, each a column of a merchant feed; export jsonl, or fewer products"));
    }
  }
  return absl::OkStatus();
}

int AttributeColumns::IndexOf(absl::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : found->second;
}

std::unique_ptr<CatalogWriter> NewJsonlWriter() { return std::make_unique<JsonlWriter>(); }

std::unique_ptr<CatalogWriter> NewMerchantWriter(AttributeColumns columns) {
  return std::make_unique<MerchantWriter>(std::move(columns));
}

}  // namespace mannequin

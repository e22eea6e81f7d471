#include "services/mannequin/export/catalog_export.h"

#include <memory>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/store/lacks_image.h"
#include "services/mannequin/export/catalog_writer.h"
#include "services/mannequin/export/output_file.h"

namespace mannequin {
namespace {

constexpr int64_t kProductsAProgress = 1000;

// A path's segment: RFC 3986's unreserved characters stay.
std::string PercentEncoded(absl::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-._~", c)) {
      encoded += c;
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return encoded;
}

class Export {
 public:
  Export(const std::string& path, const ExportOptions& options, ProductStore& store,
         const ExportProgressCallback& progress)
      : path_(path), options_(options), store_(store), progress_(progress), start_(options.clock->Now()) {}

  absl::StatusOr<ExportReport> Run() {
    // First: a path that cannot be written should not cost a pass over the store.
    ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file, OutputFile::Create(path_));
    ASSIGN_OR_RETURN(const std::unique_ptr<CatalogWriter> writer, NewWriter());
    if (options_.placeholders) RETURN_IF_ERROR(FindPlaceholders());
    std::string text;
    writer->AppendHeader(&text);
    RETURN_IF_ERROR(file->Write(text));
    RETURN_IF_ERROR(Scan(/*collecting=*/false, [&](const v1::StoredProduct& stored) -> absl::Status {
      text.clear();
      const v1::Product& product = stored.product();
      if (HasPlaceholder(stored)) {
        RETURN_IF_ERROR(writer->Append(WithPlaceholder(product), &text));
      } else {
        RETURN_IF_ERROR(writer->Append(product, &text));
      }
      report_.refused_by_ingest += product.title().empty() && product.category_path().empty();
      ++report_.products;
      return file->Write(text);
    }));
    RETURN_IF_ERROR(file->Finish());
    report_.file_bytes = file->file_bytes();
    report_.seconds = Seconds();
    return report_;
  }

 private:
  absl::StatusOr<std::unique_ptr<CatalogWriter>> NewWriter() {
    if (options_.format == "jsonl") return NewJsonlWriter();
    AttributeColumns columns;
    RETURN_IF_ERROR(Scan(/*collecting=*/true,
                         [&columns](const v1::StoredProduct& stored) { return columns.Add(stored.product()); }));
    return NewMerchantWriter(std::move(columns));
  }

  // Only their ids: of a large catalogue, still no memory to speak of.
  absl::Status FindPlaceholders() {
    v1::ListPlaceholdersRequest request;
    request.set_state(v1::PLACEHOLDER_STATE_APPROVED);
    request.set_page_size(1000);
    do {
      ASSIGN_OR_RETURN(const v1::ListPlaceholdersResponse page, store_.ListPlaceholders(request));
      for (const v1::Placeholder& placeholder : page.placeholders()) placeholders_.insert(placeholder.product_id());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    return absl::OkStatus();
  }

  bool HasPlaceholder(const v1::StoredProduct& stored) const {
    return LacksImage(stored.image().state()) && placeholders_.contains(stored.product().id());
  }

  v1::Product WithPlaceholder(v1::Product product) {
    if (options_.image_base.empty()) {
      ++report_.placeholders_left_out;
      return product;
    }
    ++report_.placeholders_linked;
    product.set_image_url(
        absl::StrCat(absl::StripSuffix(options_.image_base, "/"), "/images/", PercentEncoded(product.id())));
    return product;
  }

  absl::Status Scan(bool collecting, const std::function<absl::Status(const v1::StoredProduct&)>& visit) {
    v1::ScanProductsRequest request;
    *request.mutable_filter() = options_.filter;
    int64_t products = 0;
    return store_.ScanProducts(request, [&](const v1::StoredProduct& stored) -> absl::Status {
      RETURN_IF_ERROR(visit(stored));
      if (++products % kProductsAProgress != 0 || !progress_) return absl::OkStatus();
      if (progress_({.collecting = collecting, .products = products, .seconds = Seconds()})) return absl::OkStatus();
      return absl::CancelledError(absl::StrCat("writing ", path_, " was cancelled"));
    });
  }

  double Seconds() const { return absl::ToDoubleSeconds(options_.clock->Now() - start_); }

  const std::string& path_;
  const ExportOptions& options_;
  ProductStore& store_;
  const ExportProgressCallback& progress_;
  const absl::Time start_;
  absl::flat_hash_set<std::string> placeholders_;
  ExportReport report_;
};

}  // namespace

absl::Status CheckImageBase(absl::string_view image_base) {
  absl::string_view rest = image_base;
  const bool http = absl::ConsumePrefix(&rest, "https://") || absl::ConsumePrefix(&rest, "http://");
  const bool whole = !rest.empty() && rest[0] != '/' && absl::c_all_of(rest, [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '?' && c != '#';
  });
  if (http && whole && image_base.size() <= 1024) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("image base: \"", absl::CHexEscape(image_base.substr(0, 100)),
                                                 "\" is no address, expected e.g. https://shop.example"));
}

absl::StatusOr<ExportReport> ExportCatalog(const std::string& path, const ExportOptions& options, ProductStore& store,
                                           const ExportProgressCallback& progress) {
  if (options.format != "jsonl" && options.format != "merchant") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown format \"", options.format, "\" to export; known: jsonl, merchant"));
  }
  if (!options.image_base.empty()) RETURN_IF_ERROR(CheckImageBase(options.image_base));
  return Export(path, options, store, progress).Run();
}

}  // namespace mannequin

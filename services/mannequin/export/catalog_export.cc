#include "services/mannequin/export/catalog_export.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "services/mannequin/export/catalog_writer.h"
#include "services/mannequin/export/output_file.h"

namespace mannequin {
namespace {

constexpr int64_t kProductsAProgress = 1000;

class Export {
 public:
  Export(const std::string& path, const ExportOptions& options, ProductStore& store,
         const ExportProgressCallback& progress)
      : path_(path), options_(options), store_(store), progress_(progress), start_(options.clock->Now()) {}

  absl::StatusOr<ExportReport> Run() {
    // First: a path that cannot be written should not cost a pass over the store.
    ASSIGN_OR_RETURN(const std::unique_ptr<OutputFile> file, OutputFile::Create(path_));
    ASSIGN_OR_RETURN(const std::unique_ptr<CatalogWriter> writer, NewWriter());
    std::string text;
    writer->AppendHeader(&text);
    RETURN_IF_ERROR(file->Write(text));
    RETURN_IF_ERROR(Scan(/*collecting=*/false, [&](const v1::Product& product) -> absl::Status {
      text.clear();
      RETURN_IF_ERROR(writer->Append(product, &text));
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
    RETURN_IF_ERROR(Scan(/*collecting=*/true, [&columns](const v1::Product& product) { return columns.Add(product); }));
    return NewMerchantWriter(std::move(columns));
  }

  absl::Status Scan(bool collecting, const std::function<absl::Status(const v1::Product&)>& visit) {
    v1::ScanProductsRequest request;
    *request.mutable_filter() = options_.filter;
    int64_t products = 0;
    return store_.ScanProducts(request, [&](const v1::StoredProduct& stored) -> absl::Status {
      RETURN_IF_ERROR(visit(stored.product()));
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
  ExportReport report_;
};

}  // namespace

absl::StatusOr<ExportReport> ExportCatalog(const std::string& path, const ExportOptions& options, ProductStore& store,
                                           const ExportProgressCallback& progress) {
  if (options.format != "jsonl" && options.format != "merchant") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown format \"", options.format, "\" to export; known: jsonl, merchant"));
  }
  return Export(path, options, store, progress).Run();
}

}  // namespace mannequin

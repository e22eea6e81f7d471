#include "tests/bench/score/listings.h"

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/model/described_product.h"
#include "services/mannequin/ingest/byte_source.h"
#include "services/mannequin/ingest/catalog_reader.h"
#include "tests/bench/score/tar.h"

namespace mannequin {

absl::StatusOr<std::vector<v1::ScoreListingRequest>> ReadListings(const std::string& catalog, const std::string& images,
                                                                  const std::vector<std::string>& categories,
                                                                  std::size_t most) {
  const std::set<std::string> known(categories.begin(), categories.end());
  ASSIGN_OR_RETURN(const std::unique_ptr<ByteSource> source, ByteSource::Open(catalog));
  ASSIGN_OR_RETURN(const std::unique_ptr<CatalogReader> reader, CatalogReader::Start(*source, {.catalog = catalog}));
  std::map<std::string, v1::Product> products;
  while (true) {
    ASSIGN_OR_RETURN(std::unique_ptr<ParsedChunk> chunk, reader->Next());
    if (chunk == nullptr) break;
    for (std::size_t r = 0; r < chunk->used; ++r) {
      for (v1::Product& product : *chunk->requests[r].mutable_products()) {
        if (known.count(LeafCategory(product)) > 0) products[product.id()] = std::move(product);
      }
    }
    reader->Recycle(std::move(chunk));
  }
  ASSIGN_OR_RETURN(std::vector<TarFile> files, ReadTar(images, 10 * most));
  std::vector<v1::ScoreListingRequest> requests;
  for (TarFile& file : files) {
    const auto product = products.find(file.name.substr(0, file.name.rfind('.')));
    if (product == products.end() || requests.size() == most) continue;
    v1::ScoreListingRequest& request = requests.emplace_back();
    *request.mutable_product() = product->second;
    request.set_image(std::move(file.bytes));
  }
  if (requests.empty())
    return absl::InvalidArgumentError(absl::StrCat(images, ": no picture of a product of ", catalog));
  return requests;
}

absl::StatusOr<std::vector<v1::ScoreListingRequest>> ReadPictures(const std::string& images, const v1::Product& product,
                                                                  std::size_t most) {
  ASSIGN_OR_RETURN(std::vector<TarFile> files, ReadTar(images, most));
  std::vector<v1::ScoreListingRequest> requests;
  for (TarFile& file : files) {
    v1::ScoreListingRequest& request = requests.emplace_back();
    *request.mutable_product() = product;
    request.set_image(std::move(file.bytes));
  }
  if (requests.empty()) return absl::InvalidArgumentError(absl::StrCat(images, ": has no files"));
  return requests;
}

}  // namespace mannequin

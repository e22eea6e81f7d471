#include "services/embedder/catalog_embedder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "services/embedder/stored_embeddings.h"
#include "services/embedder/text_hash.h"

namespace mannequin {
namespace {

// Products read between two reports.
constexpr std::size_t kBatch = 2'048;

struct Item {
  v1::Embedding embedding;  // without values when nothing of the text is known
  std::string text;
  bool has_vector;  // of this bundle, in the store, though of another text
};

bool SamePath(const v1::Embedding& a, const v1::Embedding& b) {
  return std::equal(a.category_path().begin(), a.category_path().end(), b.category_path().begin(),
                    b.category_path().end());
}

class CatalogRun {
 public:
  CatalogRun(ProductStore& store, const TextEncoder& encoder, const std::string& bundle_version,
             const CatalogReport& report)
      : store_(store), encoder_(encoder), bundle_version_(bundle_version), report_(report) {}

  absl::StatusOr<v1::EmbedCatalogProgress> Run() {
    ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store_.GetStatistics({}));
    products_ = statistics.products();
    StoredEmbeddings stored(store_);
    RETURN_IF_ERROR(store_.ScanProducts({}, [&](const v1::StoredProduct& product) -> absl::Status {
      ASSIGN_OR_RETURN(const v1::Embedding* before, stored.Find(product.product().id()));
      Take(product.product(), before);
      return ++read_ == kBatch ? Flush() : absl::OkStatus();
    }));
    RETURN_IF_ERROR(Flush());
    return progress_;
  }

 private:
  // Puts it on the list when it has to be embedded.
  void Take(const v1::Product& product, const v1::Embedding* before) {
    Item item;
    item.text = ProductText(product);
    item.embedding.set_product_id(product.id());
    item.embedding.set_bundle_version(bundle_version_);
    item.embedding.set_text_hash(TextHash(item.text));
    *item.embedding.mutable_category_path() = product.category_path();
    item.has_vector = before != nullptr && before->bundle_version() == bundle_version_;
    if (item.has_vector && before->text_hash() == item.embedding.text_hash() && SamePath(*before, item.embedding)) {
      progress_.set_unchanged(progress_.unchanged() + 1);
    } else {
      items_.push_back(std::move(item));
    }
  }

  void EncodeAll() {
    ParallelFor(items_.size(), 16, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        const absl::StatusOr<EncodedText> encoded = encoder_.Encode(items_[i].text);
        if (!encoded.ok()) continue;
        items_[i].embedding.mutable_values()->Add(encoded->values.begin(), encoded->values.end());
      }
    });
  }

  absl::Status Flush() {
    EncodeAll();
    v1::PutEmbeddingsRequest request;
    for (Item& item : items_) {
      const bool known = !item.embedding.values().empty();
      known ? progress_.set_embedded(progress_.embedded() + 1) : progress_.set_skipped(progress_.skipped() + 1);
      if (!known && !item.has_vector) continue;
      // A vector cannot be taken back, but one of no bundle is compared with nothing.
      if (!known) {
        item.embedding.clear_bundle_version();
        item.embedding.mutable_values()->Resize(encoder_.dimension(), 0.0f);
      }
      request.mutable_embeddings()->Add(std::move(item.embedding));
    }
    items_.clear();
    read_ = 0;
    if (request.embeddings_size() > 0) RETURN_IF_ERROR(store_.PutEmbeddings(request).status());
    progress_.set_seconds(absl::ToDoubleSeconds(absl::Now() - begin_));
    const auto seen = static_cast<double>(progress_.embedded() + progress_.skipped() + progress_.unchanged());
    return report_(progress_, std::min(1.0, seen / static_cast<double>(std::max<std::int64_t>(1, products_))));
  }

  ProductStore& store_;
  const TextEncoder& encoder_;
  const std::string& bundle_version_;
  const CatalogReport& report_;
  const absl::Time begin_ = absl::Now();
  std::int64_t products_ = 0;  // in the store
  std::size_t read_ = 0;       // since the last flush
  std::vector<Item> items_;
  v1::EmbedCatalogProgress progress_;
};

}  // namespace

absl::StatusOr<v1::EmbedCatalogProgress> EmbedCatalog(ProductStore& store, const TextEncoder& encoder,
                                                      const std::string& bundle_version, const CatalogReport& report) {
  return CatalogRun(store, encoder, bundle_version, report).Run();
}

}  // namespace mannequin

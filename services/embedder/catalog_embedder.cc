#include "services/embedder/catalog_embedder.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr std::size_t kBatch = 2'048;

struct Item {
  std::string product_id, text;
  std::vector<float> values;  // empty when nothing of the text is known
};

void EncodeAll(const TextEncoder& encoder, std::vector<Item>& items) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < items.size(); i = next++) {
      absl::StatusOr<EncodedText> encoded = encoder.Encode(items[i].text);
      if (encoded.ok()) items[i].values = std::move(encoded->values);
    }
  };
  std::vector<std::thread> others;
  for (unsigned t = 1; t < std::thread::hardware_concurrency(); ++t) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
}

}  // namespace

absl::StatusOr<v1::EmbedCatalogProgress> EmbedCatalog(ProductStore& store, const TextEncoder& encoder,
                                                      const std::string& bundle_version, const CatalogReport& report) {
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, store.GetStatistics({}));
  const absl::Time begin = absl::Now();
  v1::EmbedCatalogProgress progress;
  std::vector<Item> items;
  const auto flush = [&]() -> absl::Status {
    EncodeAll(encoder, items);
    v1::PutEmbeddingsRequest request;
    for (const Item& item : items) {
      if (item.values.empty()) {
        progress.set_skipped(progress.skipped() + 1);
        continue;
      }
      v1::Embedding& embedding = *request.add_embeddings();
      embedding.set_product_id(item.product_id);
      embedding.mutable_values()->Add(item.values.begin(), item.values.end());
      embedding.set_bundle_version(bundle_version);
    }
    items.clear();
    if (request.embeddings_size() > 0) RETURN_IF_ERROR(store.PutEmbeddings(request).status());
    progress.set_embedded(progress.embedded() + request.embeddings_size());
    progress.set_seconds(absl::ToDoubleSeconds(absl::Now() - begin));
    const auto seen = static_cast<double>(progress.embedded() + progress.skipped());
    return report(progress,
                  std::min(1.0, seen / static_cast<double>(std::max<std::int64_t>(1, statistics.products()))));
  };
  RETURN_IF_ERROR(store.ScanProducts({}, [&](const v1::StoredProduct& stored) {
    items.push_back({stored.product().id(), ProductText(stored.product()), {}});
    return items.size() == kBatch ? flush() : absl::OkStatus();
  }));
  RETURN_IF_ERROR(flush());
  return progress;
}

}  // namespace mannequin

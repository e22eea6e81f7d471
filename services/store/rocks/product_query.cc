#include "services/store/rocks/product_query.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/time_util.h"
#include "rocksdb/snapshot.h"
#include "services/store/rocks/prefix_cursor.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/validate.h"

namespace mannequin::store {
namespace {

using Cursors = std::vector<std::unique_ptr<PrefixCursor>>;

using google::protobuf::util::TimeUtil;

absl::Status Gone(absl::string_view id) {
  return absl::DataLossError(absl::StrCat("products/", id, ": in the index, but gone; run mannequin doctor"));
}

bool UpdatedAfter(const v1::StoredProduct& product, const v1::ProductFilter& filter) {
  return !filter.has_updated_after() || product.updated_at() > filter.updated_after();
}

Cursors CursorsOf(const Database& db, const v1::ProductFilter& filter, const rocksdb::ReadOptions& options) {
  Cursors cursors;
  const auto add = [&](std::string prefix) {
    cursors.push_back(std::make_unique<PrefixCursor>(db, std::move(prefix), options));
  };
  if (!filter.category_path().empty()) add(CategoryPrefix(filter.category_path(), filter.category_path_size()));
  if (!filter.brand().empty()) add(BrandPrefix(filter.brand()));
  if (filter.image_state() != v1::IMAGE_STATE_UNSPECIFIED) add(ImageStatePrefix(filter.image_state()));
  if (filter.verdict() != v1::VERDICT_KIND_UNSPECIFIED) add(VerdictKindPrefix(filter.verdict()));
  return cursors;
}

// Moves all cursors forward to one id that they share. False when there is none.
bool Align(Cursors& cursors) {
  for (std::size_t agreed = 0, i = 0; agreed < cursors.size(); i = (i + 1) % cursors.size()) {
    if (!cursors[i]->Valid()) return false;
    PrefixCursor& next = *cursors[(i + 1) % cursors.size()];
    const std::string id(cursors[i]->id());
    if (!next.Valid()) return false;
    if (next.id() < id) next.Seek(id);
    if (!next.Valid()) return false;
    agreed = next.id() == id ? agreed + 1 : 0;
  }
  return true;
}

absl::Status VisitIndexed(const Database& db, const v1::ProductFilter& filter, absl::string_view after,
                          const rocksdb::ReadOptions& options, Cursors cursors, ProductVisitor visit) {
  // A verdict may be about a product that was never listed.
  const bool all_products = cursors.size() > 1 || filter.verdict() == v1::VERDICT_KIND_UNSPECIFIED;
  for (const auto& cursor : cursors) cursor->SeekAfter(after);
  for (; Align(cursors); cursors.front()->Next()) {
    const std::string id(cursors.front()->id());
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                     db.Read<v1::StoredProduct>(Family::kProducts, id, options));
    if (!product && all_products) return Gone(id);
    if (product && UpdatedAfter(*product, filter) && !visit(*product, id)) return absl::OkStatus();
  }
  for (const auto& cursor : cursors) RETURN_IF_ERROR(cursor->status());
  return absl::OkStatus();
}

// Positions are entries of the index without their tag: a time and an id.
absl::Status VisitUpdated(const Database& db, const google::protobuf::Timestamp& updated_after, absl::string_view after,
                          const rocksdb::ReadOptions& options, ProductVisitor visit) {
  PrefixCursor cursor(db, std::string(kUpdatedTag), options);
  if (after.empty()) {
    const google::protobuf::Timestamp next = updated_after + TimeUtil::NanosecondsToDuration(1);
    cursor.Seek(UpdatedPrefix(next).substr(kUpdatedTag.size()));
  } else {
    cursor.SeekAfter(after);
  }
  for (; cursor.Valid(); cursor.Next()) {
    const std::string position(cursor.id());
    const absl::string_view id = absl::string_view(position).substr(kUpdatedTimeBytes);
    ASSIGN_OR_RETURN(const std::optional<v1::StoredProduct> product,
                     db.Read<v1::StoredProduct>(Family::kProducts, id, options));
    if (!product) return Gone(id);
    if (!visit(*product, position)) return absl::OkStatus();
  }
  return cursor.status();
}

absl::Status VisitAll(const Database& db, absl::string_view after, const rocksdb::ReadOptions& options,
                      ProductVisitor visit) {
  const auto iterator = db.NewIterator(Family::kProducts, options);
  iterator->Seek(ToSlice(after));
  if (!after.empty() && iterator->Valid() && ToView(iterator->key()) == after) iterator->Next();
  for (; iterator->Valid(); iterator->Next()) {
    ASSIGN_OR_RETURN(const v1::StoredProduct product,
                     Decode<v1::StoredProduct>(Family::kProducts, ToView(iterator->key()), ToView(iterator->value())));
    if (!visit(product, ToView(iterator->key()))) return absl::OkStatus();
  }
  return FromRocks(iterator->status(), "scan products");
}

}  // namespace

absl::Status VisitProducts(const Database& db, const v1::ProductFilter& filter, absl::string_view after,
                           ProductVisitor visit) {
  rocksdb::ManagedSnapshot snapshot(&db.rocks());
  rocksdb::ReadOptions options;
  options.snapshot = snapshot.snapshot();
  Cursors cursors = CursorsOf(db, filter, options);
  if (!cursors.empty()) return VisitIndexed(db, filter, after, options, std::move(cursors), visit);
  // A scan of everything must not drive out what point reads use.
  options.fill_cache = false;
  if (filter.has_updated_after()) return VisitUpdated(db, filter.updated_after(), after, options, visit);
  return VisitAll(db, after, options, visit);
}

}  // namespace mannequin::store

// Long streams of products. What is gathered becomes one of two things:
//
//   few products        batches through the log, as for any other write
//   many that are new   tables of their own (table_batch.h), a third of the work
//
// A second thread keeps one segment while the next is gathered.
#include <pthread.h>

#include <array>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/rocks/database.h"
#include "services/store/rocks/fetch_queue.h"
#include "services/store/rocks/product_segment.h"
#include "services/store/rocks/rocks_edit.h"
#include "services/store/rocks/rocks_status.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/rocks/stored_record.h"
#include "services/store/rocks/table_batch.h"
#include "services/store/timestamp.h"
#include "services/store/validate.h"

namespace mannequin {

using store::Family;
using store::ProductSegment;

namespace {

// Big enough that a catalogue makes few tables, small enough that two of them are no
// memory to speak of.
constexpr std::size_t kSegmentBytes = std::size_t{24} << 20;
// Tables cost some ten fsyncs and a place in level 0, whatever their size.
constexpr std::size_t kFewProducts = 5'000;
// Each holds two segments.
constexpr int kMaxWriters = 8;
constexpr std::size_t kProductsInEdit = 2'000;
constexpr std::size_t kKeysInRead = 512;

void Add(const v1::UpsertProductsResponse& counts, v1::UpsertProductsResponse& sum) {
  sum.set_created(sum.created() + counts.created());
  sum.set_updated(sum.updated() + counts.updated());
  sum.set_unchanged(sum.unchanged() + counts.unchanged());
}

// How a segment differs from what is stored.
struct Comparison {
  // By place in the segment's entries.
  std::vector<bool> is_new;
  std::size_t new_products = 0;
  // Places of those that are there and differ.
  std::vector<std::uint32_t> changed;
  std::int64_t unchanged = 0;
};

absl::StatusOr<Comparison> Compare(const store::Database& db, const ProductSegment& segment) {
  const std::vector<ProductSegment::Entry>& entries = segment.entries();
  Comparison comparison;
  comparison.is_new.resize(entries.size());
  std::array<rocksdb::Slice, kKeysInRead> keys;
  std::array<rocksdb::PinnableSlice, kKeysInRead> values;
  std::array<rocksdb::Status, kKeysInRead> statuses;
  // A load must not drive out what point reads use.
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  for (std::size_t begin = 0; begin < entries.size(); begin += kKeysInRead) {
    const std::size_t count = std::min(kKeysInRead, entries.size() - begin);
    for (std::size_t i = 0; i < count; ++i) keys[i] = store::ToSlice(entries[begin + i].id);
    db.rocks().MultiGet(options, db.handle(Family::kProducts), count, keys.data(), values.data(), statuses.data(),
                        /*sorted_input=*/true);
    for (std::size_t i = 0; i < count; ++i) {
      const ProductSegment::Entry& entry = entries[begin + i];
      if (statuses[i].IsNotFound()) {
        comparison.is_new[begin + i] = true;
        ++comparison.new_products;
        continue;
      }
      RETURN_IF_ERROR(store::FromRocks(statuses[i], store::Describe("read", Family::kProducts, entry.id)));
      if (store::ProductInRecord(store::ToView(values[i])) == entry.product) {
        ++comparison.unchanged;
      } else {
        comparison.changed.push_back(static_cast<std::uint32_t>(begin + i));
      }
      values[i].Reset();
    }
  }
  return comparison;
}

// Records and index entries of the new products, as the store will have them.
absl::StatusOr<std::unique_ptr<store::TableBatch>> MakeTables(const store::Database& db, const ProductSegment& segment,
                                                              const std::vector<bool>& is_new,
                                                              const google::protobuf::Timestamp& now) {
  ASSIGN_OR_RETURN(std::unique_ptr<store::TableBatch> tables, store::TableBatch::Create(db));
  std::array<std::string, v1::ImageState_ARRAYSIZE> rest;
  for (const v1::ImageState state : {v1::IMAGE_STATE_MISSING, v1::IMAGE_STATE_PENDING}) {
    v1::StoredProduct stored;
    stored.mutable_image()->set_state(state);
    *stored.mutable_created_at() = now;
    *stored.mutable_updated_at() = now;
    rest[state] = stored.SerializeAsString();
  }
  const std::vector<ProductSegment::Entry>& entries = segment.entries();
  std::string bytes;
  for (std::size_t place = 0; place < entries.size(); ++place) {
    if (!is_new[place]) continue;
    store::MakeStoredRecord(entries[place].product, rest[entries[place].state], bytes);
    RETURN_IF_ERROR(tables->Put(Family::kProducts, entries[place].id, bytes));
  }
  const auto put_entry = [&](absl::string_view prefix, absl::string_view id) {
    bytes.assign(prefix.data(), prefix.size());
    bytes.append(id.data(), id.size());
    return tables->Put(Family::kIndex, bytes, "");
  };
  for (const ProductSegment::IndexList& list : segment.IndexLists(is_new)) {
    for (const std::uint32_t place : list.places) RETURN_IF_ERROR(put_entry(list.prefix, entries[place].id));
  }
  // Its tag comes after those of the lists.
  const std::string updated = store::UpdatedPrefix(now);
  for (std::size_t place = 0; place < entries.size(); ++place) {
    if (is_new[place]) RETURN_IF_ERROR(put_entry(updated, entries[place].id));
  }
  RETURN_IF_ERROR(tables->Finish());
  return tables;
}

// Not thread-safe; its thread is joined before it is used again.
class SegmentWriter final : public ProductWriter {
 public:
  using Keep = std::function<absl::Status(ProductSegment&, const std::optional<v1::IngestCheckpoint>&,
                                          v1::UpsertProductsResponse&)>;
  // `refused` is why there may not be one more; `slot` is given back with the writer.
  SegmentWriter(absl::Status refused, std::shared_ptr<void> slot, Keep keep)
      : refused_(std::move(refused)), slot_(std::move(slot)), keep_(std::move(keep)) {}
  ~SegmentWriter() override { Join(); }

  absl::Status Write(const v1::UpsertProductsRequest& request) override {
    RETURN_IF_ERROR(refused_);
    RETURN_IF_ERROR(store::CheckUpsert(request));
    for (const v1::Product& product : request.products()) gathered_.Add(product);
    if (request.has_checkpoint()) checkpoint_ = request.checkpoint();
    if (gathered_.bytes() < kSegmentBytes) return absl::OkStatus();
    Join();
    RETURN_IF_ERROR(kept_status_);
    std::swap(gathered_, in_work_);
    checkpoint_in_work_ = std::exchange(checkpoint_, std::nullopt);
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "store-segment");
      kept_status_ = KeepInWork();
    });
    return absl::OkStatus();
  }

  absl::StatusOr<v1::UpsertProductsResponse> Finish() override {
    RETURN_IF_ERROR(refused_);
    Join();
    RETURN_IF_ERROR(kept_status_);
    std::swap(gathered_, in_work_);
    checkpoint_in_work_ = std::exchange(checkpoint_, std::nullopt);
    RETURN_IF_ERROR(KeepInWork());
    return sum_;
  }

 private:
  absl::Status KeepInWork() {
    RETURN_IF_ERROR(keep_(in_work_, checkpoint_in_work_, sum_));
    in_work_.Clear();
    return absl::OkStatus();
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  const absl::Status refused_;
  const std::shared_ptr<void> slot_;
  const Keep keep_;
  ProductSegment gathered_;
  std::optional<v1::IngestCheckpoint> checkpoint_;
  // The thread's while it runs.
  ProductSegment in_work_;
  std::optional<v1::IngestCheckpoint> checkpoint_in_work_;
  v1::UpsertProductsResponse sum_;
  absl::Status kept_status_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ProductWriter> RocksStore::WriteProducts() {
  absl::StatusOr<Slot> slot = TakeSlot(writers_, kMaxWriters, "long streams of products");
  const absl::Status refused = slot.status();
  std::shared_ptr<void> held;
  if (slot.ok()) held = *std::move(slot);
  return std::make_unique<SegmentWriter>(
      refused, std::move(held),
      [this](ProductSegment& segment, const std::optional<v1::IngestCheckpoint>& checkpoint,
             v1::UpsertProductsResponse& counts) { return KeepSegment(segment, checkpoint, counts); });
}

absl::Status RocksStore::KeepSegment(ProductSegment& segment, const std::optional<v1::IngestCheckpoint>& checkpoint,
                                     v1::UpsertProductsResponse& counts) {
  if (segment.empty() && !checkpoint) return absl::OkStatus();
  segment.Seal();
  std::uint64_t ticket = 0;
  google::protobuf::Timestamp now;
  {
    absl::MutexLock lock(&mutex_);
    ticket = db_->last_ticket();
    now = store::ToProto(NextTime());
  }
  ASSIGN_OR_RETURN(Comparison comparison, Compare(*db_, segment));
  v1::UpsertProductsResponse kept;
  kept.set_unchanged(comparison.unchanged);
  for (const ProductSegment::Entry& entry : segment.entries()) {
    kept.set_unchanged(kept.unchanged() + entry.superseded_equal);
    kept.set_updated(kept.updated() + entry.superseded_different);
  }
  bool tables_kept = false;
  if (comparison.new_products > kFewProducts) {
    // The checkpoint comes with the last change.
    const bool last = comparison.changed.empty() && !(checkpoint && checkpoint->finished());
    ASSIGN_OR_RETURN(tables_kept, KeepAsTables(segment, comparison.is_new, comparison.new_products, ticket, now,
                                               last ? checkpoint : std::nullopt));
    if (tables_kept) kept.set_created(static_cast<std::int64_t>(comparison.new_products));
    if (tables_kept && last) {
      Add(kept, counts);
      return absl::OkStatus();
    }
  }
  std::vector<std::uint32_t> places = std::move(comparison.changed);
  if (!tables_kept) {
    for (std::uint32_t place = 0; place < comparison.is_new.size(); ++place) {
      if (comparison.is_new[place]) places.push_back(place);
    }
  }
  RETURN_IF_ERROR(KeepAsEdits(segment, places, checkpoint, kept));
  Add(kept, counts);
  return absl::OkStatus();
}

absl::Status RocksStore::KeepAsEdits(const ProductSegment& segment, const std::vector<std::uint32_t>& places,
                                     const std::optional<v1::IngestCheckpoint>& checkpoint,
                                     v1::UpsertProductsResponse& counts) {
  std::size_t next = 0;
  do {
    RETURN_IF_ERROR(Write([&](store::Edit& edit) -> absl::Status {
      const std::size_t end = std::min(places.size(), next + kProductsInEdit);
      v1::Product product;
      for (; next < end; ++next) {
        const ProductSegment::Entry& entry = segment.entries()[places[next]];
        if (!product.ParseFromArray(entry.product.data(), static_cast<int>(entry.product.size()))) {
          return absl::InternalError(absl::StrCat("product ", entry.id, ": was not kept in memory as it came"));
        }
        RETURN_IF_ERROR(UpsertProduct(product, edit, counts));
      }
      return checkpoint && next == places.size() ? edit.PutIngestCheckpoint(*checkpoint) : absl::OkStatus();
    }));
  } while (next < places.size());
  return absl::OkStatus();
}

absl::StatusOr<bool> RocksStore::KeepAsTables(const ProductSegment& segment, const std::vector<bool>& is_new,
                                              std::size_t new_products, std::uint64_t ticket,
                                              const google::protobuf::Timestamp& now,
                                              const std::optional<v1::IngestCheckpoint>& checkpoint) {
  ASSIGN_OR_RETURN(std::unique_ptr<store::TableBatch> tables, MakeTables(*db_, segment, is_new, now));
  absl::MutexLock lock(&mutex_);
  RETURN_IF_ERROR(CheckWritable());
  if (!db_->table_gate().Enter()) return false;
  const absl::Cleanup leave = [this] { db_->table_gate().Leave(); };
  if (db_->last_ticket() != ticket) {
    // Somebody else has written meanwhile: perhaps one of these, and with a later time.
    // Whoever follows the changes by their time must not find earlier ones behind him.
    ASSIGN_OR_RETURN(const Comparison again, Compare(*db_, segment));
    if (again.is_new != is_new) return false;
    ASSIGN_OR_RETURN(tables, MakeTables(*db_, segment, is_new, store::ToProto(NextTime())));
  }
  store::Statistics statistics = *statistics_;
  statistics.products += static_cast<std::int64_t>(new_products);
  for (std::size_t place = 0; place < is_new.size(); ++place) {
    if (is_new[place]) ++statistics.image_states[segment.entries()[place].state];
  }
  if (checkpoint && !checkpoint->finished()) {
    RETURN_IF_ERROR(tables->Put(Family::kCounters, store::IngestCheckpointKey(checkpoint->source()),
                                checkpoint->SerializeAsString()));
  }
  RETURN_IF_ERROR(tables->Put(Family::kCounters, store::kStatisticsKey, statistics.ToProto().SerializeAsString()));
  RETURN_IF_ERROR(tables->Finish());
  RETURN_IF_ERROR(db_->Ingest(*tables));
  *statistics_ = statistics;
  fetch_queue_->Forget();
  return true;
}

}  // namespace mannequin

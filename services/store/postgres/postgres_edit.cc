#include "services/store/postgres/postgres_edit.h"

#include <algorithm>

#include "absl/random/random.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/postgres/counters.h"
#include "services/store/postgres/product_columns.h"
#include "services/store/postgres/schema.h"
#include "services/store/timestamp.h"

namespace mannequin::store {
namespace {

std::size_t Place(Family family) { return static_cast<std::size_t>(family); }

// Others were there between the read and the write.
absl::Status Changed(absl::string_view what) {
  return absl::AbortedError(absl::StrCat(what, ": changed by another process meanwhile"));
}

}  // namespace

absl::StatusOr<std::optional<std::string>> PostgresEdit::Get(Family family, absl::string_view key) {
  const Rows& rows = rows_[Place(family)];
  const auto row = rows.find(std::string(key));
  if (row != rows.end()) return std::optional<std::string>(row->second.record);
  if (!read_[Place(family)].contains(key)) RETURN_IF_ERROR(Prefetch(family, {std::string(key)}));
  return read_[Place(family)][key];
}

absl::Status PostgresEdit::Prefetch(Family family, std::vector<std::string> keys) {
  auto& read = read_[Place(family)];
  keys.erase(std::remove_if(keys.begin(), keys.end(), [&](const std::string& key) { return read.contains(key); }),
             keys.end());
  if (keys.empty()) return absl::OkStatus();
  const RecordTable table = TableOf(family);
  ASSIGN_OR_RETURN(const Result found,
                   connection_.Run(absl::StrCat("SELECT ", table.key, ", record FROM ", table.table, " WHERE ",
                                                table.key, " = ANY($1) ORDER BY ", table.key, " FOR UPDATE"),
                                   KeysOf(table, keys)));
  for (const std::string& key : keys) read[key] = std::nullopt;
  for (int row = 0; row < found.rows(); ++row) read[found.Bytes(row, 0)] = std::string(found.Bytes(row, 1));
  return absl::OkStatus();
}

PostgresEdit::Row& PostgresEdit::RowOf(Family family, const std::string& key, bool existed, std::string record) {
  const auto [row, is_first] = rows_[Place(family)].try_emplace(key);
  if (is_first) row->second.existed = existed;
  row->second.record = std::move(record);
  return row->second;
}

void PostgresEdit::Keep(const std::optional<v1::StoredProduct>& before, const v1::StoredProduct& after) {
  const std::string& id = after.product().id();
  Row& row = RowOf(Family::kProducts, id, before.has_value(), after.SerializeAsString());
  ProductColumns columns = ColumnsOf(after);
  row.numbers = {columns.image_state, columns.update_spread, columns.updated_at};
  row.brand = columns.brand;
  const auto [rows, is_first] = products_.try_emplace(id);
  if (is_first && before) {
    ProductColumns old = ColumnsOf(*before);
    rows->second.categories_before = std::move(old.categories);
    rows->second.origin_before = std::move(old.origin);
  }
  rows->second.categories = std::move(columns.categories);
  rows->second.origin = std::move(columns.origin);
}

void PostgresEdit::Keep(const std::optional<v1::Placeholder>& before, const v1::Placeholder& after) {
  RowOf(Family::kPlaceholders, after.product_id(), before.has_value(), after.SerializeAsString()).numbers = {
      after.state()};
}

void PostgresEdit::Keep(const std::optional<v1::Verdict>& before, const v1::Verdict& after) {
  RowOf(Family::kVerdicts, after.product_id(), before.has_value(), after.SerializeAsString()).numbers = {
      after.kind(), after.review_decision() != v1::VERDICT_KIND_UNSPECIFIED ? 1 : 0};
}

void PostgresEdit::Keep(const std::optional<v1::Job>& before, const v1::Job& after) {
  const bool is_open = after.state() == v1::JOB_STATE_QUEUED || after.state() == v1::JOB_STATE_RUNNING;
  RowOf(Family::kJobs, after.id(), before.has_value(), after.SerializeAsString()).numbers = {
      after.kind(), after.state(), is_open ? 1 : 0,
      after.has_lease_expires_at() ? absl::ToUnixNanos(FromProto(after.lease_expires_at())) : 0};
}

void PostgresEdit::Keep(bool existed, const v1::Embedding& embedding) {
  RowOf(Family::kEmbeddings, embedding.product_id(), existed, embedding.SerializeAsString());
}

void PostgresEdit::Keep(bool existed, const v1::Review& review) {
  RowOf(Family::kReviews, ReviewKey(review.product_id(), review.image_sha256()), existed, review.SerializeAsString());
}

// Its bytes are in the bucket: `uploads_` has where.
absl::Status PostgresEdit::AddImage(const v1::Image&, absl::string_view sha256, const Renditions&) {
  return AddReference(sha256);
}

absl::Status PostgresEdit::AddReference(absl::string_view sha256) {
  RETURN_IF_ERROR(ImageKey(sha256).status());
  ++uses_[std::string(sha256)];
  return absl::OkStatus();
}

absl::Status PostgresEdit::DropImage(absl::string_view sha256) {
  if (sha256.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(ImageKey(sha256).status());
  --uses_[std::string(sha256)];
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> PostgresEdit::JobOfKey(absl::string_view idempotency_key) {
  ASSIGN_OR_RETURN(const Result found,
                   connection_.Run("SELECT job_id FROM job_keys WHERE key = $1", Parameters().Bytes(idempotency_key)));
  if (found.rows() == 0) return std::optional<std::string>();
  return std::optional<std::string>(found.Bytes(0, 0));
}

void PostgresEdit::PutJobKey(absl::string_view idempotency_key, absl::string_view job_id) {
  job_keys_.emplace_back(idempotency_key, job_id);
}

absl::StatusOr<std::optional<v1::Job>> PostgresEdit::NextOpenJob(const std::vector<v1::JobKind>& kinds,
                                                                 const std::string& only, const std::string& after,
                                                                 absl::Time now) {
  if (absl::StrContains(only, '\0')) return std::optional<v1::Job>();
  const std::vector<std::int64_t> numbers(kinds.begin(), kinds.end());
  // Whoever holds the row's lock just now leases it, or renews its lease.
  ASSIGN_OR_RETURN(const Result found,
                   connection_.Run("SELECT id, record FROM jobs WHERE is_open AND kind = ANY($1) AND id > $2 "
                                   "AND ($3 = '' OR id = $3) AND lease_ends_at <= $4 "
                                   "ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
                                   Parameters().Ints(numbers).Text(after).Text(only).Int(absl::ToUnixNanos(now))));
  if (found.rows() == 0) return std::optional<v1::Job>();
  const std::string id(found.Bytes(0, 0));
  read_[Place(Family::kJobs)][id] = std::string(found.Bytes(0, 1));
  return Read<v1::Job>(Family::kJobs, id);
}

absl::Status PostgresEdit::ReleaseFetch(const std::string& product_id, const std::optional<std::string>& worker) {
  releases_.emplace_back(product_id, worker);
  return absl::OkStatus();
}

absl::Status PostgresEdit::PutIngestCheckpoint(const v1::IngestCheckpoint& checkpoint) {
  if (checkpoint.finished()) {
    return connection_.Run("DELETE FROM ingest_checkpoints WHERE source = $1", Parameters().Bytes(checkpoint.source()))
        .status();
  }
  return connection_
      .Run(
          "INSERT INTO ingest_checkpoints (source, record) VALUES ($1, $2) "
          "ON CONFLICT (source) DO UPDATE SET record = excluded.record",
          Parameters().Bytes(checkpoint.source()).Bytes(checkpoint.SerializeAsString()))
      .status();
}

absl::Status PostgresEdit::Flush() {
  RETURN_IF_ERROR(FlushRows(Family::kProducts,
                            {{"image_state", "smallint"}, {"update_spread", "smallint"}, {"updated_at", "bigint"}}));
  RETURN_IF_ERROR(FlushCategories());
  RETURN_IF_ERROR(FlushFetches());
  RETURN_IF_ERROR(FlushRows(Family::kEmbeddings, {}));
  RETURN_IF_ERROR(
      FlushRows(Family::kJobs,
                {{"kind", "smallint"}, {"state", "smallint"}, {"is_open", "boolean"}, {"lease_ends_at", "bigint"}}));
  for (const auto& [key, id] : job_keys_) {
    ASSIGN_OR_RETURN(const Result put,
                     connection_.Run("INSERT INTO job_keys (key, job_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                     Parameters().Bytes(key).Text(id)));
    if (put.affected() != 1) return Changed("job_keys");
  }
  RETURN_IF_ERROR(FlushRows(Family::kPlaceholders, {{"state", "smallint"}}));
  RETURN_IF_ERROR(FlushRows(Family::kVerdicts, {{"kind", "smallint"}, {"is_reviewed", "boolean"}}));
  RETURN_IF_ERROR(FlushRows(Family::kReviews, {}));
  RETURN_IF_ERROR(FlushImages());
  return FlushStatistics();
}

absl::Status PostgresEdit::FlushRows(Family family, const std::vector<std::pair<std::string, std::string>>& columns) {
  const RecordTable table = TableOf(family);
  const bool has_brand = family == Family::kProducts;
  std::string names = absl::StrCat(table.key, ", record");
  std::string sources = table.byte_keys ? "unnest($1), unnest($2)" : "unnest($1), unnest($2)";
  std::string assignments = "record = given.record";
  int number = 3;
  if (has_brand) {
    names += ", brand";
    absl::StrAppend(&sources, ", unnest($", number++, ")");
    assignments += ", brand = given.brand";
  }
  for (const auto& [column, type] : columns) {
    absl::StrAppend(&names, ", ", column);
    // A boolean takes no bigint.
    absl::StrAppend(&sources, ", unnest($", number++, ")", type == "boolean" ? "::int" : "", "::", type);
    absl::StrAppend(&assignments, ", ", column, " = given.", column);
  }
  for (const bool existed : {false, true}) {
    std::vector<std::string> keys, records, brands;
    std::vector<std::vector<std::int64_t>> numbers(columns.size());
    for (const auto& [key, row] : rows_[Place(family)]) {
      if (row.existed != existed) continue;
      keys.push_back(key);
      records.push_back(row.record);
      brands.push_back(row.brand);
      for (std::size_t i = 0; i < columns.size(); ++i) numbers[i].push_back(row.numbers[i]);
    }
    if (keys.empty()) continue;
    Parameters parameters = KeysOf(table, keys);
    parameters.ByteStrings(records);
    if (has_brand) parameters.ByteStrings(brands);
    for (const std::vector<std::int64_t>& column : numbers) parameters.Ints(column);
    const std::string sql =
        existed
            ? absl::StrCat("UPDATE ", table.table, " AS kept SET ", assignments, " FROM (SELECT ", sources,
                           ") AS given (", names, ") WHERE kept.", table.key, " = given.", table.key)
            : absl::StrCat("INSERT INTO ", table.table, " (", names, ") SELECT ", sources, " ON CONFLICT DO NOTHING");
    ASSIGN_OR_RETURN(const Result put, connection_.Run(sql, parameters));
    if (put.affected() != static_cast<std::int64_t>(keys.size())) return Changed(table.table);
  }
  return absl::OkStatus();
}

absl::Status PostgresEdit::FlushCategories() {
  std::vector<std::string> gone, gone_ids, come, come_ids;
  for (const auto& [id, rows] : products_) {
    for (const std::string& category : rows.categories_before) {
      if (std::find(rows.categories.begin(), rows.categories.end(), category) != rows.categories.end()) continue;
      gone.push_back(category);
      gone_ids.push_back(id);
    }
    for (const std::string& category : rows.categories) {
      const auto& before = rows.categories_before;
      if (std::find(before.begin(), before.end(), category) != before.end()) continue;
      come.push_back(category);
      come_ids.push_back(id);
    }
  }
  if (!gone.empty()) {
    RETURN_IF_ERROR(
        connection_
            .Run("DELETE FROM product_categories AS kept USING (SELECT unnest($1), unnest($2)) AS given (c, p) "
                 "WHERE kept.category = given.c AND kept.product_id = given.p",
                 Parameters().ByteStrings(gone).Texts(gone_ids))
            .status());
  }
  if (come.empty()) return absl::OkStatus();
  return connection_
      .Run("INSERT INTO product_categories (category, product_id) SELECT unnest($1), unnest($2) ON CONFLICT DO NOTHING",
           Parameters().ByteStrings(come).Texts(come_ids))
      .status();
}

absl::Status PostgresEdit::FlushFetches() {
  if (!releases_.empty()) {
    std::vector<std::string> ids, workers;
    for (const auto& [id, worker] : releases_) {
      ids.push_back(id);
      workers.push_back(worker.value_or(""));
    }
    // Given back: behind all that nobody has had yet.
    RETURN_IF_ERROR(connection_
                        .Run("UPDATE fetches AS kept SET leased_by = '', free_at = $3 "
                             "FROM (SELECT unnest($1), unnest($2)) AS given (p, w) "
                             "WHERE kept.product_id = given.p AND (given.w = ''::bytea OR kept.leased_by = given.w)",
                             Parameters().Texts(ids).ByteStrings(workers).Int(absl::ToUnixNanos(FromProto(now()))))
                        .status());
  }
  std::vector<std::string> gone, come, origins;
  for (const auto& [id, rows] : products_) {
    if (rows.origin == rows.origin_before) continue;
    if (!rows.origin) {
      gone.push_back(id);
    } else {
      come.push_back(id);
      origins.push_back(*rows.origin);
    }
  }
  if (!gone.empty()) {
    RETURN_IF_ERROR(
        connection_.Run("DELETE FROM fetches WHERE product_id = ANY($1)", Parameters().Texts(gone)).status());
  }
  if (come.empty()) return absl::OkStatus();
  return connection_
      .Run(
          "INSERT INTO fetches (product_id, origin) SELECT unnest($1), unnest($2) ON CONFLICT (product_id) "
          "DO UPDATE SET origin = excluded.origin, free_at = 0, leased_by = ''",
          Parameters().Texts(come).ByteStrings(origins))
      .status();
}

absl::Status PostgresEdit::FlushImages() {
  std::vector<std::string> uploaded, kept;
  for (const auto& [sha256, change] : uses_) {
    if (change == 0) continue;
    (change > 0 && uploads_.contains(sha256) ? uploaded : kept).push_back(sha256);
  }
  // One statement changes its rows in any order it likes, and two of them may meet.
  if (kept.size() + uploaded.size() > 1) {
    std::vector<std::string> keys;
    for (const auto& [sha256, change] : uses_) {
      ASSIGN_OR_RETURN(std::string key, ImageKey(sha256));
      if (change != 0) keys.push_back(std::move(key));
    }
    RETURN_IF_ERROR(connection_
                        .Run("SELECT sha256 FROM images WHERE sha256 = ANY($1) ORDER BY sha256 FOR UPDATE",
                             Parameters().ByteStrings(keys))
                        .status());
  }
  if (!uploaded.empty()) RETURN_IF_ERROR(InsertImages(uploaded));
  return kept.empty() ? absl::OkStatus() : ChangeUses(kept);
}

absl::Status PostgresEdit::InsertImages(const std::vector<std::string>& hashes) {
  std::vector<std::string> keys, objects, records;
  std::vector<std::int64_t> uses, bytes, rendition_bytes;
  for (const std::string& sha256 : hashes) {
    const Upload& upload = uploads_.at(sha256);
    ASSIGN_OR_RETURN(std::string key, ImageKey(sha256));
    keys.push_back(std::move(key));
    uses.push_back(uses_[sha256]);
    objects.push_back(upload.object);
    records.push_back(upload.record.SerializeAsString());
    bytes.push_back(upload.bytes);
    rendition_bytes.push_back(upload.rendition_bytes);
  }
  ASSIGN_OR_RETURN(
      const Result put,
      connection_.Run("INSERT INTO images (sha256, uses, object, record, bytes, rendition_bytes) "
                      "SELECT unnest($1), unnest($2), unnest($3), unnest($4), unnest($5), unnest($6) "
                      "ON CONFLICT (sha256) DO UPDATE SET uses = images.uses + excluded.uses "
                      "RETURNING encode(sha256, 'hex'), object",
                      Parameters().ByteStrings(keys).Ints(uses).Texts(objects).ByteStrings(records).Ints(bytes).Ints(
                          rendition_bytes)));
  // Where another process was first its object counts, and ours stays doomed.
  std::vector<std::string> taken;
  for (int row = 0; row < put.rows(); ++row) {
    const std::string sha256(put.Bytes(row, 0));
    const Upload& upload = uploads_.at(sha256);
    if (put.Bytes(row, 1) != upload.object) continue;
    taken.push_back(upload.object);
    ++mutable_statistics().images;
    mutable_statistics().image_bytes += upload.bytes;
    mutable_statistics().rendition_bytes += upload.rendition_bytes;
  }
  if (taken.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Result saved,
                   connection_.Run("DELETE FROM doomed_objects WHERE object = ANY($1) AND doom_at > $2",
                                   Parameters().Texts(taken).Int(absl::ToUnixNanos(FromProto(now())))));
  // An upload that took longer than its grace may be gone by now, or is on its way.
  return saved.affected() == static_cast<std::int64_t>(taken.size()) ? absl::OkStatus() : Changed("doomed_objects");
}

absl::Status PostgresEdit::ChangeUses(const std::vector<std::string>& hashes) {
  std::vector<std::string> keys;
  std::vector<std::int64_t> changes;
  for (const std::string& sha256 : hashes) {
    ASSIGN_OR_RETURN(std::string key, ImageKey(sha256));
    keys.push_back(std::move(key));
    changes.push_back(uses_[sha256]);
  }
  ASSIGN_OR_RETURN(const Result changed,
                   connection_.Run("UPDATE images AS kept SET uses = kept.uses + given.change "
                                   "FROM (SELECT unnest($1), unnest($2)) AS given (s, change) "
                                   "WHERE kept.sha256 = given.s "
                                   "RETURNING encode(kept.sha256, 'hex'), kept.uses, kept.object, "
                                   "kept.bytes, kept.rendition_bytes",
                                   Parameters().ByteStrings(keys).Ints(changes)));
  std::set<std::string> there;
  std::vector<std::string> gone, doomed;
  for (int row = 0; row < changed.rows(); ++row) {
    const std::string sha256(changed.Bytes(row, 0));
    there.insert(sha256);
    const std::int64_t uses = changed.Int(row, 1);
    if (uses < 0) {
      return absl::DataLossError(absl::StrCat("images/", sha256, ": fewer references were counted than are in use"));
    }
    if (uses > 0) continue;
    ASSIGN_OR_RETURN(std::string key, ImageKey(sha256));
    gone.push_back(std::move(key));
    doomed.emplace_back(changed.Bytes(row, 2));
    --mutable_statistics().images;
    mutable_statistics().image_bytes -= changed.Int(row, 3);
    mutable_statistics().rendition_bytes -= changed.Int(row, 4);
  }
  for (const std::string& sha256 : hashes) {
    if (there.contains(sha256)) continue;
    // It was kept when the upload was thought needless, and has gone since.
    if (uses_[sha256] > 0) return Changed("images");
    return absl::DataLossError(absl::StrCat("images/", sha256, ": a picture that is in use is gone"));
  }
  if (gone.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(
      connection_.Run("DELETE FROM images WHERE sha256 = ANY($1)", Parameters().ByteStrings(gone)).status());
  return connection_
      .Run("INSERT INTO doomed_objects (object, doom_at) SELECT unnest($1), $2 ON CONFLICT DO NOTHING",
           Parameters().Texts(doomed).Int(absl::ToUnixNanos(FromProto(now()) + kReadGrace)))
      .status();
}

absl::Status PostgresEdit::FlushStatistics() {
  std::vector<std::string> names;
  std::vector<std::int64_t> values;
  Statistics difference = statistics();
  ForEachCounter(difference, [&](const std::string& name, std::int64_t& value) {
    if (value == 0) return;
    names.push_back(name);
    values.push_back(value);
  });
  if (names.empty()) return absl::OkStatus();
  // Spread, so that writers seldom wait for each other.
  thread_local absl::BitGen random;
  return connection_
      .Run(
          "INSERT INTO statistics (slot, name, value) SELECT $1::smallint, unnest($2), unnest($3) "
          "ON CONFLICT (slot, name) DO UPDATE SET value = statistics.value + excluded.value",
          Parameters().Int(absl::Uniform(random, 0, kCounterSlots)).Texts(names).Ints(values))
      .status();
}

}  // namespace mannequin::store

// How RecordStore's calls find their records in PostgreSQL.
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "services/store/postgres/postgres_store.h"
#include "services/store/postgres/product_columns.h"
#include "services/store/postgres/row_cursor.h"
#include "services/store/postgres/schema.h"
#include "services/store/timestamp.h"

namespace mannequin {

using store::Connection;
using store::Family;
using store::Parameters;
using store::Result;

namespace {

// Rows of one answer: enough that round trips do not count, few enough for the memory.
constexpr int kFirstRows = 128;
constexpr int kRows = 1000;
constexpr std::size_t kTimeBytes = 8;
// Ids of jobs are of ASCII's letters.
constexpr absl::string_view kBehindAllJobs = "\x7f";

// Calls `visit` with key and record of each row of `select` behind `after`, in pages. `select`
// takes the last key as $1 and a number of rows as $2; other parameters are made by `parameters`
// behind them.
absl::Status VisitPages(
    store::ConnectionPool& pool, const std::string& select, std::string after,
    const std::function<Parameters(const std::string& after, int rows)>& parameters,
    absl::FunctionRef<absl::StatusOr<bool>(absl::string_view key, absl::string_view record)> visit) {
  for (int rows = kFirstRows;; rows = kRows) {
    std::optional<Result> page;
    RETURN_IF_ERROR(pool.Try([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(page.emplace(nullptr), connection.Run(select, parameters(after, rows)));
      return absl::OkStatus();
    }));
    for (int row = 0; row < page->rows(); ++row) {
      ASSIGN_OR_RETURN(const bool more, visit(page->Bytes(row, 0), page->Bytes(row, 1)));
      if (!more) return absl::OkStatus();
    }
    if (page->rows() < rows) return absl::OkStatus();
    after = std::string(page->Bytes(page->rows() - 1, 0));
  }
}

// The same of one snapshot.
absl::Status VisitSnapshot(
    store::ConnectionPool& pool, const std::string& select, const std::function<Parameters()>& parameters,
    absl::FunctionRef<absl::StatusOr<bool>(absl::string_view key, absl::string_view record)> visit) {
  return pool.Transact(store::kSnapshot, [&](Connection& connection) {
    return store::VisitRows(connection, select, parameters(),
                            [&](const Result& rows, int row) { return visit(rows.Bytes(row, 0), rows.Bytes(row, 1)); });
  });
}

template <typename Record>
auto Decoding(Family family, store::RecordVisitor<Record> visit) {
  return [family, visit](absl::string_view key, absl::string_view bytes) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const Record record, store::Decode<Record>(family, key, bytes));
    return visit(record);
  };
}

// Conditions of a filter behind the first `number - 1` parameters. `position`: a condition on ids, with
// "%" for the column: each table that is walked by them must hear of it to begin there.
struct FilterSql {
  std::string joins;
  std::string where;
  std::function<void(Parameters&)> add;
};

FilterSql SqlOf(const v1::ProductFilter& filter, absl::Time settled, int number, absl::string_view position) {
  FilterSql sql;
  const auto place = [&] { return absl::StrCat("$", number++); };
  const auto behind = [&](absl::string_view column) { return absl::StrReplaceAll(position, {{"%", column}}); };
  sql.where = behind("p.id");
  if (!filter.category_path().empty()) {
    absl::StrAppend(&sql.joins, " JOIN product_categories AS c ON c.product_id = p.id AND c.category = ", place());
    absl::StrAppend(&sql.where, " AND ", behind("c.product_id"));
  }
  if (filter.verdict() != v1::VERDICT_KIND_UNSPECIFIED) {
    absl::StrAppend(&sql.joins, " JOIN verdicts AS v ON v.product_id = p.id AND v.kind = ", place());
    absl::StrAppend(&sql.where, " AND ", behind("v.product_id"));
  }
  if (!filter.brand().empty()) absl::StrAppend(&sql.where, " AND p.brand = ", place(), " AND p.brand <> ''::bytea");
  if (filter.image_state() != v1::IMAGE_STATE_UNSPECIFIED) {
    absl::StrAppend(&sql.where, " AND p.image_state = ", place());
  }
  if (filter.has_updated_after()) {
    absl::StrAppend(&sql.where, " AND p.updated_at > ", place());
    absl::StrAppend(&sql.where, " AND p.updated_at < ", place());
  }
  sql.add = [&filter, settled](Parameters& parameters) {
    if (!filter.category_path().empty()) {
      parameters.Bytes(store::CategoryKey(filter.category_path(), filter.category_path_size()));
    }
    if (filter.verdict() != v1::VERDICT_KIND_UNSPECIFIED) parameters.Int(filter.verdict());
    if (!filter.brand().empty()) parameters.Bytes(filter.brand());
    if (filter.image_state() != v1::IMAGE_STATE_UNSPECIFIED) parameters.Int(filter.image_state());
    if (filter.has_updated_after()) {
      parameters.Int(absl::ToUnixNanos(store::FromProto(filter.updated_after()))).Int(absl::ToUnixNanos(settled));
    }
  };
  return sql;
}

bool IsUpdatesOnly(const v1::ProductFilter& filter) {
  return filter.has_updated_after() && filter.category_path().empty() && filter.brand().empty() &&
         filter.image_state() == v1::IMAGE_STATE_UNSPECIFIED && filter.verdict() == v1::VERDICT_KIND_UNSPECIFIED;
}

// Where a product stands in the order of the updates: time, the highest byte first, and id.
std::string PositionOf(std::int64_t time, absl::string_view id) {
  std::string position;
  for (int shift = 56; shift >= 0; shift -= 8) position += static_cast<char>(time >> shift);
  return absl::StrCat(position, id);
}

std::int64_t TimeOfPosition(absl::string_view position) {
  std::uint64_t time = 0;
  for (const char c : position.substr(0, kTimeBytes)) time = time << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(time);
}

// Each spread's own walk, merged. `limit` holds a number and no parameter: a planner that does not know how
// little of each walk is wanted reads and sorts all that is behind the page.
std::string UpdatesSql(absl::string_view condition, absl::string_view limit = "") {
  const std::string order = absl::StrCat(" ORDER BY updated_at, id", limit);
  std::vector<std::string> walks;
  for (int spread = 0; spread < store::kUpdateSpread; ++spread) {
    walks.push_back(absl::StrCat("(SELECT id, record, updated_at FROM products WHERE update_spread = ", spread, " AND ",
                                 condition, limit.empty() ? "" : order, ")"));
  }
  return absl::StrCat(absl::StrJoin(walks, " UNION ALL "), order);
}

}  // namespace

absl::StatusOr<std::optional<std::string>> PostgresStore::Get(Family family, absl::string_view key) {
  ASSIGN_OR_RETURN(std::vector<std::optional<std::string>> records, GetMany(family, {std::string(key)}));
  return std::move(records[0]);
}

absl::StatusOr<std::vector<std::optional<std::string>>> PostgresStore::GetMany(Family family,
                                                                               const std::vector<std::string>& keys) {
  const store::RecordTable table = store::TableOf(family);
  const std::string select =
      absl::StrCat("SELECT ", table.key, ", record FROM ", table.table, " WHERE ", table.key, " = ANY($1)");
  std::vector<std::optional<std::string>> records(keys.size());
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result found, connection.Run(select, store::KeysOf(table, keys)));
    absl::flat_hash_map<absl::string_view, int> rows;
    for (int row = 0; row < found.rows(); ++row) rows[found.Bytes(row, 0)] = row;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto row = rows.find(keys[i]);
      if (row != rows.end()) records[i] = std::string(found.Bytes(row->second, 1));
    }
    return absl::OkStatus();
  }));
  return records;
}

absl::StatusOr<std::optional<v1::Image>> PostgresStore::ReadImage(const std::string& sha256, int at_least_side) {
  return objects_.Read(sha256, at_least_side);
}

absl::StatusOr<std::optional<v1::IngestCheckpoint>> PostgresStore::ReadIngestCheckpoint(const std::string& source) {
  std::optional<v1::IngestCheckpoint> checkpoint;
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const Result found, connection.Run("SELECT record FROM ingest_checkpoints WHERE source = $1",
                                                        Parameters().Bytes(source)));
    if (found.rows() == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(checkpoint, store::Decode<v1::IngestCheckpoint>(Family::kCounters, source, found.Bytes(0, 0)));
    return absl::OkStatus();
  }));
  return checkpoint;
}

absl::Status PostgresStore::VisitProducts(const v1::ProductFilter& filter, absl::string_view after, bool whole,
                                          store::ProductVisitor visit) {
  const auto visit_record = [&](absl::string_view id, absl::string_view record) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(const v1::StoredProduct product, store::Decode<v1::StoredProduct>(Family::kProducts, id, record));
    return visit(product, id);
  };
  // What is under way may become visible with an earlier time than what is there.
  absl::Time settled;
  if (filter.has_updated_after()) {
    absl::MutexLock lock(&mutex_);
    settled = in_flight_.empty() ? NextTime() : *in_flight_.begin();
  }
  if (IsUpdatesOnly(filter)) {
    const std::int64_t updated_after = absl::ToUnixNanos(store::FromProto(filter.updated_after()));
    if (whole) {
      return VisitSnapshot(
          pool_, UpdatesSql("updated_at > $1 AND updated_at < $2"),
          [&] { return Parameters().Int(updated_after).Int(absl::ToUnixNanos(settled)); }, visit_record);
    }
    const std::int64_t time = after.empty() ? updated_after + 1 : TimeOfPosition(after);
    const std::string id(after.empty() ? "" : after.substr(kTimeBytes));
    const auto parameters = [&](const std::string& last) {
      return Parameters()
          .Int(last.empty() ? time : TimeOfPosition(last))
          .Text(last.empty() ? id : last.substr(kTimeBytes))
          .Int(absl::ToUnixNanos(settled));
    };
    std::string last;
    for (int rows = kFirstRows;; rows = kRows) {
      const std::string select =
          UpdatesSql("(updated_at, id) > ($1, $2) AND updated_at < $3", absl::StrCat(" LIMIT ", rows));
      std::optional<Result> page;
      RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
        ASSIGN_OR_RETURN(page.emplace(nullptr), connection.Run(select, parameters(last)));
        return absl::OkStatus();
      }));
      for (int row = 0; row < page->rows(); ++row) {
        ASSIGN_OR_RETURN(const v1::StoredProduct product,
                         store::Decode<v1::StoredProduct>(Family::kProducts, page->Bytes(row, 0), page->Bytes(row, 1)));
        last = PositionOf(page->Int(row, 2), page->Bytes(row, 0));
        if (!visit(product, last)) return absl::OkStatus();
      }
      if (page->rows() < rows) return absl::OkStatus();
    }
  }
  if (whole) {
    const FilterSql sql = SqlOf(filter, settled, 1, "true");
    return VisitSnapshot(
        pool_,
        absl::StrCat("SELECT p.id, p.record FROM products AS p", sql.joins, " WHERE ", sql.where, " ORDER BY p.id"),
        [&] {
          Parameters parameters;
          sql.add(parameters);
          return parameters;
        },
        visit_record);
  }
  const FilterSql sql = SqlOf(filter, settled, 3, "% > $1");
  return VisitPages(
      pool_,
      absl::StrCat("SELECT p.id, p.record FROM products AS p", sql.joins, " WHERE ", sql.where,
                   " ORDER BY p.id LIMIT $2"),
      std::string(after),
      [&](const std::string& last, int rows) {
        Parameters parameters;
        parameters.Text(last).Int(rows);
        sql.add(parameters);
        return parameters;
      },
      visit_record);
}

absl::Status PostgresStore::VisitEmbeddings(store::RecordVisitor<v1::Embedding> visit) {
  return VisitSnapshot(
      pool_, "SELECT product_id, record FROM embeddings ORDER BY product_id", [] { return Parameters(); },
      Decoding<v1::Embedding>(Family::kEmbeddings, visit));
}

absl::Status PostgresStore::VisitJobs(v1::JobKind kind, v1::JobState state, const std::string& before,
                                      store::RecordVisitor<v1::Job> visit) {
  // Workers ask for these several times a second: the queue alone holds all of them.
  const bool is_open = state == v1::JOB_STATE_QUEUED || state == v1::JOB_STATE_RUNNING;
  return VisitPages(
      pool_,
      absl::StrCat("SELECT id, record FROM jobs WHERE id < $1 AND ($3 = 0 OR kind = $3) AND ($4 = 0 OR state = $4)",
                   is_open ? " AND is_open" : "", " ORDER BY id DESC LIMIT $2"),
      before.empty() ? std::string(kBehindAllJobs) : before,
      [&](const std::string& last, int rows) { return Parameters().Text(last).Int(rows).Int(kind).Int(state); },
      Decoding<v1::Job>(Family::kJobs, visit));
}

absl::Status PostgresStore::VisitPlaceholders(v1::PlaceholderState state, const std::string& after,
                                              store::RecordVisitor<v1::Placeholder> visit) {
  const bool any = state == v1::PLACEHOLDER_STATE_UNSPECIFIED;
  return VisitPages(
      pool_,
      absl::StrCat("SELECT product_id, record FROM placeholders WHERE product_id > $1", any ? "" : " AND state = $3",
                   " ORDER BY product_id LIMIT $2"),
      after,
      [&](const std::string& last, int rows) {
        Parameters parameters;
        parameters.Text(last).Int(rows);
        return any ? parameters : parameters.Int(state);
      },
      Decoding<v1::Placeholder>(Family::kPlaceholders, visit));
}

absl::Status PostgresStore::VisitVerdicts(const store::VerdictCondition& condition, const std::string& after,
                                          store::RecordVisitor<v1::Verdict> visit) {
  const bool any = condition.kind == v1::VERDICT_KIND_UNSPECIFIED;
  return VisitPages(
      pool_,
      absl::StrCat("SELECT product_id, record FROM verdicts WHERE product_id > $1", any ? "" : " AND kind = $3",
                   condition.unreviewed ? " AND NOT is_reviewed" : "", " ORDER BY product_id LIMIT $2"),
      after,
      [&](const std::string& last, int rows) {
        Parameters parameters;
        parameters.Text(last).Int(rows);
        return any ? parameters : parameters.Int(condition.kind);
      },
      Decoding<v1::Verdict>(Family::kVerdicts, visit));
}

absl::Status PostgresStore::VisitReviews(const std::string& after, store::RecordVisitor<v1::Review> visit) {
  return VisitPages(
      pool_, "SELECT key, record FROM reviews WHERE key > $1 ORDER BY key LIMIT $2", after,
      [](const std::string& last, int rows) { return Parameters().Bytes(last).Int(rows); },
      Decoding<v1::Review>(Family::kReviews, visit));
}

}  // namespace mannequin

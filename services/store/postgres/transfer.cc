// Records of a store as they are kept: out of this one, and into it from another one.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/store/postgres/postgres_edit.h"
#include "services/store/postgres/postgres_store.h"
#include "services/store/postgres/row_cursor.h"
#include "services/store/postgres/schema.h"

namespace mannequin {

using store::Connection;
using store::Family;
using store::Parameters;
using store::Result;

namespace {

// Nothing for kinds that RocksDB keeps among others.
std::optional<Family> FamilyOf(v1::RecordKind kind) {
  switch (kind) {
    case v1::RECORD_KIND_PRODUCT:
      return Family::kProducts;
    case v1::RECORD_KIND_EMBEDDING:
      return Family::kEmbeddings;
    case v1::RECORD_KIND_JOB:
      return Family::kJobs;
    case v1::RECORD_KIND_PLACEHOLDER:
      return Family::kPlaceholders;
    case v1::RECORD_KIND_VERDICT:
      return Family::kVerdicts;
    case v1::RECORD_KIND_REVIEW:
      return Family::kReviews;
    default:
      return std::nullopt;
  }
}

// The table of a kind, and the column that is its value.
struct RawTable {
  store::RecordTable table;
  absl::string_view value = "record";
};

RawTable TableOfKind(v1::RecordKind kind) {
  if (kind == v1::RECORD_KIND_JOB_KEY) return {{"job_keys", "key", true}, "job_id"};
  if (kind == v1::RECORD_KIND_INGEST_CHECKPOINT) return {{"ingest_checkpoints", "source", true}};
  return {store::TableOf(FamilyOf(kind).value_or(Family::kProducts))};
}

// Reads, and puts, one record of a kind that has a message and a family.
template <typename Record>
absl::Status ImportAs(Family family, const v1::ExportedRecord& record, store::Edit& edit) {
  ASSIGN_OR_RETURN(const Record after, store::Decode<Record>(family, record.key(), record.value()));
  ASSIGN_OR_RETURN(const std::optional<Record> before, edit.Read<Record>(family, record.key()));
  if constexpr (std::is_same_v<Record, v1::Verdict>) {
    edit.PutVerdict(before, after);
  } else if constexpr (std::is_same_v<Record, v1::Job>) {
    edit.PutJob(before, after);
  } else if constexpr (std::is_same_v<Record, v1::Review>) {
    edit.PutReview(before.has_value(), after);
  } else if constexpr (std::is_same_v<Record, v1::Embedding>) {
    edit.PutEmbedding(before.has_value(), after);
  } else {
    return edit.Import(before, after);
  }
  return absl::OkStatus();
}

absl::Status ImportOne(v1::RecordKind kind, const v1::ExportedRecord& record, store::Edit& edit) {
  switch (kind) {
    case v1::RECORD_KIND_PRODUCT:
      return ImportAs<v1::StoredProduct>(Family::kProducts, record, edit);
    case v1::RECORD_KIND_EMBEDDING:
      return ImportAs<v1::Embedding>(Family::kEmbeddings, record, edit);
    case v1::RECORD_KIND_JOB:
      return ImportAs<v1::Job>(Family::kJobs, record, edit);
    case v1::RECORD_KIND_PLACEHOLDER:
      return ImportAs<v1::Placeholder>(Family::kPlaceholders, record, edit);
    case v1::RECORD_KIND_VERDICT:
      return ImportAs<v1::Verdict>(Family::kVerdicts, record, edit);
    case v1::RECORD_KIND_REVIEW:
      return ImportAs<v1::Review>(Family::kReviews, record, edit);
    case v1::RECORD_KIND_JOB_KEY: {
      ASSIGN_OR_RETURN(const std::optional<std::string> id, edit.JobOfKey(record.key()));
      if (!id) edit.PutJobKey(record.key(), record.value());
      return absl::OkStatus();
    }
    case v1::RECORD_KIND_INGEST_CHECKPOINT: {
      ASSIGN_OR_RETURN(const auto checkpoint,
                       store::Decode<v1::IngestCheckpoint>(Family::kCounters, record.key(), record.value()));
      return edit.PutIngestCheckpoint(checkpoint);
    }
    default:
      return absl::InvalidArgumentError("kind: is not one of RecordKind");
  }
}

}  // namespace

absl::Status PostgresStore::VisitRaw(v1::RecordKind kind, const std::string& after, store::RawVisitor visit) {
  return VisitRecordsBetween(kind, after, "", visit);
}

absl::Status PostgresStore::VisitRecordsBetween(v1::RecordKind kind, const std::string& after, const std::string& last,
                                                store::RawVisitor visit) {
  const auto [table, value] = TableOfKind(kind);
  Parameters parameters;
  table.byte_keys ? parameters.Bytes(after) : parameters.Text(after);
  if (!last.empty()) table.byte_keys ? parameters.Bytes(last) : parameters.Text(last);
  const std::string select =
      absl::StrCat("SELECT ", table.key, ", ", value, " FROM ", table.table, " WHERE ", table.key, " > $1",
                   last.empty() ? "" : absl::StrCat(" AND ", table.key, " <= $2"), " ORDER BY ", table.key);
  absl::Status visited;
  RETURN_IF_ERROR(pool_.Transact(store::kSnapshot, [&](Connection& connection) {
    return store::VisitRows(connection, select, parameters, [&](const Result& rows, int row) {
      visited = visit(rows.Bytes(row, 0), rows.Bytes(row, 1));
      return visited.ok();
    });
  }));
  return visited;
}

absl::StatusOr<std::optional<v1::ExportPicturesResponse>> PostgresStore::ReadPicture(const std::string& sha256) {
  return objects_.ReadWhole(sha256);
}

absl::Status PostgresStore::Import(v1::RecordKind kind, const std::vector<v1::ExportedRecord>& records,
                                   const std::vector<v1::ExportPicturesResponse>& pictures) {
  std::vector<std::string> hashes;
  hashes.reserve(pictures.size());
  std::vector<store::NewPicture> new_pictures;
  for (const v1::ExportPicturesResponse& picture : pictures) {
    // What came another way than by a caller who was answered is trusted less.
    hashes.push_back(Sha256Hex(picture.image().data()));
    if (hashes.back() != picture.image().sha256()) {
      return absl::DataLossError(absl::StrCat("images/", picture.image().sha256(),
                                              ": its bytes have another hash; run mannequin doctor there"));
    }
    new_pictures.push_back({&picture.image(), &hashes.back(), &picture.renditions()});
  }
  std::vector<std::string> keys;
  for (const v1::ExportedRecord& record : records) keys.push_back(record.key());
  return Write(
      [&](store::Edit& edit) -> absl::Status {
        const std::optional<Family> family = FamilyOf(kind);
        if (family) RETURN_IF_ERROR(edit.Prefetch(*family, keys));
        for (const v1::ExportedRecord& record : records) RETURN_IF_ERROR(ImportOne(kind, record, edit));
        return absl::OkStatus();
      },
      new_pictures);
}

absl::Status PostgresStore::DropIngestCheckpoint(const std::string& source) {
  v1::IngestCheckpoint checkpoint;
  checkpoint.set_source(source);
  checkpoint.set_finished(true);
  return Write([&](store::Edit& edit) { return edit.PutIngestCheckpoint(checkpoint); });
}

absl::StatusOr<std::vector<std::string>> PostgresStore::MissingPictures(const std::vector<std::string>& sha256s) {
  return objects_.Missing(sha256s);
}

}  // namespace mannequin

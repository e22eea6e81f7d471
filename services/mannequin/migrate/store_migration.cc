#include "services/mannequin/migrate/store_migration.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/store/record.h"

namespace mannequin {
namespace {

constexpr std::size_t kCompared = 1000;
// A change of the target: as many records, or until their pictures are this much.
constexpr std::size_t kCopied = 500;
constexpr std::size_t kPictureBytes = std::size_t{32} << 20;
constexpr std::size_t kPlaceholderBytes = std::size_t{32} << 10;

// Products come first: what else there is belongs to them.
constexpr v1::RecordKind kKinds[] = {v1::RECORD_KIND_PRODUCT, v1::RECORD_KIND_PLACEHOLDER,      v1::RECORD_KIND_VERDICT,
                                     v1::RECORD_KIND_REVIEW,  v1::RECORD_KIND_EMBEDDING,        v1::RECORD_KIND_JOB,
                                     v1::RECORD_KIND_JOB_KEY, v1::RECORD_KIND_INGEST_CHECKPOINT};

// Pictures that a record shows, and about how many bytes they are.
struct Shown {
  std::vector<std::string> sha256s;
  std::size_t bytes = 0;
};

absl::StatusOr<Shown> ShownBy(v1::RecordKind kind, const v1::ExportedRecord& record) {
  Shown shown;
  const auto add = [&](const std::string& sha256, std::size_t bytes) {
    if (sha256.empty()) return;
    shown.sha256s.push_back(sha256);
    shown.bytes += bytes;
  };
  if (kind == v1::RECORD_KIND_PRODUCT) {
    ASSIGN_OR_RETURN(const v1::StoredProduct product,
                     store::Decode<v1::StoredProduct>(store::Family::kProducts, record.key(), record.value()));
    add(product.image().sha256(), static_cast<std::size_t>(product.image().size_bytes()));
  } else if (kind == v1::RECORD_KIND_PLACEHOLDER) {
    ASSIGN_OR_RETURN(const v1::Placeholder placeholder,
                     store::Decode<v1::Placeholder>(store::Family::kPlaceholders, record.key(), record.value()));
    add(placeholder.image_sha256(), kPlaceholderBytes);
    add(placeholder.badged_image_sha256(), kPlaceholderBytes);
  }
  return shown;
}

}  // namespace

std::string KindName(v1::RecordKind kind) {
  return absl::StrReplaceAll(absl::AsciiStrToLower(v1::RecordKind_Name(kind).substr(sizeof("RECORD_KIND"))),
                             {{"_", " "}}) +
         "s";
}

std::int64_t MigrationPass::copied() const {
  std::int64_t sum = 0;
  for (const auto& [kind, records] : kinds) sum += records.copied + records.dropped;
  return sum;
}

std::int64_t MigrationPass::left() const {
  std::int64_t sum = 0;
  for (const auto& [kind, records] : kinds) sum += records.left;
  return sum;
}

absl::StatusOr<MigrationPass> StoreMigration::Run(const Visit& visit) {
  MigrationPass pass;
  for (const v1::RecordKind kind : kKinds) RETURN_IF_ERROR(RunKind(kind, pass, visit));
  return pass;
}

absl::Status StoreMigration::RunKind(v1::RecordKind kind, MigrationPass& pass, const Visit& visit) {
  v1::ExportRecordsRequest request;
  request.set_kind(kind);
  Batch batch;
  std::string after;
  const auto compare = [&]() -> absl::Status {
    RETURN_IF_ERROR(CompareBatch(kind, after, batch, pass));
    if (!batch.empty()) after = batch.back().key();
    batch.clear();
    if (visit(kind, pass)) return absl::OkStatus();
    return absl::CancelledError("migrate: interrupted; what was copied stays, and the next pass goes on from there");
  };
  RETURN_IF_ERROR(source_.ExportRecords(request, [&](const v1::ExportedRecord& record) -> absl::Status {
    batch.push_back(record);
    return batch.size() < kCompared ? absl::OkStatus() : compare();
  }));
  RETURN_IF_ERROR(compare());
  // What the target has behind the source's last record: nothing, or all of another store.
  std::vector<std::string> strays;
  RETURN_IF_ERROR(target_.VisitRecordsBetween(kind, after, "", [&](absl::string_view key, absl::string_view) {
    strays.emplace_back(key);
    return absl::OkStatus();
  }));
  return DropStrays(kind, strays, pass.kinds[kind]);
}

absl::Status StoreMigration::CompareBatch(v1::RecordKind kind, const std::string& after, const Batch& batch,
                                          MigrationPass& pass) {
  if (batch.empty()) return absl::OkStatus();
  absl::flat_hash_map<std::string, std::string> there;
  RETURN_IF_ERROR(
      target_.VisitRecordsBetween(kind, after, batch.back().key(), [&](absl::string_view key, absl::string_view value) {
        there.emplace(key, value);
        return absl::OkStatus();
      }));
  Batch different;
  for (const v1::ExportedRecord& record : batch) {
    const auto found = there.find(record.key());
    const bool is_same = found != there.end() && found->second == record.value();
    if (found != there.end()) there.erase(found);
    if (!is_same) different.push_back(record);
  }
  MigrationPass::Records& records = pass.kinds[kind];
  records.read += static_cast<std::int64_t>(batch.size());
  std::vector<std::string> strays;
  for (const auto& [key, value] : there) strays.push_back(key);
  RETURN_IF_ERROR(DropStrays(kind, strays, records));
  return Copy(kind, different, pass);
}

absl::Status StoreMigration::DropStrays(v1::RecordKind kind, const std::vector<std::string>& keys,
                                        MigrationPass::Records& records) {
  for (const std::string& key : keys) {
    // Nothing else is ever deleted from a store.
    if (kind != v1::RECORD_KIND_INGEST_CHECKPOINT) {
      return absl::FailedPreconditionError(
          absl::StrCat("migrate: the target has ", KindName(kind), " that the source does not have, ", key,
                       " among them; name a schema and a bucket that nothing else writes to"));
    }
    RETURN_IF_ERROR(target_.DropIngestCheckpoint(key));
    ++records.dropped;
  }
  return absl::OkStatus();
}

absl::Status StoreMigration::Copy(v1::RecordKind kind, const Batch& batch, MigrationPass& pass) {
  for (std::size_t next = 0; next < batch.size();) {
    Batch change;
    std::vector<std::vector<std::string>> shown;
    std::vector<std::string> all;
    for (std::size_t bytes = 0; next < batch.size() && change.size() < kCopied && bytes < kPictureBytes; ++next) {
      ASSIGN_OR_RETURN(Shown of_record, ShownBy(kind, batch[next]));
      bytes += of_record.bytes;
      all.insert(all.end(), of_record.sha256s.begin(), of_record.sha256s.end());
      change.push_back(batch[next]);
      shown.push_back(std::move(of_record.sha256s));
    }
    RETURN_IF_ERROR(CopyChange(kind, std::move(change), shown, all, pass));
  }
  return absl::OkStatus();
}

absl::Status StoreMigration::CopyChange(v1::RecordKind kind, Batch change,
                                        const std::vector<std::vector<std::string>>& shown,
                                        const std::vector<std::string>& all, MigrationPass& pass) {
  std::vector<v1::ExportPicturesResponse> pictures;
  absl::flat_hash_set<std::string> gone;
  if (!all.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> missing, target_.MissingPictures(all));
    gone.insert(missing.begin(), missing.end());
    v1::ExportPicturesRequest request;
    request.mutable_sha256s()->Add(missing.begin(), missing.end());
    if (!missing.empty()) {
      RETURN_IF_ERROR(source_.ExportPictures(request, [&](const v1::ExportPicturesResponse& picture) {
        gone.erase(picture.image().sha256());
        pass.picture_bytes += static_cast<std::int64_t>(picture.image().data().size());
        pictures.push_back(picture);
        return absl::OkStatus();
      }));
    }
  }
  MigrationPass::Records& counts = pass.kinds[kind];
  if (!gone.empty()) {
    Batch complete;
    for (std::size_t i = 0; i < change.size(); ++i) {
      const bool is_complete =
          std::none_of(shown[i].begin(), shown[i].end(), [&](const auto& sha256) { return gone.contains(sha256); });
      if (is_complete) complete.push_back(std::move(change[i]));
    }
    counts.left += static_cast<std::int64_t>(change.size() - complete.size());
    change = std::move(complete);
  }
  if (change.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(target_.Import(kind, change, pictures));
  counts.copied += static_cast<std::int64_t>(change.size());
  pass.pictures += static_cast<std::int64_t>(pictures.size());
  return absl::OkStatus();
}

absl::StatusOr<MigrationPass> StoreMigration::Finish(const Visit& visit) {
  v1::SetReadOnlyRequest request;
  request.set_reason("it was moved to PostgreSQL and a bucket by mannequin migrate; use the new store");
  RETURN_IF_ERROR(source_.SetReadOnly(request).status());
  absl::StatusOr<MigrationPass> finished = FinishReadOnly(visit);
  if (finished.ok()) return finished;
  const absl::Status writable = source_.SetReadOnly({}).status();
  if (writable.ok()) return finished;
  return absl::Status(finished.status().code(),
                      absl::StrCat(finished.status().message(), "; and the source is still read-only (",
                                   writable.message(), "): mannequin migrate --abandon"));
}

absl::StatusOr<MigrationPass> StoreMigration::FinishReadOnly(const Visit& visit) {
  ASSIGN_OR_RETURN(const MigrationPass last, Run(visit));
  ASSIGN_OR_RETURN(const MigrationPass proof, Run(visit));
  if (proof.copied() > 0 || proof.left() > 0) {
    return absl::DataLossError(absl::StrCat("migrate: ", proof.copied() + proof.left(),
                                            " records still differ though nothing is written; run mannequin doctor on "
                                            "the source"));
  }
  RETURN_IF_ERROR(CompareCounts());
  return last;
}

absl::Status StoreMigration::CompareCounts() {
  ASSIGN_OR_RETURN(v1::GetStatisticsResponse source, source_.GetStatistics({}));
  ASSIGN_OR_RETURN(v1::GetStatisticsResponse target, target_.GetStatistics({}));
  source.clear_disk_bytes();
  target.clear_disk_bytes();
  if (google::protobuf::util::MessageDifferencer::Equals(source, target)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("migrate: the counts differ: ", source.ShortDebugString(), " in the source, ",
                                          target.ShortDebugString(), " in the target; run mannequin doctor on both"));
}

}  // namespace mannequin

#include "services/store/rocks/integrity_check.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "google/protobuf/util/message_differencer.h"
#include "rocksdb/sst_file_reader.h"
#include "services/store/review_decision.h"
#include "services/store/rocks/rocks_status.h"

namespace mannequin::store {
namespace {

constexpr absl::string_view kRestore = "; restore the latest backup";

const std::string& IdOf(const v1::StoredProduct& product) { return product.product().id(); }
const std::string& IdOf(const v1::Job& job) { return job.id(); }
template <typename Record>
const std::string& IdOf(const Record& record) {
  return record.product_id();
}

template <typename Record>
const std::string& KeyOf(const Record& record) {
  return IdOf(record);
}
std::string KeyOf(const v1::Review& review) { return ReviewKey(review.product_id(), review.image_sha256()); }

rocksdb::ColumnFamilyHandle* HandleOf(const Database& db, absl::string_view name) {
  for (int i = 0; i < kFamilies; ++i) {
    if (FamilyName(static_cast<Family>(i)) == name) return db.handle(static_cast<Family>(i));
  }
  return db.rocks().DefaultColumnFamily();
}

}  // namespace

IntegrityCheck::IntegrityCheck(const Database& db, const Clock& clock, Write write, const IntegrityReport::Visit& visit,
                               const IntegrityLimits& limits)
    : db_(db), clock_(clock), write_(std::move(write)), limits_(limits), report_(visit), snapshot_(&db.rocks()) {}

absl::Status IntegrityCheck::Run() {
  const auto kept = db_.Read<v1::GetStatisticsResponse>(Family::kCounters, "statistics", Options());
  if (!kept.ok()) {
    RETURN_IF_ERROR(report_.Fault("counters/statistics", kept.status().message()));
  } else if (kept->has_value()) {
    kept_statistics_ = Statistics::FromProto(**kept);
  }
  RETURN_IF_ERROR(CheckTables());
  RETURN_IF_ERROR(CheckRecords());
  RETURN_IF_ERROR(CheckImages());
  RETURN_IF_ERROR(CheckRenditions());
  RETURN_IF_ERROR(CheckIndexes());
  RETURN_IF_ERROR(CheckStatistics());
  return report_.Finish();
}

rocksdb::ReadOptions IntegrityCheck::Options() {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot_.snapshot();
  options.fill_cache = false;
  return options;
}

absl::Status IntegrityCheck::CheckTables() {
  rocksdb::DB& rocks = db_.rocks();
  // A compaction must not delete a table between its listing and its turn.
  RETURN_IF_ERROR(FromRocks(rocks.DisableFileDeletions(), "keep tables while they are checked"));
  const absl::Cleanup enable = [&rocks] { rocks.EnableFileDeletions(/*force=*/false).PermitUncheckedError(); };
  std::vector<rocksdb::LiveFileMetaData> tables;
  rocks.GetLiveFilesMetaData(&tables);
  std::int64_t total = 0;
  for (const rocksdb::LiveFileMetaData& table : tables) total += static_cast<std::int64_t>(table.size);
  RETURN_IF_ERROR(report_.Begin("checksums", total));
  for (const rocksdb::LiveFileMetaData& table : tables) {
    rocksdb::SstFileReader reader(rocks.GetOptions(HandleOf(db_, table.column_family_name)));
    rocksdb::Status status = reader.Open(table.db_path + table.name);
    if (status.ok()) status = reader.VerifyChecksum(Options());
    if (!status.ok()) {
      RETURN_IF_ERROR(report_.Fault(
          absl::StrCat("files", table.name),
          absl::StrCat("a table of ", table.column_family_name, " is damaged: ", status.ToString(), kRestore)));
    }
    RETURN_IF_ERROR(report_.Advance(static_cast<std::int64_t>(table.size)));
  }
  return absl::OkStatus();
}

template <typename Record>
absl::Status IntegrityCheck::Scan(Family family, bool faults, const std::function<absl::Status(const Record&)>& visit) {
  const auto records = db_.NewIterator(family, Options());
  std::string last;
  for (records->SeekToFirst(); records->Valid(); records->Next()) {
    const absl::string_view key = ToView(records->key());
    last = std::string(key);
    const absl::StatusOr<Record> record = Decode<Record>(family, key, ToView(records->value()));
    if (record.ok() && KeyOf(*record) == key) {
      RETURN_IF_ERROR(visit(*record));
    } else if (!faults) {
      return absl::DataLossError(absl::StrCat(Describe("read", family, key),
                                              ": it was whole a moment ago; nothing more is repaired, try again"));
    } else {
      records_read_ = false;
      const std::string words = record.ok()
                                    ? absl::StrCat("holds the record of \"", absl::CHexEscape(KeyOf(*record)), "\"")
                                    : std::string(record.status().message());
      RETURN_IF_ERROR(report_.Fault(Describe("", family, key).substr(1), absl::StrCat(words, kRestore)));
    }
    if (faults) RETURN_IF_ERROR(report_.Advance());
  }
  if (records->status().ok()) return absl::OkStatus();
  // What a second pass has not seen is no sign that it is not there.
  if (!faults) return FromRocks(records->status(), absl::StrCat("read ", FamilyName(family), " once more"));
  records_read_ = false;
  return report_.Fault(FamilyName(family), absl::StrCat("cannot be read after \"", absl::CHexEscape(last),
                                                        "\": ", records->status().ToString(),
                                                        "; indexes and counts are not judged without it", kRestore));
}

absl::Status IntegrityCheck::CheckRecords() {
  const Statistics& kept = kept_statistics_;
  // The statistics do not count jobs, which are few.
  std::int64_t jobs = 0;
  const auto listed = db_.NewIterator(Family::kJobs, Options());
  for (listed->SeekToFirst(); listed->Valid(); listed->Next()) ++jobs;
  RETURN_IF_ERROR(report_.Begin(
      "records", kept.products + kept.embeddings + kept.placeholders + kept.verdicts + kept.reviews + jobs));
  const auto expect = [this](const auto& record) {
    for (const std::string& entry : IndexEntries(record)) {
      expected_entries_.Add(entry);
      ++entries_;
    }
  };
  const auto shows = [this](const std::string& sha256) {
    const absl::StatusOr<std::string> key = ImageKey(sha256);
    if (key.ok()) shown_pictures_.Add(*key);
    return key.ok();
  };
  RETURN_IF_ERROR(Scan<v1::StoredProduct>(Family::kProducts, true, [&](const v1::StoredProduct& product) {
    ++counted_.products;
    counted_.CountImage(product.image(), 1);
    expect(product);
    const bool stored = product.image().state() == v1::IMAGE_STATE_STORED;
    if (!stored && product.image().sha256().empty()) return absl::OkStatus();
    if (shows(product.image().sha256()) && stored) return absl::OkStatus();
    return report_.Fault(absl::StrCat("products/", IdOf(product)),
                         absl::StrCat("is ", v1::ImageState_Name(product.image().state()), " with the picture \"",
                                      product.image().sha256(), "\"", kRestore));
  }));
  RETURN_IF_ERROR(Scan<v1::Placeholder>(Family::kPlaceholders, true, [&](const v1::Placeholder& placeholder) {
    ++counted_.placeholders;
    expect(placeholder);
    // Without a picture it lost it, and a repair has said so in its record.
    if (!placeholder.image_sha256().empty() && !shows(placeholder.image_sha256())) {
      RETURN_IF_ERROR(report_.Fault(absl::StrCat("placeholders/", IdOf(placeholder)),
                                    absl::StrCat("shows no picture's hash", kRestore)));
    }
    if (!placeholder.badged_image_sha256().empty() && !shows(placeholder.badged_image_sha256())) {
      RETURN_IF_ERROR(report_.Fault(absl::StrCat("placeholders/", IdOf(placeholder)),
                                    absl::StrCat("shows no badged picture's hash", kRestore)));
    }
    const auto product = db_.Get(Family::kProducts, IdOf(placeholder), Options());
    if (!product.ok() || product->has_value()) return absl::OkStatus();
    return report_.Fault(absl::StrCat("placeholders/", IdOf(placeholder)),
                         absl::StrCat("its product is not in the store", kRestore));
  }));
  RETURN_IF_ERROR(Scan<v1::Verdict>(Family::kVerdicts, true, [&](const v1::Verdict& verdict) {
    ++counted_.verdicts;
    expect(verdict);
    return CheckDecision(verdict);
  }));
  RETURN_IF_ERROR(Scan<v1::Review>(Family::kReviews, true, [&](const v1::Review& review) {
    ++counted_.reviews;
    const auto verdict = db_.Get(Family::kVerdicts, IdOf(review), Options());
    if (!verdict.ok() || verdict->has_value()) return absl::OkStatus();
    return report_.Fault(Describe("", Family::kReviews, KeyOf(review)).substr(1),
                         absl::StrCat("its product has no verdict", kRestore));
  }));
  RETURN_IF_ERROR(Scan<v1::Embedding>(Family::kEmbeddings, true, [&](const v1::Embedding&) {
    ++counted_.embeddings;
    return absl::OkStatus();
  }));
  return Scan<v1::Job>(Family::kJobs, true, [&](const v1::Job& job) {
    expect(job);
    return absl::OkStatus();
  });
}

absl::Status IntegrityCheck::CheckDecision(const v1::Verdict& verdict) {
  const std::string key = ReviewKey(IdOf(verdict), verdict.image_sha256());
  const auto review = db_.Read<v1::Review>(Family::kReviews, key, Options());
  // One that cannot be read is its own fault, and may be what the verdict says.
  if (!review.ok()) return absl::OkStatus();
  const v1::VerdictKind decision = DecisionOn(verdict, *review);
  if (verdict.review_decision() == decision) return absl::OkStatus();
  if (write_) {
    RETURN_IF_ERROR(write_([&](RocksEdit& edit) -> absl::Status {
      ASSIGN_OR_RETURN(const auto before, edit.Read<v1::Verdict>(Family::kVerdicts, IdOf(verdict)));
      if (!before) return absl::OkStatus();
      ASSIGN_OR_RETURN(const auto kept,
                       edit.Read<v1::Review>(Family::kReviews, ReviewKey(IdOf(*before), before->image_sha256())));
      v1::Verdict after = *before;
      after.set_review_decision(DecisionOn(*before, kept));
      edit.PutVerdict(before, after);
      return absl::OkStatus();
    }));
  }
  return report_.Fault(
      absl::StrCat("verdicts/", IdOf(verdict)),
      absl::StrCat("says that its review decided ", v1::VerdictKind_Name(verdict.review_decision()), ", but that is ",
                   v1::VerdictKind_Name(decision), write_ ? "; set anew" : "; --repair sets it anew"),
      static_cast<bool>(write_));
}

absl::Status IntegrityCheck::VisitEntries(const std::function<absl::Status(const std::string&)>& visit) {
  const auto visit_all = [&visit](const auto& record) -> absl::Status {
    for (const std::string& entry : IndexEntries(record)) RETURN_IF_ERROR(visit(entry));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(Scan<v1::StoredProduct>(Family::kProducts, false, visit_all));
  RETURN_IF_ERROR(Scan<v1::Placeholder>(Family::kPlaceholders, false, visit_all));
  RETURN_IF_ERROR(Scan<v1::Verdict>(Family::kVerdicts, false, visit_all));
  return Scan<v1::Job>(Family::kJobs, false, visit_all);
}

absl::Status IntegrityCheck::VisitShown(
    const std::function<absl::Status(Family, const std::string&, const std::string&)>& visit) {
  RETURN_IF_ERROR(Scan<v1::StoredProduct>(Family::kProducts, false, [&](const v1::StoredProduct& product) {
    const absl::StatusOr<std::string> key = ImageKey(product.image().sha256());
    return key.ok() ? visit(Family::kProducts, IdOf(product), *key) : absl::OkStatus();
  }));
  return Scan<v1::Placeholder>(Family::kPlaceholders, false, [&](const v1::Placeholder& placeholder) -> absl::Status {
    for (const std::string& sha256 : {placeholder.image_sha256(), placeholder.badged_image_sha256()}) {
      const absl::StatusOr<std::string> key = ImageKey(sha256);
      if (key.ok()) RETURN_IF_ERROR(visit(Family::kPlaceholders, IdOf(placeholder), *key));
    }
    return absl::OkStatus();
  });
}

absl::Status IntegrityCheck::CheckStatistics() {
  RETURN_IF_ERROR(report_.Begin("statistics", 0));
  if (!records_read_ || !images_read_) return absl::OkStatus();
  std::string differences;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&differences);
  if (differencer.Compare(kept_statistics_.ToProto(), counted_.ToProto())) return absl::OkStatus();
  if (write_) {
    // What was written since has moved both by the same.
    Statistics difference = counted_;
    difference.Add(kept_statistics_, -1);
    RETURN_IF_ERROR(write_([&](RocksEdit& edit) {
      edit.AddToStatistics(difference);
      return absl::OkStatus();
    }));
  }
  return report_.Fault("counters/statistics",
                       absl::StrCat("differ from what was counted (kept -> counted): ", differences,
                                    write_ ? "; counted anew" : "; --repair counts anew"),
                       static_cast<bool>(write_));
}

}  // namespace mannequin::store

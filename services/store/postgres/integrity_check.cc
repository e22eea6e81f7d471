#include "services/store/postgres/integrity_check.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/store/lost_picture.h"
#include "services/store/postgres/counters.h"
#include "services/store/postgres/picture_objects.h"
#include "services/store/postgres/product_columns.h"
#include "services/store/postgres/row_cursor.h"
#include "services/store/record.h"
#include "services/store/timestamp.h"

namespace mannequin::store {
namespace {

absl::StatusOr<std::int64_t> CountOf(Connection& snapshot, const std::string& table) {
  ASSIGN_OR_RETURN(const Result count, snapshot.Run(absl::StrCat("SELECT count(*) FROM ", table), {}));
  return count.Int(0, 0);
}

}  // namespace

absl::Status PostgresIntegrityCheck::Run() {
  return pool_.Transact(kSnapshot, [&](Connection& snapshot) -> absl::Status {
    RETURN_IF_ERROR(CheckProducts(snapshot));
    RETURN_IF_ERROR(CheckStrayRows(snapshot));
    RETURN_IF_ERROR(CheckPlaceholders(snapshot));
    RETURN_IF_ERROR(CheckVerdicts(snapshot));
    RETURN_IF_ERROR(CheckJobs(snapshot));
    RETURN_IF_ERROR(CheckEmbeddings(snapshot));
    RETURN_IF_ERROR(CheckReviews(snapshot));
    RETURN_IF_ERROR(CheckImages(snapshot));
    RETURN_IF_ERROR(CheckStatistics(snapshot));
    return report_.Finish();
  });
}

absl::Status PostgresIntegrityCheck::Visit(Connection& snapshot, const std::string& select,
                                           const std::function<absl::Status(const Result&, int row)>& check,
                                           const std::function<absl::Status()>& page_done) {
  return VisitRows(
      snapshot, select, {},
      [&](const Result& rows, int row) -> absl::StatusOr<bool> {
        RETURN_IF_ERROR(check(rows, row));
        RETURN_IF_ERROR(report_.Advance());
        return true;
      },
      page_done);
}

absl::Status PostgresIntegrityCheck::Fault(const std::string& record, const std::string& what, const std::string& sql,
                                           const Parameters& parameters) {
  if (sql.empty()) return report_.Fault(record, what);
  if (!write_) return report_.Fault(record, absl::StrCat(what, "; --repair sets it anew"));
  RETURN_IF_ERROR(pool_.Transact("", [&](Connection& connection) { return connection.Run(sql, parameters).status(); }));
  return report_.Fault(record, absl::StrCat(what, "; set anew"), /*repaired=*/true);
}

void PostgresIntegrityCheck::Show(const std::string& sha256) {
  if (!sha256.empty()) ++uses_[sha256].shown;
}

absl::Status PostgresIntegrityCheck::CheckProducts(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t total, CountOf(snapshot, "products"));
  RETURN_IF_ERROR(report_.Begin("products", total));
  return Visit(
      snapshot,
      "SELECT p.id, p.record, p.image_state, p.brand, p.update_spread, p.updated_at, f.origin "
      "FROM products AS p LEFT JOIN fetches AS f ON f.product_id = p.id ORDER BY p.id",
      [&](const Result& rows, int row) { return CheckProduct(rows, row); }, [&] { return CheckCategories(snapshot); });
}

absl::Status PostgresIntegrityCheck::CheckProduct(const Result& rows, int row) {
  const std::string id(rows.Bytes(row, 0));
  const std::string name = absl::StrCat("products/", id);
  const absl::StatusOr<v1::StoredProduct> product =
      Decode<v1::StoredProduct>(Family::kProducts, id, rows.Bytes(row, 1));
  if (!product.ok() || product->product().id() != id) {
    records_read_ = false;
    return Fault(name, product.ok() ? "the record is another product's: restore a backup"
                                    : absl::StrCat(product.status().message(), ": restore a backup"));
  }
  ++counted_.products;
  counted_.CountImage(product->image(), 1);
  Show(product->image().sha256());
  ProductColumns columns = ColumnsOf(*product);
  categories_ += static_cast<std::int64_t>(columns.categories.size());
  for (std::string& category : columns.categories) {
    page_categories_.push_back(std::move(category));
    page_ids_.push_back(id);
  }
  if (rows.Int(row, 2) != columns.image_state || rows.Bytes(row, 3) != columns.brand ||
      rows.Int(row, 4) != columns.update_spread || rows.Int(row, 5) != columns.updated_at) {
    RETURN_IF_ERROR(Fault(name, "columns are not what the record says",
                          "UPDATE products SET image_state = $2, brand = $3, update_spread = $4, updated_at = $5 "
                          "WHERE id = $1 AND record = $6",
                          Parameters()
                              .Text(id)
                              .Int(columns.image_state)
                              .Bytes(columns.brand)
                              .Int(columns.update_spread)
                              .Int(columns.updated_at)
                              .Bytes(rows.Bytes(row, 1))));
  }
  if (columns.origin) ++to_be_fetched_;
  if (!columns.origin) return absl::OkStatus();  // one too many is a stray row
  if (!rows.IsNull(row, 6) && rows.Bytes(row, 6) == *columns.origin) return absl::OkStatus();
  // Not there: a stray one in its stead must be one too many.
  if (rows.IsNull(row, 6)) --to_be_fetched_;
  return Fault(
      absl::StrCat("fetches/", id), "its image is to be fetched, but it is not in the queue of its origin",
      "INSERT INTO fetches (product_id, origin) SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM products WHERE id = $1 "
      "AND record = $3) ON CONFLICT (product_id) DO UPDATE SET origin = excluded.origin",
      Parameters().Text(id).Bytes(*columns.origin).Bytes(rows.Bytes(row, 1)));
}

absl::Status PostgresIntegrityCheck::CheckCategories(Connection& snapshot) {
  if (page_ids_.empty()) return absl::OkStatus();
  const Parameters parameters = Parameters().ByteStrings(page_categories_).Texts(page_ids_);
  page_categories_.clear();
  page_ids_.clear();
  ASSIGN_OR_RETURN(const Result missing,
                   snapshot.Run("SELECT given.c, given.p FROM (SELECT unnest($1) AS c, unnest($2) AS p) AS given "
                                "LEFT JOIN product_categories AS kept ON kept.category = given.c AND "
                                "kept.product_id = given.p WHERE kept.category IS NULL",
                                parameters));
  for (int row = 0; row < missing.rows(); ++row) {
    RETURN_IF_ERROR(
        Fault(absl::StrCat("product_categories/", missing.Bytes(row, 1)), "is missing from one of its categories",
              "INSERT INTO product_categories (category, product_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
              Parameters().Bytes(missing.Bytes(row, 0)).Text(missing.Bytes(row, 1))));
    --categories_;
  }
  return absl::OkStatus();
}

absl::Status PostgresIntegrityCheck::CheckStrayRows(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t categories, CountOf(snapshot, "product_categories"));
  if (categories > categories_ && records_read_) {
    RETURN_IF_ERROR(report_.Begin("categories", categories));
    RETURN_IF_ERROR(Visit(
        snapshot,
        "SELECT c.category, c.product_id, p.record FROM product_categories AS c LEFT JOIN products AS p ON p.id = "
        "c.product_id",
        [&](const Result& rows, int row) -> absl::Status {
          v1::StoredProduct product;
          if (!rows.IsNull(row, 2)) {
            ASSIGN_OR_RETURN(product,
                             Decode<v1::StoredProduct>(Family::kProducts, rows.Bytes(row, 1), rows.Bytes(row, 2)));
          }
          const std::vector<std::string> own = ColumnsOf(product).categories;
          if (std::find(own.begin(), own.end(), rows.Bytes(row, 0)) != own.end()) return absl::OkStatus();
          return Fault(absl::StrCat("product_categories/", rows.Bytes(row, 1)), "is in a category that is not its own",
                       "DELETE FROM product_categories WHERE category = $1 AND product_id = $2",
                       Parameters().Bytes(rows.Bytes(row, 0)).Text(rows.Bytes(row, 1)));
        }));
  }
  ASSIGN_OR_RETURN(const std::int64_t fetches, CountOf(snapshot, "fetches"));
  if (fetches <= to_be_fetched_ || !records_read_) return absl::OkStatus();
  RETURN_IF_ERROR(report_.Begin("fetches", fetches));
  return Visit(snapshot,
               "SELECT f.product_id, p.record FROM fetches AS f LEFT JOIN products AS p ON p.id = f.product_id",
               [&](const Result& rows, int row) -> absl::Status {
                 v1::StoredProduct product;
                 if (!rows.IsNull(row, 1)) {
                   ASSIGN_OR_RETURN(
                       product, Decode<v1::StoredProduct>(Family::kProducts, rows.Bytes(row, 0), rows.Bytes(row, 1)));
                 }
                 if (ColumnsOf(product).origin) return absl::OkStatus();
                 return Fault(absl::StrCat("fetches/", rows.Bytes(row, 0)),
                              "is in the queue, but its image is not to be fetched",
                              "DELETE FROM fetches WHERE product_id = $1", Parameters().Text(rows.Bytes(row, 0)));
               });
}

absl::Status PostgresIntegrityCheck::CheckPlaceholders(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t total, CountOf(snapshot, "placeholders"));
  RETURN_IF_ERROR(report_.Begin("placeholders", total));
  return Visit(
      snapshot, "SELECT product_id, record, state FROM placeholders", [&](const Result& rows, int row) -> absl::Status {
        const std::string name = absl::StrCat("placeholders/", rows.Bytes(row, 0));
        const auto placeholder = Decode<v1::Placeholder>(Family::kPlaceholders, rows.Bytes(row, 0), rows.Bytes(row, 1));
        if (!placeholder.ok() || placeholder->product_id() != rows.Bytes(row, 0)) {
          records_read_ = false;
          return Fault(name, placeholder.ok() ? "the record is another product's: restore a backup"
                                              : absl::StrCat(placeholder.status().message(), ": restore a backup"));
        }
        ++counted_.placeholders;
        Show(placeholder->image_sha256());
        Show(placeholder->badged_image_sha256());
        if (rows.Int(row, 2) == placeholder->state()) return absl::OkStatus();
        return Fault(name, "its state is not what the record says",
                     "UPDATE placeholders SET state = $2 WHERE product_id = $1 AND record = $3",
                     Parameters().Text(rows.Bytes(row, 0)).Int(placeholder->state()).Bytes(rows.Bytes(row, 1)));
      });
}

absl::Status PostgresIntegrityCheck::CheckVerdicts(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t total, CountOf(snapshot, "verdicts"));
  RETURN_IF_ERROR(report_.Begin("verdicts", total));
  return Visit(
      snapshot, "SELECT product_id, record, kind, is_reviewed::int FROM verdicts",
      [&](const Result& rows, int row) -> absl::Status {
        const std::string name = absl::StrCat("verdicts/", rows.Bytes(row, 0));
        const auto verdict = Decode<v1::Verdict>(Family::kVerdicts, rows.Bytes(row, 0), rows.Bytes(row, 1));
        if (!verdict.ok() || verdict->product_id() != rows.Bytes(row, 0)) {
          records_read_ = false;
          return Fault(name, verdict.ok() ? "the record is another product's: restore a backup"
                                          : absl::StrCat(verdict.status().message(), ": restore a backup"));
        }
        ++counted_.verdicts;
        const int is_reviewed = verdict->review_decision() != v1::VERDICT_KIND_UNSPECIFIED ? 1 : 0;
        if (rows.Int(row, 2) == verdict->kind() && rows.Int(row, 3) == is_reviewed) return absl::OkStatus();
        return Fault(
            name, "kind or review are not what the record says",
            "UPDATE verdicts SET kind = $2, is_reviewed = ($3 = 1) WHERE product_id = $1 AND record = $4",
            Parameters().Text(rows.Bytes(row, 0)).Int(verdict->kind()).Int(is_reviewed).Bytes(rows.Bytes(row, 1)));
      });
}

absl::Status PostgresIntegrityCheck::CheckJobs(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t total, CountOf(snapshot, "jobs"));
  RETURN_IF_ERROR(report_.Begin("jobs", total));
  return Visit(
      snapshot, "SELECT id, record, kind, state, is_open::int, lease_ends_at FROM jobs",
      [&](const Result& rows, int row) -> absl::Status {
        const std::string name = absl::StrCat("jobs/", rows.Bytes(row, 0));
        const auto job = Decode<v1::Job>(Family::kJobs, rows.Bytes(row, 0), rows.Bytes(row, 1));
        if (!job.ok()) return Fault(name, absl::StrCat(job.status().message(), ": restore a backup"));
        const int is_open = job->state() == v1::JOB_STATE_QUEUED || job->state() == v1::JOB_STATE_RUNNING ? 1 : 0;
        const std::int64_t ends =
            job->has_lease_expires_at() ? absl::ToUnixNanos(FromProto(job->lease_expires_at())) : 0;
        if (rows.Int(row, 2) == job->kind() && rows.Int(row, 3) == job->state() && rows.Int(row, 4) == is_open &&
            rows.Int(row, 5) == ends) {
          return absl::OkStatus();
        }
        return Fault(name, "columns are not what the record says",
                     "UPDATE jobs SET kind = $2, state = $3, is_open = ($4 = 1), lease_ends_at = $5 WHERE id = $1 AND "
                     "record = $6",
                     Parameters()
                         .Text(rows.Bytes(row, 0))
                         .Int(job->kind())
                         .Int(job->state())
                         .Int(is_open)
                         .Int(ends)
                         .Bytes(rows.Bytes(row, 1)));
      });
}

absl::Status PostgresIntegrityCheck::CheckEmbeddings(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t total, CountOf(snapshot, "embeddings"));
  RETURN_IF_ERROR(report_.Begin("embeddings", total));
  counted_.embeddings = total;
  return Visit(snapshot, "SELECT product_id, record FROM embeddings", [&](const Result& rows, int row) {
    const auto embedding = Decode<v1::Embedding>(Family::kEmbeddings, rows.Bytes(row, 0), rows.Bytes(row, 1));
    if (embedding.ok() && embedding->product_id() == rows.Bytes(row, 0)) return absl::OkStatus();
    return Fault(absl::StrCat("embeddings/", rows.Bytes(row, 0)),
                 embedding.ok() ? "the record is another product's: embed again, or restore a backup"
                                : absl::StrCat(embedding.status().message(), ": embed again, or restore a backup"));
  });
}

absl::Status PostgresIntegrityCheck::CheckReviews(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t total, CountOf(snapshot, "reviews"));
  RETURN_IF_ERROR(report_.Begin("reviews", total));
  counted_.reviews = total;
  return Visit(snapshot, "SELECT key, record FROM reviews", [&](const Result& rows, int row) {
    // The product's id, a zero byte and the picture's hash.
    const std::string key(rows.Bytes(row, 0));
    const auto review = Decode<v1::Review>(Family::kReviews, key, rows.Bytes(row, 1));
    if (review.ok() && ReviewKey(review->product_id(), review->image_sha256()) == key) return absl::OkStatus();
    return Fault(absl::StrCat("reviews/", key.substr(0, key.find('\0'))),
                 review.ok() ? "the record is another picture's: restore a backup"
                             : absl::StrCat(review.status().message(), ": restore a backup"));
  });
}

absl::Status PostgresIntegrityCheck::CheckImages(Connection& snapshot) {
  ASSIGN_OR_RETURN(const std::int64_t total, CountOf(snapshot, "images"));
  RETURN_IF_ERROR(report_.Begin("images", total));
  RETURN_IF_ERROR(Visit(
      snapshot, "SELECT encode(sha256, 'hex'), uses, object, bytes, rendition_bytes, record FROM images",
      [&](const Result& rows, int row) -> absl::Status {
        const std::string sha256(rows.Bytes(row, 0));
        ++counted_.images;
        counted_.image_bytes += rows.Int(row, 3);
        counted_.rendition_bytes += rows.Int(row, 4);
        Uses& uses = uses_[sha256];
        uses.kept = rows.Int(row, 1);
        uses.has_row = true;
        const std::string object(rows.Bytes(row, 2));
        const auto record = Decode<v1::PictureRecord>(Family::kImages, sha256, rows.Bytes(row, 5));
        if (!record.ok()) {
          return Fault(absl::StrCat("images/", sha256), absl::StrCat(record.status().message(), ": restore a backup"));
        }
        return CheckObject(sha256, object, *record);
      }));
  for (const auto& [sha256, uses] : uses_) RETURN_IF_ERROR(CheckUses(sha256, uses));
  return CheckUsersOfLost(snapshot);
}

absl::Status PostgresIntegrityCheck::CheckObject(const std::string& sha256, const std::string& object,
                                                 const v1::PictureRecord& record) {
  const std::string name = absl::StrCat("images/", sha256);
  const absl::StatusOr<std::string> data = bucket_.Get(object);
  std::string fault;
  if (absl::IsNotFound(data.status())) {
    fault = absl::StrCat("its object ", object, " is not in the bucket");
  } else if (absl::IsDataLoss(data.status())) {
    fault = std::string(data.status().message());
  } else {
    RETURN_IF_ERROR(data.status());
    fault = FaultOf(*data, sha256, record);
    if (!fault.empty()) fault = absl::StrCat("its object ", object, " ", fault);
  }
  if (fault.empty()) return absl::OkStatus();
  const absl::Status picture = bucket_.GetPart(object, 0, record.bytes(), sha256).status();
  if (picture.ok()) return Fault(name, absl::StrCat(fault, "; the picture itself is whole: restore the object"));
  if (!absl::IsNotFound(picture) && !absl::IsDataLoss(picture)) return picture;
  lost_.insert(sha256);
  return Fault(name, absl::StrCat(fault, ": restore the object"));
}

absl::Status PostgresIntegrityCheck::CheckUsersOfLost(Connection& snapshot) {
  if (lost_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(report_.Begin("records of lost pictures", 0));
  RETURN_IF_ERROR(Visit(snapshot, "SELECT id, record FROM products", [&](const Result& rows, int row) {
    const std::string id(rows.Bytes(row, 0));
    const auto product = Decode<v1::StoredProduct>(Family::kProducts, id, rows.Bytes(row, 1));
    // One that cannot be read is its own fault.
    return product.ok() ? CheckUser(Family::kProducts, id, product->image().sha256()) : absl::OkStatus();
  }));
  return Visit(snapshot, "SELECT product_id, record FROM placeholders", [&](const Result& rows, int row) {
    const std::string id(rows.Bytes(row, 0));
    const auto placeholder = Decode<v1::Placeholder>(Family::kPlaceholders, id, rows.Bytes(row, 1));
    if (!placeholder.ok()) return absl::OkStatus();
    RETURN_IF_ERROR(CheckUser(Family::kPlaceholders, id, placeholder->image_sha256()));
    return CheckUser(Family::kPlaceholders, id, placeholder->badged_image_sha256());
  });
}

absl::Status PostgresIntegrityCheck::CheckUser(Family family, const std::string& id, const std::string& sha256) {
  if (!lost_.contains(sha256)) return absl::OkStatus();
  bool done = false;
  if (write_) {
    RETURN_IF_ERROR(write_([&](Edit& edit) -> absl::Status {
      ASSIGN_OR_RETURN(done, LetGoOfPicture(edit, family, id, sha256));
      return done && uses_[sha256].has_row ? edit.DropImage(sha256) : absl::OkStatus();
    }));
  }
  return report_.Fault(absl::StrCat(FamilyName(family), "/", id),
                       absl::StrCat("its picture ", sha256, " is lost; ", CureOfLostPicture(family, done)), done);
}

absl::Status PostgresIntegrityCheck::CheckUses(const std::string& sha256, const Uses& uses) {
  const std::string name = absl::StrCat("images/", sha256);
  if (!uses.has_row) {
    lost_.insert(sha256);
    return Fault(name, absl::StrCat("is shown by ", uses.shown, " records, but has no row"));
  }
  if (uses.shown == uses.kept || !records_read_) return absl::OkStatus();
  // Relative to what others have made of it meanwhile. One that nothing shows is left with 0 uses: it
  // costs its bytes, and harms nobody.
  return Fault(name, absl::StrCat("counts ", uses.kept, " references, but ", uses.shown, " records show it"),
               "UPDATE images SET uses = uses + $2 WHERE encode(sha256, 'hex') = $1 AND uses + $2 >= 0",
               Parameters().Text(sha256).Int(uses.shown - uses.kept));
}

absl::Status PostgresIntegrityCheck::CheckStatistics(Connection& snapshot) {
  RETURN_IF_ERROR(report_.Begin("statistics", 1));
  if (!records_read_) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Result sums,
                   snapshot.Run("SELECT name, sum(value)::bigint FROM statistics GROUP BY name", {}));
  absl::flat_hash_map<std::string, std::int64_t> kept;
  for (int row = 0; row < sums.rows(); ++row) kept[std::string(sums.Bytes(row, 0))] = sums.Int(row, 1);
  absl::Status status;
  ForEachCounter(counted_, [&](const std::string& name, std::int64_t& counted) {
    if (!status.ok() || kept[name] == counted) return;
    status = Fault(absl::StrCat("statistics/", name), absl::StrCat("says ", kept[name], ", but there are ", counted),
                   "INSERT INTO statistics (slot, name, value) VALUES (0, $1, $2) ON CONFLICT (slot, name) DO UPDATE "
                   "SET value = statistics.value + excluded.value",
                   Parameters().Text(name).Int(counted - kept[name]));
  });
  return status;
}

}  // namespace mannequin::store

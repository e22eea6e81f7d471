// Whether tables, counts and the bucket's objects fit together, on one snapshot.
//
//   IntegrityCheck check(pool, bucket, repair, visit);
//   RETURN_IF_ERROR(check.Run());
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "services/store/bucket/bucket.h"
#include "services/store/edit.h"
#include "services/store/integrity_report.h"
#include "services/store/postgres/connection_pool.h"
#include "services/store/postgres/picture_objects.h"
#include "services/store/statistics.h"

namespace mannequin::store {

// One check; not thread-safe.
class PostgresIntegrityCheck {
 public:
  // Makes one change, durable when it returns OK.
  using Write = std::function<absl::Status(const std::function<absl::Status(Edit&)>&)>;

  // With `write` what is made out of records is made anew where it differs, and lost pictures are let go of; empty:
  // nothing is repaired. All must outlive it.
  PostgresIntegrityCheck(ConnectionPool& pool, Bucket& bucket, Write write, const IntegrityReport::Visit& visit)
      : pool_(pool), bucket_(bucket), write_(std::move(write)), report_(visit) {}

  // Damage is a fault and no error; an error is `visit`'s, the server's or a repair's.
  absl::Status Run();

 private:
  // References of a picture: what the records show and what its row counts.
  struct Uses {
    std::int64_t shown = 0;
    std::int64_t kept = 0;
    bool has_row = false;
  };

  // Calls `check` with pages of `select`'s rows, of the snapshot.
  absl::Status Visit(
      Connection& snapshot, const std::string& select, const std::function<absl::Status(const Result&, int row)>& check,
      const std::function<absl::Status()>& page_done = [] { return absl::OkStatus(); });
  absl::Status CheckProducts(Connection& snapshot);
  absl::Status CheckProduct(const Result& rows, int row);
  // Of a page of products: rows of product_categories that must be there.
  absl::Status CheckCategories(Connection& snapshot);
  // Rows that no record has.
  absl::Status CheckStrayRows(Connection& snapshot);
  absl::Status CheckPlaceholders(Connection& snapshot);
  absl::Status CheckVerdicts(Connection& snapshot);
  absl::Status CheckJobs(Connection& snapshot);
  absl::Status CheckEmbeddings(Connection& snapshot);
  absl::Status CheckReviews(Connection& snapshot);
  absl::Status CheckImages(Connection& snapshot);
  absl::Status CheckObject(const std::string& sha256, const std::string& object, const v1::PictureRecord& record);
  absl::Status CheckUses(const std::string& sha256, const Uses& uses);
  // Records that show a picture which is lost.
  absl::Status CheckUsersOfLost(Connection& snapshot);
  absl::Status CheckUser(Family family, const std::string& id, const std::string& sha256);
  absl::Status CheckStatistics(Connection& snapshot);
  void Show(const std::string& sha256);
  // `sql` with `parameters` repairs it; empty: a backup or a crawl does.
  absl::Status Fault(const std::string& record, const std::string& what, const std::string& sql = "",
                     const Parameters& parameters = {});

  ConnectionPool& pool_;
  Bucket& bucket_;
  const Write write_;
  IntegrityReport report_;
  Statistics counted_;
  std::int64_t categories_ = 0;
  std::int64_t to_be_fetched_ = 0;
  std::vector<std::string> page_categories_, page_ids_;
  // By the hash in hex: some hundred bytes each.
  absl::flat_hash_map<std::string, Uses> uses_;
  std::set<std::string> lost_;  // by the hash in hex
  // Else counts are not to be made out of the records.
  bool records_read_ = true;
};

}  // namespace mannequin::store

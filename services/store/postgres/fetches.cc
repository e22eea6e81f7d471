// The crawl's queue in PostgreSQL: a row of `fetches` for each product whose image is to be fetched.
//
// `free_at` orders it within an origin: 0 for what nobody has had yet, the time when it was given
// back, the end of the lease for what is leased. What may be leased is at the front, and a call never
// walks over what others hold. Leases outlive the store's processes.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "services/store/fetch_task.h"
#include "services/store/postgres/postgres_store.h"
#include "services/store/timestamp.h"

namespace mannequin {

using store::Connection;
using store::Family;
using store::Parameters;
using store::Result;

namespace {

constexpr int kOriginsAtOnce = 64;
// Of leases: what many fetchers hold is not counted through with each call.
constexpr int kMostCounted = 1000;

// Origins behind `after` that have something to lease at `free`, each by two seeks, however long its
// queue is and however much of it is leased. Ends when it has enough: the walk is made as it is read.
absl::StatusOr<std::vector<std::string>> OriginsBehind(Connection& connection, const std::string& after, bool inclusive,
                                                       std::int64_t free) {
  ASSIGN_OR_RETURN(
      const Result found,
      connection.Run(
          "WITH RECURSIVE walk (origin) AS ("
          "(SELECT origin FROM fetches WHERE origin >= $1 AND (origin > $1 OR $2 = 1) ORDER BY origin LIMIT 1) "
          "UNION ALL SELECT (SELECT f.origin FROM fetches AS f WHERE f.origin > walk.origin "
          "ORDER BY f.origin LIMIT 1) FROM walk WHERE walk.origin IS NOT NULL) "
          "SELECT walk.origin FROM walk CROSS JOIN LATERAL (SELECT f.free_at FROM fetches AS f "
          "WHERE f.origin = walk.origin ORDER BY f.free_at LIMIT 1) AS first WHERE first.free_at <= $3 LIMIT $4",
          Parameters().Bytes(after).Int(inclusive ? 1 : 0).Int(free).Int(kOriginsAtOnce)));
  std::vector<std::string> origins;
  for (int row = 0; row < found.rows(); ++row) origins.emplace_back(found.Bytes(row, 0));
  return origins;
}

}  // namespace

absl::StatusOr<v1::LeaseFetchesResponse> PostgresStore::LeaseFetches(const v1::LeaseFetchesRequest& request) {
  ASSIGN_OR_RETURN(const absl::Duration lease, store::CheckLeaseFetches(request));
  // Of each product its origin.
  std::vector<std::pair<std::string, std::string>> leased;
  std::int64_t others = 0;
  RETURN_IF_ERROR(pool_.Try([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(LeaseFromOrigins(connection, request, lease, leased));
    ASSIGN_OR_RETURN(
        const Result count,
        connection.Run("SELECT count(*) FROM (SELECT 1 FROM fetches WHERE leased_by <> ''::bytea "
                       "AND leased_by <> $1 AND free_at > $2 ORDER BY free_at LIMIT $3) AS held",
                       Parameters().Bytes(request.worker()).Int(absl::ToUnixNanos(clock().Now())).Int(kMostCounted)));
    others = count.Int(0, 0);
    return absl::OkStatus();
  }));
  std::vector<std::string> ids;
  for (const auto& [id, origin] : leased) ids.push_back(id);
  v1::LeaseFetchesResponse response;
  response.set_leased_by_others(others);
  if (ids.empty()) return response;
  ASSIGN_OR_RETURN(const std::vector<std::optional<std::string>> records, GetMany(Family::kProducts, ids));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!records[i]) return absl::DataLossError(absl::StrCat("products/", ids[i], ": in the queue, but gone"));
    ASSIGN_OR_RETURN(const v1::StoredProduct product,
                     store::Decode<v1::StoredProduct>(Family::kProducts, ids[i], *records[i]));
    *response.add_tasks() = store::TaskOf(product, leased[i].second);
  }
  return response;
}

absl::Status PostgresStore::LeaseFromOrigins(Connection& connection, const v1::LeaseFetchesRequest& request,
                                             absl::Duration lease,
                                             std::vector<std::pair<std::string, std::string>>& leased) {
  const store::OriginFilter filter(request);
  const absl::Time now = clock().Now();
  // What was given back just now has the time of that change.
  const absl::Time free = NextTime();
  const auto left = [&] { return request.max_products() - static_cast<int>(leased.size()); };
  std::string start;
  {
    absl::MutexLock lock(&mutex_);
    start = lease_origin_;
  }
  // On from the origin after the last call's, then once around. Origin "" is that of what has none.
  bool around = false;
  bool inclusive = false;
  std::string after = start;
  while (left() > 0) {
    ASSIGN_OR_RETURN(const std::vector<std::string> origins,
                     OriginsBehind(connection, after, inclusive, absl::ToUnixNanos(free)));
    inclusive = false;
    for (const std::string& origin : origins) {
      if (left() <= 0 || (around && origin > start)) return absl::OkStatus();
      after = origin;
      if (!filter.Admits(origin)) continue;
      const int share = request.max_products_per_origin();
      const int most = share == 0 ? left() : std::min(share, left());
      // Rows that another process leases just now are passed over.
      ASSIGN_OR_RETURN(
          const Result taken,
          // An array and no join: a plan may run one side of a join again, and its LIMIT would not hold.
          connection.Run("UPDATE fetches SET free_at = $3, leased_by = $4 WHERE product_id = ANY(ARRAY("
                         "SELECT product_id FROM fetches WHERE origin = $1 AND free_at <= $2 "
                         "ORDER BY free_at, product_id LIMIT $5 FOR UPDATE SKIP LOCKED)) RETURNING product_id",
                         Parameters()
                             .Bytes(origin)
                             .Int(absl::ToUnixNanos(free))
                             .Int(absl::ToUnixNanos(now + lease))
                             .Bytes(request.worker())
                             .Int(most)));
      std::vector<std::string> ids;
      for (int row = 0; row < taken.rows(); ++row) ids.emplace_back(taken.Bytes(row, 0));
      std::sort(ids.begin(), ids.end());
      for (std::string& id : ids) leased.emplace_back(std::move(id), origin);
      absl::MutexLock lock(&mutex_);
      lease_origin_ = origin;
    }
    if (static_cast<int>(origins.size()) == kOriginsAtOnce) continue;
    if (std::exchange(around, true)) return absl::OkStatus();
    after.clear();
    inclusive = true;
  }
  return absl::OkStatus();
}

}  // namespace mannequin

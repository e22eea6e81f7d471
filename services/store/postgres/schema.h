// The tables of a store on PostgreSQL. README.md says what each keeps.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/store/keys.h"
#include "services/store/postgres/connection_pool.h"

namespace mannequin::store {

// Of the tables below; a newer program raises it and says how an older one's tables change.
inline constexpr int kSchemaVersion = 1;

// Makes the schema and what is missing in it; several processes may at once.
// FAILED_PRECONDITION when a newer program has made it.
absl::Status MakeSchema(ConnectionPool& pool, const std::string& schema);

// A family of records that is a table with a key and a record.
struct RecordTable {
  absl::string_view table;
  absl::string_view key;
  // Keys are bytes and not text.
  bool byte_keys = false;
};
// Of kProducts, kEmbeddings, kJobs, kPlaceholders, kVerdicts and kReviews.
RecordTable TableOf(Family family);
// As $1 of a query for these keys. A text of PostgreSQL's holds no zero byte: keys with one are
// left out, for no row has them.
Parameters KeysOf(const RecordTable& table, const std::vector<std::string>& keys);

// Products are spread over so many walks in the order of their updates, so that not all that is
// written goes to one end of one index.
inline constexpr int kUpdateSpread = 16;
int UpdateSpread(absl::string_view product_id);

}  // namespace mannequin::store

#include "services/store/postgres/schema.h"

#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/store/product_share.h"

namespace mannequin::store {
namespace {

constexpr int kTries = 20;

// Identifiers in the order of their bytes, as RocksDB has them: pages go on where they would there.
// No sequences, no foreign keys (each would be one more row to lock), no large records in indexes.
constexpr absl::string_view kTables = R"sql(
CREATE TABLE IF NOT EXISTS store_format (version bigint PRIMARY KEY);

CREATE TABLE IF NOT EXISTS products (
  id text COLLATE "C" PRIMARY KEY,
  record bytea NOT NULL,
  image_state smallint NOT NULL,
  brand bytea NOT NULL,
  update_spread smallint NOT NULL,
  updated_at bigint NOT NULL);
CREATE INDEX IF NOT EXISTS products_by_image_state ON products (image_state, id);
CREATE INDEX IF NOT EXISTS products_by_brand ON products (brand, id) WHERE brand <> ''::bytea;
CREATE INDEX IF NOT EXISTS products_by_update ON products (update_spread, updated_at, id);

CREATE TABLE IF NOT EXISTS product_categories (
  category bytea NOT NULL,
  product_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (category, product_id));

CREATE TABLE IF NOT EXISTS fetches (
  product_id text COLLATE "C" PRIMARY KEY,
  origin bytea NOT NULL,
  free_at bigint NOT NULL DEFAULT 0,
  leased_by bytea NOT NULL DEFAULT ''::bytea);
CREATE INDEX IF NOT EXISTS fetches_by_origin ON fetches (origin, free_at, product_id);
CREATE INDEX IF NOT EXISTS fetches_leased ON fetches (free_at) WHERE leased_by <> ''::bytea;

CREATE TABLE IF NOT EXISTS images (
  sha256 bytea PRIMARY KEY,
  uses bigint NOT NULL,
  object text NOT NULL,
  record bytea NOT NULL,
  bytes bigint NOT NULL,
  rendition_bytes bigint NOT NULL);
CREATE TABLE IF NOT EXISTS doomed_objects (
  object text PRIMARY KEY,
  doom_at bigint NOT NULL);
CREATE INDEX IF NOT EXISTS doomed_objects_by_time ON doomed_objects (doom_at);

CREATE TABLE IF NOT EXISTS embeddings (
  product_id text COLLATE "C" PRIMARY KEY,
  record bytea NOT NULL);

CREATE TABLE IF NOT EXISTS jobs (
  id text COLLATE "C" PRIMARY KEY,
  record bytea NOT NULL,
  kind smallint NOT NULL,
  state smallint NOT NULL,
  is_open boolean NOT NULL,
  lease_ends_at bigint NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_open ON jobs (kind, id) WHERE is_open;
CREATE TABLE IF NOT EXISTS job_keys (
  key bytea PRIMARY KEY,
  job_id text COLLATE "C" NOT NULL);

CREATE TABLE IF NOT EXISTS placeholders (
  product_id text COLLATE "C" PRIMARY KEY,
  record bytea NOT NULL,
  state smallint NOT NULL);
CREATE INDEX IF NOT EXISTS placeholders_by_state ON placeholders (state, product_id);

CREATE TABLE IF NOT EXISTS verdicts (
  product_id text COLLATE "C" PRIMARY KEY,
  record bytea NOT NULL,
  kind smallint NOT NULL,
  is_reviewed boolean NOT NULL);
CREATE INDEX IF NOT EXISTS verdicts_by_kind ON verdicts (kind, product_id);
CREATE INDEX IF NOT EXISTS verdicts_unreviewed ON verdicts (kind, product_id) WHERE NOT is_reviewed;

CREATE TABLE IF NOT EXISTS reviews (
  key bytea PRIMARY KEY,
  record bytea NOT NULL);

CREATE TABLE IF NOT EXISTS ingest_checkpoints (
  source bytea PRIMARY KEY,
  record bytea NOT NULL);

CREATE TABLE IF NOT EXISTS statistics (
  slot smallint NOT NULL,
  name text NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (slot, name));
)sql";

// 0 when the tables are not there.
absl::StatusOr<std::int64_t> VersionOf(Connection& connection, const std::string& schema) {
  ASSIGN_OR_RETURN(const Result table, connection.Run("SELECT count(*) FROM information_schema.tables WHERE "
                                                      "table_schema = $1 AND table_name = 'store_format'",
                                                      Parameters().Text(schema)));
  if (table.Int(0, 0) == 0) return 0;
  ASSIGN_OR_RETURN(const Result found, connection.Run("SELECT max(version) FROM store_format", {}));
  return found.Int(0, 0);
}

// All at once or nothing. Asks first: who may not make tables can use those that are there, CREATE INDEX
// keeps writers away even from a table that has it, and a newer program's tables are not touched.
absl::Status MakeOnce(Connection& connection, const std::string& schema) {
  ASSIGN_OR_RETURN(const std::int64_t version, VersionOf(connection, schema));
  if (version == kSchemaVersion) return absl::OkStatus();
  if (version > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat("postgres.schema: ", schema, " is of format ", version,
                                                      ", this program knows up to ", kSchemaVersion,
                                                      "; start a newer one"));
  }
  ASSIGN_OR_RETURN(const Result there,
                   connection.Run("SELECT count(*) FROM information_schema.schemata WHERE schema_name = $1",
                                  Parameters().Text(schema)));
  if (there.Int(0, 0) == 0) {
    RETURN_IF_ERROR(connection.Execute(absl::StrCat("CREATE SCHEMA IF NOT EXISTS \"", schema, "\"")));
  }
  RETURN_IF_ERROR(connection.Execute(std::string(kTables)));
  return connection
      .Run("INSERT INTO store_format SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM store_format)",
           Parameters().Int(kSchemaVersion))
      .status();
}

}  // namespace

absl::Status MakeSchema(ConnectionPool& pool, const std::string& schema) {
  absl::Status made;
  for (int tries = 1; tries <= kTries; ++tries) {
    made = pool.Try([&](Connection& connection) { return MakeOnce(connection, schema); });
    // Two that make the same table at once: one of them is told so in one of several ways.
    if (!absl::IsInternal(made) && !absl::IsAborted(made)) break;
    PauseBeforeRetry(tries);
  }
  return made;
}

RecordTable TableOf(Family family) {
  switch (family) {
    case Family::kProducts:
      return {"products", "id"};
    case Family::kEmbeddings:
      return {"embeddings", "product_id"};
    case Family::kJobs:
      return {"jobs", "id"};
    case Family::kPlaceholders:
      return {"placeholders", "product_id"};
    case Family::kVerdicts:
      return {"verdicts", "product_id"};
    case Family::kReviews:
      return {"reviews", "key", true};
    default:
      break;
  }
  // The others are RocksDB's own way to find and count things.
  std::abort();
}

Parameters KeysOf(const RecordTable& table, const std::vector<std::string>& keys) {
  if (table.byte_keys) return Parameters().ByteStrings(keys);
  std::vector<std::string> texts;
  texts.reserve(keys.size());
  for (const std::string& key : keys) {
    if (!absl::StrContains(key, '\0')) texts.push_back(key);
  }
  return Parameters().Texts(texts);
}

int UpdateSpread(absl::string_view product_id) { return ShareOf(product_id, kUpdateSpread); }

}  // namespace mannequin::store

// A connection to a server of PostgreSQL's wire protocol: statements with binary parameters
// and results, errors as ours.
//
//   ASSIGN_OR_RETURN(Result found, connection.Run("SELECT record FROM products WHERE id = $1",
//                                                 Parameters().Text(id)));
//   if (found.rows() == 1) Use(found.Bytes(0, 0));
//
// Wire formats: https://www.postgresql.org/docs/15/libpq-exec.html; arrays as array_send
// writes them.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mannequin::store {

// Values for $1, $2, ... in their order.
class Parameters {
 public:
  Parameters& Text(absl::string_view value);
  Parameters& Bytes(absl::string_view value);
  Parameters& Int(std::int64_t value);
  Parameters& Texts(const std::vector<std::string>& values);
  Parameters& ByteStrings(const std::vector<std::string>& values);
  Parameters& Ints(const std::vector<std::int64_t>& values);

 private:
  friend class Connection;
  Parameters& Add(Oid type, std::string value);
  std::vector<Oid> types_;
  std::vector<std::string> values_;
};

// Rows of an answer. Views live as long as it.
class Result {
 public:
  explicit Result(PGresult* result) : result_(result, &PQclear) {}
  int rows() const { return PQntuples(result_.get()); }
  // Rows that an INSERT, UPDATE or DELETE wrote.
  std::int64_t affected() const;
  bool IsNull(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  // Of a text or bytea column; empty for NULL.
  absl::string_view Bytes(int row, int column) const;
  // Of a smallint, integer or bigint column; 0 for NULL.
  std::int64_t Int(int row, int column) const;

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

// Not thread-safe.
class Connection {
 public:
  // `settings` as libpq takes them. INVALID_ARGUMENT when it cannot read them; FAILED_PRECONDITION when
  // the database does not hold every UTF-8 text; else as Run.
  static absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& settings, const std::string& schema);

  // One statement; planned once a connection. ABORTED when others wrote the same rows and the
  // transaction must run again; INVALID_ARGUMENT for a value that is none of its type; UNAVAILABLE when the server is
  // gone, starts, or is a standby; RESOURCE_EXHAUSTED when its disk is full; PERMISSION_DENIED; DATA_LOSS when it says
  // that its data are damaged; INTERNAL, with the server's words, for anything else.
  absl::StatusOr<Result> Run(const std::string& sql, const Parameters& parameters);
  // Statements without parameters and answers.
  absl::Status Execute(const std::string& sql);
  // COMMIT. UNAVAILABLE, and the connection is broken, when the server does not say what became of
  // it, or has it on its own disk alone: a wait for the standby that an administrator cut short ends with a
  // warning, and no error.
  absl::Status Commit();

  // Nothing more can be done with it, or nothing should: it leads to a server that takes no writes.
  bool broken() const { return broken_ || PQstatus(connection_.get()) != CONNECTION_OK; }

 private:
  explicit Connection(PGconn* connection) : connection_(connection, &PQfinish) {}
  absl::Status Failed(const PGresult* result, absl::string_view sql);
  void Hear(const PGresult* notice);

  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
  // Names of statements by their text.
  absl::flat_hash_map<std::string, std::string> prepared_;
  bool broken_ = false;
  // The last warning since Commit() began.
  std::string warning_;
};

}  // namespace mannequin::store

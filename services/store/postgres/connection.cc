#include "services/store/postgres/connection.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {
namespace {

using Answer = std::unique_ptr<PGresult, void (*)(PGresult*)>;

constexpr int kBinary = 1;
constexpr std::size_t kMaxStatementInError = 60;

// pg_type.dat.
constexpr Oid kBytes = 17;
constexpr Oid kBigint = 20;
constexpr Oid kText = 25;
constexpr Oid kByteArray = 1001;
constexpr Oid kTextArray = 1009;
constexpr Oid kBigintArray = 1016;

template <typename Number>
void AppendNumber(Number number, std::string& bytes) {
  for (int shift = (static_cast<int>(sizeof number) - 1) * 8; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(static_cast<std::make_unsigned_t<Number>>(number) >> shift);
  }
}

std::int64_t ReadNumber(absl::string_view bytes) {
  std::uint64_t number = !bytes.empty() && (bytes[0] & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  for (const char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(number);
}

// dimensions, has-null, element type, then of the one dimension: length, lower bound.
void AppendArrayHead(Oid element, std::size_t length, std::string& bytes) {
  AppendNumber<std::int32_t>(length == 0 ? 0 : 1, bytes);
  AppendNumber<std::int32_t>(0, bytes);
  AppendNumber<std::uint32_t>(element, bytes);
  if (length == 0) return;
  AppendNumber<std::int32_t>(static_cast<std::int32_t>(length), bytes);
  AppendNumber<std::int32_t>(1, bytes);
}

std::string ArrayOf(Oid element, const std::vector<std::string>& values) {
  std::string bytes;
  std::size_t size = 20;
  for (const std::string& value : values) size += 4 + value.size();
  bytes.reserve(size);
  AppendArrayHead(element, values.size(), bytes);
  for (const std::string& value : values) {
    AppendNumber<std::int32_t>(static_cast<std::int32_t>(value.size()), bytes);
    bytes += value;
  }
  return bytes;
}

absl::StatusCode CodeOf(absl::string_view state) {
  struct Meaning {
    absl::string_view prefix;
    absl::StatusCode code;
  };
  // https://www.postgresql.org/docs/15/errcodes-appendix.html; the first that fits.
  static constexpr std::array<Meaning, 17> kMeanings = {{
      {"40003", absl::StatusCode::kUnavailable},       // kept or not, the server does not know
      {"40", absl::StatusCode::kAborted},              // serialization failure, deadlock
      {"55P03", absl::StatusCode::kAborted},           // lock not available
      {"08", absl::StatusCode::kUnavailable},          // connection exceptions
      {"57P", absl::StatusCode::kUnavailable},         // shut down, crashed, not yet there
      {"25006", absl::StatusCode::kUnavailable},       // a standby takes no writes
      {"53300", absl::StatusCode::kUnavailable},       // too many connections
      {"53", absl::StatusCode::kResourceExhausted},    // disk full, out of memory
      {"XX001", absl::StatusCode::kDataLoss},          // data corrupted
      {"XX002", absl::StatusCode::kDataLoss},          // index corrupted
      {"28", absl::StatusCode::kPermissionDenied},     // wrong user or password
      {"42501", absl::StatusCode::kPermissionDenied},  // not granted
      {"3D000", absl::StatusCode::kNotFound},          // no such database
      {"22", absl::StatusCode::kInvalidArgument},      // text that is no text
      {"57014", absl::StatusCode::kUnavailable},       // an administrator cancelled it
      {"25", absl::StatusCode::kAborted},              // the transaction's state is not what it was
      {"26000", absl::StatusCode::kAborted},           // the pooler gave another session
  }};
  for (const Meaning& meaning : kMeanings) {
    if (absl::StartsWith(state, meaning.prefix)) return meaning.code;
  }
  return absl::StatusCode::kInternal;
}

// As it is in a field of a message, and empty where there is none.
absl::string_view FieldOf(const PGresult* result, int field) {
  const char* text = result == nullptr ? nullptr : PQresultErrorField(result, field);
  return text == nullptr ? absl::string_view() : absl::string_view(text);
}

std::string OneLine(absl::string_view text) {
  return absl::StrReplaceAll(absl::StripAsciiWhitespace(text), {{"\n", "; "}, {"\t", " "}});
}

}  // namespace

Parameters& Parameters::Add(Oid type, std::string value) {
  types_.push_back(type);
  values_.push_back(std::move(value));
  return *this;
}

Parameters& Parameters::Text(absl::string_view value) { return Add(kText, std::string(value)); }
Parameters& Parameters::Bytes(absl::string_view value) { return Add(kBytes, std::string(value)); }
Parameters& Parameters::Int(std::int64_t value) {
  std::string bytes;
  AppendNumber(value, bytes);
  return Add(kBigint, std::move(bytes));
}
Parameters& Parameters::Texts(const std::vector<std::string>& values) {
  return Add(kTextArray, ArrayOf(kText, values));
}
Parameters& Parameters::ByteStrings(const std::vector<std::string>& values) {
  return Add(kByteArray, ArrayOf(kBytes, values));
}
Parameters& Parameters::Ints(const std::vector<std::int64_t>& values) {
  std::string bytes;
  AppendArrayHead(kBigint, values.size(), bytes);
  for (const std::int64_t value : values) {
    AppendNumber<std::int32_t>(sizeof value, bytes);
    AppendNumber(value, bytes);
  }
  return Add(kBigintArray, std::move(bytes));
}

std::int64_t Result::affected() const {
  std::int64_t count = 0;
  return absl::SimpleAtoi(PQcmdTuples(result_.get()), &count) ? count : 0;
}

absl::string_view Result::Bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Result::Int(int row, int column) const { return ReadNumber(Bytes(row, column)); }

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& settings, const std::string& schema) {
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> parsed(PQconninfoParse(settings.c_str(), &error),
                                                                              &PQconninfoFree);
  const std::unique_ptr<char, void (*)(void*)> error_owner(error, &PQfreemem);
  if (parsed == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("postgres.connection: ", OneLine(error == nullptr ? "cannot be read" : error)));
  }
  // What the operator says comes last and counts. A server that vanished, or a host that did, is
  // noticed within seconds and not after the kernel's quarter of an hour.
  static constexpr std::array<const char*, 9> kNames = {
      "connect_timeout",  "keepalives_idle",  "keepalives_interval",
      "keepalives_count", "tcp_user_timeout", "fallback_application_name",
      "client_encoding",  "dbname",           nullptr};
  const std::array<const char*, 9> values = {"5",    "10", "5", "3", "15000", "mannequin", "UTF8", settings.c_str(),
                                             nullptr};
  std::unique_ptr<Connection> connection(
      new Connection(PQconnectdbParams(kNames.data(), values.data(), /*expand_dbname=*/1)));
  if (PQstatus(connection->connection_.get()) != CONNECTION_OK) {
    const std::string words = OneLine(PQerrorMessage(connection->connection_.get()));
    const bool refused = absl::StrContains(words, "password authentication failed") ||
                         absl::StrContains(words, "no password supplied") || absl::StrContains(words, "pg_hba.conf");
    if (refused) return absl::PermissionDeniedError(absl::StrCat("connect to PostgreSQL: ", words));
    if (absl::StrContains(words, "does not exist")) {
      return absl::NotFoundError(absl::StrCat("connect to PostgreSQL: ", words));
    }
    // libpq's own words on a value that is none of the option's.
    if (absl::StartsWith(words, "invalid ")) {
      return absl::InvalidArgumentError(absl::StrCat("postgres.connection: ", words));
    }
    return absl::UnavailableError(absl::StrCat("connect to PostgreSQL: ", words));
  }
  const char* encoding = PQparameterStatus(connection->connection_.get(), "server_encoding");
  if (encoding != nullptr && absl::string_view(encoding) != "UTF8") {
    return absl::FailedPreconditionError(absl::StrCat("postgres.connection: the database's encoding is ", encoding,
                                                      ", expected UTF8; make one with ENCODING 'UTF8'"));
  }
  PQsetNoticeReceiver(
      connection->connection_.get(),
      +[](void* self, const PGresult* notice) { static_cast<Connection*>(self)->Hear(notice); }, connection.get());
  RETURN_IF_ERROR(connection->Execute(absl::StrCat("SET search_path TO \"", schema, "\"")));
  return connection;
}

// Tables that are there already are no news. By its severity, for the words are in the server's language.
void Connection::Hear(const PGresult* notice) {
  const absl::string_view severity = FieldOf(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != "WARNING") return;
  warning_ = OneLine(FieldOf(notice, PG_DIAG_MESSAGE_PRIMARY));
  spdlog::warn("PostgreSQL: {}", warning_);
}

absl::Status Connection::Failed(const PGresult* result, absl::string_view sql) {
  const absl::string_view state = FieldOf(result, PG_DIAG_SQLSTATE);
  const absl::string_view words = FieldOf(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string what =
      absl::StrCat("PostgreSQL: ", OneLine(!words.empty() ? words : PQerrorMessage(connection_.get())),
                   state.empty() ? "" : absl::StrCat(" (SQLSTATE ", state, ")"), ", at ",
                   OneLine(sql.substr(0, kMaxStatementInError)));
  if (PQstatus(connection_.get()) != CONNECTION_OK || state.empty()) {
    broken_ = true;
    return absl::UnavailableError(what);
  }
  // Another host may be the primary by now, and another session has the statements that this one prepared.
  if (state == "25006" || state == "26000") broken_ = true;
  return {CodeOf(state), what};
}

absl::StatusOr<Result> Connection::Run(const std::string& sql, const Parameters& parameters) {
  const auto [found, is_new] = prepared_.try_emplace(sql);
  if (is_new) {
    found->second = absl::StrCat("s", prepared_.size());
    const Answer prepared(PQprepare(connection_.get(), found->second.c_str(), sql.c_str(),
                                    static_cast<int>(parameters.types_.size()), parameters.types_.data()),
                          &PQclear);
    if (PQresultStatus(prepared.get()) != PGRES_COMMAND_OK) {
      prepared_.erase(found);
      return Failed(prepared.get(), sql);
    }
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  const std::vector<int> formats(parameters.values_.size(), kBinary);
  for (const std::string& value : parameters.values_) {
    values.push_back(value.data());
    lengths.push_back(static_cast<int>(value.size()));
  }
  PGresult* raw = PQexecPrepared(connection_.get(), found->second.c_str(), static_cast<int>(values.size()),
                                 values.data(), lengths.data(), formats.data(), kBinary);
  Result result(raw);
  const ExecStatusType status = PQresultStatus(raw);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return result;
  return Failed(raw, sql);
}

absl::Status Connection::Commit() {
  warning_.clear();
  const Answer result(PQexec(connection_.get(), "COMMIT"), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return Failed(result.get(), "COMMIT");
  // Of a transaction that had failed the answer is ROLLBACK, and no error.
  if (absl::string_view(PQcmdStatus(result.get())) != "COMMIT") return absl::InternalError("COMMIT: was rolled back");
  if (warning_.empty()) return absl::OkStatus();
  broken_ = true;
  return absl::UnavailableError(absl::StrCat("COMMIT: ", warning_));
}

absl::Status Connection::Execute(const std::string& sql) {
  const Answer result(PQexec(connection_.get(), sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return absl::OkStatus();
  return Failed(result.get(), sql);
}

}  // namespace mannequin::store

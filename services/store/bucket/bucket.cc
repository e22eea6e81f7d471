#include "services/store/bucket/bucket.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "services/store/bucket/bucket_options.h"
#include "services/store/bucket/credentials.h"
#include "services/store/bucket/s3_client.h"
#include "services/store/bucket/s3_error.h"
#include "services/store/bucket/s3_xml.h"
#include "services/store/bucket/workers.h"
#include "spdlog/spdlog.h"

namespace mannequin::store {
namespace {

constexpr std::size_t kMaxKeyBytes = 512;
constexpr std::size_t kMaxMediaTypeBytes = 256;
// S3's own bounds.
constexpr std::int64_t kMaxParts = 10'000;
constexpr std::size_t kKeysADelete = 1000;
// Of calls about many keys or parts: some servers do all the work before their first byte.
constexpr absl::Duration kLongStall = absl::Minutes(5);
constexpr char kSha256Header[] = "x-amz-meta-sha256";

std::string Md5Base64(absl::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr);
  return absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

absl::Status CheckKey(absl::string_view key) {
  if (!key.empty() && key.size() <= kMaxKeyBytes && IsKey(key)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("key: \"", absl::CHexEscape(key.substr(0, kMaxKeyBytes)), "\" is not 1 to ", kMaxKeyBytes,
                   " letters, digits and \"-_./\", without empty parts, \".\" and \"..\""));
}

absl::Status CheckObject(const Bucket::Object& object) {
  RETURN_IF_ERROR(CheckKey(object.key));
  if (object.data.empty()) return absl::InvalidArgumentError(absl::StrCat("data: none for \"", object.key, "\""));
  const bool printable = std::all_of(object.media_type.begin(), object.media_type.end(),
                                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
  if (printable && object.media_type.size() <= kMaxMediaTypeBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("media_type: that of \"", object.key, "\" is not at most ",
                                                 kMaxMediaTypeBytes, " printable ASCII characters"));
}

std::string MediaTypeOf(const Bucket::Object& object) {
  return object.media_type.empty() ? "application/octet-stream" : object.media_type;
}

// Takes what an answer says out of its XML.
template <typename Value, typename Parse>
std::function<absl::Status(const HttpAnswer&)> Into(Value& value, Parse parse) {
  return [&value, parse](const HttpAnswer& answer) {
    absl::StatusOr<Value> parsed = parse(answer.body);
    if (parsed.ok()) value = *std::move(parsed);
    return parsed.status();
  };
}

// Whether what came down is what went up.
absl::Status Verify(const HttpAnswer& answer, absl::string_view key) {
  if (answer.sha256.empty()) {
    return absl::DataLossError(absl::StrCat("\"", key, "\" has no ", kSha256Header, ": something else put it"));
  }
  if (answer.sha256 == Sha256Hex(answer.body)) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("\"", key, "\": its ", answer.body.size(), " bytes are not those that were put: SHA-256 differs"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Bucket>> Bucket::Open(const config::v1::BucketConfig& config, BucketTime time) {
  ASSIGN_OR_RETURN(BucketOptions options, BucketOptionsOf(config));
  ASSIGN_OR_RETURN(std::unique_ptr<CredentialSource> credentials, CredentialSource::Open(config.credentials_file()));
  auto workers = std::make_unique<Workers>("bucket", static_cast<std::size_t>(options.client.http.connections));
  auto client = std::make_unique<S3Client>(options.client, std::move(credentials), std::move(time));
  std::unique_ptr<Bucket> bucket(new Bucket(std::move(options.name), std::move(options.prefix), options.part_bytes,
                                            std::move(client), std::move(workers)));
  RETURN_IF_ERROR(bucket->MakeIfMissing(options.client.region));
  return bucket;
}

Bucket::Bucket(std::string name, std::string prefix, std::int64_t part_bytes, std::unique_ptr<S3Client> client,
               std::unique_ptr<Workers> workers)
    : name_(std::move(name)),
      prefix_(std::move(prefix)),
      part_bytes_(part_bytes),
      client_(std::move(client)),
      workers_(std::move(workers)) {}

Bucket::~Bucket() = default;

absl::Status Bucket::MakeIfMissing(absl::string_view region) {
  // Not HEAD: behind it there are no words that say what is wrong.
  const S3Request look = {
      .method = "GET", .path = "/" + name_, .query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", prefix_}}};
  const absl::Status status = client_->Call(look).status();
  if (S3Code(status) != "NoSuchBucket") return status;
  const std::string xml = CreateBucketXml(region);
  const absl::Status made = client_->Call({.method = "PUT", .path = "/" + name_, .body = xml}).status();
  // Another process may have made it just now.
  if (made.ok() || S3Code(made) == "BucketAlreadyOwnedByYou") return absl::OkStatus();
  if (absl::IsPermissionDenied(made) || S3Code(made) == "BucketAlreadyExists") {
    return absl::NotFoundError(
        absl::StrCat("bucket.name: there is no bucket \"", name_, "\", and it may not be made: ", made.message()));
  }
  return made;
}

std::string Bucket::PathOf(absl::string_view key) const { return absl::StrCat("/", name_, "/", prefix_, key); }

absl::Status Bucket::Put(absl::Span<const Object> objects) {
  for (const Object& object : objects) RETURN_IF_ERROR(CheckObject(object));
  return workers_->Run(objects.size(), [&](std::size_t i) {
    const bool small = static_cast<std::int64_t>(objects[i].data.size()) <= part_bytes_;
    return small ? PutOne(objects[i]) : PutInParts(objects[i]);
  });
}

absl::Status Bucket::PutOne(const Object& object) {
  const std::string sha256 = Sha256Hex(object.data);
  const S3Request request = {.method = "PUT",
                             .path = PathOf(object.key),
                             .media_type = MediaTypeOf(object),
                             .headers = {{kSha256Header, sha256}},
                             .body = object.data,
                             .body_sha256 = sha256};
  return client_->Call(request).status();
}

absl::Status Bucket::PutInParts(const Object& object) {
  const std::string sha256 = Sha256Hex(object.data);
  const std::string path = PathOf(object.key);
  std::string upload;
  const S3Request begin = {.method = "POST",
                           .path = path,
                           .query = {{"uploads", ""}},
                           .media_type = MediaTypeOf(object),
                           .headers = {{kSha256Header, sha256}},
                           .check = Into(upload, ParseUploadId)};
  RETURN_IF_ERROR(client_->Call(begin).status());
  absl::Status status = PutParts(object, upload, sha256);
  if (status.ok()) return status;
  // What was put would stay, and be paid for.
  const absl::Status aborted =
      client_->Call({.method = "DELETE", .path = path, .query = {{"uploadId", upload}}}).status();
  if (!aborted.ok() && !absl::IsNotFound(aborted)) {
    spdlog::warn("bucket: parts of a broken upload stay: {}", std::string(aborted.message()));
  }
  return status;
}

absl::Status Bucket::PutParts(const Object& object, const std::string& upload, const std::string& sha256) {
  const std::string path = PathOf(object.key);
  const auto bytes = static_cast<std::int64_t>(object.data.size());
  const std::int64_t part_bytes = std::max(part_bytes_, (bytes + kMaxParts - 1) / kMaxParts);
  std::vector<std::string> etags(static_cast<std::size_t>((bytes + part_bytes - 1) / part_bytes));
  RETURN_IF_ERROR(workers_->Run(etags.size(), [&](std::size_t i) {
    ASSIGN_OR_RETURN(const HttpAnswer answer,
                     client_->Call({.method = "PUT",
                                    .path = path,
                                    .query = {{"partNumber", absl::StrCat(i + 1)}, {"uploadId", upload}},
                                    .media_type = "application/octet-stream",
                                    .body = object.data.substr(i * static_cast<std::size_t>(part_bytes),
                                                               static_cast<std::size_t>(part_bytes))}));
    if (answer.etag.empty()) {
      return absl::InternalError(absl::StrCat("PUT ", path, ": the server gives a part no ETag"));
    }
    etags[i] = answer.etag;
    return absl::OkStatus();
  }));
  const std::string xml = CompleteXml(etags);
  const auto check = [&](const HttpAnswer& answer) {
    // The server may say 200 long before it knows.
    if (IsCompleted(answer.body)) return absl::OkStatus();
    const S3Error error = ParseError(answer.body);
    const std::string what = absl::StrCat("POST ", path);
    if (error.code.empty()) return absl::UnavailableError(absl::StrCat(what, ": the server's answer is not whole"));
    return RefusalOf(answer, error, what, client_->time().clock->Now()).status;
  };
  const S3Request complete = {.method = "POST",
                              .path = path,
                              .query = {{"uploadId", upload}},
                              .body = xml,
                              .stall = kLongStall,
                              .check = check};
  const absl::Status status = client_->Call(complete).status();
  if (S3Code(status) != "NoSuchUpload") return status;
  // An earlier try got through and its answer did not.
  const absl::StatusOr<HttpAnswer> head = client_->Call({.method = "HEAD", .path = path});
  return head.ok() && head->sha256 == sha256 ? absl::OkStatus() : status;
}

absl::StatusOr<std::string> Bucket::Get(absl::string_view key) {
  return Read(key, {}, [&](const HttpAnswer& got) { return Verify(got, key); });
}

absl::StatusOr<std::string> Bucket::GetPart(absl::string_view key, std::int64_t begin, std::int64_t bytes,
                                            absl::string_view sha256) {
  const std::string range = absl::StrCat("bytes=", begin, "-", begin + bytes - 1);
  absl::StatusOr<std::string> part = Read(key, {{"range", range}}, [&](const HttpAnswer& got) {
    if (static_cast<std::int64_t>(got.body.size()) == bytes && Sha256Hex(got.body) == sha256) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat("object ", key, ": ", range, " are not the bytes that were put"));
  });
  // 416, Range Not Satisfiable.
  if (S3Code(part.status()) == "InvalidRange") {
    return absl::DataLossError(absl::StrCat("object ", key, ": ends before ", range));
  }
  return part;
}

absl::StatusOr<std::string> Bucket::Read(absl::string_view key,
                                         const std::vector<std::pair<std::string, std::string>>& headers,
                                         const std::function<absl::Status(const HttpAnswer&)>& verify) {
  RETURN_IF_ERROR(CheckKey(key));
  // Bytes that changed on their way are well the second time, those on a bad disk are not.
  int wrong = 0;
  absl::Status loss;
  absl::StatusOr<HttpAnswer> answer =
      client_->Call({.method = "GET", .path = PathOf(key), .headers = headers, .check = [&](const HttpAnswer& got) {
                       loss = verify(got);
                       return loss.ok() || ++wrong > 1 ? absl::OkStatus() : loss;
                     }});
  RETURN_IF_ERROR(answer.status());
  RETURN_IF_ERROR(loss);
  return std::move(answer->body);
}

absl::StatusOr<std::optional<std::int64_t>> Bucket::Size(absl::string_view key) {
  RETURN_IF_ERROR(CheckKey(key));
  const absl::StatusOr<HttpAnswer> answer = client_->Call({.method = "HEAD", .path = PathOf(key)});
  if (absl::IsNotFound(answer.status())) return std::nullopt;
  RETURN_IF_ERROR(answer.status());
  if (answer->content_length < 0) {
    return absl::InternalError(absl::StrCat("HEAD ", PathOf(key), ": the server does not say how many bytes it has"));
  }
  return answer->content_length;
}

absl::Status Bucket::Delete(absl::Span<const std::string> keys) {
  for (const std::string& key : keys) RETURN_IF_ERROR(CheckKey(key));
  return workers_->Run((keys.size() + kKeysADelete - 1) / kKeysADelete,
                       [&](std::size_t i) { return DeleteBatch(keys.subspan(i * kKeysADelete, kKeysADelete)); });
}

absl::Status Bucket::DeleteBatch(absl::Span<const std::string> keys) {
  std::vector<std::string> whole;
  whole.reserve(keys.size());
  for (const std::string& key : keys) whole.push_back(prefix_ + key);
  const std::string xml = DeleteXml(whole);
  const std::string path = "/" + name_;
  const auto check = [&](const HttpAnswer& answer) -> absl::Status {
    ASSIGN_OR_RETURN(std::vector<S3Error> errors, ParseDeleteErrors(answer.body));
    errors.erase(std::remove_if(errors.begin(), errors.end(), [](const S3Error& e) { return e.code == "NoSuchKey"; }),
                 errors.end());
    if (errors.empty()) return absl::OkStatus();
    const std::string what = absl::StrCat("POST ", path, "?delete: ", errors.size(), " of ", keys.size(),
                                          " keys stay, e.g. \"", errors[0].key, "\"");
    return RefusalOf(answer, errors[0], what, client_->time().clock->Now()).status;
  };
  const S3Request request = {.method = "POST",
                             .path = path,
                             .query = {{"delete", ""}},
                             .headers = {{"content-md5", Md5Base64(xml)}},
                             .body = xml,
                             .stall = kLongStall,
                             .check = check};
  return client_->Call(request).status();
}

absl::Status Bucket::List(absl::string_view prefix,
                          const std::function<absl::Status(absl::string_view key, std::int64_t bytes)>& visit) {
  const std::string whole = absl::StrCat(prefix_, prefix);
  std::string next;
  std::string last;
  do {
    Query query = {{"list-type", "2"}, {"encoding-type", "url"}, {"prefix", whole}};
    if (!next.empty()) query.emplace_back("continuation-token", next);
    S3Page page;
    const S3Request request = {.method = "GET",
                               .path = "/" + name_,
                               .query = std::move(query),
                               .stall = kLongStall,
                               .check = Into(page, ParsePage)};
    RETURN_IF_ERROR(client_->Call(request).status());
    for (const S3Page::Entry& entry : page.entries) {
      if (!absl::StartsWith(entry.key, whole) || (!last.empty() && entry.key <= last)) {
        return absl::InternalError(absl::StrCat("GET /", name_, "?list-type=2: the server lists \"",
                                                absl::CHexEscape(entry.key), "\" after \"", absl::CHexEscape(last),
                                                "\" for the prefix \"", whole, "\""));
      }
      last = entry.key;
      RETURN_IF_ERROR(visit(absl::string_view(entry.key).substr(prefix_.size()), entry.bytes));
    }
    if (!next.empty() && page.next == next) {
      return absl::InternalError(absl::StrCat("GET /", name_, "?list-type=2: the server's list does not go on"));
    }
    next = std::move(page.next);
  } while (!next.empty());
  return absl::OkStatus();
}

}  // namespace mannequin::store

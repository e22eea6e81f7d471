// What a bucket does when the server, the line or the bytes are not well.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/store/bucket/bucket.h"
#include "services/store/bucket/http_client.h"
#include "tests/integration/process.h"
#include "tests/unit/rpc/certificates.h"
#include "tests/unit/store/bucket/scripted_server.h"

namespace mannequin::store {
namespace {

using testing::AllOf;
using testing::Each;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::Not;
using testing::SizeIs;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;
const Scripted kSlowDown = {.status = 503, .body = ErrorXml("SlowDown")};

class BucketFaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    WriteCredentials("FIRST");
    bucket_ = Open(server_.config(file_));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void WriteCredentials(const std::string& id) {
    ASSERT_TRUE(
        WriteFileAtomically(file_, "[default]\naws_access_key_id=" + id + "\naws_secret_access_key=hush\n").ok());
  }
  std::unique_ptr<Bucket> Open(const config::v1::BucketConfig& config) {
    absl::StatusOr<std::unique_ptr<Bucket>> bucket = Bucket::Open(config, time_.bucket_time());
    EXPECT_TRUE(bucket.ok()) << bucket.status();
    return bucket.ok() ? *std::move(bucket) : nullptr;
  }
  absl::Status PutA() { return bucket_->Put({{.key = "a", .data = "0123456789"}}); }
  void Say(const std::string& request, std::vector<Scripted> answers) { server_.Say(request, std::move(answers)); }

  const std::string folder_ = *MakeTemporaryFolder("bucket-faults-test");
  const std::string file_ = folder_ + "/credentials";
  ScriptedServer server_;
  ScriptedTime time_;
  std::unique_ptr<Bucket> bucket_;
};

// --- the server has no time -------------------------------------------------------------------

TEST_F(BucketFaultsTest, ABusyServerIsAskedAgain) {
  Say("PUT /pictures/a", {kSlowDown, {.status = 500}, {.status = 429}, {.status = 200}});
  EXPECT_TRUE(PutA().ok());
  EXPECT_EQ(server_.Seen("PUT /pictures/a"), 4);
  EXPECT_THAT(time_.pauses(), SizeIs(3));
}

TEST_F(BucketFaultsTest, AServerThatStaysBusyIsUnavailableAfterFiveTries) {
  Say("PUT /pictures/a", {kSlowDown});
  const absl::Status status = PutA();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("PUT /pictures/a: the server answers 503 SlowDown: said so"));
  EXPECT_EQ(server_.Seen("PUT /pictures/a"), 5);
  absl::Duration all;
  for (const absl::Duration pause : time_.pauses()) all += pause;
  EXPECT_LE(all, absl::Seconds(30));
}

TEST_F(BucketFaultsTest, PausesAreRandomAndTheirCeilingsGrow) {
  Say("GET /pictures/a", {kSlowDown});
  std::vector<absl::Duration> longest(4);
  for (int i = 0; i < 20; ++i) {
    const std::size_t before = time_.pauses().size();
    EXPECT_EQ(bucket_->Get("a").status().code(), absl::StatusCode::kUnavailable);
    for (std::size_t j = 0; j < 4; ++j) longest[j] = std::max(longest[j], time_.pauses()[before + j]);
  }
  EXPECT_LT(longest[0], absl::Milliseconds(400));
  EXPECT_LT(longest[1], absl::Milliseconds(1200));
  EXPECT_LT(longest[2], absl::Milliseconds(3600));
  EXPECT_LT(longest[3], absl::Milliseconds(10800));
  EXPECT_GT(longest[3], absl::Milliseconds(3600));  // missed once in 10^9 runs
}

TEST_F(BucketFaultsTest, AServerThatNamesATimeIsNotAskedBefore) {
  Say("PUT /pictures/a", {{.status = 503, .headers = {{"Retry-After", "7"}}}, {.status = 200}});
  EXPECT_TRUE(PutA().ok());
  EXPECT_THAT(time_.pauses(), Each(Ge(absl::Seconds(7))));
}

TEST_F(BucketFaultsTest, ARequestThatTookTheServerTooLongIsSentAgain) {
  Say("PUT /pictures/a", {{.status = 400, .body = ErrorXml("RequestTimeout")}, {.status = 200}});
  EXPECT_TRUE(PutA().ok());
}

TEST_F(BucketFaultsTest, AServerThatIsNotThereIsUnavailable) {
  config::v1::BucketConfig config = server_.config(file_);
  config.set_endpoint(absl::StrCat("http://127.0.0.1:", FreePort()));
  const absl::Status status = Bucket::Open(config, time_.bucket_time()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(config.endpoint()));
  EXPECT_THAT(time_.pauses(), SizeIs(4));
}

TEST_F(BucketFaultsTest, AServerThatGoesSilentIsGivenUp) {
  // The socket takes connections, and nobody answers.
  httplib::Server silent;
  const int port = silent.bind_to_any_port("127.0.0.1");
  HttpClient client({.origin = absl::StrCat("http://127.0.0.1:", port), .ca_file = "", .connections = 1});
  const absl::Status status = client.Send({.method = "GET", .target = "/", .stall = absl::Seconds(1)}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
}

// --- the bytes ----------------------------------------------------------------------------------

TEST_F(BucketFaultsTest, AShortBodyIsReadAgain) {
  Scripted cut = Picture("0123456789");
  cut.missing = 4;
  Say("GET /pictures/a", {cut, Picture("0123456789")});
  EXPECT_EQ(*bucket_->Get("a"), "0123456789");
  EXPECT_EQ(server_.Seen("GET /pictures/a"), 2);
}

TEST_F(BucketFaultsTest, ABodyThatIsAlwaysShortIsUnavailable) {
  Scripted cut = Picture("0123456789");
  cut.missing = 4;
  Say("GET /pictures/a", {cut});
  EXPECT_EQ(bucket_->Get("a").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(BucketFaultsTest, ChangedBytesAreReadOnceMoreAndAreThenDataLoss) {
  Scripted changed = Picture("0123456789");
  changed.body = "0123456780";
  Say("GET /pictures/a", {changed});
  EXPECT_EQ(bucket_->Get("a").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(server_.Seen("GET /pictures/a"), 2);
  Say("GET /pictures/a", {changed, Picture("0123456789")});
  EXPECT_EQ(*bucket_->Get("a"), "0123456789");
}

TEST_F(BucketFaultsTest, AnObjectThatSomethingElsePutIsDataLoss) {
  Say("GET /pictures/a", {{.body = "0123456789"}});
  const absl::Status status = bucket_->Get("a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("something else put it"));
}

TEST_F(BucketFaultsTest, BytesThatChangeOnTheirWayUpAreSentAgain) {
  Say("PUT /pictures/a", {{.status = 400, .body = ErrorXml("XAmzContentSHA256Mismatch")}, {.status = 200}});
  EXPECT_TRUE(PutA().ok());
  Say("PUT /pictures/a", {{.status = 400, .body = ErrorXml("BadDigest")}});
  EXPECT_EQ(PutA().code(), absl::StatusCode::kDataLoss);
}

TEST_F(BucketFaultsTest, APutSaysWhatItsBytesAre) {
  Say("PUT /pictures/a", {{.status = 200}});
  ASSERT_TRUE(bucket_->Put({{.key = "a", .data = "0123456789", .media_type = "image/jpeg"}}).ok());
  const httplib::Request request = server_.last();
  EXPECT_EQ(request.get_header_value("x-amz-content-sha256"), Sha256Hex("0123456789"));
  EXPECT_EQ(request.get_header_value("x-amz-meta-sha256"), Sha256Hex("0123456789"));
  EXPECT_EQ(request.get_header_value("content-type"), "image/jpeg");
  EXPECT_THAT(request.get_header_value("authorization"),
              HasSubstr("SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-meta-sha256,"));
}

// --- refusals -------------------------------------------------------------------------------------

TEST_F(BucketFaultsTest, RefusedCredentialsAreReadAgainOnce) {
  Say("PUT /pictures/a", {{.status = 403, .body = ErrorXml("InvalidAccessKeyId")}, {.status = 200}});
  WriteCredentials("SECOND");
  EXPECT_TRUE(PutA().ok());
  EXPECT_THAT(server_.last().get_header_value("authorization"), HasSubstr("Credential=SECOND/"));
  EXPECT_THAT(time_.pauses(), IsEmpty());
}

TEST_F(BucketFaultsTest, AnExpiredTokenIsRefusedCredentials) {
  Say("PUT /pictures/a", {{.status = 400, .body = ErrorXml("ExpiredToken")}, {.status = 200}});
  WriteCredentials("SECOND");
  EXPECT_TRUE(PutA().ok());
}

TEST_F(BucketFaultsTest, ARefusalWithoutWordsIsOneOfCredentialsToo) {
  for (const int status : {400, 403}) {
    Say("HEAD /pictures/a", {{.status = status}, {.body = "12345"}});
    WriteCredentials(absl::StrCat("OTHER", status));
    EXPECT_EQ(*bucket_->Size("a"), 5);
  }
}

TEST_F(BucketFaultsTest, CredentialsThatStayRefusedAreToldInTheServersWords) {
  Say("PUT /pictures/a", {{.status = 403, .body = ErrorXml("SignatureDoesNotMatch")}});
  WriteCredentials("SECOND");
  const absl::Status status = PutA();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("SignatureDoesNotMatch: said so"), Not(HasSubstr("hush"))));
  EXPECT_EQ(server_.Seen("PUT /pictures/a"), 2);
}

TEST_F(BucketFaultsTest, AClockThatIsOffIsToldByHowMuch) {
  Say("PUT /pictures/a", {{.status = 403,
                           .body = ErrorXml("RequestTimeTooSkewed"),
                           .headers = {{"Date", "Tue, 14 Nov 2023 21:58:20 GMT"}}}});
  const absl::Status status = PutA();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("this machine's clock is 15m ahead of the server's"));
}

TEST_F(BucketFaultsTest, ABucketThatIsSomewhereElseNamesTheField) {
  Say("PUT /pictures/a",
      {{.status = 301,
        .body = ErrorXml("PermanentRedirect", "<Endpoint>pictures.s3-eu-west-1.amazonaws.com</Endpoint>"),
        .headers = {{"x-amz-bucket-region", "eu-west-1"}, {"Location", "http://127.0.0.1:1/"}}}});
  const absl::Status status = PutA();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("bucket.region"), HasSubstr("\"eu-west-1\""),
                                      HasSubstr("pictures.s3-eu-west-1.amazonaws.com")));
  Say("PUT /pictures/a",
      {{.status = 400, .body = ErrorXml("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>")}});
  EXPECT_THAT(PutA().message(), HasSubstr("bucket.region"));
}

TEST_F(BucketFaultsTest, AServerOutOfRoomIsResourceExhaustedAtOnce) {
  for (const auto& [status, code] : {std::pair(507, "XMinioStorageFull"), std::pair(403, "QuotaExceeded")}) {
    Say("PUT /pictures/a", {{.status = status, .body = ErrorXml(code)}});
    EXPECT_EQ(PutA().code(), absl::StatusCode::kResourceExhausted) << code;
  }
  EXPECT_EQ(server_.Seen("PUT /pictures/a"), 2);
}

TEST_F(BucketFaultsTest, ABucketThatIsGoneIsNotTakenForAKeyThatIsNotThere) {
  Say("GET /pictures/a", {{.status = 404, .body = ErrorXml("NoSuchBucket")}});
  const absl::Status status = bucket_->Get("a").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("bucket.name"));
  EXPECT_EQ(bucket_->Get("b").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BucketFaultsTest, AnAnswerThatIsNoS3IsStillAnError) {
  Say("GET /pictures/a", {{.status = 418, .body = "<html>teapot"}});
  EXPECT_EQ(bucket_->Get("a").status().code(), absl::StatusCode::kInternal);
}

// --- opening ----------------------------------------------------------------------------------------

TEST_F(BucketFaultsTest, ABucketThatIsNotThereIsMade) {
  Say("GET /pictures", {{.status = 404, .body = ErrorXml("NoSuchBucket")}});
  Say("PUT /pictures", {{.status = 200}});
  config::v1::BucketConfig config = server_.config(file_);
  config.set_region("eu-west-1");
  ASSERT_NE(Open(config), nullptr);
  EXPECT_THAT(server_.last().body, HasSubstr("<LocationConstraint>eu-west-1</LocationConstraint>"));
}

TEST_F(BucketFaultsTest, ABucketThatMayNotBeMadeIsNotFound) {
  Say("GET /pictures", {{.status = 404, .body = ErrorXml("NoSuchBucket")}});
  Say("PUT /pictures", {{.status = 403, .body = ErrorXml("AccessDenied")}});
  const absl::Status status = Bucket::Open(server_.config(file_), time_.bucket_time()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("may not be made"));
}

TEST_F(BucketFaultsTest, AFieldOutOfItsBoundsIsNamed) {
  const auto refused = [&](auto change) {
    config::v1::BucketConfig config = server_.config(file_);
    change(config);
    const absl::Status status = Bucket::Open(config).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return std::string(status.message());
  };
  for (const char* endpoint : {"", "s3", "ftp://s3", "http://s3/path", "http://s3?x=1", "http://me:hush@s3"}) {
    const std::string message = refused([&](auto& c) { c.set_endpoint(endpoint); });
    EXPECT_THAT(message, AllOf(HasSubstr("bucket.endpoint"), Not(HasSubstr("hush")))) << endpoint;
  }
  for (const char* name : {"", "ab", "Pictures", "a..b", "-ab", "a/b"}) {
    EXPECT_THAT(refused([&](auto& c) { c.set_name(name); }), HasSubstr("bucket.name")) << name;
  }
  for (const char* prefix : {"/", "a//", "../", "a b/", "/a"}) {
    EXPECT_THAT(refused([&](auto& c) { c.set_prefix(prefix); }), HasSubstr("bucket.prefix")) << prefix;
  }
  EXPECT_THAT(refused([](auto& c) { c.set_region("eu west"); }), HasSubstr("bucket.region"));
  EXPECT_THAT(refused([](auto& c) { c.set_max_transfers(1001); }), HasSubstr("bucket.max_transfers"));
  EXPECT_THAT(refused([](auto& c) { c.set_part_bytes(5 * kMiB - 1); }), HasSubstr("bucket.part_bytes"));
  EXPECT_THAT(refused([&](auto& c) { c.set_ca_file(file_); }), HasSubstr("bucket.ca_file"));
}

TEST_F(BucketFaultsTest, AKeyThatIsNoneIsRefusedBeforeAnythingIsPut) {
  const std::vector<std::string> wrong = {
      "", "/a", "a/", "a//b", "a/../b", ".", "a b", "\xC3\xA9", std::string(513, 'a')};
  for (const std::string& key : wrong) {
    EXPECT_EQ(bucket_->Put({{.key = "good", .data = "x"}, {.key = key, .data = "x"}}).code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(bucket_->Get(key).status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(bucket_->Delete({key}).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(bucket_->Put({{.key = "a", .data = ""}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(bucket_->Put({{.key = "a", .data = "x", .media_type = "a\r\nx: y"}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.Seen("PUT"), 0);
}

TEST_F(BucketFaultsTest, AServersCertificateIsCheckedAgainstOnesOwn) {
  rpc::Certificates made(folder_);
  made.Authority("ca");
  made.Issue("server", "ca", "IP:127.0.0.1");
  made.Authority("other");
  ScriptedServer tls(made.Pem("server"), made.Key("server"));
  config::v1::BucketConfig config = tls.config(file_);
  config.set_ca_file(made.Pem("ca"));
  EXPECT_TRUE(Bucket::Open(config, time_.bucket_time()).ok());
  config.set_ca_file(made.Pem("other"));
  const absl::Status status = Bucket::Open(config, time_.bucket_time()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(status.message(), HasSubstr("bucket.ca_file"));
}

// --- in parts ----------------------------------------------------------------------------------------

class MultipartFaultsTest : public BucketFaultsTest {
 protected:
  static constexpr char kCompleted[] = "<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>";

  void SetUp() override {
    BucketFaultsTest::SetUp();
    config::v1::BucketConfig config = server_.config(file_);
    config.set_part_bytes(5 * kMiB);
    bucket_ = Open(config);
    Say("POST /pictures/a?uploads=",
        {{.body = "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"}});
    for (int part : {1, 2, 3}) {
      Say(absl::StrCat("PUT /pictures/a?partNumber=", part, "&uploadId=u1"),
          {{.headers = {{"ETag", absl::StrCat("\"e", part, "\"")}}}});
    }
    Say("POST /pictures/a?uploadId=u1", {{.body = kCompleted}});
    Say("DELETE /pictures/a?uploadId=u1", {{.status = 204}});
  }
  absl::Status PutBig() { return bucket_->Put({{.key = "a", .data = big_}}); }

  const std::string big_ = std::string(11 * kMiB, 'x');
};

TEST_F(MultipartFaultsTest, PartsAreNamedInTheirOrder) {
  ASSERT_TRUE(PutBig().ok());
  EXPECT_THAT(server_.last().body, HasSubstr("<Part><PartNumber>1</PartNumber><ETag>&quot;e1&quot;</ETag></Part>"
                                             "<Part><PartNumber>2</PartNumber><ETag>&quot;e2&quot;</ETag></Part>"
                                             "<Part><PartNumber>3</PartNumber><ETag>&quot;e3&quot;</ETag></Part>"));
}

TEST_F(MultipartFaultsTest, AnErrorBehind200IsTriedAgain) {
  Say("POST /pictures/a?uploadId=u1", {{.body = ErrorXml("InternalError")}, {.body = ""}, {.body = kCompleted}});
  EXPECT_TRUE(PutBig().ok());
  EXPECT_EQ(server_.Seen("POST /pictures/a?uploadId=u1"), 3);
}

TEST_F(MultipartFaultsTest, AnErrorBehind200IsAnErrorAndThePartsGo) {
  Say("POST /pictures/a?uploadId=u1", {{.body = ErrorXml("InvalidPart")}});
  const absl::Status status = PutBig();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("InvalidPart"));
  EXPECT_EQ(server_.Seen("DELETE /pictures/a?uploadId=u1"), 1);
}

TEST_F(MultipartFaultsTest, APartThatCannotBePutEndsTheUpload) {
  Say("PUT /pictures/a?partNumber=2&uploadId=u1", {{.status = 507}});
  EXPECT_EQ(PutBig().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(server_.Seen("POST /pictures/a?uploadId=u1"), 0);
  EXPECT_EQ(server_.Seen("DELETE /pictures/a?uploadId=u1"), 1);
}

TEST_F(MultipartFaultsTest, AnUploadWhoseAnswerWasLostIsFoundDone) {
  Say("POST /pictures/a?uploadId=u1", {{.status = 500}, {.status = 404, .body = ErrorXml("NoSuchUpload")}});
  Say("HEAD /pictures/a", {{.headers = {{"x-amz-meta-sha256", Sha256Hex(big_)}}}});
  EXPECT_TRUE(PutBig().ok());
  Say("POST /pictures/a?uploadId=u1", {{.status = 404, .body = ErrorXml("NoSuchUpload")}});
  Say("HEAD /pictures/a", {{.headers = {{"x-amz-meta-sha256", Sha256Hex("other")}}}});
  EXPECT_EQ(PutBig().code(), absl::StatusCode::kNotFound);
}

// --- deleting and listing ----------------------------------------------------------------------------

TEST_F(BucketFaultsTest, AKeyThatStaysIsTold) {
  Say("POST /pictures",
      {{.body = "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code><Message>not yours</Message>"
                "</Error><Error><Key>c</Key><Code>NoSuchKey</Code></Error></DeleteResult>"}});
  const absl::Status status = bucket_->Delete({"a", "b", "c"});
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("1 of 3 keys stay, e.g. \"a\""), HasSubstr("AccessDenied: not yours")));
}

TEST_F(BucketFaultsTest, AKeyThatStaysForNowIsDeletedAgain) {
  Say("POST /pictures", {{.body = "<DeleteResult><Error><Key>a</Key><Code>SlowDown</Code></Error></DeleteResult>"},
                         {.body = "<DeleteResult/>"}});
  EXPECT_TRUE(bucket_->Delete({"a"}).ok());
  EXPECT_EQ(server_.last().get_header_value("content-md5").size(), 24);
  EXPECT_EQ(server_.Seen("POST /pictures?delete="), 2);
}

std::string Page(const std::vector<std::string>& keys, const std::string& next) {
  std::string xml = "<ListBucketResult><EncodingType>url</EncodingType>";
  for (const std::string& key : keys) absl::StrAppend(&xml, "<Contents><Key>", key, "</Key><Size>1</Size></Contents>");
  if (!next.empty()) {
    absl::StrAppend(&xml, "<IsTruncated>true</IsTruncated><NextContinuationToken>", next, "</NextContinuationToken>");
  }
  return xml + "</ListBucketResult>";
}

TEST_F(BucketFaultsTest, AListGoesOnFromItsTokenAndItsKeysAreDecoded) {
  Say("GET /pictures?encoding-type=url&list-type=2&prefix=", {{.body = Page({"a%2Fb+c", "a%2Fd"}, "n+/=")}});
  Say("GET /pictures?continuation-token=n%2B%2F%3D&encoding-type=url&list-type=2&prefix=", {{.body = Page({"e"}, "")}});
  std::vector<std::string> keys;
  const absl::Status status = bucket_->List("", [&](absl::string_view key, std::int64_t) {
    keys.emplace_back(key);
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(absl::StrJoin(keys, "|"), "a/b c|a/d|e");
}

TEST_F(BucketFaultsTest, AListThatIsNotWholeIsAskedForAgain) {
  const std::string page = Page({"a", "b"}, "");
  Say("GET /pictures", {{.body = page.substr(0, page.size() / 2)}, {.body = page}});
  int keys = 0;
  EXPECT_TRUE(bucket_
                  ->List("",
                         [&](absl::string_view, std::int64_t) {
                           ++keys;
                           return absl::OkStatus();
                         })
                  .ok());
  EXPECT_EQ(keys, 2);
}

TEST_F(BucketFaultsTest, AListOutOfOrderIsRefused) {
  const auto code = [&](const std::string& page) {
    Say("GET /pictures", {{.body = page}});
    return bucket_->List("", [](absl::string_view, std::int64_t) { return absl::OkStatus(); }).code();
  };
  EXPECT_EQ(code(Page({"b", "a"}, "")), absl::StatusCode::kInternal);
  EXPECT_EQ(code(Page({"a", "a"}, "")), absl::StatusCode::kInternal);
  EXPECT_EQ(code(Page({"a"}, "again")), absl::StatusCode::kInternal);  // the same page for ever
  EXPECT_EQ(code(Page({}, "again")), absl::StatusCode::kInternal);
}

// --- connections ---------------------------------------------------------------------------------------

TEST_F(BucketFaultsTest, ConnectionsAreUsedAgainAndAreNoMoreThanTransfers) {
  config::v1::BucketConfig config = server_.config(file_);
  config.set_max_transfers(4);
  bucket_ = Open(config);
  const std::size_t before = server_.connections();
  std::vector<Bucket::Object> objects;
  for (int i = 0; i < 200; ++i) {
    objects.push_back({.key = absl::StrCat("k/", i), .data = "x"});
    Say("PUT /pictures/" + objects.back().key, {{.status = 200}});
  }
  EXPECT_TRUE(bucket_->Put(objects).ok());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(bucket_->Get("absent").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(server_.Seen("PUT /pictures/k/"), 200);
  EXPECT_LE(server_.connections() - before, 4);
}

}  // namespace
}  // namespace mannequin::store

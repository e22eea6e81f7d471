// The examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
#include "services/store/bucket/signature.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin::store {
namespace {

using testing::EndsWith;

constexpr char kNothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const absl::Time kNow = absl::FromUnixSeconds(1'369'353'600);  // 24 May 2013, 00:00 UTC

Credentials Example() {
  return {.access_key_id = "AKIAIOSFODNN7EXAMPLE", .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
}

std::string Sign(RequestToSign request) {
  request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  request.headers.emplace_back("x-amz-content-sha256", request.body_sha256);
  request.headers.emplace_back("x-amz-date", SigningTime(kNow));
  return Authorization(request, Example(), "us-east-1", kNow);
}

TEST(SignatureTest, OfAnObjectsRangeIsThatOfTheExample) {
  EXPECT_EQ(Sign({.method = "GET", .path = "/test.txt", .headers = {{"range", "bytes=0-9"}}, .body_sha256 = kNothing}),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SignatureTest, OfAPutIsThatOfTheExample) {
  const std::string path = UriEncode("/test$file.text", true);
  EXPECT_THAT(
      Sign({.method = "PUT",
            .path = path,
            .headers = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"}, {"date", "Fri, 24 May 2013 00:00:00 GMT"}},
            .body_sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}),
      EndsWith("SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,"
               "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(SignatureTest, OfANameWithoutAValueIsThatOfTheExample) {
  const std::string query = CanonicalQuery({{"lifecycle", ""}});
  EXPECT_THAT(Sign({.method = "GET", .path = "/", .query = query, .body_sha256 = kNothing}),
              EndsWith("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(SignatureTest, OfAListIsThatOfTheExample) {
  const std::string query = CanonicalQuery({{"prefix", "J"}, {"max-keys", "2"}});
  EXPECT_THAT(Sign({.method = "GET", .path = "/", .query = query, .body_sha256 = kNothing}),
              EndsWith("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SignatureTest, TakesSpacesInAHeaderAsOne) {
  const auto sign = [](const std::string& type) {
    return Sign({.method = "PUT", .path = "/", .headers = {{"content-type", type}}, .body_sha256 = kNothing});
  };
  EXPECT_EQ(sign(" text/plain;   charset=utf-8 "), sign("text/plain; charset=utf-8"));
}

TEST(SignatureTest, DependsOnTheRegion) {
  const RequestToSign request = {.method = "GET", .path = "/", .body_sha256 = kNothing};
  EXPECT_NE(Authorization(request, Example(), "us-east-1", kNow), Authorization(request, Example(), "eu-west-1", kNow));
}

TEST(CanonicalQueryTest, IsInTheOrderOfTheNamesAndEncoded) {
  EXPECT_EQ(CanonicalQuery({{"prefix", "a b/\xC3\xA9+"}, {"list-type", "2"}, {"delete", ""}}),
            "delete=&list-type=2&prefix=a%20b%2F%C3%A9%2B");
  EXPECT_EQ(CanonicalQuery({}), "");
}

TEST(UriEncodeTest, LeavesWhatNeedsNoEncoding) {
  EXPECT_EQ(UriEncode("/a-b_c.d~e/F9", true), "/a-b_c.d~e/F9");
  EXPECT_EQ(UriEncode("/*", false), "%2F%2A");
}

TEST(SigningTimeTest, IsInUtc) { EXPECT_EQ(SigningTime(kNow), "20130524T000000Z"); }

}  // namespace
}  // namespace mannequin::store

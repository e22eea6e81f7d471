#include "services/fetcher/url.h"

#include <string>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

TEST(Url, IsNormalised) {
  const absl::StatusOr<Url> url = ParseUrl(" HTTP://Shop.Example/a b.jpg?x=1#top ");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->text, "http://shop.example/a%20b.jpg?x=1");
  EXPECT_EQ(url->origin, "http://shop.example:80");
  EXPECT_EQ(ParseUrl("https://shop.example:8443/a")->origin, "https://shop.example:8443");
}

TEST(Url, UnusualSpellingsOfAnAddressBecomeThatAddress) {
  EXPECT_EQ(ParseUrl("http://0x7f.1/")->origin, "http://127.0.0.1:80");
  EXPECT_EQ(ParseUrl("http://2130706433/")->origin, "http://127.0.0.1:80");
}

TEST(Url, SaysWhatRobotsAndLimitsAskFor) {
  const absl::StatusOr<Url> url = ParseUrl("http://shop.example:8080/a/b?c=%7e#d");
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->host, "shop.example");
  EXPECT_EQ(url->path, "/a/b?c=%7e");
  EXPECT_FALSE(url->is_address);
  EXPECT_EQ(ParseUrl("http://shop.example")->path, "/");
  EXPECT_TRUE(ParseUrl("http://0177.0.0.1/")->is_address);
  const absl::StatusOr<Url> v6 = ParseUrl("http://[::FFFF:127.0.0.1]:80/");
  ASSERT_TRUE(v6.ok()) << v6.status();
  EXPECT_TRUE(v6->is_address);
  EXPECT_EQ(v6->host.substr(0, 7), "::ffff:");
}

TEST(Url, AHostHasOneSpelling) {
  EXPECT_EQ(ParseUrl("http://Shop.example./a")->origin, "http://shop.example:80");
  EXPECT_EQ(ParseUrl("http://localhost./a")->text, "http://localhost/a");
}

TEST(Url, AnythingButHttpAndHttpsIsRefused) {
  for (const char* text : {"file:///etc/passwd", "ftp://a.example/x", "gopher://a.example", "data:image/png;base64,AA",
                           "javascript:alert(1)", "a.jpg", "", "//a.example/x", "http://", "http://a.example:99999/"}) {
    EXPECT_EQ(ParseUrl(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Url, CredentialsControlCharactersAndExcessAreRefused) {
  EXPECT_EQ(ParseUrl("http://me:secret@a.example/").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseUrl("http://a.example/\r\nHost: b").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseUrl("http://a.example/" + std::string(2048, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Url, ANumberWithDotsBehindItIsTheAddressThatItIsWithout) {
  for (const char* text : {"http://2130706433../a", "http://0x7f.1./a", "http://127.0.0.1./a"}) {
    const absl::StatusOr<Url> url = ParseUrl(text);
    ASSERT_TRUE(url.ok()) << text << ": " << url.status();
    EXPECT_EQ(url->text, "http://127.0.0.1/a") << text;
    EXPECT_EQ(url->origin, "http://127.0.0.1:80") << text;
    EXPECT_TRUE(url->is_address) << text;
  }
}

}  // namespace
}  // namespace mannequin

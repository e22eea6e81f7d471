#include "services/fetcher/address_filter.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace mannequin {
namespace {

using Verdict = AddressFilter::Verdict;

Verdict Check(const AddressFilter& filter, const std::string& text, int port = 80) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
  } else {
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr), 1) << text;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
  }
  return filter.Check(reinterpret_cast<const sockaddr&>(storage));
}

TEST(AddressFilter, LetsGlobalUnicastThrough) {
  for (const char* text : {"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.1",
                           "192.167.0.1", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1"}) {
    EXPECT_EQ(Check(AddressFilter(), text), Verdict::kPublic) << text;
  }
}

TEST(AddressFilter, ForbidsWhatIsNotGlobalUnicast) {
  for (const char* text : {"0.0.0.0",     "0.1.2.3",     "10.0.0.1",        "100.64.0.1", "100.127.255.255",
                           "127.0.0.1",   "127.255.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255",
                           "192.0.0.1",   "192.0.2.1",   "192.168.1.1",     "198.18.0.1", "198.19.255.255",
                           "203.0.113.9", "224.0.0.1",   "239.1.1.1",       "240.0.0.1",  "255.255.255.255",
                           "::",          "::1",         "fc00::1",         "fd12::1",    "fe80::1",
                           "fec0::1",     "ff02::1",     "2001:db8::1",     "100::1"}) {
    EXPECT_EQ(Check(AddressFilter(), text), Verdict::kForbidden) << text;
  }
}

TEST(AddressFilter, ForbidsIpv6ThatCarriesIpv4) {
  for (const char* text : {"::ffff:8.8.8.8", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1",
                           "2002:7f00:1::", "2001::1"}) {
    EXPECT_EQ(Check(AddressFilter(), text), Verdict::kForbidden) << text;
  }
}

TEST(AddressFilter, AllowListExceptsARangeOrOnePortOfIt) {
  const absl::StatusOr<AddressFilter> filter =
      AddressFilter::Create({"127.0.0.1/32:8900", "10.1.0.0/17", "::1/128:8900", "fd00::/8"});
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(Check(*filter, "127.0.0.1", 8900), Verdict::kAllowed);
  EXPECT_EQ(Check(*filter, "127.0.0.1", 8901), Verdict::kForbidden);
  EXPECT_EQ(Check(*filter, "127.0.0.2", 8900), Verdict::kForbidden);
  EXPECT_EQ(Check(*filter, "10.1.127.255"), Verdict::kAllowed);
  EXPECT_EQ(Check(*filter, "10.1.128.0"), Verdict::kForbidden);
  EXPECT_EQ(Check(*filter, "::1", 8900), Verdict::kAllowed);
  EXPECT_EQ(Check(*filter, "::1", 80), Verdict::kForbidden);
  EXPECT_EQ(Check(*filter, "fd12::1"), Verdict::kAllowed);
  EXPECT_EQ(Check(*filter, "8.8.8.8"), Verdict::kPublic);
}

TEST(AddressFilter, RefusesAnEntryThatIsNoRange) {
  for (const char* text : {"", "localhost/8", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "::1/129", "10.0.0.0/8:0",
                           "10.0.0.0/8:70000", "10.0.0.0/8:80:90", "10.0.0.0/x"}) {
    const absl::Status status = AddressFilter::Create({text}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_NE(status.message().find(text), absl::string_view::npos);
  }
}

TEST(AddressFilter, ForbidsOtherFamilies) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  EXPECT_EQ(AddressFilter().Check(address), Verdict::kForbidden);
}

}  // namespace
}  // namespace mannequin

#include "services/mannequin/server_addresses.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mannequin {
namespace {

using ::testing::HasSubstr;

std::string Problem(const std::string& server) {
  return std::string(ServerAddresses::Parse(server).status().message());
}

TEST(ServerAddresses, OneAddressIsThatOfEveryContract) {
  const ServerAddresses addresses = ServerAddresses::Parse("127.0.0.1:8600").value();
  EXPECT_EQ(addresses.all().size(), 6u);
  for (const auto& [contract, address] : addresses.all()) EXPECT_EQ(address, "127.0.0.1:8600") << contract;
}

TEST(ServerAddresses, AListNamesSomeServicesAndTheOthersAreWhereTheirNamesAre) {
  const ServerAddresses addresses = ServerAddresses::Parse("store=127.0.0.1:1,scorer=[::1]:2").value();
  EXPECT_EQ(addresses.Of("mannequin.v1.ProductStore"), "127.0.0.1:1");
  EXPECT_EQ(addresses.Of("mannequin.v1.AbuseScorer"), "[::1]:2");
  EXPECT_EQ(addresses.Of("mannequin.v1.ImageFetcher"), "fetcher:8602");
  EXPECT_EQ(addresses.Of("mannequin.v1.GanTrainer"), "trainer:8604");
}

TEST(ServerAddresses, WhatIsNoServiceOrNoAddressIsNamed) {
  EXPECT_THAT(Problem("shop=127.0.0.1:1"), HasSubstr("--server: \"shop\" is none of store, fetcher, embedder"));
  EXPECT_THAT(Problem("store=127.0.0.1"), HasSubstr("--server: store"));
  EXPECT_THAT(Problem("store=127.0.0.1:1,"), HasSubstr("--server: \"\""));
  EXPECT_THAT(Problem("127.0.0.1"), HasSubstr("--server"));
  EXPECT_THAT(Problem(""), HasSubstr("--server"));
}

}  // namespace
}  // namespace mannequin

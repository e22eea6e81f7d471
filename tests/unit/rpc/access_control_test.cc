#include "common/rpc/access_control.h"

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/file.h"
#include "common/base/retry_after.h"
#include "common/rpc/method_access.h"
#include "common/rpc/metrics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mannequin/v1/abuse_scorer.pb.h"
#include "mannequin/v1/gan_trainer.pb.h"
#include "mannequin/v1/image_fetcher.pb.h"
#include "mannequin/v1/image_generator.pb.h"
#include "mannequin/v1/product_store.pb.h"
#include "mannequin/v1/text_embedder.pb.h"
#include "mannequin/v1/training_worker.pb.h"
#include "prometheus/text_serializer.h"

namespace mannequin::rpc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kScore[] = "/mannequin.v1.AbuseScorer/ScoreListing";
constexpr char kPromote[] = "/mannequin.v1.GanTrainer/PromoteBundle";
constexpr char kReview[] = "/mannequin.v1.ImageGenerator/ReviewPlaceholder";
constexpr char kFinishJob[] = "/mannequin.v1.ProductStore/FinishJob";

class AccessControlTest : public testing::Test {
 protected:
  AccessControlTest() : folder_(*MakeTemporaryFolder("access")), file_(folder_ + "/tokens.textproto") {
    config_.set_tokens_file(file_);
    config_.add_service_names("scorer.mannequin");
    for (const auto role : {config::v1::ROLE_BACKEND, config::v1::ROLE_CATALOG, config::v1::ROLE_OPERATOR}) {
      const NewToken made = MakeToken(RoleName(role), role).value();
      lines_ += made.line + "\n";
      tokens_[role] = made.token;
    }
    Write(lines_);
    access_ = AccessControl::Open(config_, clock_).value();
  }
  ~AccessControlTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& text) { ASSERT_TRUE(WriteFileAtomically(file_, text).ok()); }
  absl::StatusOr<Caller> Bearer(const std::string& token) { return access_->Identify("Bearer " + token, {}); }

  const std::string folder_, file_;
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  config::v1::AccessConfig config_;
  std::string lines_;
  std::map<config::v1::Role, std::string> tokens_;
  std::unique_ptr<AccessControl> access_;
};

TEST(MethodAccess, HasARowForEveryMethodOfTheContractsAndNoOther) {
  std::set<std::string> methods;
  for (const google::protobuf::FileDescriptor* file :
       {v1::UpsertProductsRequest::descriptor()->file(), v1::StartCrawlRequest::descriptor()->file(),
        v1::EmbedTextsRequest::descriptor()->file(), v1::CreateTrainingRequest::descriptor()->file(),
        v1::RunTrainingProcessRequest::descriptor()->file(), v1::GenerateImagesRequest::descriptor()->file(),
        v1::ScoreListingRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const google::protobuf::MethodDescriptor* method = file->service(i)->method(j);
        const std::string path = absl::StrCat("/", file->service(i)->full_name(), "/", method->name());
        methods.insert(path);
        const MethodAccess* row = FindMethodAccess(path);
        EXPECT_NE(row, nullptr) << path << " has no row in common/rpc/method_access.cc";
        if (row != nullptr && (method->client_streaming() || method->server_streaming())) {
          EXPECT_FALSE(row->MaySendTwice()) << path << " streams: it cannot be sent twice by itself";
        }
      }
    }
  }
  std::set<std::string> rows;
  for (const MethodAccess& row : AllMethodAccess()) {
    EXPECT_TRUE(rows.insert(std::string(row.path)).second) << row.path << " has two rows";
    const bool is_ours = row.path.substr(0, 11) == "/mannequin.";
    EXPECT_TRUE(!is_ours || methods.count(std::string(row.path)) > 0) << row.path << " is a method of no contract";
  }
}

TEST(MethodAccess, NothingThatChangesIsOpenToAnybody) {
  for (const MethodAccess& row : AllMethodAccess()) {
    EXPECT_FALSE(row.IsChange() && row.IsOpenTo(config::v1::ROLE_UNSPECIFIED)) << row.path;
    EXPECT_TRUE(row.IsOpenTo(config::v1::ROLE_OPERATOR)) << row.path;
  }
}

TEST_F(AccessControlTest, ATokenSaysWhoCalls) {
  const Caller caller = Bearer(tokens_[config::v1::ROLE_CATALOG]).value();
  EXPECT_EQ(caller.name, "catalog");
  EXPECT_EQ(caller.role, config::v1::ROLE_CATALOG);
}

TEST_F(AccessControlTest, EachRoleMayWhatItIsFor) {
  const auto may = [&](config::v1::Role role, const char* method) {
    return access_->Admit({"x", role, 0}, method).code();
  };
  using enum absl::StatusCode;
  EXPECT_EQ(may(config::v1::ROLE_BACKEND, kScore), kOk);
  EXPECT_EQ(may(config::v1::ROLE_BACKEND, kReview), kPermissionDenied);
  EXPECT_EQ(may(config::v1::ROLE_CATALOG, kReview), kOk);
  EXPECT_EQ(may(config::v1::ROLE_CATALOG, kScore), kPermissionDenied);
  EXPECT_EQ(may(config::v1::ROLE_CATALOG, kPromote), kPermissionDenied);
  EXPECT_EQ(may(config::v1::ROLE_SERVICE, kFinishJob), kOk);
  EXPECT_EQ(may(config::v1::ROLE_SERVICE, kPromote), kPermissionDenied);
  for (const char* method : {kScore, kReview, kFinishJob, kPromote})
    EXPECT_EQ(may(config::v1::ROLE_OPERATOR, method), kOk);
  EXPECT_EQ(may(config::v1::ROLE_UNSPECIFIED, kScore), kPermissionDenied);
  EXPECT_EQ(may(config::v1::ROLE_OPERATOR, "/mannequin.v1.GanTrainer/Nothing"), kUnimplemented);
}

TEST_F(AccessControlTest, ARefusalNamesTheMethodTheCallerAndWhoMay) {
  EXPECT_THAT(std::string(access_->Admit({"shop", config::v1::ROLE_BACKEND, 0}, kReview).message()),
              testing::AllOf(HasSubstr("ImageGenerator/ReviewPlaceholder"), HasSubstr("shop"),
                             HasSubstr("role is backend"), HasSubstr("for catalog, operator")));
}

TEST_F(AccessControlTest, WhatIsNoTokenIsRefusedAndNotRepeated) {
  for (const char* bad : {"Bearer mq_guessed-guessed", "Basic YTpi", "Bearer ", "mq_guessed-guessed"}) {
    const absl::Status status = access_->Identify(bad, {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << bad;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("guessed")));
  }
  EXPECT_EQ(access_->Identify("", {}).status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(AccessControlTest, ACertificateIsAServiceByItsName) {
  const Caller caller = access_->Identify("", {"other", "scorer.mannequin"}).value();
  EXPECT_EQ(caller.name, "scorer.mannequin");
  EXPECT_EQ(caller.role, config::v1::ROLE_SERVICE);
  const absl::Status refused = access_->Identify("", {"laptop.example"}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("laptop.example"));
}

TEST_F(AccessControlTest, ABadTokenIsNotMadeGoodByACertificate) {
  EXPECT_EQ(access_->Identify("Bearer mq_guessed-guessed", {"scorer.mannequin"}).status().code(),
            absl::StatusCode::kUnauthenticated);
}

TEST_F(AccessControlTest, ATokenTakenOutOfTheFileIsRefusedASecondLater) {
  const std::string token = tokens_[config::v1::ROLE_BACKEND];
  ASSERT_TRUE(Bearer(token).ok());
  Write(MakeToken("other", config::v1::ROLE_BACKEND)->line);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Bearer(token).status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(AccessControlTest, ATokenOpensNothingOnceItHasEnded) {
  const absl::Time end = clock_.Now() + absl::Hours(1);
  const NewToken made = MakeToken("guest", config::v1::ROLE_BACKEND, 0, end).value();
  Write(lines_ + made.line);
  clock_.Advance(absl::Minutes(59));
  EXPECT_TRUE(Bearer(made.token).ok());
  EXPECT_THAT(prometheus::TextSerializer().Serialize(MetricsRegistry()->Collect()),
              HasSubstr("mannequin_rpc_token_expiry_timestamp_seconds{name=\"guest\"} 1700003600"));
  clock_.Advance(absl::Minutes(1));
  const absl::Status ended = Bearer(made.token).status();
  EXPECT_EQ(ended.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(std::string(ended.message()), HasSubstr("the token of guest ended on 2023-11-14 23:13:20 UTC"));
  // A line with a later end, for the same token.
  const std::string later = absl::StrReplaceAll(made.line, {{"2023-11-14T23:13:20Z", "2024-01-01T00:00:00+09:00"}});
  Write(lines_ + later);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Bearer(made.token).ok());
}

TEST_F(AccessControlTest, AFileThatIsBrokenOrGoneChangesNothingUntilItIsMended) {
  const std::string token = tokens_[config::v1::ROLE_BACKEND];
  Write("tokens { oops");
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Bearer(token).ok());
  std::filesystem::remove(file_);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Bearer(token).ok());
  const NewToken made = MakeToken("new", config::v1::ROLE_BACKEND).value();
  Write(lines_ + made.line);
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Bearer(token).ok());
  EXPECT_TRUE(Bearer(made.token).ok());
}

TEST_F(AccessControlTest, ACallerGetsItsCallsASecondAndIsToldWhenThereIsOne) {
  const Caller shop = {"shop", config::v1::ROLE_BACKEND, 2};
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
  const absl::Status refused = access_->Admit(shop, kScore);
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RetryAfter(refused), absl::Milliseconds(500));
  EXPECT_TRUE(access_->Admit({"other", config::v1::ROLE_BACKEND, 2}, kScore).ok());
  clock_.Advance(absl::Milliseconds(500));
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
  EXPECT_FALSE(access_->Admit(shop, kScore).ok());
  clock_.Advance(absl::Hours(1));  // a second's worth at most
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
  EXPECT_FALSE(access_->Admit(shop, kScore).ok());
}

TEST_F(AccessControlTest, MessagesOfStreamsWaitForTheSameCallsASecond) {
  const Caller shop = {"shop", config::v1::ROLE_BACKEND, 2};
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
  EXPECT_EQ(access_->WaitOfMessage(shop), absl::ZeroDuration());
  EXPECT_EQ(access_->WaitOfMessage(shop), absl::Milliseconds(500));
  EXPECT_EQ(access_->WaitOfMessage(shop), absl::Seconds(1));  // behind the one before
  EXPECT_EQ(RetryAfter(access_->Admit(shop, kScore)), absl::Milliseconds(1500));
  clock_.Advance(absl::Milliseconds(1500));
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
  EXPECT_EQ(access_->WaitOfMessage({"operator", config::v1::ROLE_OPERATOR, 0}), absl::ZeroDuration());
}

TEST_F(AccessControlTest, ARefusedMethodCostsNoCall) {
  const Caller shop = {"shop", config::v1::ROLE_BACKEND, 1};
  EXPECT_EQ(access_->Admit(shop, kPromote).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(access_->Admit(shop, kScore).ok());
}

TEST_F(AccessControlTest, AConfigurationThatLetsNobodyInIsRefused) {
  EXPECT_THAT(std::string(AccessControl::Open({}, clock_).status().message()), HasSubstr("lets nobody in"));
  config_.set_tokens_file(folder_ + "/none");
  EXPECT_EQ(AccessControl::Open(config_, clock_).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace mannequin::rpc

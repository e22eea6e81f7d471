// How the scorer serves: memory, room, urgency, beginning and end, over a real channel.
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/status.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"
#include "tests/unit/image/picture_files.h"
#include "tests/unit/scorer/served_scorer.h"

namespace mannequin {
namespace {

std::string Photo(int side = 80) { return EncodeImage(TestTexture(side, side), "image/jpeg").value(); }

void Put(ServedScorer& scorer, const std::string& id, const std::string& image) {
  v1::UpsertProductsRequest upsert;
  *upsert.add_products() = ShirtWith("").product();
  upsert.mutable_products(0)->set_id(id);
  ASSERT_TRUE(scorer.store().UpsertProducts(upsert).ok());
  v1::PutImageRequest put;
  put.set_product_id(id);
  put.mutable_image()->set_data(image);
  put.mutable_image()->set_media_type("image/jpeg");
  ASSERT_TRUE(scorer.store().PutImage(put).ok());
}

TEST(ScorerServing, AnswersTheSameListingFromMemory) {
  ServedScorer scorer;
  scorer.Serve({.mismatch_bias = 1, .overlay_bias = 4});
  v1::Verdict first, second;
  ASSERT_TRUE(scorer.Score(ShirtWith(Photo()), &first).ok());
  ASSERT_TRUE(scorer.Score(ShirtWith(Photo()), &second).ok());
  EXPECT_FALSE(first.cached());
  EXPECT_TRUE(second.cached());
  EXPECT_GE(absl::Seconds(second.scored_at().seconds()) + absl::Nanoseconds(second.scored_at().nanos()),
            absl::Seconds(first.scored_at().seconds()) + absl::Nanoseconds(first.scored_at().nanos()));
  for (v1::Verdict* verdict : {&first, &second}) {
    verdict->clear_cached();
    verdict->clear_scored_at();
    verdict->clear_milliseconds();
  }
  EXPECT_EQ(first.SerializeAsString(), second.SerializeAsString());
  EXPECT_EQ(first.kind(), v1::VERDICT_KIND_ABUSE);
}

TEST(ScorerServing, AnotherTextPicturePolicyOrBundleIsJudgedAnew) {
  ServedScorer scorer;
  scorer.Serve();
  v1::Verdict verdict;
  v1::ScoreListingRequest request = ShirtWith(Photo());
  ASSERT_TRUE(scorer.Score(request, &verdict).ok());
  const std::string bundle = verdict.bundle_version();
  request.mutable_product()->set_brand("Acme");
  ASSERT_TRUE(scorer.Score(request, &verdict).ok());
  EXPECT_FALSE(verdict.cached());
  request.set_image(Photo(81));
  ASSERT_TRUE(scorer.Score(request, &verdict).ok());
  EXPECT_FALSE(verdict.cached());
  request.set_policy("amazon");
  for (const bool cached : {false, true}) {
    ASSERT_TRUE(scorer.Score(request, &verdict).ok());
    EXPECT_EQ(verdict.cached(), cached);
    EXPECT_EQ(verdict.policy(), "amazon");
  }
  PromoteRandomBundle(scorer.bundles(), {});
  ASSERT_TRUE(Eventually([&] {
    EXPECT_TRUE(scorer.Score(request, &verdict).ok());
    // Whatever the old bundle said is told apart from what the new one says.
    return verdict.bundle_version() != bundle && verdict.cached();
  }));
}

TEST(ScorerServing, AVerdictFromMemoryIsKeptUnderItsOwnProduct) {
  ServedScorer scorer;
  scorer.Serve();
  Put(scorer, "p1", Photo());
  Put(scorer, "p2", Photo());
  for (const std::string id : {"p1", "p2"}) {
    v1::ScoreListingRequest request;
    request.mutable_product()->set_id(id);
    request.set_stored(true);
    v1::Verdict verdict;
    const grpc::Status status = scorer.Score(request, &verdict);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(verdict.product_id(), id);
    EXPECT_EQ(verdict.cached(), id == "p2");
    v1::GetVerdictRequest get;
    get.set_product_id(id);
    EXPECT_TRUE(scorer.store().GetVerdict(get).ok());
  }
}

TEST(ScorerServing, RemembersNothingWhenToldSoNorWithoutABundle) {
  {
    ServedScorer scorer;
    scorer.config.set_cache_verdicts(-1);
    scorer.Serve();
    v1::Verdict verdict;
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(scorer.Score(ShirtWith(Photo()), &verdict).ok());
      EXPECT_FALSE(verdict.cached());
    }
  }
  ServedScorer scorer;
  scorer.Listen();
  scorer.Start();
  v1::Verdict verdict;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(scorer.Score(ShirtWith(Photo()), &verdict).ok());
    EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_NOT_SCORED);
    EXPECT_FALSE(verdict.cached());
  }
}

TEST(ScorerServing, CountsWhatItFindsInMemory) {
  ServedScorer scorer;
  scorer.Serve();
  const double before = MetricSum("mannequin_scorer_cache_lookups_total");
  const double judged = MetricSum("mannequin_scorer_batch_listings");
  v1::Verdict verdict;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(scorer.Score(ShirtWith(Photo()), &verdict).ok());
  EXPECT_EQ(MetricSum("mannequin_scorer_cache_lookups_total") - before, 3);
  EXPECT_EQ(MetricSum("mannequin_scorer_batch_listings") - judged, 1);
}

TEST(ScorerServing, RefusesAtOnceWhatItHasNoRoomForAndSaysWhenToTryAgain) {
  ServedScorer scorer;
  scorer.config.set_max_queue(1);
  scorer.config.set_cache_verdicts(-1);
  scorer.Serve();
  // 49 million pixels take a while to decode.
  const v1::ScoreListingRequest slow = ShirtWith(FlatPng(7000, 7000));
  std::atomic<bool> done{false};
  std::thread busy([&] {
    v1::Verdict verdict;
    while (!done) {
      const grpc::Status status = scorer.Score(slow, &verdict);
      EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    }
  });
  const v1::ScoreListingRequest request = ShirtWith(Photo());
  absl::Status refused;
  EXPECT_TRUE(Eventually([&] {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(60));
    v1::ScoreListingResponse response;
    const grpc::Status status = scorer.stub().ScoreListing(&context, request, &response);
    refused = rpc::ReceiveRetryAfter(rpc::FromGrpc(status), context);
    return !status.ok();
  }));
  done = true;
  busy.join();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted) << refused;
  EXPECT_TRUE(absl::StrContains(refused.message(), "max_queue")) << refused;
  EXPECT_TRUE(RetryAfter(refused).has_value());
  EXPECT_GT(MetricSum("mannequin_scorer_refused_total"), 0);
}

TEST(ScorerServing, BulkWaitsForRoomRatherThanBeingRefused) {
  ServedScorer scorer;
  scorer.config.set_max_queue(2);
  scorer.config.set_max_batch(8);
  scorer.config.set_cache_verdicts(-1);
  scorer.Serve();
  constexpr int kListings = 60;
  std::vector<std::thread> streams;
  std::atomic<int> good{0};
  for (int s = 0; s < 3; ++s) {
    streams.emplace_back([&, s] {
      grpc::ClientContext context;
      rpc::SetDeadline(context, absl::Seconds(60));
      auto stream = scorer.stub().ScoreListings(&context);
      std::thread writer([&] {
        for (int i = 0; i < kListings; ++i) {
          v1::ScoreListingsRequest request;
          *request.mutable_listing() = ShirtWith(Photo(80 + s));
          if (i % 7 == 0) request.mutable_listing()->set_priority(v1::SCORE_PRIORITY_LISTING);
          EXPECT_TRUE(stream->Write(request));
        }
        stream->WritesDone();
      });
      for (v1::ScoreListingsResponse response; stream->Read(&response);) {
        EXPECT_EQ(response.error_code(), 0) << response.error_message();
        if (response.verdict().kind() == v1::VERDICT_KIND_CLEAN) ++good;
      }
      writer.join();
      EXPECT_TRUE(stream->Finish().ok());
    });
  }
  for (std::thread& stream : streams) stream.join();
  EXPECT_EQ(good, 3 * kListings);
}

TEST(ScorerServing, ABundleThatCannotJudgeIsNotTakenIntoUse) {
  ServedScorer scorer;
  const v1::BundleManifest manifest = PromoteRandomBundle(scorer.bundles(), {});
  absl::StatusOr<std::shared_ptr<const ScorerModel>> model =
      LoadScorerModel(manifest, scorer.bundles().FolderOf(manifest.version()), "cpu");
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_TRUE(WarmUp(**model, 4, 1).ok());
  // One that was loaded without the network that judges says so before anybody asks.
  ScorerModel blind;
  blind.manifest = manifest;
  blind.gan = LoadGan(manifest, scorer.bundles().FolderOf(manifest.version()), "cpu", {.discriminator = false}).value();
  EXPECT_EQ(WarmUp(blind, 4, 1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(WarmUp(ScorerModel(), 4, 1).ok());
}

TEST(ScorerServing, AnswersUnavailableUntilItsBundleIsLoaded) {
  ServedScorer scorer;
  PromoteRandomBundle(scorer.bundles(), {});
  scorer.Listen();
  // NewChannel would try again by itself.
  const auto stub = v1::AbuseScorer::NewStub(grpc::CreateChannel(scorer.address(), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(60));
  v1::ScoreListingResponse response;
  const grpc::Status status = stub->ScoreListing(&context, ShirtWith(Photo()), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  scorer.Start();
  v1::Verdict verdict;
  EXPECT_TRUE(scorer.Score(ShirtWith(Photo()), &verdict).ok());
  EXPECT_EQ(verdict.kind(), v1::VERDICT_KIND_CLEAN);
}

TEST(ScorerServing, LeavesNoWorkOfCallersThatHaveGone) {
  ServedScorer scorer;
  scorer.config.set_cache_verdicts(-1);
  scorer.Serve();
  constexpr int kCalls = 60;
  const std::string image = EncodeImage(TestTexture(3000, 3000), "image/jpeg").value();
  const double before = MetricSum("mannequin_scorer_batch_listings");
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCalls; ++i) contexts.push_back(std::make_unique<grpc::ClientContext>());
  for (auto& context : contexts) {
    callers.emplace_back([&] {
      v1::ScoreListingResponse response;
      const grpc::Status status = scorer.stub().ScoreListing(context.get(), ShirtWith(image), &response);
      EXPECT_TRUE(status.ok() || status.error_code() == grpc::StatusCode::CANCELLED) << status.error_message();
    });
  }
  // Some have been judged, so others stand in the queues.
  EXPECT_TRUE(Eventually([&] { return MetricSum("mannequin_scorer_batch_listings") > before; }));
  for (auto& context : contexts) context->TryCancel();
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(Eventually([&] { return MetricSum("mannequin_rpc_server_in_flight") == 0; }));
  EXPECT_LT(MetricSum("mannequin_scorer_batch_listings") - before, kCalls);
}

}  // namespace
}  // namespace mannequin

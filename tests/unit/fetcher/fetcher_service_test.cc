#include "services/fetcher/fetcher_service.h"

#include <atomic>
#include <functional>
#include <memory>

#include "absl/time/clock.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/fetcher/crawl_fixture.h"

namespace mannequin {
namespace {

class FetcherRpc : public CrawlFixture {
 protected:
  FetcherRpc() {
    config_.set_connections(8);
    config_.set_decode_threads(1);
    config_.add_allow_addresses(origin_.AllowEntry());
    EXPECT_EQ(FetcherService::Validate(config_), absl::OkStatus());
    service_ = std::make_unique<FetcherService>(*store_, config_);
    config::v1::ServerConfig listen;
    listen.set_listen("127.0.0.1:0");
    server_ = *rpc::Server::Start("fetcher", listen, {service_.get()});
    service_->Start();
    stub_ = v1::ImageFetcher::NewStub(rpc::NewChannel(server_->address()));
  }
  ~FetcherRpc() override {
    service_->Stop();
    server_->Drain();
  }

  grpc::StatusCode FetchCode(const std::string& url) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(20));
    v1::FetchImageRequest request;
    request.set_url(url);
    return stub_->FetchImage(&context, request, &fetched_).error_code();
  }
  absl::StatusOr<v1::Job> StartCrawl(const v1::StartCrawlRequest& request = {}) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(20));
    v1::StartCrawlResponse response;
    const grpc::Status status = stub_->StartCrawl(&context, request, &response);
    if (!status.ok()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
    return response.job();
  }
  // The last message of the stream.
  v1::Job Watch(const std::string& id) {
    grpc::ClientContext context;
    rpc::SetDeadline(context, absl::Seconds(30));
    v1::WatchCrawlRequest request;
    request.set_job_id(id);
    auto reader = stub_->WatchCrawl(&context, request);
    v1::WatchCrawlResponse response;
    while (reader->Read(&response)) {
    }
    EXPECT_TRUE(reader->Finish().ok());
    return response.job();
  }

  config::v1::FetcherConfig config_;
  std::unique_ptr<FetcherService> service_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ImageFetcher::Stub> stub_;
  v1::FetchImageResponse fetched_;
};

TEST_F(FetcherRpc, ACrawlIsStartedWatchedAndEnds) {
  origin_.OnOther(Serve(Jpeg()));
  AddProducts(10);
  const absl::StatusOr<v1::Job> started = StartCrawl();
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->kind(), v1::JOB_KIND_CRAWL);
  const v1::Job ended = Watch(started->id());
  EXPECT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED) << ended.error();
  v1::CrawlProgress progress;
  ASSERT_TRUE(ended.progress().UnpackTo(&progress));
  EXPECT_EQ(progress.stored(), 10);
  EXPECT_EQ(Count(v1::IMAGE_STATE_STORED), 10);
}

TEST_F(FetcherRpc, ACrawlThatIsCancelledEndsCancelledAndLosesNothing) {
  origin_.OnOther([](Exchange& x) { x.Hang(); });
  AddProducts(10);
  const absl::StatusOr<v1::Job> started = StartCrawl();
  ASSERT_TRUE(started.ok()) << started.status();
  ASSERT_TRUE(Eventually([&] { return origin_.MostAtOnce() > 0; }));
  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(20));
  v1::CancelCrawlRequest cancel;
  cancel.set_job_id(started->id());
  v1::CancelCrawlResponse cancelled;
  ASSERT_TRUE(stub_->CancelCrawl(&context, cancel, &cancelled).ok());
  EXPECT_EQ(Watch(started->id()).state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(Count(v1::IMAGE_STATE_PENDING), 10);
}

TEST_F(FetcherRpc, APausedCrawlGivesBackAndGoesOnWithoutFetchingTwice) {
  std::atomic<bool> hang{true};
  const std::string jpeg = Jpeg();
  origin_.OnOther([&](Exchange& x) {
    hang&& x.attempt() == 1 && x.head().find("/9 ") != std::string::npos ? x.Hang() : x.Answer(200, jpeg);
  });
  AddProducts(10);
  const std::string id = StartCrawl()->id();
  ASSERT_TRUE(Eventually([&] { return Count(v1::IMAGE_STATE_STORED) == 9; }));
  grpc::ClientContext context;
  v1::PauseCrawlRequest pause;
  pause.set_job_id(id);
  v1::PauseCrawlResponse paused;
  ASSERT_TRUE(stub_->PauseCrawl(&context, pause, &paused).ok());
  const auto state = [&] {
    v1::GetJobRequest request;
    request.set_id(id);
    return store_->GetJob(request)->job().state();
  };
  ASSERT_TRUE(Eventually([&] { return state() == v1::JOB_STATE_PAUSED; }));
  EXPECT_EQ(Count(v1::IMAGE_STATE_PENDING), 1);
  hang = false;
  grpc::ClientContext again;
  v1::ResumeCrawlRequest resume;
  resume.set_job_id(id);
  v1::ResumeCrawlResponse resumed;
  ASSERT_TRUE(stub_->ResumeCrawl(&again, resume, &resumed).ok());
  const v1::Job ended = Watch(id);
  EXPECT_EQ(ended.state(), v1::JOB_STATE_SUCCEEDED);
  v1::CrawlProgress progress;
  ASSERT_TRUE(ended.progress().UnpackTo(&progress));
  EXPECT_EQ(progress.stored(), 10) << "counts go on";
  for (int i = 0; i < 9; ++i) EXPECT_EQ(origin_.Requests(absl::StrCat("/", i)), 1) << i;
}

TEST_F(FetcherRpc, ARefreshIsAskedForWithTheCrawl) {
  origin_.OnOther(Serve(Jpeg()));
  AddProducts(3);
  Watch(StartCrawl()->id());
  v1::StartCrawlRequest refresh;
  refresh.mutable_refresh_older_than();
  v1::CrawlProgress progress;
  ASSERT_TRUE(Watch(StartCrawl(refresh)->id()).progress().UnpackTo(&progress));
  EXPECT_EQ(progress.not_modified(), 3);
}

TEST_F(FetcherRpc, FailedProductsAreFetchedAgainOnRequest) {
  origin_.OnOther(Status(404));
  AddProducts(2);
  Watch(StartCrawl()->id());
  EXPECT_EQ(State("p0"), "FAILED NOT_FOUND");
  origin_.OnOther(Serve(Jpeg()));
  v1::StartCrawlRequest again;
  again.set_retry_failed(v1::FETCH_FAILURE_NOT_FOUND);
  Watch(StartCrawl(again)->id());
  EXPECT_EQ(State("p0"), "STORED image/jpeg 40x30");
}

TEST_F(FetcherRpc, OnePictureIsFetchedNowOrItsErrorHasItsCode) {
  const std::string jpeg = Jpeg();
  origin_.On("/good", Serve(jpeg));
  origin_.On("/page", Serve("<html></html>"));
  origin_.On("/broken", Status(500));
  EXPECT_EQ(FetchCode(origin_.Url("/good")), grpc::StatusCode::OK);
  EXPECT_TRUE(fetched_.image().data() == Kept(jpeg)) << "as a crawl would store it";
  EXPECT_EQ(fetched_.image().sha256().size(), 64u);
  EXPECT_EQ(FetchCode("file:///etc/hostname"), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(FetchCode("http://127.0.0.1:1/"), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(FetchCode(origin_.Url("/missing")), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(FetchCode(origin_.Url("/page")), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(FetchCode(origin_.Url("/broken")), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(FetcherRpc, BadRequestsAreRefusedByCode) {
  v1::StartCrawlRequest request;
  request.set_connections(10'001);
  EXPECT_EQ(StartCrawl(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_connections(0);
  request.set_max_attempts(21);
  EXPECT_EQ(StartCrawl(request).status().code(), absl::StatusCode::kInvalidArgument);
  request.set_max_attempts(0);
  request.mutable_timeout()->set_seconds(601);
  EXPECT_EQ(StartCrawl(request).status().code(), absl::StatusCode::kInvalidArgument);

  grpc::ClientContext context;
  rpc::SetDeadline(context, absl::Seconds(20));
  v1::GetCrawlRequest get;
  get.set_job_id("job-none");
  v1::GetCrawlResponse response;
  EXPECT_EQ(stub_->GetCrawl(&context, get, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(FetcherConfig, EachNewFieldHasItsBounds) {
  const auto refused = [](const std::function<void(config::v1::FetcherConfig&)>& spoil) {
    config::v1::FetcherConfig config;
    spoil(config);
    return std::string(FetcherService::Validate(config).message());
  };
  using testing::HasSubstr;
  EXPECT_THAT(refused([](auto& c) { c.set_requests_per_second_per_host(-2); }),
              HasSubstr("requests_per_second_per_host"));
  EXPECT_THAT(refused([](auto& c) { c.set_transfer_threads(65); }), HasSubstr("transfer_threads"));
  EXPECT_THAT(refused([](auto& c) { c.add_host_rules(); }), HasSubstr("host_rules[0].host: empty"));
  EXPECT_THAT(refused([](auto& c) { c.add_rendition_sides(8); }), HasSubstr("rendition_sides: 8"));
  EXPECT_THAT(refused([](auto& c) {
                c.add_rendition_sides(64);
                c.add_rendition_sides(64);
              }),
              HasSubstr("twice"));
  EXPECT_THAT(refused([](auto& c) { c.add_not_available_sha256("AB"); }), HasSubstr("64 lower-case hex digits"));
  EXPECT_THAT(refused([](auto& c) { c.set_certificate_authorities("/no/such.pem"); }), HasSubstr("/no/such.pem"));
  EXPECT_EQ(refused([](auto& c) { c.add_rendition_sides(0); }), "");
}

TEST(FetcherConfig, AValueOutOfRangeIsNamed) {
  config::v1::FetcherConfig config;
  config.set_connections(-1);
  EXPECT_NE(FetcherService::Validate(config).message().find("connections"), absl::string_view::npos);
  config.set_connections(0);
  config.add_allow_addresses("localhost");
  EXPECT_EQ(FetcherService::Validate(config).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace mannequin

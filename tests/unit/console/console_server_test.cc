// The console over HTTP, before a real store on RocksDB behind a real gRPC server.
#include "services/console/console_server.h"

#include <httplib.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/rpc/access_tokens.h"
#include "common/rpc/channel.h"
#include "common/rpc/retry_after.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "nlohmann/json.hpp"
#include "services/console/connect.h"
#include "services/store/rocks/rocks_store.h"
#include "services/store/store_service.h"

namespace mannequin {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kJson[] = "application/json";
constexpr char kGetProduct[] = "/mannequin.v1.ProductStore/GetProduct";
constexpr char kStream[] = "application/connect+json";
constexpr char kScan[] = "/mannequin.v1.ProductStore/ScanProducts";
constexpr char kStatistics[] = "/mannequin.v1.ProductStore/GetStatistics";
// The smallest PNG: a signature and an empty end, which is all that the console looks at.
const std::string kPng("\x89PNG\r\n\x1a\n\0\0\0\0IEND\xae\x42\x60\x82", 20);

class Console : public ::testing::Test {
 protected:
  // One store for all: each test has products of its own. Opening one takes half a second.
  static void SetUpTestSuite() {
    folder_ = *MakeTemporaryFolder("console-test");
    config::v1::StoreConfig config;
    config.set_data(folder_ + "/store");
    store_ = *RocksStore::Open(config, Clock::Real());
  }

  static void TearDownTestSuite() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void SetUp() override {
    service_ = std::make_unique<StoreService>(*store_);
    config::v1::ServerConfig server;
    server.set_listen("127.0.0.1:0");
    server.set_audit_file(folder_ + "/audit.jsonl");
    auto started = rpc::Server::Start("store", server, {service_.get()});
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    server_->SetServing(true);
    const auto channel = rpc::NewChannel(server_->address());
    channels_ = {channel, channel, channel, channel, channel, channel};
    config::v1::ConsoleConfig console;
    console.set_listen("127.0.0.1:0");
    console.add_metrics("http://127.0.0.1:9600/metrics");
    auto console_started = ConsoleServer::Start(console, channels_);
    ASSERT_TRUE(console_started.ok()) << console_started.status();
    console_ = *std::move(console_started);
    http_ = std::make_unique<httplib::Client>("http://" + console_->address());
  }

  void TearDown() override {
    http_.reset();
    console_.reset();
    channels_ = {};
    server_.reset();
    service_.reset();
  }

  void AddProduct(const std::string& id, const std::string& image_url = "") {
    v1::UpsertProductsRequest request;
    v1::Product& product = *request.add_products();
    product.set_id(id);
    product.set_title("Navy shirt");
    product.add_category_path("Apparel");
    product.set_image_url(image_url);
    const auto written = store_->UpsertProducts(request);
    ASSERT_TRUE(written.ok()) << written.status();
  }

  void AddImage(const std::string& id, const std::string& media_type = "image/png") {
    v1::PutImageRequest request;
    request.set_product_id(id);
    request.mutable_image()->set_data(kPng);
    request.mutable_image()->set_media_type(media_type);
    const auto put = store_->PutImage(request);
    ASSERT_TRUE(put.ok()) << put.status();
  }

  void AddPlaceholder(const std::string& id, v1::PlaceholderState state) {
    v1::PutPlaceholderRequest request;
    request.mutable_placeholder()->set_product_id(id);
    request.mutable_placeholder()->set_state(state);
    request.mutable_image()->set_data(kPng + id);
    request.mutable_image()->set_media_type("image/png");
    if (state == v1::PLACEHOLDER_STATE_APPROVED) {
      *request.mutable_badged_image() = request.image();
      request.mutable_badged_image()->mutable_data()->append(" badged");
    }
    const auto put = store_->PutPlaceholder(request);
    ASSERT_TRUE(put.ok()) << put.status();
  }

  std::string AddTraining() {
    v1::CreateJobRequest request;
    request.set_kind(v1::JOB_KIND_TRAIN_GAN);
    request.mutable_spec()->PackFrom(v1::CreateTrainingRequest());
    return store_->CreateJob(request)->job().id();
  }

  httplib::Result Post(const std::string& path, const std::string& body, const httplib::Headers& headers = {}) {
    return http_->Post(path, headers, body, kJson);
  }

  httplib::Result PostStream(const std::string& path, const std::string& body) {
    return http_->Post(path, body, kStream);
  }

  struct Envelope {
    int flags = 0;
    std::string json;
  };

  static std::vector<Envelope> Envelopes(const std::string& body) {
    std::vector<Envelope> envelopes;
    for (std::size_t at = 0; at + 5 <= body.size();) {
      std::size_t size = 0;
      for (int i = 1; i < 5; ++i) size = size << 8 | static_cast<unsigned char>(body[at + i]);
      envelopes.push_back({body[at], body.substr(at + 5, size)});
      at += 5 + size;
    }
    return envelopes;
  }

  // The whole of an event stream that ends.
  std::string Events(const std::string& path) {
    const httplib::Result answer = http_->Get(path);
    return answer ? answer->body : "";
  }

  static std::string CodeOf(const httplib::Result& answer) {
    if (!answer) return "no answer";
    const json body = json::parse(answer->body, nullptr, false);
    return body.is_object() ? body.value("code", "") : "not JSON: " + answer->body;
  }

  static inline std::string folder_;
  static inline std::unique_ptr<RocksStore> store_;
  std::unique_ptr<StoreService> service_;
  std::unique_ptr<rpc::Server> server_;
  ConsoleChannels channels_;
  std::unique_ptr<ConsoleServer> console_;
  std::unique_ptr<httplib::Client> http_;
};

// Has no room for anything.
class FullScorer final : public v1::AbuseScorer::Service {
  grpc::Status ScoreListing(grpc::ServerContext* context, const v1::ScoreListingRequest*,
                            v1::ScoreListingResponse*) override {
    const absl::Status refused = WithRetryAfter(absl::ResourceExhaustedError("full"), absl::Milliseconds(1200));
    rpc::SendRetryAfter(refused, *context);
    return rpc::ToGrpc(refused);
  }
};

TEST_F(Console, SaysWhenToTryAgain) {
  FullScorer scorer;
  config::v1::ServerConfig config;
  config.set_listen("127.0.0.1:0");
  const auto server = rpc::Server::Start("scorer", config, {&scorer}).value();
  channels_.scorer = rpc::NewChannel(server->address());
  config::v1::ConsoleConfig console;
  console.set_listen("127.0.0.1:0");
  const auto started = ConsoleServer::Start(console, channels_).value();
  httplib::Client http("http://" + started->address());
  const httplib::Result answer = http.Post("/mannequin.v1.AbuseScorer/ScoreListing", httplib::Headers(), "{}", kJson);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 429);
  EXPECT_EQ(answer->get_header_value("Retry-After"), "2");
}

TEST_F(Console, CarriesAUnaryCallAsJson) {
  AddProduct("B000", "http://images.example/1.jpg");
  const auto statistics = Post(kStatistics, "{}");
  ASSERT_TRUE(statistics);
  EXPECT_EQ(statistics->status, 200);
  EXPECT_EQ(statistics->get_header_value("Content-Type"), kJson);
  // 64-bit integers are strings in protobuf's JSON.
  EXPECT_TRUE(json::parse(statistics->body)["products"].is_string()) << statistics->body;

  const auto product = Post(kGetProduct, R"({"id":"B000"})");
  ASSERT_TRUE(product);
  EXPECT_EQ(product->status, 200);
  const json body = json::parse(product->body)["product"];
  EXPECT_EQ(body["product"]["title"], "Navy shirt");
  EXPECT_EQ(body["product"]["categoryPath"], json::array({"Apparel"}));
  EXPECT_EQ(body["image"]["state"], "IMAGE_STATE_PENDING");
}

TEST_F(Console, CarriesTheRequestIdToTheServiceAndBack) {
  const auto result =
      Post("/mannequin.v1.ProductStore/CancelJob", R"({"id":"job-none"})", {{"X-Request-Id", "checkout-17"}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->get_header_value("X-Request-Id"), "checkout-17");
  EXPECT_THAT(*ReadFile(folder_ + "/audit.jsonl"), HasSubstr("\"request_id\":\"checkout-17\""));
  const auto forged = Post(kStatistics, "{}", {{"X-Request-Id", "a b"}});
  ASSERT_TRUE(forged);
  EXPECT_EQ(forged->get_header_value("X-Request-Id").size(), 26u);
}

TEST_F(Console, CarriesBytesAsBase64BothWays) {
  AddProduct("B001");
  const auto put =
      Post("/mannequin.v1.ProductStore/PutImage",
           R"({"productId":"B001","image":{"data":"iVBORw0KGgoAAAAASUVORK5CYII=","mediaType":"image/png"}})");
  ASSERT_TRUE(put);
  ASSERT_EQ(put->status, 200) << put->body;
  const auto got = Post("/mannequin.v1.ProductStore/GetImage", R"({"productId":"B001"})");
  ASSERT_TRUE(got);
  EXPECT_EQ(json::parse(got->body)["image"]["data"], "iVBORw0KGgoAAAAASUVORK5CYII=");
}

TEST_F(Console, WritesAJobsSpecByItsOwnType) {
  const std::string id = AddTraining();
  const auto job = Post("/mannequin.v1.ProductStore/GetJob", absl::StrCat(R"({"id":")", id, "\"}"));
  ASSERT_TRUE(job);
  EXPECT_EQ(json::parse(job->body)["job"]["spec"]["@type"], "type.googleapis.com/mannequin.v1.CreateTrainingRequest");
}

TEST_F(Console, AnswersTheServicesErrorByItsConnectCode) {
  const auto missing = Post(kGetProduct, R"({"id":"nothing"})");
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(CodeOf(missing), "not_found");
  EXPECT_THAT(json::parse(missing->body)["message"].get<std::string>(), HasSubstr("nothing"));

  const auto invalid = Post("/mannequin.v1.ProductStore/BatchGetProducts", "{}");
  ASSERT_TRUE(invalid);
  EXPECT_EQ(invalid->status, 400);
  EXPECT_EQ(CodeOf(invalid), "invalid_argument");
}

TEST_F(Console, AnswersUnimplementedForAServiceThatIsNotServedThere) {
  const auto answer = Post("/mannequin.v1.GanTrainer/ListTrainings", "{}");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 501);
  EXPECT_EQ(CodeOf(answer), "unimplemented");
}

TEST_F(Console, AnswersUnavailableWhileTheServiceIsAway) {
  server_.reset();
  const auto answer = Post(kStatistics, "{}", {{"Connect-Timeout-Ms", "20000"}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(CodeOf(answer), "unavailable");
}

TEST_F(Console, NamesTheWrongFieldOfTheJson) {
  const auto unknown = Post(kGetProduct, R"({"idd":"B000"})");
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->status, 400);
  EXPECT_EQ(CodeOf(unknown), "invalid_argument");
  EXPECT_THAT(unknown->body, HasSubstr("idd"));
  for (const char* body : {"", "   ", "{", "[]", "nonsense", R"({"id":{}})"}) {
    EXPECT_EQ(CodeOf(Post(kGetProduct, body)), "invalid_argument") << body;
  }
}

TEST_F(Console, RefusesAnotherContentTypeSoThatAFormCannotCall) {
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/proto"}) {
    const auto answer = http_->Post(kStatistics, "{}", type);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 415) << type;
    EXPECT_EQ(answer->get_header_value("Accept-Post"), kJson);
  }
}

TEST_F(Console, RefusesAnotherOrigin) {
  const auto foreign = Post(kStatistics, "{}", {{"Origin", "http://evil.example"}});
  ASSERT_TRUE(foreign);
  EXPECT_EQ(foreign->status, 403);
  EXPECT_EQ(CodeOf(foreign), "permission_denied");
  EXPECT_EQ(Post(kStatistics, "{}", {{"Origin", "http://" + console_->address()}})->status, 200);
}

TEST_F(Console, RefusesANameThatWasReboundToThisMachine) {
  const httplib::Headers rebound = {{"Host", "evil.example"}, {"Origin", "http://evil.example"}};
  EXPECT_EQ(Post(kStatistics, "{}", rebound)->status, 403);
  EXPECT_EQ(http_->Get("/", rebound)->status, 403);
}

// A refused body that stayed on the connection would be read as the next request, and that
// one would come without an Origin. A form without a boundary is refused unread.
TEST_F(Console, DoesNotTakeARefusedBodyForARequest) {
  const std::string call = R"({"kind":"JOB_KIND_TRAIN_GAN"})";
  const std::string smuggled =
      absl::StrCat("POST /mannequin.v1.ProductStore/CreateJob HTTP/1.1\r\nHost: localhost\r\n",
                   "Content-Type: application/json\r\nContent-Length: ", call.size(), "\r\n\r\n", call);
  const int jobs = store_->ListJobs({})->jobs_size();
  http_->set_keep_alive(true);
  EXPECT_EQ(http_->Post(kStatistics, {{"Origin", "http://evil.example"}}, smuggled, "text/plain")->status, 403);
  EXPECT_EQ(http_->Post("/nowhere", smuggled, "text/plain")->status, 404);
  http_->Post(kStatistics, {{"Origin", "http://evil.example"}}, smuggled, "multipart/form-data");
  EXPECT_EQ(Post(kStatistics, "{}")->status, 200);
  EXPECT_EQ(store_->ListJobs({})->jobs_size(), jobs);
}

TEST_F(Console, RefusesABodyOverItsBound) {
  const auto answer = Post(kGetProduct, absl::StrCat(R"({"id":")", std::string(25 << 20, 'x'), "\"}"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(CodeOf(answer), "resource_exhausted");
}

TEST_F(Console, HoldsTheBoundOfABodyThatIsSentInChunks) {
  const std::string chunk(1 << 20, 'x');
  int sent = 0;
  const auto answer = http_->Post(
      kGetProduct, {},
      [&](std::size_t, httplib::DataSink& sink) {
        if (sent++ == 40) {
          sink.done();
          return true;
        }
        return sink.write(chunk.data(), chunk.size());
      },
      kJson);
  // The rest is not waited for: the answer may be lost with the connection.
  EXPECT_EQ(answer ? answer->status : 413, 413);
  EXPECT_LT(sent, 40);
}

TEST_F(Console, AnswersUnknownPathsAsTheProtocolDoes) {
  for (const char* path : {"/mannequin.v1.ProductStore/Nothing", "/mannequin.v1.Nothing/GetProduct",
                           "/grpc.health.v1.Health/Check", "/", "//mannequin.v1.ProductStore/GetStatistics"}) {
    const auto answer = Post(path, "{}");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 404) << path;
    EXPECT_EQ(CodeOf(answer), "unimplemented") << path;
  }
}

TEST_F(Console, CarriesAServersStreamInEnvelopes) {
  AddProduct("S000");
  const auto answer = PostStream(kScan, ConnectEnvelope("{}"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->get_header_value("Content-Type"), kStream);
  const std::vector<Envelope> envelopes = Envelopes(answer->body);
  ASSERT_GE(envelopes.size(), 2u);
  EXPECT_THAT(envelopes[0].json, HasSubstr("\"Navy shirt\""));
  EXPECT_EQ(envelopes[0].flags, 0);
  EXPECT_EQ(envelopes.back().flags, kConnectEndOfStream);
  EXPECT_EQ(envelopes.back().json, "{}");
}

TEST_F(Console, EndsAStreamWithTheServicesError) {
  const auto answer = PostStream("/mannequin.v1.GanTrainer/WatchTraining", ConnectEnvelope(R"({"jobId":"nothing"})"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  const std::vector<Envelope> envelopes = Envelopes(answer->body);
  ASSERT_EQ(envelopes.size(), 1u);
  EXPECT_EQ(envelopes[0].flags, kConnectEndOfStream);
  EXPECT_EQ(json::parse(envelopes[0].json)["error"]["code"], "unimplemented");
}

TEST_F(Console, EndsAStreamWithWhatIsWrongWithItsRequest) {
  for (const std::string& body :
       {std::string(), std::string("{}"), ConnectEnvelope("{}") + ConnectEnvelope("{}"),
        ConnectEnvelope("{}").substr(0, 6), ConnectEnvelope(R"({"nothing":1})"), ConnectEnvelope("")}) {
    const auto answer = PostStream(kScan, body);
    ASSERT_TRUE(answer);
    const std::vector<Envelope> envelopes = Envelopes(answer->body);
    ASSERT_EQ(envelopes.size(), 1u) << body;
    EXPECT_EQ(json::parse(envelopes[0].json)["error"]["code"], "invalid_argument") << envelopes[0].json;
  }
  EXPECT_EQ(Post(kScan, "{}")->status, 415);
  EXPECT_EQ(PostStream(kStatistics, ConnectEnvelope("{}"))->status, 415);
}

TEST_F(Console, SaysThatAStreamOfRequestsIsNotCarried) {
  const auto answer = PostStream("/mannequin.v1.ProductStore/UpsertProducts", ConnectEnvelope("{}"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 501);
  EXPECT_EQ(CodeOf(answer), "unimplemented");
  EXPECT_THAT(answer->body, HasSubstr("gRPC"));
}

// Tells a job forever.
class EndlessTrainer final : public v1::GanTrainer::Service {
 public:
  absl::Notification cancelled;

 private:
  grpc::Status WatchTraining(grpc::ServerContext* context, const v1::WatchTrainingRequest*,
                             grpc::ServerWriter<v1::WatchTrainingResponse>* writer) override {
    writer->Write(v1::WatchTrainingResponse());
    while (!context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
    cancelled.Notify();
    return grpc::Status::CANCELLED;
  }
};

TEST_F(Console, CancelsAStreamWhoseReaderHasGone) {
  EndlessTrainer trainer;
  config::v1::ServerConfig config;
  config.set_listen("127.0.0.1:0");
  const auto server = rpc::Server::Start("trainer", config, {&trainer}).value();
  channels_.trainer = rpc::NewChannel(server->address());
  config::v1::ConsoleConfig console;
  console.set_listen("127.0.0.1:0");
  const auto started = ConsoleServer::Start(console, channels_).value();
  httplib::Request request;
  request.method = "POST";
  request.path = "/mannequin.v1.GanTrainer/WatchTraining";
  request.set_header("Content-Type", kStream);
  request.body = ConnectEnvelope("{}");
  request.content_receiver = [](const char*, std::size_t, std::uint64_t, std::uint64_t) { return false; };
  httplib::Client http("http://" + started->address());
  http.send(request);
  EXPECT_TRUE(trainer.cancelled.WaitForNotificationWithTimeout(absl::Seconds(20)));
}

TEST_F(Console, TakesOtherMethodsOnlyWhereTheyBelong) {
  const auto get = http_->Get(kStatistics);
  ASSERT_TRUE(get);
  EXPECT_EQ(get->status, 405);
  EXPECT_EQ(get->get_header_value("Allow"), "POST");
  EXPECT_EQ(http_->Put("/", "{}", kJson)->status, 405);
  // No preflight is ever granted.
  const auto preflight = http_->Options(kStatistics);
  ASSERT_TRUE(preflight);
  EXPECT_EQ(preflight->status, 405);
  EXPECT_FALSE(preflight->has_header("Access-Control-Allow-Origin"));
}

TEST_F(Console, KeepsTheCallersTimeout) {
  for (const char* wrong : {"0", "-1", "soon", "12345678901"}) {
    const auto answer = Post(kStatistics, "{}", {{"Connect-Timeout-Ms", wrong}});
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400) << wrong;
    EXPECT_THAT(answer->body, HasSubstr("Connect-Timeout-Ms"));
  }
  EXPECT_EQ(Post(kStatistics, "{}", {{"Connect-Timeout-Ms", "30000"}})->status, 200);
}

TEST_F(Console, RefusesAProtocolVersionOrEncodingThatItDoesNotKnow) {
  EXPECT_EQ(CodeOf(Post(kStatistics, "{}", {{"Connect-Protocol-Version", "2"}})), "invalid_argument");
  EXPECT_EQ(Post(kStatistics, "{}", {{"Connect-Protocol-Version", "1"}})->status, 200);
}

TEST_F(Console, ServesThePageUnderAStrictPolicy) {
  const auto page = http_->Get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_THAT(page->get_header_value("Content-Type"), StartsWith("text/html"));
  EXPECT_THAT(page->body, HasSubstr("<title>Mannequin</title>"));
  EXPECT_THAT(page->get_header_value("Content-Security-Policy"),
              StartsWith("default-src 'self'; img-src 'self' data: blob:;"));
  EXPECT_EQ(page->get_header_value("X-Frame-Options"), "DENY");
  EXPECT_EQ(page->get_header_value("X-Content-Type-Options"), "nosniff");
  // The policy forbids scripts and styles within the page.
  EXPECT_EQ(page->body.find("<style"), std::string::npos);
  EXPECT_EQ(page->body.find(" style="), std::string::npos);

  const auto script = http_->Get("/app.js");
  ASSERT_TRUE(script);
  EXPECT_THAT(script->get_header_value("Content-Type"), StartsWith("text/javascript"));
  EXPECT_EQ(http_->Get("/app.js", {{"If-None-Match", script->get_header_value("ETag")}})->status, 304);
  EXPECT_EQ(http_->Get("/healthz")->body, "ok\n");
}

TEST_F(Console, ServesNothingOutsideItsTable) {
  for (const char* path : {"/../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd", "/web/../app.js",
                           "/images/../../etc/passwd", "/placeholders/..%2f..%2fetc%2fpasswd.png", "//etc/passwd",
                           "/app.js%00.html", "/services/console/console_server.cc"}) {
    const auto answer = http_->Get(path);
    ASSERT_TRUE(answer) << path;
    EXPECT_GE(answer->status, 400) << path;
    EXPECT_EQ(answer->body.find("root:"), std::string::npos) << path;
  }
}

TEST_F(Console, ServesAProductsOwnImage) {
  AddProduct("a/b 1&?", "http://images.example/1.png");
  AddImage("a/b 1&?");
  const auto image = http_->Get("/images/a%2Fb%201%26%3F");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->status, 200) << image->body;
  EXPECT_EQ(image->body, kPng);
  EXPECT_EQ(image->get_header_value("Content-Type"), "image/png");
  EXPECT_FALSE(image->has_header("X-Mannequin-Generated"));
  EXPECT_EQ(http_->Get("/images/a%2Fb%201%26%3F", {{"If-None-Match", image->get_header_value("ETag")}})->status, 304);
  EXPECT_EQ(http_->Get("/images/unknown")->status, 404);
}

TEST_F(Console, SaysThatAPlaceholderIsGeneratedAndServesItOnlyOnceApproved) {
  AddProduct("proposed");
  AddProduct("approved");
  AddPlaceholder("proposed", v1::PLACEHOLDER_STATE_PROPOSED);
  AddPlaceholder("approved", v1::PLACEHOLDER_STATE_APPROVED);
  EXPECT_EQ(http_->Get("/images/proposed")->status, 404);
  const auto image = http_->Get("/images/approved");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->status, 200) << image->body;
  EXPECT_EQ(image->body, kPng + "approved badged");
  EXPECT_EQ(image->get_header_value("X-Mannequin-Generated"), "true");
  const auto review = http_->Get("/placeholders/proposed.png");
  ASSERT_TRUE(review);
  EXPECT_EQ(review->body, kPng + "proposed");
  EXPECT_EQ(review->get_header_value("X-Mannequin-Generated"), "true");
}

TEST_F(Console, TellsAJobsProgressAsEventsUntilItsEnd) {
  const std::string id = AddTraining();
  v1::CancelJobRequest cancel;
  cancel.set_id(id);
  ASSERT_TRUE(store_->CancelJob(cancel).ok());
  const std::string events = Events("/events/training?job=" + id);
  EXPECT_THAT(events, StartsWith("event: job\ndata: {"));
  EXPECT_THAT(events, HasSubstr("JOB_STATE_CANCELLED"));
  EXPECT_THAT(Events("/events/crawl?job=" + id), StartsWith("event: problem\ndata: {\"code\":\"not_found\""));
  EXPECT_THAT(Events("/events/job?job=nothing"), StartsWith("event: problem\n"));
  EXPECT_EQ(http_->Get("/events/job")->status, 400);
}

TEST_F(Console, EndsOpenEventStreamsWhenItStops) {
  const std::string id = AddTraining();
  std::thread stopper;
  http_->Get("/events/training?job=" + id, [&](const char*, std::size_t) {
    if (!stopper.joinable()) stopper = std::thread([this] { console_->Stop(); });
    return true;
  });
  ASSERT_TRUE(stopper.joinable()) << "no event came";
  stopper.join();
}

TEST_F(Console, SaysWhichServicesAnswer) {
  const auto answer = http_->Get("/health/services");
  ASSERT_TRUE(answer);
  const json services = json::parse(answer->body)["services"];
  ASSERT_EQ(services.size(), 6u);
  EXPECT_EQ(services[0]["name"], "store");
  EXPECT_EQ(services[0]["state"], "serving");
  EXPECT_EQ(json::parse(answer->body)["metrics"], json::array({"http://127.0.0.1:9600/metrics"}));
  server_->SetServing(false);
  EXPECT_EQ(json::parse(http_->Get("/health/services")->body)["services"][0]["state"], "not_serving");
  server_.reset();
  EXPECT_EQ(json::parse(http_->Get("/health/services")->body)["services"][0]["state"], "unreachable");
}

// A console of its own with a token in front of the same store.
class ConsoleWithToken : public Console {
 protected:
  void SetUp() override {
    Console::SetUp();
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/token", kToken + "\n").ok());
    config::v1::ConsoleConfig config;
    config.set_listen("127.0.0.1:0");
    config.set_token_file(folder_ + "/token");
    console_ = ConsoleServer::Start(config, channels_).value();
    http_ = std::make_unique<httplib::Client>("http://" + console_->address());
  }

  // "name=value" of the cookie that came.
  static std::string CookieOf(const httplib::Result& answer) {
    const std::string cookie = answer->get_header_value("Set-Cookie");
    return cookie.substr(0, cookie.find(';'));
  }

  httplib::Result SignIn(const std::string& token) { return Post("/session", json({{"token", token}}).dump()); }

  const std::string kToken = "0123456789abcdef";
};

TEST_F(ConsoleWithToken, AnswersNobodyWhoHasNotSignedIn) {
  AddProduct("T000", "http://images.example/1.png");
  AddImage("T000");
  for (const char* path :
       {"/images/T000", "/placeholders/T000.png", "/events/job?job=x", "/health/services", kStatistics}) {
    EXPECT_EQ(http_->Get(path)->status, 401) << path;
  }
  EXPECT_EQ(CodeOf(Post(kStatistics, "{}")), "unauthenticated");
  EXPECT_EQ(PostStream(kScan, ConnectEnvelope("{}"))->status, 401);
  EXPECT_EQ(Post(kStatistics, "{}", {{"Cookie", "mannequin_session="}})->status, 401);
  EXPECT_EQ(Post(kStatistics, "{}", {{"Cookie", "mannequin_session=" + std::string(64, '0')}})->status, 401);
  // The page itself asks for the token.
  EXPECT_EQ(http_->Get("/")->status, 200);
  EXPECT_EQ(http_->Get("/healthz")->status, 200);
  EXPECT_EQ(http_->Get("/session")->body, R"({"needed":true,"signedIn":false})");
}

TEST_F(ConsoleWithToken, AnswersWhoSignedInUntilTheySignOut) {
  const auto signed_in = SignIn(kToken);
  ASSERT_EQ(signed_in->status, 200) << signed_in->body;
  const std::string attributes = signed_in->get_header_value("Set-Cookie");
  EXPECT_THAT(attributes, HasSubstr("; HttpOnly"));
  EXPECT_THAT(attributes, HasSubstr("; SameSite=Strict"));
  EXPECT_EQ(attributes.find(kToken), std::string::npos);
  const httplib::Headers cookie = {{"Cookie", "other=1; " + CookieOf(signed_in)}};
  EXPECT_EQ(Post(kStatistics, "{}", cookie)->status, 200);
  EXPECT_EQ(http_->Get("/session", cookie)->body, R"({"needed":true,"signedIn":true})");
  EXPECT_EQ(Post("/session/end", "{}", cookie)->status, 200);
  EXPECT_EQ(Post(kStatistics, "{}", cookie)->status, 401);
}

TEST_F(ConsoleWithToken, RefusesAnotherToken) {
  for (const std::string& wrong : {std::string(), std::string("0123456789abcdeF"), kToken + "0", kToken.substr(1)}) {
    const auto answer = SignIn(wrong);
    EXPECT_EQ(answer->status, 401) << wrong;
    EXPECT_FALSE(answer->has_header("Set-Cookie"));
  }
  for (const char* body : {"", "[]", "{}", R"({"token":1})"}) EXPECT_EQ(Post("/session", body)->status, 400) << body;
  EXPECT_EQ(http_->Post("/session", "{}", "text/plain")->status, 415);
  EXPECT_EQ(Post("/session", "{}", {{"Origin", "http://evil.example"}})->status, 403);
}

TEST_F(ConsoleWithToken, TakesTheTokenOfAProgram) {
  EXPECT_EQ(Post(kStatistics, "{}", {{"Authorization", "Bearer " + kToken}})->status, 200);
  EXPECT_EQ(Post(kStatistics, "{}", {{"Authorization", "Bearer nothing"}})->status, 401);
  EXPECT_EQ(Post(kStatistics, "{}", {{"Authorization", kToken}})->status, 401);
}

// A console whose readers have tokens of their own, in front of a store that asks for them, too.
class ConsoleWithReaders : public ConsoleWithToken {
 protected:
  void SetUp() override {
    std::filesystem::remove(folder_ + "/readers-audit.jsonl");
    tokens_["ana"] = AddReader("ana", config::v1::ROLE_CATALOG);
    tokens_["omar"] = AddReader("omar", config::v1::ROLE_OPERATOR);
    WriteTokens(lines_["ana"] + lines_["omar"]);
    config::v1::ServerConfig server;
    server.set_listen("127.0.0.1:0");
    server.set_audit_file(folder_ + "/readers-audit.jsonl");
    server.mutable_access()->set_tokens_file(Tokens());
    service_ = std::make_unique<StoreService>(*store_);
    server_ = rpc::Server::Start("store", server, {service_.get()}).value();
    server_->SetServing(true);
    const auto channel = rpc::NewChannel(server_->address());
    channels_ = {channel, channel, channel, channel, channel, channel};
    config::v1::ConsoleConfig config;
    config.set_listen("127.0.0.1:0");
    config.set_tokens_file(Tokens());
    console_ = ConsoleServer::Start(config, channels_).value();
    http_ = std::make_unique<httplib::Client>("http://" + console_->address());
  }

  static std::string Tokens() { return folder_ + "/readers.textproto"; }
  static void WriteTokens(const std::string& text) { ASSERT_TRUE(WriteFileAtomically(Tokens(), text).ok()); }
  std::string AddReader(const std::string& name, config::v1::Role role) {
    const rpc::NewToken made = rpc::MakeToken(name, role).value();
    lines_[name] = made.line + "\n";
    return made.token;
  }
  httplib::Headers SignedIn(const std::string& name) {
    const auto signed_in = SignIn(tokens_[name]);
    EXPECT_EQ(signed_in->status, 200) << signed_in->body;
    return {{"Cookie", CookieOf(signed_in)}};
  }

  std::map<std::string, std::string> tokens_, lines_;
};

TEST_F(ConsoleWithReaders, EachActsInTheirOwnNameAndMayWhatTheirRoleIsFor) {
  AddProduct("R000", "http://images.example/1.png");
  AddImage("R000");
  const httplib::Headers ana = SignedIn("ana"), omar = SignedIn("omar");
  json session = json::parse(http_->Get("/session", ana)->body);
  const json methods = session["methods"];
  session.erase("methods");
  EXPECT_EQ(session, json({{"needed", true}, {"signedIn", true}, {"name", "ana"}, {"role", "catalog"}}));
  EXPECT_THAT(methods, AllOf(Contains("ImageGenerator/GenerateImages"), Not(Contains("AbuseScorer/ScoreListing"))));
  EXPECT_EQ(Post(kStatistics, "{}", ana)->status, 200);
  EXPECT_EQ(http_->Get("/images/R000", ana)->status, 200);
  v1::CancelJobRequest ended;  // so that its events end
  ended.set_id(AddTraining());
  ASSERT_TRUE(store_->CancelJob(ended).ok());
  EXPECT_THAT(http_->Get("/events/training?job=" + ended.id(), ana)->body, HasSubstr("JOB_STATE_CANCELLED"));

  const std::string set_read_only = "/mannequin.v1.ProductStore/SetReadOnly";
  const auto refused = Post(set_read_only, "{}", ana);
  EXPECT_EQ(refused->status, 403);
  EXPECT_THAT(refused->body, AllOf(HasSubstr("permission_denied"), HasSubstr("ana, whose role is catalog")));
  EXPECT_EQ(Post(set_read_only, "{}", omar)->status, 200);
  EXPECT_THAT(ReadFile(folder_ + "/readers-audit.jsonl").value(),
              AllOf(HasSubstr(R"("caller":"omar")"), Not(HasSubstr(tokens_["omar"]))));
  // A program's, and nobody's.
  EXPECT_EQ(Post(kStatistics, "{}", {{"Authorization", "Bearer " + tokens_["ana"]}})->status, 200);
  EXPECT_EQ(Post(kStatistics, "{}")->status, 401);
  EXPECT_EQ(SignIn("another-token-of-nobody")->status, 401);
}

TEST_F(ConsoleWithReaders, ASessionEndsWithItsToken) {
  const httplib::Headers ana = SignedIn("ana"), omar = SignedIn("omar");
  WriteTokens(lines_["omar"]);
  const absl::Time end = absl::Now() + absl::Seconds(20);
  while (Post(kStatistics, "{}", ana)->status != 401 && absl::Now() < end) absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(Post(kStatistics, "{}", ana)->status, 401);
  EXPECT_EQ(Post(kStatistics, "{}", omar)->status, 200);
}

TEST_F(ConsoleWithReaders, OneTokenForAllBesideThoseOfReadersIsRefused) {
  config::v1::ConsoleConfig config;
  config.set_listen("127.0.0.1:0");
  config.set_tokens_file(Tokens());
  config.mutable_client()->set_token_file(folder_ + "/token");
  EXPECT_THAT(std::string(ConsoleServer::Start(config, channels_).status().message()), HasSubstr("client.token_file"));
  config.clear_client();
  config.set_token_file(folder_ + "/token");
  EXPECT_THAT(std::string(ConsoleServer::Start(config, channels_).status().message()), HasSubstr("beside token_file"));
}

TEST_F(Console, NamesWhatIsWrongWithATokenFile) {
  config::v1::ConsoleConfig config;
  config.set_listen("127.0.0.1:0");
  config.set_token_file(folder_ + "/no-token");
  EXPECT_EQ(ConsoleServer::Start(config, channels_).status().code(), absl::StatusCode::kNotFound);
  for (const char* text : {"", "short", "0123456789abcdef 0123456789abcdef", "0123456789abcde\xc3\xa9"}) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/bad-token", text).ok());
    config.set_token_file(folder_ + "/bad-token");
    const absl::Status status = ConsoleServer::Start(config, channels_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("token_file"));
  }
}

TEST_F(Console, NamesThePortThatIsTaken) {
  config::v1::ConsoleConfig config;
  config.set_listen(console_->address());
  const auto second = ConsoleServer::Start(config, channels_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  const std::string port = console_->address().substr(console_->address().rfind(':') + 1);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(port));
}

TEST_F(Console, RefusesAnAddressThatIsNone) {
  config::v1::ConsoleConfig config;
  config.set_listen("127.0.0.1:0");
  config.add_metrics("javascript:alert(1)");
  EXPECT_EQ(ConsoleServer::Start(config, channels_).status().code(), absl::StatusCode::kInvalidArgument);
  config.clear_metrics();
  for (const char* wrong : {"8680", "localhost", "localhost:http", "127.0.0.1:65536"}) {
    config.set_listen(wrong);
    EXPECT_EQ(ConsoleServer::Start(config, channels_).status().code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
}

}  // namespace
}  // namespace mannequin

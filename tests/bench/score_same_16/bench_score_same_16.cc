// Scores a second with many callers: our scorer in a process of its own, with a
// TAC-GAN discriminator of 128 pixels and 64 features (random weights: the same work),
// loaded over gRPC by callers that each wait for their answer.
//
//   bench_score_same_16 --images images-224.tar --work DIR --callers 16
//
// Prints one JSON object: the median run of `--repeat`.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/rpc/channel.h"
#include "common/rpc/server.h"
#include "services/scorer/scorer_service.h"
#include "services/store/rocks_store.h"
#include "tests/bench/limit/limit.h"
#include "tests/bench/score_same_16/tar.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {
namespace {

struct Options {
  std::string images;
  std::string work;
  int callers = 16;
  int seconds = 8;
  int repeat = 3;
};

struct Run {
  double requests_per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  int failed = 0;
};

std::vector<std::string> Categories() {
  std::vector<std::string> categories{"Shirts"};
  while (categories.size() < 20) categories.push_back(absl::StrCat("Category ", categories.size()));
  return categories;
}

// The server's process: publishes, serves, says where, waits for SIGTERM.
absl::Status Serve(const std::string& work) {
  config::v1::StoreConfig store_config;
  store_config.set_data(work + "/store");
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, RocksStore::Open(store_config, Clock::Real()));
  PromoteRandomBundle(BundleFolder(work + "/bundles"), {.resolution = 128, .features = 64, .categories = Categories()});
  config::v1::ScorerConfig config;
  config.set_bundles(work + "/bundles");
  config.set_device("cpu");
  config.mutable_server()->set_listen("127.0.0.1:0");
  ScorerService service(*store, config);
  ASSIGN_OR_RETURN(std::unique_ptr<rpc::Server> server, rpc::Server::Start("scorer", config.server(), {&service}));
  service.Start();
  RETURN_IF_ERROR(WriteFileAtomically(work + "/address", server->address()));
  rpc::WaitForSignal();
  server->Drain();
  service.Stop();
  return absl::OkStatus();
}

// Runs Serve in a process of its own until it goes out of scope.
class ServerProcess {
 public:
  ServerProcess(const std::string& program, const std::string& work) : pid_(fork()) {
    if (pid_ != 0) return;
    execl(program.c_str(), program.c_str(), "--serve", work.c_str(), nullptr);
    _exit(127);
  }
  ~ServerProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }

  absl::StatusOr<std::string> AwaitAddress(const std::string& work) {
    const absl::Time limit = absl::Now() + absl::Seconds(120);
    while (absl::Now() < limit) {
      absl::StatusOr<std::string> address = ReadFile(work + "/address");
      if (address.ok()) return address;
      if (waitpid(pid_, nullptr, WNOHANG) != 0) {
        pid_ = 0;
        return absl::UnavailableError("the server's process ended; its words are on standard error");
      }
      absl::SleepFor(absl::Milliseconds(20));
    }
    return absl::DeadlineExceededError("the server did not start in 120 s");
  }

 private:
  pid_t pid_;
};

double Quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
}

Run Load(const std::string& address, const std::vector<v1::ScoreListingRequest>& requests, int callers,
         absl::Duration duration) {
  const auto stub = v1::AbuseScorer::NewStub(rpc::NewChannel(address));
  std::atomic<std::size_t> next{0};
  std::atomic<int> failed{0};
  std::vector<std::vector<double>> milliseconds(static_cast<std::size_t>(callers));
  const absl::Time begin = absl::Now();
  const absl::Time end = begin + duration;
  std::vector<std::thread> threads;
  for (std::vector<double>& mine : milliseconds) {
    threads.emplace_back([&] {
      for (absl::Time sent = absl::Now(); sent < end; sent = absl::Now()) {
        grpc::ClientContext context;
        rpc::SetDeadline(context, absl::Seconds(30));
        v1::ScoreListingResponse response;
        const bool ok = stub->ScoreListing(&context, requests[next++ % requests.size()], &response).ok();
        if (!ok || response.verdict().reasons().empty()) ++failed;
        mine.push_back(absl::ToDoubleMilliseconds(absl::Now() - sent));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
  std::vector<double> all;
  for (const std::vector<double>& mine : milliseconds) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  return {static_cast<double>(all.size()) / seconds, Quantile(all, 0.5), Quantile(all, 0.99), failed};
}

absl::Status Measure(const std::string& program, const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<std::string> images, ReadTar(options.images, 200));
  if (images.empty()) return absl::InvalidArgumentError(absl::StrCat(options.images, ": has no files"));
  std::vector<v1::ScoreListingRequest> requests;
  for (const std::string& image : images) {
    v1::ScoreListingRequest& request = requests.emplace_back();
    request.mutable_product()->set_title("Acme blue cotton shirt for men");
    request.mutable_product()->add_category_path("Shirts");
    request.set_image(image);
  }
  ServerProcess server(program, options.work);
  ASSIGN_OR_RETURN(const std::string address, server.AwaitAddress(options.work));
  Load(address, requests, options.callers, absl::Seconds(3));
  std::vector<Run> runs;
  for (int i = 0; i < options.repeat; ++i) {
    runs.push_back(Load(address, requests, options.callers, absl::Seconds(options.seconds)));
    if (runs.back().failed > 0) return absl::InternalError(absl::StrCat(runs.back().failed, " requests failed"));
  }
  std::sort(runs.begin(), runs.end(),
            [](const Run& a, const Run& b) { return a.requests_per_second < b.requests_per_second; });
  const Run& median = runs[runs.size() / 2];
  const GanShape shape{.resolution = 128, .features = 64, .categories = static_cast<int>(Categories().size())};
  std::printf("{\"requests_per_second\": %.1f, \"p50_ms\": %.1f, \"p99_ms\": %.1f, \"limit\": %.1f}\n",
              median.requests_per_second, median.p50_ms, median.p99_ms, MatrixGflops() / DiscriminatorGflop(shape));
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  using namespace mannequin;
  rpc::BlockSignals();
  Options options;
  std::string serve;
  CLI::App app("Scores a second with many callers");
  app.add_option("--images", options.images, "tar of JPEGs");
  app.add_option("--work", options.work, "empty folder");
  app.add_option("--callers", options.callers);
  app.add_option("--seconds", options.seconds, "of a run");
  app.add_option("--repeat", options.repeat, "runs");
  app.add_option("--serve", serve, "be the server, in this folder");
  CLI11_PARSE(app, argc, argv);
  config::v1::LogConfig log;
  log.set_level("error");
  absl::Status status = InitLog("bench", log);  // on standard error
  if (status.ok()) status = serve.empty() ? Measure("/proc/self/exe", options) : Serve(serve);
  if (!status.ok()) std::fprintf(stderr, "bench_score_same_16: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

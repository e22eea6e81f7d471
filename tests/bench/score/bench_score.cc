// How fast the scorer answers: in a process of its own, loaded over gRPC, nothing answered from
// memory.
//
//   bench_score closed --images images-224.tar --work DIR --callers 16
//   bench_score overload ... --times 10 --deadline-ms 250
//   bench_score memory ... --requests 20000
//   bench_score overhead ... --callers 16
//
// --network same: a TAC-GAN discriminator of 128 pixels and 64 features with random weights, which
// is the same work as trained ones; shipped: the bundle that is part of the program, with
// listings of the catalogue. Prints one JSON object.
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/parallel.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/server.h"
#include "google/protobuf/util/json_util.h"
#include "services/mannequin/shipped_bundle.h"
#include "services/scorer/scorer_service.h"
#include "services/store/rocks/rocks_store.h"
#include "tests/bench/limit/limit.h"
#include "tests/bench/score/listings.h"
#include "tests/bench/score/load.h"
#include "tests/bench/score/server_process.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {
namespace {

struct Options {
  std::string network = "same";
  std::string images;
  std::string catalog;
  std::string work;
  std::string server;  // another server of the contract, which is loaded instead of ours
  int callers = 16;
  int seconds = 8;
  int repeat = 3;
  double times = 10;
  int deadline_ms = 250;
  int requests = 20'000;
  std::string beside;
};

std::vector<std::string> Categories() {
  std::vector<std::string> categories{"Shirts"};
  while (categories.size() < 20) categories.push_back(absl::StrCat("Category ", categories.size()));
  return categories;
}

absl::StatusOr<v1::BundleManifest> Publish(const Options& options) {
  const BundleFolder bundles(options.work + "/bundles");
  if (options.network == "same") {
    return PromoteRandomBundle(bundles, {.resolution = 128, .features = 64, .categories = Categories()});
  }
  RETURN_IF_ERROR(InstallShippedBundle(bundles).status());
  ASSIGN_OR_RETURN(const std::string version, bundles.CurrentVersion());
  return bundles.Open(version);
}

// The server's process: serves, says where, waits for SIGTERM.
absl::Status Serve(const Options& options) {
  InitImages();
  config::v1::StoreConfig store_config;
  store_config.set_data(options.work + "/store");
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksStore> store, RocksStore::Open(store_config, Clock::Real()));
  config::v1::ScorerConfig config;
  config.set_bundles(options.work + "/bundles");
  config.set_device("cpu");
  config.set_cache_verdicts(-1);
  config.mutable_server()->set_listen("127.0.0.1:0");
  ScorerService service(*store, config);
  ASSIGN_OR_RETURN(std::unique_ptr<rpc::Server> server, rpc::Server::Start("scorer", config.server(), {&service}));
  service.Start();
  RETURN_IF_ERROR(WriteFileAtomically(options.work + "/address", server->address()));
  rpc::WaitForSignal();
  server->Drain();
  service.Stop();
  return absl::OkStatus();
}

struct Bench {
  v1::BundleManifest manifest;
  std::vector<v1::ScoreListingRequest> requests;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<Load> load;
};

// With `yields` the load leaves the cores to the server when both want them, as clients on other machines do.
absl::StatusOr<Bench> Prepare(const Options& options, bool yields = false) {
  Bench bench;
  ASSIGN_OR_RETURN(bench.manifest, Publish(options));
  if (options.network == "same") {
    v1::Product product;
    product.set_title("Acme blue cotton shirt for men");
    product.add_category_path("Shirts");
    ASSIGN_OR_RETURN(bench.requests, ReadPictures(options.images, product, 200));
  } else {
    const auto& known = bench.manifest.gan().categories();
    ASSIGN_OR_RETURN(bench.requests, ReadListings(options.catalog, options.images, {known.begin(), known.end()}, 200));
  }
  std::string address = options.server;
  if (address.empty()) {
    ASSIGN_OR_RETURN(bench.server, ServerProcess::Start(options.work, options.network));
    address = bench.server->address();
  }
  if (yields) setpriority(PRIO_PROCESS, 0, 10);  // before gRPC starts its threads, which take it over
  bench.load = std::make_unique<Load>(address, bench.requests);
  bench.load->Closed(options.callers, absl::Seconds(std::min(3, options.seconds)));
  return bench;
}

absl::Status CheckAllJudged(const LoadResult& result) {
  if (result.judged == result.sent) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("of ", result.sent, " requests ", result.refused, " were refused, ",
                                          result.late, " late, ", result.failed, " failed"));
}

struct Served {
  LoadResult load;
  double cpu_ms = 0;  // of the server, a request
};

// The run of median rate.
absl::StatusOr<Served> MeasureClosed(Bench& bench, const Options& options) {
  std::vector<Served> runs;
  for (int i = 0; i < options.repeat; ++i) {
    const auto cpu_seconds = [&] { return bench.server ? bench.server->CpuSeconds() : 0; };
    const double before = cpu_seconds();
    LoadResult result = bench.load->Closed(options.callers, absl::Seconds(options.seconds));
    const double cpu = cpu_seconds() - before;
    RETURN_IF_ERROR(CheckAllJudged(result));
    const double cpu_ms = 1000 * cpu / result.judged;
    runs.push_back({std::move(result), cpu_ms});
  }
  std::sort(runs.begin(), runs.end(),
            [](const Served& a, const Served& b) { return a.load.PerSecond() < b.load.PerSecond(); });
  return std::move(runs[runs.size() / 2]);
}

// What another tool says that loads the same server with the same requests: the JSON object that the shell command
// `options.beside` prints, which finds the server in ADDRESS and a file with an array of the requests in REQUESTS.
absl::StatusOr<std::string> MeasureBeside(const Bench& bench, const Options& options) {
  google::protobuf::util::JsonPrintOptions names;
  names.preserve_proto_field_names = true;
  std::string array;
  for (const v1::ScoreListingRequest& request : bench.requests) {
    std::string json;
    if (!google::protobuf::util::MessageToJsonString(request, &json, names).ok()) {
      return absl::InternalError(absl::StrCat("no JSON of the request for ", request.product().id()));
    }
    absl::StrAppend(&array, array.empty() ? "[" : ",", json);
  }
  const std::string file = options.work + "/requests.json";
  RETURN_IF_ERROR(WriteFileAtomically(file, array + "]"));
  setenv("ADDRESS", bench.server->address().c_str(), 1);
  setenv("REQUESTS", file.c_str(), 1);
  FILE* command = popen(options.beside.c_str(), "r");
  if (command == nullptr) return absl::ErrnoToStatus(errno, options.beside);
  std::string output;
  for (int c = 0; (c = fgetc(command)) != EOF;) output.push_back(static_cast<char>(c));
  if (const int status = pclose(command); status != 0) {
    return absl::InternalError(absl::StrCat(options.beside, ": ended with ", status));
  }
  return std::string(absl::StripAsciiWhitespace(output));
}

absl::Status Closed(const Options& options) {
  ASSIGN_OR_RETURN(Bench bench, Prepare(options));
  ASSIGN_OR_RETURN(const Served served, MeasureClosed(bench, options));
  std::string limit = "null";
  if (options.network == "same") {
    const GanShape shape{.resolution = 128, .features = 64, .categories = static_cast<int>(Categories().size())};
    limit = absl::StrCat(MatrixGflops() / DiscriminatorGflop(shape));
  }
  std::string beside = "null";
  if (!options.beside.empty()) {
    if (bench.server == nullptr) return absl::InvalidArgumentError("--beside: not with --server");
    ASSIGN_OR_RETURN(beside, MeasureBeside(bench, options));
  }
  std::printf(
      "{\"requests_per_second\": %.1f, \"p50_ms\": %.1f, \"p99_ms\": %.1f, \"cpu_ms\": %.3f, \"memory_mb\": %.0f, "
      "\"limit\": %s, \"beside\": %s}\n",
      served.load.PerSecond(), served.load.Quantile(0.5), served.load.Quantile(0.99), served.cpu_ms,
      bench.server ? bench.server->ResidentMb() : 0, limit.c_str(), beside.c_str());
  return absl::OkStatus();
}

// The capacity by callers that wait, then so many times as many requests whether it answers or not.
absl::Status Overload(const Options& options) {
  ASSIGN_OR_RETURN(Bench bench, Prepare(options, true));
  ASSIGN_OR_RETURN(const Served served, MeasureClosed(bench, options));
  const double capacity = served.load.PerSecond();
  const LoadResult result = bench.load->Open(options.times * capacity, absl::Milliseconds(options.deadline_ms),
                                             absl::Seconds(options.seconds));
  if (result.failed > 0) return absl::InternalError(absl::StrCat(result.failed, " requests failed"));
  std::printf(
      "{\"capacity\": %.1f, \"offered\": %.1f, \"goodput\": %.1f, \"share\": %.3f, \"p50_ms\": %.1f, \"p99_ms\": %.1f, "
      "\"refused\": %d, \"late\": %d, \"deadline_ms\": %d}\n",
      capacity, result.sent / result.seconds, result.PerSecond(), result.PerSecond() / capacity, result.Quantile(0.5),
      result.Quantile(0.99), result.refused, result.late, options.deadline_ms);
  return absl::OkStatus();
}

absl::Status Memory(const Options& options) {
  ASSIGN_OR_RETURN(Bench bench, Prepare(options));
  int judged = 0;
  double early = 0;
  while (judged < options.requests) {
    const LoadResult result = bench.load->Closed(options.callers, absl::Seconds(1));
    RETURN_IF_ERROR(CheckAllJudged(result));
    judged += result.judged;
    if (early == 0 && judged >= options.requests / 10) early = bench.server->ResidentMb();
  }
  std::printf("{\"requests\": %d, \"early_mb\": %.1f, \"memory_mb\": %.1f}\n", judged, early,
              bench.server->ResidentMb());
  return absl::OkStatus();
}

double OwnCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Decodes and judges in this process, sixteen at a time, and nothing else.
absl::Status MeasureBare(const Bench& bench, const Options& options, double* per_second, double* cpu_ms) {
  const std::string folder = BundleFolder(options.work + "/bundles").FolderOf(bench.manifest.version());
  ASSIGN_OR_RETURN(const std::shared_ptr<const ScorerModel> model, LoadScorerModel(bench.manifest, folder, "cpu"));
  constexpr std::size_t kBatch = 16;
  const std::vector<std::vector<float>> texts(
      kBatch, std::vector<float>(static_cast<std::size_t>(model->gan->text_dimension()), 0.1f));
  DecodeOptions decode;
  decode.resize_to = model->gan->judged_side();
  std::size_t done = 0;
  absl::Status status;
  const auto pass = [&] {
    std::vector<Pixels> pixels(kBatch);
    ParallelFor(kBatch, 1, [&](std::size_t i, std::size_t) {
      const std::string& image = bench.requests[(done + i) % bench.requests.size()].image();
      absl::StatusOr<Pixels> decoded = DecodeImage(image, decode);
      if (decoded.ok()) pixels[i] = *std::move(decoded);
    });
    status.Update(Discriminate(*model->gan, pixels, texts).status());
    done += kBatch;
  };
  for (int i = 0; i < 10; ++i) pass();
  done = 0;
  const double cpu = OwnCpuSeconds();
  const absl::Time begin = absl::Now();
  while (absl::Now() < begin + absl::Seconds(options.seconds)) pass();
  *per_second = static_cast<double>(done) / absl::ToDoubleSeconds(absl::Now() - begin);
  *cpu_ms = 1000 * (OwnCpuSeconds() - cpu) / static_cast<double>(done);
  return status;
}

absl::Status Overhead(const Options& options) {
  ASSIGN_OR_RETURN(Bench bench, Prepare(options));
  double bare_per_second = 0, bare_cpu_ms = 0;
  RETURN_IF_ERROR(MeasureBare(bench, options, &bare_per_second, &bare_cpu_ms));
  ASSIGN_OR_RETURN(const Served served, MeasureClosed(bench, options));
  std::printf(
      "{\"overhead_percent\": %.1f, \"served_cpu_ms\": %.3f, \"bare_cpu_ms\": %.3f, \"served_per_second\": %.1f, "
      "\"bare_per_second\": %.1f}\n",
      100 * (served.cpu_ms / bare_cpu_ms - 1), served.cpu_ms, bare_cpu_ms, served.load.PerSecond(), bare_per_second);
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  using namespace mannequin;
  rpc::BlockSignals();
  Options options;
  std::string mode = "closed";
  bool serve = false;
  CLI::App app("How fast the scorer answers");
  app.add_option("MODE", mode)->check(CLI::IsMember({"closed", "overload", "memory", "overhead"}));
  app.add_option("--network", options.network)->check(CLI::IsMember({"same", "shipped"}));
  app.add_option("--images", options.images, "tar of JPEGs, ID.jpg");
  app.add_option("--catalog", options.catalog, "their listings, for `shipped`");
  app.add_option("--work", options.work, "empty folder")->required();
  app.add_option("--server", options.server, "HOST:PORT of another server of the contract, for `closed`");
  app.add_option("--callers", options.callers);
  app.add_option("--seconds", options.seconds, "of a run");
  app.add_option("--repeat", options.repeat, "runs");
  app.add_option("--times", options.times, "the capacity, of an overload");
  app.add_option("--deadline-ms", options.deadline_ms, "of a request in an overload");
  app.add_option("--requests", options.requests, "until the memory is read");
  app.add_option(
      "--beside", options.beside,
      "shell command that loads the same server after `closed` did, at $ADDRESS with the JSON array in the file "
      "$REQUESTS, and prints a JSON object");
  app.add_flag("--serve", serve, "be the server");
  CLI11_PARSE(app, argc, argv);
  config::v1::LogConfig log;
  log.set_level("error");
  absl::Status status = InitLog("bench", log);  // on standard error
  if (status.ok()) {
    status = serve                ? Serve(options)
             : mode == "closed"   ? Closed(options)
             : mode == "overload" ? Overload(options)
             : mode == "memory"   ? Memory(options)
                                  : Overhead(options);
  }
  if (!status.ok()) std::fprintf(stderr, "bench_score: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

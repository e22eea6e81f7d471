// How long FindSimilar takes as its caller sees it: one client, one call after the other, a
// title in turn; and BatchFindSimilar with 1,000 titles a call.
//
//   bench_similar --server 127.0.0.1:8600 --titles titles.txt
//   {"p50_ms": 0.3, "p99_ms": 0.6, "calls_per_second": 3000, "batch_per_second": 30000, ...}
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "common/rpc/channel.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"

namespace mannequin {
namespace {

constexpr std::size_t kBatch = 1'000;

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

int Run(const std::string& server, const std::string& path, std::size_t calls, bool exact) {
  std::ifstream file(path);
  std::vector<v1::FindSimilarRequest> requests;
  for (std::string title; std::getline(file, title) && requests.size() < calls;) {
    v1::FindSimilarRequest& request = requests.emplace_back();
    request.set_text(title);
    request.set_exact(exact);
  }
  const auto stub = v1::TextEmbedder::NewStub(rpc::NewChannel(server));
  std::vector<double> seconds;
  for (const v1::FindSimilarRequest& request : requests) {
    grpc::ClientContext context;
    v1::FindSimilarResponse response;
    const double begin = Seconds();
    const grpc::Status status = stub->FindSimilar(&context, request, &response);
    seconds.push_back(Seconds() - begin);
    if (status.ok()) continue;
    std::fprintf(stderr, "bench_similar: %s\n", status.error_message().c_str());
    return 1;
  }
  double sum = 0;
  for (const double one : seconds) sum += one;
  std::sort(seconds.begin(), seconds.end());

  double batch_rate = 0;
  for (std::size_t first = 0; first + kBatch <= requests.size(); first += kBatch) {
    v1::BatchFindSimilarRequest batch;
    for (std::size_t i = first; i < first + kBatch; ++i) *batch.add_queries() = requests[i];
    grpc::ClientContext context;
    v1::BatchFindSimilarResponse response;
    const double begin = Seconds();
    if (!stub->BatchFindSimilar(&context, batch, &response).ok()) return 1;
    batch_rate = std::max(batch_rate, static_cast<double>(kBatch) / (Seconds() - begin));
  }
  std::printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"calls_per_second\": %.0f, \"batch_per_second\": %.0f}\n",
              1e3 * seconds[seconds.size() / 2], 1e3 * seconds[seconds.size() * 99 / 100],
              static_cast<double>(seconds.size()) / sum, batch_rate);
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Latency of FindSimilar");
  std::string server = "127.0.0.1:8600", titles;
  std::size_t calls = 10'000;
  bool exact = false;
  app.add_option("--server", server)->capture_default_str();
  app.add_option("--titles", titles, "one a line")->required();
  app.add_option("--calls", calls)->capture_default_str();
  app.add_flag("--exact", exact);
  CLI11_PARSE(app, argc, argv);
  return Run(server, titles, calls, exact);
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) { return mannequin::Main(argc, argv); }

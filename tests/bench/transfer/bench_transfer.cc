// Transfers alone: nothing is decoded, nothing is stored.
//
//   bench_transfer URL REQUESTS [CONNECTIONS] [SLOW_HOSTS] [CONNECTIONS_PER_HOST] [THREADS]
//
// URL is fetched REQUESTS times ("%d" in it becomes the number of the request). With
// SLOW_HOSTS, so many hosts that take every connection and say nothing have work for the
// engine all the while. Their ports and URL's are excepted from the address filter; a CA of
// BENCH_CA is trusted. CONNECTIONS_PER_HOST 0: no limits for URL's host. Prints one JSON
// line.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "services/fetcher/transfer.h"
#include "services/fetcher/url.h"

namespace mannequin {
namespace {

constexpr std::int64_t kAhead = 20'000;

// Listens and never accepts: the kernel shakes hands and that is all.
int Silent(int& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 64) != 0) return -1;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

int Bench(const std::string& url, std::int64_t requests, int connections, int slow_hosts, int per_host, int threads) {
  const absl::StatusOr<AddressFilter> filter = AddressFilter::Create({"127.0.0.0/8"});
  TransferOptions options;
  options.connections = connections;
  options.threads = threads;
  if (per_host > 0) options.host_rules.push_back({ParseUrl(url)->host, per_host, -1, false});
  // For figures of what is politely limited.
  double rate = 0;
  if (const char* text = std::getenv("BENCH_RATE"); text != nullptr && absl::SimpleAtod(text, &rate) && per_host > 0) {
    options.host_rules.back().requests_per_second = rate;
  }
  if (const char* ca = std::getenv("BENCH_CA")) options.certificate_authorities = ca;
  TransferEngine engine(*filter, options);
  std::vector<std::string> slow;
  for (int i = 0; i < slow_hosts; ++i) {
    int port = 0;
    if (Silent(port) < 0) return 1;
    slow.push_back(absl::StrCat("http://127.0.0.1:", port, "/", i));
  }
  for (const std::string& host : slow) {
    std::vector<TransferRequest> batch(20);
    for (TransferRequest& request : batch) {
      request.url = host;
      request.done = [](const TransferResult&) {};
    }
    engine.Submit(std::move(batch));
  }
  std::atomic<std::int64_t> ended{0};
  std::atomic<std::int64_t> good{0};
  std::atomic<std::int64_t> bytes{0};
  const absl::Time begun = absl::Now();
  std::int64_t submitted = 0;
  while (ended < requests) {
    std::vector<TransferRequest> batch;
    while (submitted < requests && submitted - ended < kAhead && batch.size() < 1000) {
      TransferRequest& request = batch.emplace_back();
      request.url = absl::StrReplaceAll(url, {{"%d", absl::StrCat(submitted++)}});
      request.done = [&](const TransferResult& result) {
        if (result.failure == v1::FETCH_FAILURE_UNSPECIFIED) {
          ++good;
        } else if (good == 0 && ended == 0) {
          std::fprintf(stderr, "bench_transfer: %s\n", result.message.c_str());
        }
        bytes += static_cast<std::int64_t>(result.body.size());
        engine.Release(static_cast<std::int64_t>(result.body.size()));
        ++ended;
      };
    }
    if (batch.empty()) absl::SleepFor(absl::Milliseconds(1));
    engine.Submit(std::move(batch));
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - begun);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double cpu = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  std::printf(
      "{\"transfers_per_second\": %.0f, \"good\": %lld, \"of\": %lld, \"seconds\": %.3f, \"mb\": %.1f, "
      "\"cpu_us_each\": %.1f, \"peak_mb\": %ld}\n",
      static_cast<double>(ended) / seconds, static_cast<long long>(good), static_cast<long long>(requests), seconds,
      static_cast<double>(bytes) / 1e6, cpu / static_cast<double>(requests) * 1e6, usage.ru_maxrss / 1024);
  return 0;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  std::int64_t requests = 0;
  int numbers[] = {200, 0, 0, 1};
  bool good = argc >= 3 && argc <= 7 && absl::SimpleAtoi(argv[2], &requests) && mannequin::ParseUrl(argv[1]).ok();
  for (int i = 3; good && i < argc; ++i) good = absl::SimpleAtoi(argv[i], &numbers[i - 3]);
  if (!good) {
    std::fputs("usage: bench_transfer URL REQUESTS [CONNECTIONS] [SLOW_HOSTS] [CONNECTIONS_PER_HOST] [THREADS]\n",
               stderr);
    return 2;
  }
  return mannequin::Bench(argv[1], requests, numbers[0], numbers[1], numbers[2], numbers[3]);
}

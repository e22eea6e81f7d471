// Latency of drawing one picture: the generator of preset tacgan, 128 pixels, 64 features,
// noise of 100, random weights, 2 threads. Text vector in, 8-bit pixels out.
//
//   bench_generate_one WORK
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/model/bundle.h"
#include "common/nn/device.h"
#include "common/nn/gan.h"
#include "tests/bench/limit/op_times.h"
#include "tests/unit/model/random_bundle.h"

namespace mannequin {
namespace {

constexpr int kThreads = 2, kWarmUp = 5, kRounds = 3, kDrawn = 100;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

absl::Status Run(const std::string& work) {
  SetCpuThreads(kThreads);
  const BundleFolder folder(work);
  const v1::BundleManifest manifest = PromoteRandomBundle(folder, {.resolution = 128, .features = 64, .noise = 100});
  ASSIGN_OR_RETURN(const LoadedGan gan, LoadGan(manifest, folder.FolderOf(manifest.version()), "cpu",
                                                {.generator = true, .discriminator = false}));
  std::vector<float> text(static_cast<std::size_t>(gan.text_dimension()), 0.1f);
  std::vector<double> medians;
  for (int i = 0; i < kWarmUp; ++i) RETURN_IF_ERROR(Generate(gan, {text}, {0}).status());
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> milliseconds;
    for (int i = 0; i < kDrawn; ++i) {
      const absl::Time begin = absl::Now();
      RETURN_IF_ERROR(Generate(gan, {text}, {static_cast<std::uint64_t>(i)}).status());
      milliseconds.push_back(absl::ToDoubleMilliseconds(absl::Now() - begin));
    }
    medians.push_back(Median(std::move(milliseconds)));
  }
  const OpTimes times;
  for (int i = 0; i < kWarmUp; ++i) RETURN_IF_ERROR(Generate(gan, {text}, {0}).status());
  std::printf("{\"milliseconds\": %.2f, \"best\": %.2f, \"worst\": %.2f, \"shares\": \"%s\"}\n", Median(medians),
              *std::min_element(medians.begin(), medians.end()), *std::max_element(medians.begin(), medians.end()),
              times.Shares().c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_generate_one WORK\n");
    return 2;
  }
  const absl::Status status = mannequin::Run(argv[1]);
  if (!status.ok()) std::fprintf(stderr, "bench_generate_one: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

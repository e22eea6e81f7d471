// Steady-state images a second of a training from JPEG files: packs the listed files as a
// training job does, then times steps.
//
//   bench_gan_train LIST WORK [PRESET [FEATURES]]    LIST: lines of "file <tab> category <tab> title"
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/nn/device.h"
#include "common/text/text_model.h"
#include "services/store/rocks/rocks_store.h"
#include "services/trainer/batches.h"
#include "services/trainer/gan_training.h"
#include "services/trainer/local_process.h"
#include "services/trainer/pack.h"
#include "services/trainer/recipe.h"
#include "tests/bench/limit/limit.h"
#include "tests/bench/limit/op_times.h"
#include "tests/unit/text/titles.h"

namespace mannequin {
namespace {

constexpr int kBatch = 64, kWarmUp = 2, kSteps = 8;

double SecondsSince(absl::Time begin) { return absl::ToDoubleSeconds(absl::Now() - begin); }

// Peak resident memory, with what is mapped of the file of pixels.
double MemoryMb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
  }
  return 0;
}

absl::Status Steps(GanTraining& training, BatchSource& source, int count) {
  for (int step = 0; step < count; ++step) RETURN_IF_ERROR(training.Step(source.Next()));
  return absl::OkStatus();
}

absl::Status AddProducts(ProductStore& store, const std::string& list, std::vector<std::string>& titles) {
  std::ifstream in(list);
  std::string line;
  while (std::getline(in, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    if (fields.size() != 3) return absl::InvalidArgumentError(list + ": expected file, category and title: " + line);
    v1::UpsertProductsRequest upsert;
    v1::Product& product = *upsert.add_products();
    product.set_id(fields[0]);
    product.add_category_path(fields[1]);
    product.set_title(fields[2]);
    product.set_image_url("http://127.0.0.1/image.jpg");
    RETURN_IF_ERROR(store.UpsertProducts(upsert).status());
    v1::PutImageRequest put;
    put.set_product_id(fields[0]);
    ASSIGN_OR_RETURN(*put.mutable_image()->mutable_data(), ReadFile(fields[0]));
    RETURN_IF_ERROR(store.PutImage(put).status());
    titles.push_back(fields[2]);
  }
  return absl::OkStatus();
}

absl::Status Run(const std::string& list, const std::string& work, const std::string& preset, int features) {
  InitImages();
  SetCpuThreads(0);
  config::v1::StoreConfig config;
  config.set_data(work + "/data");
  ASSIGN_OR_RETURN(const auto store, RocksStore::Open(config, Clock::Real()));
  std::vector<std::string> titles;
  RETURN_IF_ERROR(AddProducts(*store, list, titles));
  TextModelOptions text_options;
  text_options.doc2vec.epochs = 1;
  ASSIGN_OR_RETURN(const TextModel model, TextModel::Train(ScanTitles(titles), text_options, nullptr));
  RETURN_IF_ERROR(model.Save(work));
  ASSIGN_OR_RETURN(const auto encoder, TextEncoder::Load(work));

  const absl::Time begin = absl::Now();
  PackOptions pack_options;
  pack_options.folder = work + "/pack";
  ASSIGN_OR_RETURN(const auto pack, BuildPack(
                                        *store, *encoder, pack_options, [] { return false; }, [](double) {}));
  const double pack_seconds = SecondsSince(begin);

  ASSIGN_OR_RETURN(const OverlayBank bank, RenderOverlayBank(240, pack->resolution(), 1));
  GanTrainingOptions options;
  options.shape = {.preset = preset,
                   .resolution = 128,
                   .features = features,
                   .noise = 100,
                   .text = pack->text_dimension(),
                   .categories = static_cast<int>(pack->categories.size())};
  options.device = "cpu";
  ASSIGN_OR_RETURN(const auto training, GanTraining::Create(options, {}));
  const Recipe recipe = RecipeOf(preset);
  BatchOptions batches;
  batches.batch = kBatch;
  batches.seed = 1;
  batches.flip = recipe.mirror;
  batches.balance = recipe.balance;
  BatchSource source(*pack, pack->training, bank, batches, 0);
  RETURN_IF_ERROR(Steps(*training, source, kWarmUp));
  const double waited = source.wait_seconds();
  const absl::Time steady = absl::Now();
  RETURN_IF_ERROR(Steps(*training, source, kSteps));
  const double memory_mb = MemoryMb();
  const v1::TrainingPoint point = training->TakePoint();
  if (!std::isfinite(point.loss_generator() + point.loss_discriminator())) {
    return absl::InternalError("a loss is not a number");
  }
  const double seconds = SecondsSince(steady), rate = kBatch * kSteps / seconds;
  const double wait_percent = 100 * (source.wait_seconds() - waited) / seconds;
  const OpTimes times;
  RETURN_IF_ERROR(Steps(*training, source, 2));
  const std::string shares = times.Shares();
  std::printf(
      "{\"images_per_second\": %.2f, \"data_wait_percent\": %.2f, \"pack_seconds\": %.1f, \"images\": %zu, "
      "\"gflops\": %.0f, \"limit_gflops\": %.0f, \"memory_mb\": %.0f, "
      "\"shares\": \"%s\"}\n",
      rate, wait_percent, pack_seconds, pack->training.size() + pack->held_out.size(),
      rate * TrainingGflop(options.shape), MatrixGflops(), memory_mb, shares.c_str());
  return absl::OkStatus();
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: bench_gan_train LIST WORK [PRESET [FEATURES]]\n");
    return 2;
  }
  // As the trainer starts its processes: read before main, hence by a new start.
  if (std::getenv("MALLOC_CONF") == nullptr) {
    setenv("MALLOC_CONF", mannequin::kTrainingMemory, 1);
    execv("/proc/self/exe", argv);
  }
  const absl::Status status =
      mannequin::Run(argv[1], argv[2], argc > 3 ? argv[3] : "tacgan", argc > 4 ? std::atoi(argv[4]) : 64);
  if (!status.ok()) std::fprintf(stderr, "bench_gan_train: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}

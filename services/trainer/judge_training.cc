#include "services/trainer/judge_training.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/file.h"
#include "common/base/prefetcher.h"
#include "common/base/status_macros.h"
#include "common/nn/judge_net.h"
#include "common/nn/torch_device.h"
#include "common/nn/weights.h"
#include "services/trainer/judge_batches.h"
#include "services/trainer/training_step.h"
#include "services/trainer/weight_files.h"

namespace mannequin {
namespace {

constexpr std::int64_t kProductEpochs = 20, kMinSteps = 20, kMaxSteps = 4'000;
constexpr int kProgressSteps = 10;
constexpr std::size_t kAhead = 3, kStandardised = 20'000;
constexpr std::int64_t kStepPatches = 8, kMinPatches = 240, kMaxPatches = 3'000;  // overlays rendered once
constexpr int kMinColorImages = 20;                                               // of a colour that is told
constexpr std::uint64_t kBankStream = 3;                                          // of the seed
constexpr double kPeakRate = 2e-3, kWeightDecay = 1e-2, kWarmUpShare = 0.1;
constexpr double kPlaceWeight = 0.5, kColorWeight = 0.5, kOverlayWeight = 2, kOverlaidWeight = 0.5;
constexpr double kSmoothing = 0.05;  // of category and colour labels: sellers err
constexpr double kHardShare = 0.25;  // of pictures whose overlay was told worst: they count again

// The colours that enough products have, and Pack::colors as their indices.
std::vector<int> ToldColors(const Pack& pack, v1::JudgeInfo* info) {
  std::vector<int> images(pack.colors.size());
  for (const PackedProduct& product : pack.training) {
    if (product.color >= 0) ++images[static_cast<std::size_t>(product.color)];
  }
  std::vector<int> color_of;
  for (std::size_t i = 0; i < images.size(); ++i) {
    color_of.push_back(images[i] < kMinColorImages ? -1 : info->colors_size());
    if (color_of.back() >= 0) info->add_colors(pack.colors[i]);
  }
  return color_of;
}

torch::Tensor TextSample(const Pack& pack) {
  const std::size_t count = std::min(kStandardised, pack.training.size());
  torch::Tensor texts = torch::empty({static_cast<std::int64_t>(count), pack.text_dimension()});
  float* row = texts.data_ptr<float>();
  for (std::size_t i = 0; i < count; ++i) {
    row = std::copy_n(pack.text(pack.training[i * pack.training.size() / count].slot, 0), pack.text_dimension(), row);
  }
  return texts;
}

// The batch's own memory is used in place on the CPU.
template <typename T>
torch::Tensor Wrap(const std::vector<T>& data, at::IntArrayRef shape, at::ScalarType type, c10::Device device) {
  return torch::from_blob(const_cast<T*>(data.data()), shape, type).to(device);
}

torch::Tensor LabelLoss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return torch::nn::functional::cross_entropy(
      logits.to(at::kFloat), labels,
      torch::nn::functional::CrossEntropyFuncOptions().ignore_index(-1).label_smoothing(kSmoothing));
}

// Each picture's place nearest to its own text's among all of the batch, and back (CLIP,
// Radford et al. 2021). Texts that are the same are no mistake.
torch::Tensor PlaceLoss(JudgeNet& net, const torch::Tensor& places, const torch::Tensor& text) {
  const torch::Tensor texts = net.PlaceOfText(text);
  const torch::Tensor same = torch::matmul(text, text.t()).gt(0.999);
  const torch::Tensor eye = torch::eye(text.size(0), same.options()).to(at::kBool);
  const torch::Tensor logits =
      (net.Sharpness() * torch::matmul(places, texts.t())).masked_fill(same.logical_and(eye.logical_not()), -1e4);
  const torch::Tensor own = torch::arange(text.size(0), at::TensorOptions(text.device()).dtype(at::kLong));
  return (CategoryLoss(logits, own) + CategoryLoss(logits.t(), own)) / 2;
}

torch::Tensor LossOf(JudgeNet& net, const JudgeBatch& batch, const Pack& pack, c10::Device device) {
  const auto count = static_cast<std::int64_t>(batch.categories.size());
  const std::int64_t side = pack.resolution(), across = side / kJudgeCell;
  const torch::Tensor image = Wrap(batch.images, {count, side, side, 3}, at::kByte, device)
                                  .permute({0, 3, 1, 2})
                                  .to(at::kFloat)
                                  .div_(127.5)
                                  .sub_(1);
  const torch::Tensor text = Wrap(batch.texts, {count, pack.text_dimension()}, at::kFloat, device);
  const JudgeFeatures seen = net.See(image);
  torch::Tensor loss = LabelLoss(seen.category, Wrap(batch.categories, {count}, at::kLong, device)) +
                       kPlaceWeight * PlaceLoss(net, seen.place, text);
  const bool any_color = std::any_of(batch.colors.begin(), batch.colors.end(), [](std::int64_t c) { return c >= 0; });
  if (seen.color.defined() && any_color) {
    loss = loss + kColorWeight * LabelLoss(seen.color, Wrap(batch.colors, {count}, at::kLong, device));
  }
  const torch::Tensor sharp = Wrap(batch.sharp, {count}, at::kFloat, device).nonzero().squeeze(1);
  if (sharp.numel() == 0) return loss;
  const torch::Tensor cells = Wrap(batch.overlay_cells, {count, 1, across, across}, at::kFloat, device);
  const torch::Tensor whole = torch::binary_cross_entropy_with_logits(
      seen.overlaid.index_select(0, sharp).to(at::kFloat),
      Wrap(batch.overlaid, {count}, at::kFloat, device).index_select(0, sharp), {}, {}, at::Reduction::None);
  const auto hard = std::max<std::int64_t>(1, static_cast<std::int64_t>(kHardShare * whole.numel()));
  return loss + kOverlayWeight * OverlayLoss(seen.overlay.index_select(0, sharp), cells.index_select(0, sharp)) +
         kOverlaidWeight * (whole.mean() + std::get<0>(whole.topk(hard)).mean());
}

// Where a training stands, in a file.
class JudgeCheckpoint {
 public:
  JudgeCheckpoint(const std::string& path, const std::string& training) : path_(path), training_(training) {}

  absl::Status Save(const JudgeNet& net, const torch::optim::AdamW& adam, std::int64_t step) const {
    if (path_.empty()) return absl::OkStatus();
    torch::serialize::OutputArchive archive, network, optimizer;
    net.save(network);
    adam.save(optimizer);
    archive.write("network", network);
    archive.write("optimizer", optimizer);
    archive.write("training", c10::IValue(training_));
    archive.write("step", c10::IValue(step));
    std::ostringstream bytes;
    archive.save_to(bytes);
    return WriteFileAtomically(path_, bytes.str());
  }

  // The step to go on with; 0 when there is no file, or one of another training. DATA_LOSS when it is damaged.
  absl::StatusOr<std::int64_t> Load(JudgeNet& net, torch::optim::AdamW& adam, c10::Device device) const {
    if (path_.empty() || !std::filesystem::exists(path_)) return 0;
    try {
      torch::serialize::InputArchive archive, network, optimizer;
      archive.load_from(path_, device);
      c10::IValue training, step;
      archive.read("training", training);
      archive.read("step", step);
      if (training.toStringRef() != training_) return 0;
      archive.read("network", network);
      archive.read("optimizer", optimizer);
      net.load(network);
      adam.load(optimizer);
      return step.toInt();
    } catch (const std::exception&) {
      return absl::DataLossError(absl::StrCat(path_, ": is damaged; remove it, and the judge begins anew"));
    }
  }

 private:
  const std::string path_, training_;
};

}  // namespace

std::int64_t JudgeStepsFor(std::size_t images) {
  return std::clamp(static_cast<std::int64_t>(kProductEpochs * images / JudgeBatches::kBatch), kMinSteps, kMaxSteps);
}

absl::StatusOr<v1::JudgeInfo> TrainJudge(const Pack& pack, const JudgeTrainingOptions& options, const std::string& path,
                                         const std::function<bool(const JudgeProgress&)>& progress) {
  ASSIGN_OR_RETURN(const c10::Device device, PickDevice(options.device));
  JudgeProgress now;
  now.steps = options.steps > 0 ? options.steps : JudgeStepsFor(pack.training.size());
  const auto patches = static_cast<int>(std::clamp(kStepPatches * now.steps, kMinPatches, kMaxPatches));
  ASSIGN_OR_RETURN(const OverlayBank bank,
                   RenderOverlayBank(patches, pack.resolution(), options.seed + kBankStream, VariedOverlay));
  v1::JudgeInfo info;
  const std::vector<int> color_of = ToldColors(pack, &info);
  torch::manual_seed(options.seed);
  JudgeNet net(
      {pack.resolution(), pack.text_dimension(), static_cast<int>(pack.categories.size()), info.colors_size()});
  net.text()->StandardiseAs(TextSample(pack));
  net.to(device);
  for (torch::Tensor& weight : net.parameters()) {
    if (weight.dim() == 4) weight.set_data(weight.contiguous(torch::MemoryFormat::ChannelsLast));
  }
  torch::optim::AdamW adam(net.parameters(), torch::optim::AdamWOptions(kPeakRate).weight_decay(kWeightDecay));
  const JudgeCheckpoint checkpoint(
      options.checkpoint, absl::StrCat("seed ", options.seed, ", ", now.steps, " steps, ", pack.training.size(),
                                       " images of ", pack.resolution(), " pixels, ", pack.categories.size(),
                                       " categories, ", info.colors_size(), " colours"));
  ASSIGN_OR_RETURN(const std::int64_t first, checkpoint.Load(net, adam, device));
  now.step = first;
  const JudgeBatches batches(pack, bank, color_of, options.seed);
  Prefetcher<JudgeBatch> source([&](std::int64_t step) { return batches.Make(step); }, first, kAhead);
  torch::Tensor sum = torch::zeros({1}, at::TensorOptions(device));
  absl::Time began = absl::Now();
  for (std::int64_t step = first; step < now.steps; ++step) {
    const JudgeBatch batch = source.Next();
    // Up to the peak, then down to zero by half a cosine.
    const double share = static_cast<double>(step) / static_cast<double>(now.steps);
    const double rate = share < kWarmUpShare ? (0.05 + share) / (0.05 + kWarmUpShare)
                                             : (1 + std::cos(M_PI * (share - kWarmUpShare) / (1 - kWarmUpShare))) / 2;
    static_cast<torch::optim::AdamWOptions&>(adam.param_groups()[0].options()).lr(kPeakRate * rate);
    torch::Tensor loss;
    {
      const Autocast autocast(device);
      loss = LossOf(net, batch, pack, device);
    }
    adam.zero_grad();
    loss.backward();
    adam.step();
    sum += loss.detach();
    if ((step + 1) % kJudgeCheckpointSteps == 0) RETURN_IF_ERROR(checkpoint.Save(net, adam, step + 1));
    if ((step + 1) % kProgressSteps != 0 && step + 1 != now.steps) continue;
    const auto steps = static_cast<double>(step + 1 - now.step);
    now.step = step + 1;
    now.loss = sum.item<double>() / steps;
    now.images_per_second = steps * JudgeBatches::kBatch / absl::ToDoubleSeconds(absl::Now() - began);
    sum.zero_();
    began = absl::Now();
    if (!progress(now)) {
      RETURN_IF_ERROR(checkpoint.Save(net, adam, now.step));
      return absl::CancelledError("stopped while training what judges listings");
    }
  }
  info.set_resolution(pack.resolution());
  info.set_steps(now.steps);
  info.set_images(now.steps * static_cast<std::int64_t>(JudgeBatches::kBatch));
  RETURN_IF_ERROR(SaveForServing(net, path));
  return info;
}

}  // namespace mannequin

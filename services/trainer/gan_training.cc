#include "services/trainer/gan_training.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/nn/losses.h"
#include "common/nn/networks.h"
#include "common/nn/torch_device.h"
#include "common/nn/weights.h"
#include "services/trainer/gradient_reducer.h"
#include "services/trainer/recipe.h"
#include "services/trainer/training_step.h"
#include "services/trainer/weight_files.h"

namespace mannequin {
namespace {

void ToDevice(torch::nn::Module& module, c10::Device device) {
  module.to(device);
  for (torch::Tensor& weight : module.parameters()) {
    if (weight.dim() == 4) weight.set_data(weight.contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

torch::Tensor Stack(const std::vector<std::vector<float>>& texts) {
  std::vector<torch::Tensor> rows;
  for (const std::vector<float>& text : texts) rows.push_back(torch::tensor(text));
  return torch::stack(rows);
}

Pixels ToPixels(const torch::Tensor& bytes) {  // [R, R, 3]
  const int side = static_cast<int>(bytes.size(0));
  const std::uint8_t* begin = bytes.data_ptr<std::uint8_t>();
  return {side, side, std::vector<std::uint8_t>(begin, begin + bytes.numel())};
}

}  // namespace

struct GanTraining::Impl {
  Impl(const GanTrainingOptions& with, c10::Device on, GanLossKind loss, const std::vector<std::vector<float>>& texts)
      : options(with),
        device(on),
        recipe(RecipeOf(with.shape.preset)),
        average(MakeGenerator(with.shape)),
        step(loss == GanLossKind::kRelativistic ? MakeMannequinStep(with.shape) : MakeTacganStep(with.shape, loss)) {
    players.generator.net = MakeGenerator(with.shape);
    players.discriminator.net = MakeDiscriminator(with.shape);
    if (recipe.standardise_texts && !texts.empty()) {
      const torch::Tensor sample = Stack(texts);
      generator().text()->StandardiseAs(sample);
      discriminator().text()->StandardiseAs(sample);
    }
    for (torch::nn::Module* module :
         std::initializer_list<torch::nn::Module*>{&generator(), &*average, &discriminator()}) {
      ToDevice(*module, device);
    }
    average->eval();
    for (torch::Tensor& weight : average->parameters()) weight.set_requires_grad(false);
    ema = std::make_unique<Ema>(generator(), *average, recipe.ema_decay);
    players.generator.adam = std::make_unique<FusedAdam>(generator(), recipe.beta1, recipe.beta2);
    players.discriminator.adam = std::make_unique<FusedAdam>(discriminator(), recipe.beta1, recipe.beta2);
    totals = torch::zeros({kStepFigures}, at::TensorOptions(device));
    side = with.shape.resolution;
  }

  GeneratorNet& generator() const { return *players.generator.net; }
  DiscriminatorNet& discriminator() const { return *players.discriminator.net; }

  // The batch's own memory is used in place on the CPU: `data` must outlive the tensor.
  template <typename T>
  torch::Tensor Wrap(const std::vector<T>& data, at::IntArrayRef shape, at::ScalarType type) const {
    const torch::Tensor there = torch::from_blob(const_cast<T*>(data.data()), shape, type);
    // From pinned memory a GPU copies while the CPU goes on.
    return device.is_cuda() ? there.pin_memory().to(device, /*non_blocking=*/true) : there;
  }

  TensorMap State() const {
    TensorMap state;
    const auto add = [&](const char* prefix, const torch::nn::Module& module) {
      for (const auto& [name, tensor] : NamedTensors(module)) state[absl::StrCat(prefix, name)] = tensor;
    };
    add("g.", generator());
    add("ema.", *average);
    add("d.", discriminator());
    players.generator.adam->AddState("adam.g.", state);
    players.discriminator.adam->AddState("adam.d.", state);
    return state;
  }

  GanTrainingOptions options;
  const c10::Device device;
  const Recipe recipe;
  Players players;
  std::shared_ptr<GeneratorNet> average;
  const std::unique_ptr<TrainingStep> step;
  std::unique_ptr<Ema> ema;
  torch::Tensor totals;  // [kStepFigures] sums over `summed` steps
  std::int64_t summed = 0, last_step = 0;
  ProcessGroup* group = nullptr;
  int side;  // that is trained by now
};

GanTraining::GanTraining(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GanTraining::~GanTraining() = default;

absl::StatusOr<std::unique_ptr<GanTraining>> GanTraining::Create(const GanTrainingOptions& options,
                                                                 const std::vector<std::vector<float>>& texts) {
  RETURN_IF_ERROR(CheckShape(options.shape));
  ASSIGN_OR_RETURN(const GanLossKind loss, ParseGanLoss(options.loss, options.shape.preset));
  ASSIGN_OR_RETURN(const c10::Device device, PickDevice(options.device));
  torch::manual_seed(options.seed);
  return std::make_unique<GanTraining>(std::make_unique<Impl>(options, device, loss, texts));
}

absl::Status GanTraining::Step(const Batch& batch) {
  Impl& s = *impl_;
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  const std::int64_t across = s.options.shape.resolution / kOverlayCell;
  StepInput in;
  in.step = batch.step;
  in.clean = batch.clean;
  in.side = batch.side;
  in.real = s.Wrap(batch.images, {count, in.side, in.side, 3}, at::kByte)
                .permute({0, 3, 1, 2})
                .to(at::kFloat)
                .div_(127.5)
                .sub_(1);
  in.text = s.Wrap(batch.texts, {count, s.options.shape.text}, at::kFloat);
  in.labels = s.Wrap(batch.labels, {count}, at::kLong);
  in.honest = s.Wrap(batch.honest, {count}, at::kFloat);
  in.overlay = s.Wrap(batch.overlay_cells, {count, 1, across, across}, at::kFloat);
  in.rate = s.options.learning_rate * s.recipe.rate;
  // Noise depends on seed and step alone, so a resumed training draws the same.
  // Each process of a group draws its own.
  const auto rank = static_cast<std::uint64_t>(s.group == nullptr ? 0 : s.group->rank());
  torch::manual_seed((s.options.seed + rank * 0xD1B54A32D192ED03ull) * 0x9E3779B97F4A7C15ull +
                     static_cast<std::uint64_t>(batch.step) + 1);
  const torch::Tensor figures = s.step->Run(s.players, in);
  RETURN_IF_ERROR(s.players.generator.adam->status());
  RETURN_IF_ERROR(s.players.discriminator.adam->status());
  s.ema->Update();
  torch::NoGradGuard no_grad;
  s.totals += figures;
  ++s.summed;
  s.last_step = batch.step + 1;
  s.side = batch.grown ? s.options.shape.resolution : batch.side;
  return absl::OkStatus();
}

absl::Status GanTraining::Join(ProcessGroup* group) {
  Impl& s = *impl_;
  s.group = group;
  s.players.generator.adam->Join(group);
  s.players.discriminator.adam->Join(group);
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, tensor] : s.State()) tensors.push_back(tensor);
  return BroadcastTensors(*group, tensors);
}

v1::TrainingPoint GanTraining::TakePoint() {
  Impl& s = *impl_;
  v1::TrainingPoint point;
  point.set_step(s.last_step);
  point.set_learning_rate(s.options.learning_rate);
  if (s.summed == 0) return point;
  const torch::Tensor means = (s.totals / static_cast<double>(s.summed)).to(at::kCPU);
  const float* mean = means.data_ptr<float>();
  point.set_loss_generator(mean[0]);
  point.set_loss_discriminator(mean[1]);
  point.set_accuracy_real(mean[2]);
  point.set_accuracy_generated(mean[3]);
  point.set_gradient_norm_generator(mean[4]);
  point.set_gradient_norm_discriminator(mean[5]);
  point.set_diversity(mean[6]);
  s.totals.zero_();
  s.summed = 0;
  return point;
}

double GanTraining::learning_rate() const { return impl_->options.learning_rate; }
void GanTraining::set_learning_rate(double rate) { impl_->options.learning_rate = rate; }

absl::Status GanTraining::SaveCheckpoint(const std::string& path, std::int64_t next_step,
                                         const std::map<std::string, std::string>& facts) const {
  Metadata metadata = facts;
  metadata["next_step"] = absl::StrCat(next_step);
  metadata["ema_updates"] = absl::StrCat(impl_->ema->updates());
  return SaveTensors(path, impl_->State(), metadata);
}

absl::StatusOr<GanTraining::Resumed> GanTraining::LoadCheckpoint(const std::string& path) {
  ASSIGN_OR_RETURN(LoadedTensors loaded, LoadTensors(path));
  Resumed resumed;
  std::int64_t updates = 0;
  if (!absl::SimpleAtoi(loaded.metadata["next_step"], &resumed.next_step) ||
      !absl::SimpleAtoi(loaded.metadata["ema_updates"], &updates)) {
    return absl::DataLossError(absl::StrCat(path, ": is not a checkpoint of a training"));
  }
  RETURN_IF_ERROR(CopyTensors(loaded.tensors, impl_->State(), path));
  impl_->ema->set_updates(updates);
  resumed.facts = std::move(loaded.metadata);
  return resumed;
}

absl::Status GanTraining::SaveNetworks(const std::string& folder) const {
  RETURN_IF_ERROR(SaveForServing(*impl_->average, absl::StrCat(folder, "/generator.safetensors")));
  return SaveForServing(impl_->discriminator(), absl::StrCat(folder, "/discriminator.safetensors"));
}

std::vector<Pixels> GanTraining::Sample(const std::vector<std::vector<float>>& texts, std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  const torch::Tensor noise = torch::randn({static_cast<std::int64_t>(texts.size()), impl_->options.shape.noise},
                                           at::make_generator<at::CPUGeneratorImpl>(seed));
  const torch::Tensor drawn =
      impl_->average->Draw(noise.to(impl_->device), Stack(texts).to(impl_->device), impl_->side);
  const torch::Tensor bytes =
      drawn.add(1).mul_(127.5).round_().clamp_(0, 255).permute({0, 2, 3, 1}).to(at::kCPU, at::kByte).contiguous();
  std::vector<Pixels> images;
  for (std::int64_t i = 0; i < bytes.size(0); ++i) images.push_back(ToPixels(bytes[i]));
  return images;
}

}  // namespace mannequin

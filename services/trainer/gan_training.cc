#include "services/trainer/gan_training.h"

#include <cmath>
#include <utility>

#include "ATen/autocast_mode.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/nn/losses.h"
#include "common/nn/networks.h"
#include "common/nn/torch_device.h"
#include "common/nn/weights.h"
#include "services/trainer/recipe.h"

namespace mannequin {
namespace {

constexpr double kBeta1 = 0.5, kBeta2 = 0.999, kEpsilon = 1e-8;
constexpr double kEmaDecay = 0.999;
constexpr double kOverlayPositiveWeight = 4;  // painted cells are few

// Adam as one fused call over all tensors of a network.
class FusedAdam {
 public:
  explicit FusedAdam(const torch::nn::Module& module) {
    for (const auto& item : module.named_parameters()) {
      names_.push_back(item.key());
      parameters_.push_back(item.value());
      first_.push_back(torch::zeros_like(item.value()));
      second_.push_back(torch::zeros_like(item.value()));
      steps_.push_back(torch::zeros({}, item.value().options().dtype(at::kFloat)));
    }
  }

  void Step(double rate) {
    torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> weights, gradients;
    for (torch::Tensor& parameter : parameters_) {
      weights.push_back(parameter.detach());
      gradients.push_back(parameter.grad());
      parameter.mutable_grad() = torch::Tensor();
    }
    at::_foreach_add_(steps_, 1);
    at::_fused_adam_(weights, gradients, first_, second_, {}, steps_, rate, kBeta1, kBeta2, /*weight_decay=*/0,
                     kEpsilon,
                     /*amsgrad=*/false, /*maximize=*/false);
  }

  void AddState(const std::string& prefix, TensorMap& tensors) const {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      tensors[absl::StrCat(prefix, names_[i], ".m")] = first_[i];
      tensors[absl::StrCat(prefix, names_[i], ".v")] = second_[i];
      tensors[absl::StrCat(prefix, names_[i], ".step")] = steps_[i];
    }
  }

 private:
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_, first_, second_, steps_;
};

// bfloat16 for the operations that gain from it, while it lives.
class Autocast {
 public:
  explicit Autocast(c10::Device device) : type_(device.type()), on_(FastBf16(device)) {
    if (!on_) return;
    at::autocast::set_autocast_enabled(type_, true);
    at::autocast::set_autocast_dtype(type_, at::kBFloat16);
  }
  ~Autocast() {
    if (!on_) return;
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(type_, false);
  }

 private:
  const c10::DeviceType type_;
  const bool on_;
};

// Inputs that one output of the weight sums up. A transposed convolution of stride 2 with
// a kernel of 4, [in, out, 4, 4], sums 4 of its 16 taps.
double FanIn(const std::string& name, const torch::Tensor& weight) {
  const bool transposed = weight.dim() == 4 && (name.rfind("up", 0) == 0 || name.rfind("last", 0) == 0);
  return static_cast<double>(transposed ? weight.size(0) * 4 : weight.numel() / weight.size(0));
}

// Batch norm's scale starts at N(1, 0.02), biases at 0.
void Initialize(torch::nn::Module& module, const Recipe& recipe) {
  torch::NoGradGuard no_grad;
  for (const auto& item : module.named_parameters()) {
    torch::Tensor weight = item.value();
    const bool norm = item.key().rfind("norm", 0) == 0;
    if (weight.dim() > 1) {
      const double gain = weight.dim() == 4 ? 2 : 1;  // after a rectifier half is left
      weight.normal_(0, recipe.keep_variance ? std::sqrt(gain / FanIn(item.key(), weight)) : 0.02);
    } else if (norm && item.key().find("weight") != std::string::npos) {
      weight.normal_(1, 0.02);
    } else {
      weight.zero_();
    }
  }
}

void ToDevice(torch::nn::Module& module, c10::Device device) {
  module.to(device);
  for (torch::Tensor& weight : module.parameters()) {
    if (weight.dim() == 4) weight.set_data(weight.contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

torch::Tensor CategoryLoss(const torch::Tensor& logits, const torch::Tensor& labels) {
  return torch::nn::functional::cross_entropy(logits.to(at::kFloat), labels);
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

bool StepLosses::finite() const { return std::isfinite(generator) && std::isfinite(discriminator); }

struct GanTraining::Impl {
  Impl(const GanTrainingOptions& with, c10::Device on, GanLossKind kind, const std::vector<std::vector<float>>& texts)
      : options(with),
        device(on),
        loss(kind),
        recipe(RecipeOf(with.shape.preset)),
        generator(with.shape),
        average(with.shape),
        discriminator(with.shape) {
    Initialize(*generator, recipe);
    Initialize(*discriminator, recipe);
    if (recipe.standardise_texts && !texts.empty()) {
      const torch::Tensor sample = Stack(texts);
      generator->text()->StandardiseAs(sample);
      discriminator->text()->StandardiseAs(sample);
    }
    for (torch::nn::Module* module :
         {static_cast<torch::nn::Module*>(generator.get()), static_cast<torch::nn::Module*>(average.get()),
          static_cast<torch::nn::Module*>(discriminator.get())}) {
      ToDevice(*module, device);
    }
    average->eval();
    for (torch::Tensor& weight : average->parameters()) weight.set_requires_grad(false);
    ema = std::make_unique<Ema>(*generator, *average, kEmaDecay);
    adam_g = std::make_unique<FusedAdam>(*generator);
    adam_d = std::make_unique<FusedAdam>(*discriminator);
    totals = torch::zeros({5}, at::TensorOptions(device));
    positive_weight = torch::full({1}, kOverlayPositiveWeight, at::TensorOptions(device));
  }

  // The batch's own memory is used in place on the CPU: `data` must outlive the tensor.
  template <typename T>
  torch::Tensor Wrap(const std::vector<T>& data, at::IntArrayRef shape, at::ScalarType type) const {
    return torch::from_blob(const_cast<T*>(data.data()), shape, type).to(device);
  }

  TensorMap State() const {
    TensorMap state;
    const auto add = [&](const char* prefix, const torch::nn::Module& module) {
      for (const auto& [name, tensor] : NamedTensors(module)) state[absl::StrCat(prefix, name)] = tensor;
    };
    add("g.", *generator);
    add("ema.", *average);
    add("d.", *discriminator);
    adam_g->AddState("adam.g.", state);
    adam_d->AddState("adam.d.", state);
    return state;
  }

  GanTrainingOptions options;
  const c10::Device device;
  const GanLossKind loss;
  const Recipe recipe;
  Generator generator, average;
  Discriminator discriminator;
  std::unique_ptr<Ema> ema;
  std::unique_ptr<FusedAdam> adam_g, adam_d;
  torch::Tensor positive_weight;
  torch::Tensor totals;  // [5] sums of StepLosses' fields, on the device
  std::int64_t summed = 0;
};

GanTraining::GanTraining(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GanTraining::~GanTraining() = default;

absl::StatusOr<std::unique_ptr<GanTraining>> GanTraining::Create(const GanTrainingOptions& options,
                                                                 const std::vector<std::vector<float>>& texts) {
  RETURN_IF_ERROR(CheckShape(options.shape));
  ASSIGN_OR_RETURN(const GanLossKind loss, ParseGanLoss(options.loss));
  ASSIGN_OR_RETURN(const c10::Device device, PickDevice(options.device));
  torch::manual_seed(options.seed);
  return std::make_unique<GanTraining>(std::make_unique<Impl>(options, device, loss, texts));
}

void GanTraining::Step(const Batch& batch) {
  Impl& s = *impl_;
  const GanShape& shape = s.options.shape;
  const auto count = static_cast<std::int64_t>(batch.labels.size());
  const std::int64_t side = shape.resolution, across = side / kOverlayCell;
  const torch::Tensor real =
      s.Wrap(batch.images, {count, side, side, 3}, at::kByte).permute({0, 3, 1, 2}).to(at::kFloat).div_(127.5).sub_(1);
  const torch::Tensor text = s.Wrap(batch.texts, {count, shape.text}, at::kFloat);
  const torch::Tensor labels = s.Wrap(batch.labels, {count}, at::kLong);
  const torch::Tensor honest = s.Wrap(batch.honest, {count}, at::kFloat);
  const torch::Tensor cells = s.Wrap(batch.overlay_cells, {count, 1, across, across}, at::kFloat);
  // Noise depends on seed and step alone, so a resumed training draws the same.
  torch::manual_seed(s.options.seed * 0x9E3779B97F4A7C15ull + static_cast<std::uint64_t>(batch.step) + 1);
  const torch::Tensor noise = torch::randn({count, shape.noise}, text.options());

  torch::Tensor fake, d_source, d_loss, g_source, g_loss;
  s.generator->train();
  s.discriminator->train();
  {
    const Autocast autocast(s.device);
    fake = s.generator(noise, text);
    const ImageFeatures seen = s.discriminator->See(torch::cat({real, fake.detach().to(real.dtype())}));
    const torch::Tensor map = seen.map.narrow(0, 0, count);
    const MatchLogits match = s.discriminator->Match(
        torch::cat({map, map.roll(1, 0), seen.map.narrow(0, count, count)}), text.repeat({3, 1}));
    const std::vector<torch::Tensor> source = match.source.chunk(3);
    const torch::Tensor own = seen.image_category.narrow(0, 0, count);
    d_source =
        SourceLoss(s.loss, source[0], honest) + SourceLoss(s.loss, source[1], 0) + SourceLoss(s.loss, source[2], 0);
    d_loss = d_source + 3 * CategoryLoss(match.category, labels.repeat({3})) + CategoryLoss(own, labels) +
             s.recipe.overlay_weight *
                 torch::nn::functional::binary_cross_entropy_with_logits(
                     seen.overlay.narrow(0, 0, count).to(at::kFloat), cells,
                     torch::nn::functional::BinaryCrossEntropyWithLogitsFuncOptions().pos_weight(s.positive_weight));
  }
  d_loss.backward();
  s.adam_d->Step(s.options.learning_rate * s.recipe.discriminator_rate);

  // Through D to G only: D's own gradients are not wanted, so they are not computed.
  for (torch::Tensor& weight : s.discriminator->parameters()) weight.set_requires_grad(false);
  s.discriminator->eval();
  {
    const Autocast autocast(s.device);
    const ImageFeatures seen = s.discriminator->See(fake);
    const MatchLogits match = s.discriminator->Match(seen.map, text);
    g_source = SourceLoss(s.loss, match.source, 1);
    g_loss = s.recipe.WarmthAt(batch.step) *
             (g_source + s.recipe.category_weight *
                             (CategoryLoss(match.category, labels) + CategoryLoss(seen.image_category, labels)));
    if (s.recipe.pixel_weight > 0) {
      const torch::Tensor distance = torch::abs(fake.to(at::kFloat) - real).mean({1, 2, 3});
      g_loss = g_loss + s.recipe.pixel_weight * (distance * honest).mean();
    }
  }
  g_loss.backward();
  s.adam_g->Step(s.options.learning_rate * s.recipe.RateAt(batch.step));
  for (torch::Tensor& weight : s.discriminator->parameters()) weight.set_requires_grad(true);
  s.ema->Update();

  torch::NoGradGuard no_grad;
  s.totals += torch::stack({g_loss, d_loss, g_source, d_source, fake.detach().to(at::kFloat).std(0).mean() / 2});
  ++s.summed;
}

StepLosses GanTraining::TakeLosses() {
  Impl& s = *impl_;
  StepLosses losses;
  losses.steps = s.summed;
  if (s.summed == 0) return losses;
  const torch::Tensor means = (s.totals / static_cast<double>(s.summed)).to(at::kCPU);
  const float* mean = means.data_ptr<float>();
  losses.generator = mean[0];
  losses.discriminator = mean[1];
  losses.generator_source = mean[2];
  losses.discriminator_source = mean[3];
  losses.fake_deviation = mean[4];
  s.totals.zero_();
  s.summed = 0;
  return losses;
}

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
  RETURN_IF_ERROR(SaveWeights(*impl_->average, absl::StrCat(folder, "/generator.safetensors")));
  return SaveWeights(*impl_->discriminator, absl::StrCat(folder, "/discriminator.safetensors"));
}

std::vector<Pixels> GanTraining::Sample(const std::vector<std::vector<float>>& texts, std::uint64_t seed) {
  torch::NoGradGuard no_grad;
  const torch::Tensor noise = torch::randn({static_cast<std::int64_t>(texts.size()), impl_->options.shape.noise},
                                           at::make_generator<at::CPUGeneratorImpl>(seed));
  const torch::Tensor drawn = impl_->average(noise.to(impl_->device), Stack(texts).to(impl_->device));
  const torch::Tensor bytes =
      drawn.add(1).mul_(127.5).round_().clamp_(0, 255).permute({0, 2, 3, 1}).to(at::kCPU, at::kByte).contiguous();
  std::vector<Pixels> images;
  for (std::int64_t i = 0; i < bytes.size(0); ++i) images.push_back(ToPixels(bytes[i]));
  return images;
}

}  // namespace mannequin

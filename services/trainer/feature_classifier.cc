#include "services/trainer/feature_classifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "ATen/autocast_mode.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/nn/torch_device.h"
#include "torch/torch.h"

namespace mannequin {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kImageEpochs = 15;
constexpr std::int64_t kMinSteps = 20, kMaxSteps = 1'500;
constexpr std::int64_t kShift = 4;  // pixels, of the augmentation
constexpr double kPeakRate = 3e-3, kWeightDecay = 0.05, kWarmUpShare = 0.2, kSmoothing = 0.1;

torch::nn::Conv2d Conv(int in, int out, int stride) {
  return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false));
}

struct NetImpl : torch::nn::Module {
  NetImpl(int category_count, int color_count) {
    const auto layer = [this](const char* name, int in, int out, int stride) {
      Layer made{register_module(absl::StrCat("conv_", name), Conv(in, out, stride)),
                 register_module(absl::StrCat("norm_", name), torch::nn::BatchNorm2d(out))};
      layers.push_back(std::move(made));
    };
    layer("0", 3, 32, 2);    // 32x32
    layer("1", 32, 64, 2);   // 16x16
    layer("1r", 64, 64, 1);  //
    layer("2", 64, 128, 2);  // 8x8
    layer("2r", 128, 128, 1);
    layer("3", 128, 128, 2);  // 4x4
    layer("3r", 128, 128, 1);
    category = register_module("category", torch::nn::Linear(FeatureClassifier::kFeatures, category_count));
    if (color_count > 0) {
      color = register_module("color", torch::nn::Linear(FeatureClassifier::kFeatures, color_count));
    }
  }

  // [N, 3, 64, 64] in [-1, 1] to [N, kFeatures].
  torch::Tensor Features(torch::Tensor x) {
    for (Layer& layer : layers) {
      torch::Tensor y = torch::relu(layer.norm(layer.conv(x)));
      x = y.sizes() == x.sizes() ? x + y : y;
    }
    return x.mean({2, 3});
  }

  struct Layer {
    torch::nn::Conv2d conv;
    torch::nn::BatchNorm2d norm;
  };
  std::vector<Layer> layers;
  torch::nn::Linear category{nullptr}, color{nullptr};
};
TORCH_MODULE(Net);

// He et al. 2015; the generator is its own, so that nobody else's random numbers move.
void Initialize(Net& net, at::Generator& random) {
  torch::NoGradGuard no_grad;
  for (torch::Tensor& weight : net->parameters()) {
    if (weight.dim() < 2) continue;
    weight.normal_(0, std::sqrt(2.0 * static_cast<double>(weight.size(0)) / static_cast<double>(weight.numel())),
                   random);
    if (weight.dim() == 4) weight.set_data(weight.contiguous(torch::MemoryFormat::ChannelsLast));
  }
  for (const auto& item : net->named_parameters()) {
    if (item.key().find("bias") != std::string::npos) item.value().zero_();
  }
}

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

// [N, 3, 64, 64] in [-1, 1], channels-last.
// The images have one size.
torch::Tensor Load(const std::vector<const Pixels*>& images, c10::Device device) {
  const std::int64_t side = images.front()->width;
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(images.size()), side, side, 3}, at::kByte);
  std::uint8_t* out = tensor.data_ptr<std::uint8_t>();
  for (const Pixels* image : images) out = std::copy(image->rgb.begin(), image->rgb.end(), out);
  torch::Tensor pixels = tensor.to(device).permute({0, 3, 1, 2}).to(at::kFloat).div_(127.5).sub_(1);
  if (side == FeatureClassifier::kSide) return pixels;
  return at::adaptive_avg_pool2d(pixels, {FeatureClassifier::kSide, FeatureClassifier::kSide});
}

// Half of the images mirrored, each moved by up to kShift pixels, with its edge repeated.
torch::Tensor Augmented(const torch::Tensor& images, std::mt19937_64& random) {
  namespace F = torch::nn::functional;
  const torch::Tensor padded =
      F::pad(images, F::PadFuncOptions({kShift, kShift, kShift, kShift}).mode(torch::kReplicate));
  std::vector<torch::Tensor> moved;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const std::uint64_t chosen = random();
    torch::Tensor image = padded[i]
                              .narrow(1, static_cast<std::int64_t>(chosen % (2 * kShift + 1)), images.size(2))
                              .narrow(2, static_cast<std::int64_t>(chosen / 64 % (2 * kShift + 1)), images.size(3));
    moved.push_back((chosen >> 32 & 1) != 0 ? image.flip(2) : image);
  }
  return torch::stack(moved).contiguous(torch::MemoryFormat::ChannelsLast);
}

absl::Status Check(const LabelledImages& images) {
  if (images.categories.empty()) return absl::InvalidArgumentError("no images to learn features from");
  if (images.colors.size() != images.categories.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(images.categories.size(), " images have ", images.colors.size(), " colours"));
  }
  for (std::size_t i = 0; i < images.categories.size(); ++i) {
    if (images.categories[i] < 0 || images.categories[i] >= images.category_count || images.colors[i] < -1 ||
        images.colors[i] >= images.color_count) {
      return absl::InvalidArgumentError(absl::StrCat("image ", i, " has category ", images.categories[i], " of ",
                                                     images.category_count, " and colour ", images.colors[i], " of ",
                                                     images.color_count));
    }
  }
  return absl::OkStatus();
}

std::vector<int> Likeliest(const torch::Tensor& logits) {
  const torch::Tensor best = logits.argmax(1).to(at::kCPU, at::kInt).contiguous();
  return std::vector<int>(best.data_ptr<int>(), best.data_ptr<int>() + best.numel());
}

std::string DigestOf(const Net& net) {
  std::string bytes;
  const auto add = [&](const torch::Tensor& tensor) {
    const torch::Tensor plain = tensor.to(at::kCPU).contiguous();
    bytes.append(static_cast<const char*>(plain.data_ptr()), plain.nbytes());
  };
  for (const torch::Tensor& tensor : net->parameters()) add(tensor);
  for (const torch::Tensor& tensor : net->buffers()) add(tensor);
  return Sha256Hex(bytes);
}

}  // namespace

struct FeatureClassifier::Impl {
  Impl(c10::Device on, const LabelledImages& images) : device(on), net(images.category_count, images.color_count) {}

  const c10::Device device;
  mutable Net net;  // forward() of a torch module is not const; in evaluation mode it changes nothing
  std::string digest;
};

FeatureClassifier::FeatureClassifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FeatureClassifier::~FeatureClassifier() = default;
const std::string& FeatureClassifier::digest() const { return impl_->digest; }

std::int64_t FeatureClassifier::StepsFor(std::size_t images) {
  return std::clamp(static_cast<std::int64_t>(kImageEpochs * images / kBatch), kMinSteps, kMaxSteps);
}

absl::StatusOr<std::unique_ptr<FeatureClassifier>> FeatureClassifier::Train(const LabelledImages& images,
                                                                            const FeatureClassifierOptions& options,
                                                                            const std::function<bool()>& stopping) {
  RETURN_IF_ERROR(Check(images));
  ASSIGN_OR_RETURN(const c10::Device device, PickDevice(options.device));
  auto impl = std::make_unique<Impl>(device, images);
  Net& net = impl->net;
  at::Generator initial = at::make_generator<at::CPUGeneratorImpl>(options.seed);
  Initialize(net, initial);
  net->to(device);
  net->train();
  torch::optim::AdamW adam(net->parameters(), torch::optim::AdamWOptions(kPeakRate).weight_decay(kWeightDecay));
  const auto smoothed = torch::nn::functional::CrossEntropyFuncOptions().label_smoothing(kSmoothing).ignore_index(-1);

  std::mt19937_64 random(options.seed);
  std::vector<std::size_t> order(images.categories.size());
  std::iota(order.begin(), order.end(), 0);
  const std::size_t batch = std::min(kBatch, order.size());
  std::size_t next = order.size();
  const std::int64_t steps = options.steps > 0 ? options.steps : StepsFor(order.size());
  for (std::int64_t step = 0; step < steps; ++step) {
    if (stopping()) return absl::CancelledError("stopped while learning the features that images are measured by");
    std::vector<Pixels> some;
    std::vector<const Pixels*> loaded;
    std::vector<std::int64_t> categories, colors;
    bool any_color = false;
    for (std::size_t i = 0; i < batch; ++i) {
      if (next == order.size()) {
        for (std::size_t j = order.size(); j > 1; --j) std::swap(order[j - 1], order[random() % j]);
        next = 0;
      }
      const std::size_t image = order[next++];
      some.push_back(images.image(image));
      categories.push_back(images.categories[image]);
      colors.push_back(images.colors[image]);
      any_color = any_color || images.colors[image] >= 0;
    }
    for (const Pixels& image : some) loaded.push_back(&image);
    // Up to the peak in a fifth of the steps, then down to zero.
    const double share = static_cast<double>(step) / static_cast<double>(steps);
    const double rate =
        share < kWarmUpShare ? (0.04 + share) / (0.04 + kWarmUpShare) : (1 - share) / (1 - kWarmUpShare);
    static_cast<torch::optim::AdamWOptions&>(adam.param_groups()[0].options()).lr(kPeakRate * rate);
    torch::Tensor loss;
    {
      const Autocast autocast(device);
      const torch::Tensor features = net->Features(Augmented(Load(loaded, device), random));
      const auto term = [&](torch::nn::Linear& head, const std::vector<std::int64_t>& labels) {
        return torch::nn::functional::cross_entropy(head(features).to(at::kFloat),
                                                    torch::tensor(labels, at::kLong).to(device), smoothed);
      };
      loss = term(net->category, categories);
      if (any_color) loss = loss + term(net->color, colors);
    }
    adam.zero_grad();
    loss.backward();
    adam.step();
  }
  net->eval();
  for (torch::Tensor& weight : net->parameters()) weight.set_requires_grad(false);
  impl->digest = DigestOf(net);
  return std::make_unique<FeatureClassifier>(std::move(impl));
}

SeenImages FeatureClassifier::See(const std::vector<Pixels>& images) const {
  torch::InferenceMode inference;
  SeenImages all;
  all.features.columns = kFeatures;
  for (std::size_t begin = 0; begin < images.size();) {
    std::vector<const Pixels*> some;
    for (; begin < images.size() && some.size() < kBatch; ++begin) {
      if (!some.empty() && some.front()->width != images[begin].width) break;
      some.push_back(&images[begin]);
    }
    // In float32: features of a copy must be those of the original.
    const torch::Tensor features = impl_->net->Features(Load(some, impl_->device));
    const torch::Tensor plain = features.to(at::kCPU).contiguous();
    SeenImages seen;
    seen.features = {some.size(), kFeatures, {plain.data_ptr<float>(), plain.data_ptr<float>() + plain.numel()}};
    seen.categories = Likeliest(impl_->net->category(features));
    seen.colors =
        impl_->net->color.is_empty() ? std::vector<int>(some.size(), -1) : Likeliest(impl_->net->color(features));
    all.Append(seen);
  }
  return all;
}

void SeenImages::Append(const SeenImages& more) {
  features.rows += more.features.rows;
  features.columns = more.features.columns;
  features.values.insert(features.values.end(), more.features.values.begin(), more.features.values.end());
  categories.insert(categories.end(), more.categories.begin(), more.categories.end());
  colors.insert(colors.end(), more.colors.begin(), more.colors.end());
}

}  // namespace mannequin

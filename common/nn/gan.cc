#include "common/nn/gan.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/image/resize.h"
#include "common/nn/judge_net.h"
#include "common/nn/networks.h"
#include "common/nn/torch_device.h"
#include "common/nn/weights.h"

namespace mannequin {

struct LoadedGan::Impl {
  GanShape shape;
  int judged_side = 0;
  std::vector<std::string> categories, colors;
  c10::Device device = c10::kCPU;
  at::ScalarType type = at::kFloat;
  // Their functions are not const; in evaluation mode they change nothing.
  std::shared_ptr<GeneratorNet> generator;
  std::shared_ptr<DiscriminatorNet> discriminator;  // one of the two, or none
  std::shared_ptr<JudgeNet> judge;
};

namespace {

constexpr int kMaxJudgedSide = 1024;  // more is a damaged manifest

// Fills `network` from the file, and makes it ready to serve.
template <typename Network>
absl::Status LoadNetwork(const LoadedGan::Impl& impl, const std::string& path, Network* network) {
  RETURN_IF_ERROR(LoadWeights(*network, path));
  network->eval();
  torch::NoGradGuard no_grad;
  // Texts stay float32: what tells two of a category apart would be lost in bfloat16.
  TensorMap exact;
  for (const auto& [name, tensor] : NamedTensors(*network->text())) exact.emplace(name, tensor.clone());
  network->PrepareToServe(torch::TensorOptions(impl.device).dtype(impl.type));
  network->text()->to(at::kFloat);
  RETURN_IF_ERROR(CopyTensors(exact, NamedTensors(*network->text()), path));
  for (torch::Tensor& weight : network->parameters()) {
    weight.set_requires_grad(false);
    if (weight.dim() == 4) weight.set_data(weight.contiguous(torch::MemoryFormat::ChannelsLast));
  }
  return absl::OkStatus();
}

// [N, T] on the device; INVALID_ARGUMENT for a vector of another dimension.
absl::StatusOr<torch::Tensor> TextTensor(const LoadedGan::Impl& impl, const std::vector<std::vector<float>>& texts) {
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(texts.size()), impl.shape.text});
  float* row = tensor.data_ptr<float>();
  for (const std::vector<float>& text : texts) {
    if (static_cast<int>(text.size()) != impl.shape.text) {
      return absl::InvalidArgumentError(
          absl::StrCat("a text vector has ", text.size(), " components, the bundle takes ", impl.shape.text));
    }
    row = std::copy(text.begin(), text.end(), row);
  }
  return tensor.to(impl.device);
}

absl::StatusOr<torch::Tensor> ImageTensor(const LoadedGan::Impl& impl, const std::vector<Pixels>& images) {
  const int side = impl.judged_side;
  const std::size_t bytes = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3;
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(images.size()), side, side, 3}, at::kByte);
  std::uint8_t* out = tensor.data_ptr<std::uint8_t>();
  for (const Pixels& image : images) {
    if (image.width == impl.shape.resolution && image.height == image.width && image.width != side) {
      const Pixels enlarged = Resize(image, side, side);
      out = std::copy(enlarged.rgb.begin(), enlarged.rgb.end(), out);
      continue;
    }
    if (image.width != side || image.height != side || image.rgb.size() != bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("an image is ", image.width, "x", image.height, ", the bundle takes ", side, "x", side));
    }
    out = std::copy(image.rgb.begin(), image.rgb.end(), out);
  }
  // Interleaved pixels are channels-last already: only the view changes.
  return tensor.to(impl.device).permute({0, 3, 1, 2}).to(impl.type).div_(127.5).sub_(1);
}

// Noise depends on the image's own seed only, never on its place in the batch.
torch::Tensor NoiseTensor(const LoadedGan::Impl& impl, const std::vector<std::uint64_t>& seeds) {
  std::vector<torch::Tensor> rows;
  for (const std::uint64_t seed : seeds)
    rows.push_back(torch::randn({impl.shape.noise}, at::make_generator<at::CPUGeneratorImpl>(seed)));
  return torch::stack(rows).to(impl.device, impl.type);
}

torch::Tensor Plain(const torch::Tensor& tensor) { return tensor.to(at::kFloat).to(at::kCPU); }

std::vector<float> Row(const torch::Tensor& tensor, std::int64_t row) {
  const torch::Tensor values = tensor[row].flatten().contiguous();
  return std::vector<float>(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
}

}  // namespace

LoadedGan::LoadedGan(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
int LoadedGan::resolution() const { return impl_->shape.resolution; }
int LoadedGan::judged_side() const { return impl_->judged_side; }
int LoadedGan::text_dimension() const { return impl_->shape.text; }
const std::vector<std::string>& LoadedGan::categories() const { return impl_->categories; }

int LoadedGan::CategoryIndex(absl::string_view leaf) const {
  const auto found = std::find(impl_->categories.begin(), impl_->categories.end(), leaf);
  return found == impl_->categories.end() ? -1 : static_cast<int>(found - impl_->categories.begin());
}

int LoadedGan::ColorIndex(absl::string_view color) const {
  const auto found = std::find_if(impl_->colors.begin(), impl_->colors.end(),
                                  [&](const std::string& known) { return absl::EqualsIgnoreCase(known, color); });
  return found == impl_->colors.end() ? -1 : static_cast<int>(found - impl_->colors.begin());
}

absl::StatusOr<LoadedGan> LoadGan(const v1::BundleManifest& manifest, const std::string& folder,
                                  absl::string_view device, GanParts parts) {
  if (!manifest.has_gan()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "bundle ", manifest.version(), " has no generator and discriminator; run `mannequin train start`"));
  }
  const v1::GanInfo& gan = manifest.gan();
  auto impl = std::make_shared<LoadedGan::Impl>();
  impl->shape = {
      gan.preset(),         gan.resolution(), gan.features(), gan.noise_dimension(), manifest.embedding().dimension(),
      gan.categories_size()};
  const absl::Status shape = CheckShape(impl->shape);
  if (!shape.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("bundle ", manifest.version(), " does not fit this build: ", shape.message()));
  }
  impl->judged_side = gan.resolution();
  impl->categories.assign(gan.categories().begin(), gan.categories().end());
  ASSIGN_OR_RETURN(impl->device, PickDevice(device));
  if (FastBf16(impl->device)) impl->type = at::kBFloat16;
  if (parts.generator) {
    impl->generator = MakeGenerator(impl->shape);
    RETURN_IF_ERROR(LoadNetwork(*impl, absl::StrCat(folder, "/generator.safetensors"), impl->generator.get()));
  }
  if (parts.discriminator && parts.judge && gan.has_judge()) {
    impl->colors.assign(gan.judge().colors().begin(), gan.judge().colors().end());
    impl->judged_side = gan.judge().resolution();
    if (impl->judged_side < kJudgeCell || impl->judged_side > kMaxJudgedSide || impl->judged_side % kJudgeCell != 0) {
      return absl::FailedPreconditionError(absl::StrCat("bundle ", manifest.version(),
                                                        " does not fit this build: its judge sees pictures of ",
                                                        impl->judged_side, " pixels; train it again"));
    }
    impl->judge = std::make_shared<JudgeNet>(
        JudgeShape{impl->judged_side, impl->shape.text, gan.categories_size(), gan.judge().colors_size()});
    RETURN_IF_ERROR(LoadNetwork(*impl, absl::StrCat(folder, "/judge.safetensors"), impl->judge.get()));
  } else if (parts.discriminator) {
    impl->discriminator = MakeDiscriminator(impl->shape);
    RETURN_IF_ERROR(LoadNetwork(*impl, absl::StrCat(folder, "/discriminator.safetensors"), impl->discriminator.get()));
  }
  return LoadedGan(std::move(impl));
}

absl::StatusOr<std::vector<Pixels>> Generate(const LoadedGan& gan, const std::vector<std::vector<float>>& texts,
                                             const std::vector<std::uint64_t>& seeds) {
  const LoadedGan::Impl& impl = gan.impl();
  if (impl.generator == nullptr) return absl::FailedPreconditionError("the generator was not loaded");
  if (texts.size() != seeds.size()) {
    return absl::InvalidArgumentError(absl::StrCat(texts.size(), " texts for ", seeds.size(), " seeds"));
  }
  std::vector<Pixels> images;
  if (texts.empty()) return images;
  torch::InferenceMode inference;
  ASSIGN_OR_RETURN(const torch::Tensor text, TextTensor(impl, texts));
  const torch::Tensor drawn = impl.generator->Draw(NoiseTensor(impl, seeds), text);
  const torch::Tensor bytes = drawn.to(at::kFloat)
                                  .add(1)
                                  .mul_(127.5)
                                  .round_()
                                  .clamp_(0, 255)
                                  .permute({0, 2, 3, 1})
                                  .to(at::kCPU, at::kByte)
                                  .contiguous();
  const int side = impl.shape.resolution;
  const std::int64_t size = bytes.numel() / bytes.size(0);
  const std::uint8_t* begin = bytes.data_ptr<std::uint8_t>();
  for (std::size_t i = 0; i < texts.size(); ++i, begin += size) {
    images.push_back({side, side, std::vector<std::uint8_t>(begin, begin + size)});
  }
  return images;
}

absl::StatusOr<std::vector<Judgement>> Discriminate(const LoadedGan& gan, const std::vector<Pixels>& images,
                                                    const std::vector<std::vector<float>>& texts) {
  const LoadedGan::Impl& impl = gan.impl();
  if (impl.discriminator == nullptr && impl.judge == nullptr) {
    return absl::FailedPreconditionError("the discriminator was not loaded");
  }
  if (texts.size() != images.size()) {
    return absl::InvalidArgumentError(absl::StrCat(texts.size(), " texts for ", images.size(), " images"));
  }
  std::vector<Judgement> judgements(images.size());
  if (images.empty()) return judgements;
  torch::InferenceMode inference;
  ASSIGN_OR_RETURN(const torch::Tensor text, TextTensor(impl, texts));
  ASSIGN_OR_RETURN(const torch::Tensor image, ImageTensor(impl, images));
  torch::Tensor match, category, color, overlay, overlaid, place;
  if (impl.judge) {
    const JudgeFeatures seen = impl.judge->See(image);
    match = impl.judge->Sharpness() * (seen.place * impl.judge->PlaceOfText(text)).sum(1);
    category = seen.category;
    if (seen.color.defined()) color = Plain(seen.color);
    overlay = seen.overlay;
    overlaid = Plain(seen.overlaid);
    place = Plain(seen.place);
  } else {
    const ImageFeatures seen = impl.discriminator->See(image);
    match = impl.discriminator->Match(seen.map, text).match;
    category = seen.image_category;
    overlay = seen.overlay;
  }
  match = Plain(match);
  category = Plain(category);
  overlay = Plain(overlay);
  for (std::size_t i = 0; i < judgements.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    Judgement& judgement = judgements[i];
    judgement.match = match[row].item<float>();
    judgement.image_category = Row(category, row);
    if (color.defined()) judgement.image_color = Row(color, row);
    judgement.overlay_width = static_cast<int>(overlay.size(3));
    judgement.overlay_height = static_cast<int>(overlay.size(2));
    judgement.overlay = Row(overlay, row);
    if (overlaid.defined()) judgement.overlaid = overlaid[row].item<float>();
    if (place.defined()) judgement.place = Row(place, row);
  }
  return judgements;
}

}  // namespace mannequin

#include "common/nn/gan.h"

#include <algorithm>
#include <array>
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

// Of the side that the bundle judges; those of the generator's are enlarged.
absl::StatusOr<std::vector<Pixels>> Sized(const LoadedGan::Impl& impl, const std::vector<Pixels>& images,
                                          std::vector<const std::uint8_t*>* rgb) {
  const int side = impl.judged_side;
  const std::size_t bytes = static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3;
  std::vector<Pixels> enlarged;
  enlarged.reserve(images.size());  // pointers stay
  for (const Pixels& image : images) {
    if (image.width == impl.shape.resolution && image.height == image.width && image.width != side) {
      enlarged.push_back(Resize(image, side, side));
      rgb->push_back(enlarged.back().rgb.data());
      continue;
    }
    if (image.width != side || image.height != side || image.rgb.size() != bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("an image is ", image.width, "x", image.height, ", the bundle takes ", side, "x", side));
    }
    rgb->push_back(image.rgb.data());
  }
  return enlarged;
}

// [N, 3, S, S] in [-1, 1].
torch::Tensor ImageTensor(const LoadedGan::Impl& impl, const std::vector<const std::uint8_t*>& images) {
  const int side = impl.judged_side;
  torch::Tensor tensor = torch::empty({static_cast<std::int64_t>(images.size()), side, side, 3}, at::kByte);
  std::uint8_t* out = tensor.data_ptr<std::uint8_t>();
  for (const std::uint8_t* image : images) out = std::copy_n(image, std::size_t{3} * side * side, out);
  // Interleaved pixels are channels-last already: only the view changes.
  return tensor.to(impl.device).permute({0, 3, 1, 2}).to(impl.type).div_(127.5).sub_(1);
}

// pixel_unshuffle(ImageTensor, 2), [N, 12, S/2, S/2], on the CPU: each byte becomes its number once, where it is to
// lie. The whole picture in numbers, to be moved afterwards, costs more than its decoding.
template <typename Number>
torch::Tensor BlockTensor(const LoadedGan::Impl& impl, const std::vector<const std::uint8_t*>& images) {
  const std::int64_t side = impl.judged_side, half = side / 2;
  std::array<Number, 256> numbers;
  for (std::size_t level = 0; level < numbers.size(); ++level) {
    numbers[level] = static_cast<Number>(static_cast<float>(level) / 127.5f - 1);
  }
  torch::Tensor blocks = torch::empty({static_cast<std::int64_t>(images.size()), half, half, 12}, impl.type);
  Number* const out = blocks.data_ptr<Number>();
  at::parallel_for(0, static_cast<std::int64_t>(images.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      Number* to = out + n * half * half * 12;
      for (std::int64_t y = 0; y < half; ++y) {
        const std::uint8_t* above = images[static_cast<std::size_t>(n)] + 2 * y * side * 3;
        const std::uint8_t* below = above + side * 3;
        for (std::int64_t x = 0; x < half; ++x, above += 6, below += 6, to += 12) {
          for (int c = 0; c < 3; ++c) {
            to[4 * c] = numbers[above[c]];
            to[4 * c + 1] = numbers[above[3 + c]];
            to[4 * c + 2] = numbers[below[c]];
            to[4 * c + 3] = numbers[below[3 + c]];
          }
        }
      }
    }
  });
  return blocks.permute({0, 3, 1, 2});
}

JudgeFeatures SeenByJudge(const LoadedGan::Impl& impl, const std::vector<const std::uint8_t*>& images) {
  if (!impl.device.is_cpu()) return impl.judge->See(ImageTensor(impl, images));
  return impl.judge->SeeBlocks(impl.type == at::kBFloat16 ? BlockTensor<at::BFloat16>(impl, images)
                                                          : BlockTensor<float>(impl, images));
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
  std::vector<const std::uint8_t*> rgb;
  ASSIGN_OR_RETURN(const std::vector<Pixels> enlarged, Sized(impl, images, &rgb));
  torch::Tensor match, category, color, overlay, overlaid, place;
  if (impl.judge) {
    const JudgeFeatures seen = SeenByJudge(impl, rgb);
    match = impl.judge->Sharpness() * (seen.place * impl.judge->PlaceOfText(text)).sum(1);
    category = seen.category;
    if (seen.color.defined()) color = Plain(seen.color);
    overlay = seen.overlay;
    overlaid = Plain(seen.overlaid);
    place = Plain(seen.place);
  } else {
    const ImageFeatures seen = impl.discriminator->See(ImageTensor(impl, rgb));
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

// The step of preset "mannequin", after R3GAN (https://arxiv.org/abs/2501.05441), on the
// clean images R of the batch with their texts T:
//
//   D: source(R, T) above source(G(z, T), T) and above source(R', T), R' another product's
//      image; R1 and R2 on a part of the batch; the place of R nearest to that of its own
//      T among all texts of the batch, and the other way round (CLIP's loss, Radford et
//      al. 2021); the category of R; on every image, where an overlay is.
//   G: source(G(z, T), T) above source(R, T); its place nearest to that of T; its category;
//      and at first colour and outline of R, of which adversaries alone take long to
//      learn: pixels of sixteenths of the side.
//
// Both players see images through DiffAugment. What R got in D's turn is reused in G's.
#include <algorithm>

#include "common/nn/residual_gan.h"
#include "services/trainer/diff_augment.h"
#include "services/trainer/training_step.h"

namespace mannequin {
namespace {

constexpr double kPenalty = 1;            // of R1 and R2 each, halved in the loss
constexpr std::int64_t kPenaltyPart = 4;  // they are taken on one of so many images
constexpr double kMismatchWeight = 0.5, kPlaceWeight = 0.5, kCategoryWeight = 0.5, kOverlayWeight = 2;
constexpr double kFakePlaceWeight = 0.3, kFakeCategoryWeight = 0.3;
constexpr double kPixelWeight = 10;
constexpr std::int64_t kPixelSteps = 3000;  // in which its weight falls to a twentieth
constexpr double kPixelRest = 0.05;
constexpr std::int64_t kPixelGrid = 16;  // its place is another one in each step: no seams

class MannequinStep : public TrainingStep {
 public:
  explicit MannequinStep(const GanShape& shape) : noise_(shape.noise) {}

  torch::Tensor Run(Players& players, const StepInput& in) override {
    GeneratorNet& generator = *players.generator.net;
    auto& discriminator = dynamic_cast<ResidualDiscriminator&>(*players.discriminator.net);
    const torch::Tensor text = in.text.narrow(0, 0, in.clean), labels = in.labels.narrow(0, 0, in.clean);
    const torch::Tensor real = in.real.narrow(0, 0, in.clean);
    const torch::Tensor noise = torch::randn({in.clean, noise_}, text.options());
    torch::Tensor fake, d_loss, g_loss, real_source, fake_source;
    {
      const Autocast autocast(real.device());
      fake = generator.Draw(noise, text, in.side).to(at::kFloat);
      d_loss = LossOfD(discriminator, in, real, fake.detach(), text, &real_source, &fake_source);
    }
    d_loss.backward();
    const torch::Tensor d_norm = players.discriminator.adam->Step(in.rate);

    const Frozen frozen(discriminator);
    {
      const Autocast autocast(real.device());
      const ImageFeatures seen = discriminator.See(DiffAugment(fake));
      g_loss = PairLoss(discriminator.Match(seen.map, text).source, real_source) +
               kFakePlaceWeight * PlaceLoss(discriminator, discriminator.PlaceOfImage(seen.map), text) +
               kFakeCategoryWeight * CategoryLoss(seen.image_category, labels) +
               PixelWeightAt(in.step) * PixelLoss(fake, real);
    }
    g_loss.backward();
    const torch::Tensor g_norm = players.generator.adam->Step(in.rate);
    const torch::Tensor accuracy = (real_source > fake_source).to(at::kFloat).mean();
    return torch::stack({g_loss.detach(), d_loss.detach(), accuracy, accuracy, g_norm, d_norm, DiversityOf(fake)});
  }

 private:
  torch::Tensor LossOfD(ResidualDiscriminator& discriminator, const StepInput& in, const torch::Tensor& real,
                        const torch::Tensor& fake, const torch::Tensor& text, torch::Tensor* real_source,
                        torch::Tensor* fake_source) const {
    const std::int64_t clean = in.clean, all = in.real.size(0);
    // Overlaid images are not augmented: their cells would move.
    const ImageFeatures seen =
        discriminator.See(torch::cat({DiffAugment(real), DiffAugment(fake), in.real.narrow(0, clean, all - clean)})
                              .contiguous(torch::MemoryFormat::ChannelsLast));
    const torch::Tensor map = seen.map.narrow(0, 0, clean);
    const torch::Tensor source =
        discriminator.Match(torch::cat({map, map.roll(1, 0), seen.map.narrow(0, clean, clean)}), text.repeat({3, 1}))
            .source.to(at::kFloat);
    const std::vector<torch::Tensor> sources = source.chunk(3);
    *real_source = sources[0].detach();
    *fake_source = sources[2].detach();
    // All real images, those with an overlay too.
    const auto of_real = [&](const torch::Tensor& rows) {
      return torch::cat({rows.narrow(0, 0, clean), rows.narrow(0, 2 * clean, all - clean)});
    };
    return PairLoss(sources[0], sources[2]) + kMismatchWeight * PairLoss(sources[0], sources[1]) +
           kPlaceWeight * PlaceLoss(discriminator, discriminator.PlaceOfImage(map), text) +
           kCategoryWeight * CategoryLoss(of_real(seen.image_category), in.labels) +
           kOverlayWeight * OverlayLoss(of_real(seen.overlay), in.overlay) +
           kPenalty / 2 * Penalties(discriminator, real, fake, text);
  }

  // Each row's place nearest to its own text's among all texts, and back.
  torch::Tensor PlaceLoss(ResidualDiscriminator& discriminator, const torch::Tensor& places,
                          const torch::Tensor& text) const {
    const torch::Tensor logits =
        discriminator.Sharpness() * torch::matmul(places, discriminator.PlaceOfText(text).t()).to(at::kFloat);
    const torch::Tensor own = torch::arange(text.size(0), at::TensorOptions(text.device()).dtype(at::kLong));
    return (CategoryLoss(logits, own) + CategoryLoss(logits.t(), own)) / 2;
  }

  torch::Tensor Penalties(ResidualDiscriminator& discriminator, const torch::Tensor& real, const torch::Tensor& fake,
                          const torch::Tensor& text) const {
    const std::int64_t part = std::max<std::int64_t>(1, real.size(0) / kPenaltyPart);
    const torch::Tensor images =
        DiffAugment(torch::cat({real.narrow(0, 0, part), fake.narrow(0, 0, part)})).detach().requires_grad_();
    const torch::Tensor logits =
        discriminator.Match(discriminator.See(images).map, text.narrow(0, 0, part).repeat({2, 1})).source;
    return 2 * GradientPenalty(logits, images);  // the mean of both is half of their sum
  }

  static double PixelWeightAt(std::int64_t step) {
    const double past = std::min(1.0, static_cast<double>(step) / static_cast<double>(kPixelSteps));
    return kPixelWeight * (1 - (1 - kPixelRest) * past);
  }

  static torch::Tensor PixelLoss(const torch::Tensor& fake, const torch::Tensor& real) {
    const std::int64_t cell = fake.size(2) / kPixelGrid;
    const std::int64_t side = fake.size(2) - cell;
    const torch::Tensor place = torch::randint(cell, {2}, at::kLong);
    const std::int64_t* at = place.const_data_ptr<std::int64_t>();
    const auto cells = [&](const torch::Tensor& images) {
      return torch::avg_pool2d(images.narrow(2, at[0], side).narrow(3, at[1], side), cell);
    };
    return torch::abs(cells(fake) - cells(real)).mean();
  }

  const std::int64_t noise_;
};

}  // namespace

std::unique_ptr<TrainingStep> MakeMannequinStep(const GanShape& shape) {
  return std::make_unique<MannequinStep>(shape);
}

}  // namespace mannequin

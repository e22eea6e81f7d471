// The step of preset "tacgan":
//
//   D: source(R, T) = 1, source(R', T) = 0, source(G(z, T), T) = 0, category of T in
//      each; of the image alone: its own category, and where an overlay is.
//      R' is another product's image of the same batch, so its convolutions are done
//      already and only the mix with T is new. An image with an overlay has target 0.
//   G: source(G(z, T), T) = 1, category of T, seen with and without the text.
//
// Real and generated images go through D's convolutions as one batch: its batch norm then
// has the same statistics for both, and they are those that evaluation uses. The generator
// sees D in evaluation mode, and what it drew for D's turn is judged again for its own.
#include "services/trainer/training_step.h"

namespace mannequin {
namespace {

class TacganStep : public TrainingStep {
 public:
  TacganStep(const GanShape& shape, GanLossKind loss) : noise_(shape.noise), loss_(loss) {}

  torch::Tensor Run(Players& players, const StepInput& in) override {
    GeneratorNet& generator = *players.generator.net;
    DiscriminatorNet& discriminator = *players.discriminator.net;
    const std::int64_t count = in.real.size(0);
    const torch::Tensor noise = torch::randn({count, noise_}, in.text.options());
    torch::Tensor fake, d_loss, g_loss, accuracy_real, accuracy_fake;
    generator.train();
    discriminator.train();
    {
      const Autocast autocast(in.real.device());
      fake = generator.Draw(noise, in.text);
      const ImageFeatures seen = discriminator.See(torch::cat({in.real, fake.detach().to(in.real.dtype())}));
      const torch::Tensor map = seen.map.narrow(0, 0, count);
      const MatchLogits match = discriminator.Match(torch::cat({map, map.roll(1, 0), seen.map.narrow(0, count, count)}),
                                                    in.text.repeat({3, 1}));
      const std::vector<torch::Tensor> source = match.source.chunk(3);
      d_loss = SourceLoss(loss_, source[0], in.honest) + SourceLoss(loss_, source[1], 0) +
               SourceLoss(loss_, source[2], 0) + 3 * CategoryLoss(match.category, in.labels.repeat({3})) +
               CategoryLoss(seen.image_category.narrow(0, 0, count), in.labels) +
               OverlayLoss(seen.overlay.narrow(0, 0, count), in.overlay);
      const double undecided = loss_ == GanLossKind::kLsgan ? 0.5 : 0;
      accuracy_real = (source[0].detach().narrow(0, 0, in.clean) > undecided).to(at::kFloat).mean();
      accuracy_fake = (source[2].detach() < undecided).to(at::kFloat).mean();
    }
    d_loss.backward();
    const torch::Tensor d_norm = players.discriminator.adam->Step(in.rate);

    const Frozen frozen(discriminator);
    discriminator.eval();
    {
      const Autocast autocast(in.real.device());
      const ImageFeatures seen = discriminator.See(fake);
      const MatchLogits match = discriminator.Match(seen.map, in.text);
      g_loss = SourceLoss(loss_, match.source, 1) + CategoryLoss(match.category, in.labels) +
               CategoryLoss(seen.image_category, in.labels);
    }
    g_loss.backward();
    const torch::Tensor g_norm = players.generator.adam->Step(in.rate);
    return torch::stack(
        {g_loss.detach(), d_loss.detach(), accuracy_real, accuracy_fake, g_norm, d_norm, DiversityOf(fake)});
  }

 private:
  const std::int64_t noise_;
  const GanLossKind loss_;
};

}  // namespace

std::unique_ptr<TrainingStep> MakeTacganStep(const GanShape& shape, GanLossKind loss) {
  return std::make_unique<TacganStep>(shape, loss);
}

}  // namespace mannequin

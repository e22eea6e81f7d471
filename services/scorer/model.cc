#include "services/scorer/model.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/nn/device.h"

namespace mannequin {

absl::StatusOr<std::shared_ptr<const ScorerModel>> LoadScorerModel(const v1::BundleManifest& manifest,
                                                                   const std::string& folder,
                                                                   const std::string& device) {
  auto model = std::make_shared<ScorerModel>();
  model->manifest = manifest;
  ASSIGN_OR_RETURN(model->text, TextEncoder::Load(folder));
  if (manifest.has_gan()) {
    ASSIGN_OR_RETURN(model->gan, LoadGan(manifest, folder, device, {.generator = false}));
  }
  return std::shared_ptr<const ScorerModel>(std::move(model));
}

absl::Status WarmUp(const ScorerModel& model, int max_batch, int threads) {
  if (!model.gan) return absl::OkStatus();
  const int side = model.gan->judged_side();
  const Pixels grey{side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * side * side), 128)};
  const std::vector<float> text(static_cast<std::size_t>(model.gan->text_dimension()), 0.1f);
  absl::Status status;
  for (const int batch : {1, 3, 8, 16, max_batch}) {
    const auto size = static_cast<std::size_t>(std::clamp(batch, 1, max_batch));
    for (const int used : {threads, 0}) {  // in the end as this thread began
      SetCpuThreadsHere(used);
      status.Update(
          Discriminate(*model.gan, std::vector<Pixels>(size, grey), std::vector<std::vector<float>>(size, text))
              .status());
    }
  }
  return status;
}

}  // namespace mannequin

#include "services/scorer/model.h"

#include "common/base/status_macros.h"

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

}  // namespace mannequin

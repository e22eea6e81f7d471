#include "services/generator/model.h"

#include "common/base/status_macros.h"

namespace mannequin {

absl::StatusOr<std::shared_ptr<const GeneratorModel>> LoadGeneratorModel(const v1::BundleManifest& manifest,
                                                                         const std::string& folder,
                                                                         const std::string& device) {
  auto model = std::make_shared<GeneratorModel>();
  model->manifest = manifest;
  ASSIGN_OR_RETURN(model->text, TextEncoder::Load(folder));
  if (manifest.has_gan()) {
    ASSIGN_OR_RETURN(model->gan, LoadGan(manifest, folder, device));
  }
  return std::shared_ptr<const GeneratorModel>(std::move(model));
}

}  // namespace mannequin

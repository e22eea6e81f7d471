#include "services/mannequin/shipped_bundle.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/embedded_file.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "spdlog/spdlog.h"

namespace mannequin {

// The files of the folder shipped_bundle, the manifest among them.
const std::vector<EmbeddedFile>& ShippedFiles();

absl::StatusOr<bool> InstallShippedBundle(const BundleFolder& bundles) {
  ASSIGN_OR_RETURN(const std::string current, bundles.CurrentVersion());
  if (!current.empty()) return false;
  ASSIGN_OR_RETURN(const std::string staging, bundles.Stage());
  for (const EmbeddedFile& file : ShippedFiles()) {
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(staging, "/", file.name), file.bytes));
  }
  ASSIGN_OR_RETURN(const v1::BundleManifest manifest, bundles.Adopt(staging));
  RETURN_IF_ERROR(bundles.Promote(manifest.version()).status());
  spdlog::info("bundle {} came with this program", manifest.version());
  return true;
}

}  // namespace mannequin

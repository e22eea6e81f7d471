// What a tool from the shelf makes of the same listings: RapidOCR (PyPI, rapidocr-onnxruntime), which reads text and
// does not know whether it belongs to the product.
//
//   ASSIGN_OR_RETURN(OverlayBaseline baseline, ReadByRapidOcr("python3", options.export_folder));
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace mannequin {

// AUC of overlays against honest pictures, by the confidence of what was read.
struct OverlayBaseline {
  double auc = 0;
  std::map<std::string, double> by_abuse, by_script;
  std::int64_t pictures = 0;
  double milliseconds = 0;  // a picture
};

// Reads the folder that EvaluateScoring exported; some five pictures a second. FAILED_PRECONDITION when `python`
// (a program's name or path) does not have the package, with what to install.
absl::StatusOr<OverlayBaseline> ReadByRapidOcr(const std::string& python, const std::string& folder);

}  // namespace mannequin

#include "services/mannequin/score_eval/rapidocr_baseline.h"

#include <sys/wait.h>

#include <cstdio>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/embedded_file.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace mannequin {

const std::vector<EmbeddedFile>& RapidOcrScript();

namespace {

std::string Quoted(const std::string& word) {
  return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
}

}  // namespace

absl::StatusOr<OverlayBaseline> ReadByRapidOcr(const std::string& python, const std::string& folder) {
  const std::string script = folder + "/overlay_rapidocr.py";
  RETURN_IF_ERROR(WriteFileAtomically(script, RapidOcrScript().front().bytes));
  std::FILE* pipe = popen(absl::StrCat(Quoted(python), " ", Quoted(script), " ", Quoted(folder)).c_str(), "r");
  if (pipe == nullptr) return absl::InternalError(absl::StrCat(python, ": could not be started"));
  std::string text;
  char buffer[4096];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) text.append(buffer, got);
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--rapidocr: ", python, " cannot read the listings (its words stand above); install the package: ", python,
        " -m pip install rapidocr-onnxruntime==1.4.4"));
  }
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("auc") || !json["auc"].is_number())
    return absl::InternalError(absl::StrCat("--rapidocr: expected a JSON object, got ", text));
  OverlayBaseline baseline;
  baseline.auc = json.value("auc", 0.0);
  baseline.milliseconds = json.value("milliseconds", 0.0);
  baseline.pictures = json.value("pictures", std::int64_t{0});
  baseline.by_abuse = json.value("by_abuse", baseline.by_abuse);
  baseline.by_script = json.value("by_script", baseline.by_script);
  return baseline;
}

}  // namespace mannequin

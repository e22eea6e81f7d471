// score eval: how good the verdicts of a bundle are, on listings abused in known ways.
#include <cstdio>
#include <filesystem>
#include <optional>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/score_eval/rapidocr_baseline.h"
#include "services/mannequin/score_eval/score_eval.h"
#include "services/mannequin/shipped_bundle.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

nlohmann::json RowJson(const ScoreEvalRow& row) {
  return {{"reason", row.reason},
          {"what", row.what},
          {"honest", row.honest},
          {"abused", row.abused},
          {"auc", row.auc},
          {"average_precision", row.average_precision},
          {"false_alarms_at_95_percent_found", row.false_alarms},
          {"found_at_1_percent_false_alarms", row.found_1},
          {"found_at_0.2_percent_false_alarms", row.found_02},
          {"discriminator_auc", row.plain_auc ? nlohmann::json(*row.plain_auc) : nlohmann::json(nullptr)}};
}

nlohmann::json ReportJson(const ScoreEvalReport& report) {
  nlohmann::json json = {
      {"bundle_version", report.bundle_version},
      {"products", report.products},
      {"categories", report.categories},
      {"milliseconds", report.milliseconds},
      {"calibration_error",
       {{"PROMOTIONAL_OVERLAY", report.overlay_calibration_error}, {"MISMATCH", report.mismatch_calibration_error}}},
      {"rows", nlohmann::json::array()},
      {"verdicts", nlohmann::json::array()}};
  for (const ScoreEvalRow& row : report.rows) json["rows"].push_back(RowJson(row));
  for (const VerdictShares& shares : report.verdicts) {
    json["verdicts"].push_back({{"what", shares.what},
                                {"listings", shares.listings},
                                {"clean", shares.clean},
                                {"review", shares.review},
                                {"abuse", shares.abuse},
                                {"not_scored", shares.not_scored}});
  }
  for (const DefectShare& defect : report.honest_defects) {
    json["honest_defects"].push_back(
        {{"defect", defect.defect}, {"pictures", defect.pictures}, {"share", defect.share}});
  }
  return json;
}

void Print(const ScoreEvalReport& report) {
  std::printf("bundle %s on %d held-out products of %d categories, %.2f ms a listing\n\n",
              report.bundle_version.c_str(), static_cast<int>(report.products), static_cast<int>(report.categories),
              report.milliseconds);
  std::vector<std::vector<std::string>> rows;
  for (const ScoreEvalRow& row : report.rows) {
    rows.push_back({row.reason, row.what, absl::StrCat(row.abused), absl::StrFormat("%.4f", row.auc),
                    absl::StrFormat("%.3f", row.average_precision), absl::StrFormat("%.1f %%", 100 * row.false_alarms),
                    absl::StrFormat("%.3f", row.found_1), absl::StrFormat("%.3f", row.found_02),
                    row.plain_auc ? absl::StrFormat("%.3f", *row.plain_auc) : "-"});
  }
  std::fputs(FormatTable({"reason", "abuse", "listings", "AUC", "AP", "false alarms at 95 % found", "found at 1 %",
                          "found at 0.2 %", "AUC, discriminator alone"},
                         rows, {false, false, true, true, true, true, true, true, true})
                 .c_str(),
             stdout);
  rows.clear();
  for (const VerdictShares& shares : report.verdicts) {
    rows.push_back({shares.what, absl::StrCat(shares.listings), absl::StrFormat("%.1f %%", 100 * shares.clean),
                    absl::StrFormat("%.1f %%", 100 * shares.review), absl::StrFormat("%.1f %%", 100 * shares.abuse),
                    absl::StrFormat("%.1f %%", 100 * shares.not_scored)});
  }
  std::fputs("\n", stdout);
  std::fputs(FormatTable({"listings that are", "listings", "CLEAN", "REVIEW", "ABUSE", "NOT_SCORED"}, rows,
                         {false, true, true, true, true, true})
                 .c_str(),
             stdout);
  std::fputs("\nhonest pictures said to be", stdout);
  for (std::size_t i = 0; i < report.honest_defects.size(); ++i) {
    const DefectShare& defect = report.honest_defects[i];
    std::printf("%s %s: %.2f %%", i == 0 ? "" : ",", defect.defect.c_str(), 100 * defect.share);
  }
  std::fputs("\n", stdout);
  std::printf("\ncalibration error: overlay %.1f %%, mismatch %.1f %%\n", 100 * report.overlay_calibration_error,
              100 * report.mismatch_calibration_error);
}

nlohmann::json BaselineJson(const OverlayBaseline& baseline) {
  return {{"auc", baseline.auc},
          {"by_abuse", baseline.by_abuse},
          {"by_script", baseline.by_script},
          {"pictures", baseline.pictures},
          {"milliseconds", baseline.milliseconds}};
}

void Print(const OverlayBaseline& baseline) {
  std::printf("\nRapidOCR on the same %d pictures: AUC %.4f of every overlay, %.0f ms a picture\n",
              static_cast<int>(baseline.pictures), baseline.auc, baseline.milliseconds);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [abuse, auc] : baseline.by_abuse) rows.push_back({abuse, absl::StrFormat("%.4f", auc)});
  for (const auto& [script, auc] : baseline.by_script)
    rows.push_back({"slogan, " + script, absl::StrFormat("%.4f", auc)});
  std::fputs(FormatTable({"abuse", "AUC"}, rows, {false, true}).c_str(), stdout);
}

absl::Status Run(const Invocation& invocation, ScoreEvalOptions options, const std::string& rapidocr) {
  std::string unpacked, exported;
  const auto remove = absl::MakeCleanup([&] {
    std::error_code ignored;
    for (const std::string& folder : {unpacked, exported}) {
      if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
    }
  });
  if (!rapidocr.empty() && options.export_folder.empty()) {
    ASSIGN_OR_RETURN(exported, MakeTemporaryFolder("mannequin-listings"));
    options.export_folder = exported;
  }
  if (options.bundle_folder.empty()) {
    ASSIGN_OR_RETURN(unpacked, MakeTemporaryFolder("mannequin-bundle"));
    const BundleFolder bundles(unpacked);
    RETURN_IF_ERROR(InstallShippedBundle(bundles).status());
    ASSIGN_OR_RETURN(const std::string version, bundles.CurrentVersion());
    options.bundle_folder = bundles.FolderOf(version);
  }
  ProgressLine progress(invocation.json());
  const absl::Time begin = absl::Now();
  ASSIGN_OR_RETURN(const ScoreEvalReport report, EvaluateScoring(options, [&](double share) {
                     Progress line;
                     line.what = "score eval";
                     line.share = share;
                     line.seconds_left = SecondsLeft(absl::ToDoubleSeconds(absl::Now() - begin), share);
                     progress.Show(line);
                     return !Interrupted();
                   }));
  std::optional<OverlayBaseline> baseline;
  if (!rapidocr.empty()) {
    Progress reads;
    reads.what = "score eval";
    reads.done = "RapidOCR reads";
    progress.Show(reads);
    ASSIGN_OR_RETURN(baseline, ReadByRapidOcr(rapidocr, options.export_folder));
  }
  progress.End(absl::StrCat(report.products, " products"));
  if (invocation.json()) {
    nlohmann::json json = ReportJson(report);
    if (baseline) json["rapidocr"] = BaselineJson(*baseline);
    PrintJson(json);
    return absl::OkStatus();
  }
  Print(report);
  if (baseline) Print(*baseline);
  return absl::OkStatus();
}

}  // namespace

void AddScoreEvalCommand(CLI::App& score, Invocation& invocation) {
  const auto options = std::make_shared<ScoreEvalOptions>();
  CLI::App* command = score.add_subcommand(
      "eval",
      "how good the verdicts are, on a catalogue's held-out pictures abused in known ways; without a server\n"
      "  mannequin score eval --catalog metadata.json.gz --images photos");
  command->add_option("--catalog", options->catalog, "as ingest reads it")->required()->type_name("FILE");
  command->add_option("--images", options->images, "folder of ID.jpg")->required()->check(CLI::ExistingDirectory);
  command->add_option("--bundle", options->bundle_folder, "folder of a bundle (the one that comes with this program)")
      ->check(CLI::ExistingDirectory);
  command->add_option("--products", options->products, "held-out products, at most")
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of how listings are abused")->capture_default_str();
  command->add_option("--device", options->device, "cpu or cuda:N (CUDA when there is one)");
  command->add_option("--export", options->export_folder, "folder that gets the listings, for others to be measured on")
      ->check(CLI::ExistingDirectory);
  command->add_option("--printed", options->printed, "leaf categories with print of their own; repeatable")
      ->capture_default_str();
  const auto rapidocr = std::make_shared<std::string>();
  command->add_option(
      "--rapidocr", *rapidocr,
      "a Python that has rapidocr-onnxruntime, e.g. python3: what it makes of the same overlays, at some "
      "five pictures a second");
  command->callback([&invocation, options, rapidocr] {
    invocation.run = [&invocation, options, rapidocr] { return Run(invocation, *options, *rapidocr); };
  });
}

}  // namespace mannequin

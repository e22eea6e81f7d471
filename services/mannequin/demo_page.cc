// The demo's last page.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/demo.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

std::string Number(const nlohmann::json& value) {
  if (value.is_number_integer()) return WithCommas(value.get<std::int64_t>());
  return value.get<double>() >= 100 ? WithCommas(static_cast<std::int64_t>(value.get<double>()))
                                    : absl::StrFormat("%.3g", value.get<double>());
}

std::string StageTable(const DemoResult& result) {
  std::vector<std::vector<std::string>> rows;
  for (const DemoStage& stage : result.stages) {
    std::vector<std::string> counts;
    for (const auto& [name, value] : stage.counts.items()) counts.push_back(absl::StrCat(name, " ", Number(value)));
    rows.push_back({stage.name, HumanSeconds(stage.seconds), absl::StrJoin(counts, ", ")});
  }
  return FormatTable({"stage", "took", "counts"}, rows, {false, true});
}

std::string Reasons(const v1::Verdict& verdict) {
  std::vector<std::string> parts;
  for (const v1::ReasonScore& reason : verdict.reasons()) {
    if (parts.size() == 2) break;
    parts.push_back(absl::StrFormat("%s %.2f", ReasonName(reason.reason()), reason.probability()));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace

std::string DemoPage(const DemoResult& result) {
  std::string page = absl::StrCat("\nStages\n", StageTable(result), "\nCatalogue\n");
  absl::StrAppend(&page, "  ", WithCommas(result.statistics.products()), " products, ",
                  WithCommas(result.statistics.images()), " distinct pictures (",
                  HumanBytes(result.statistics.image_bytes()), "), ", HumanBytes(result.statistics.disk_bytes()),
                  " on disk\n");
  for (const v1::ImageStateCount& count : result.statistics.image_states()) {
    absl::StrAppend(&page,
                    absl::StrFormat("  image %-8s %s\n", ShortName(count.state()), WithCommas(count.products())));
  }
  if (!result.similar.empty()) {
    absl::StrAppend(&page, "\nMost similar to ", result.similar_to.id(), " \"", result.similar_to.title(), "\"\n");
    std::vector<std::vector<std::string>> rows;
    for (const v1::SimilarProduct& product : result.similar) {
      rows.push_back({absl::StrCat(rows.size() + 1), absl::StrFormat("%.3f", product.cosine()), product.product_id(),
                      product.title()});
    }
    absl::StrAppend(&page, FormatTable({"rank", "cosine", "id", "title"}, rows, {true, true}));
  }
  absl::StrAppend(&page, "\nWorst listings\n");
  std::vector<std::vector<std::string>> rows;
  for (const WorstListing& listing : result.worst) {
    rows.push_back(
        {VerdictName(listing.verdict.kind()), listing.product.id(), listing.product.title(), Reasons(listing.verdict)});
  }
  absl::StrAppend(&page, FormatTable({"verdict", "id", "title", "reasons"}, rows));
  for (const auto& [reason, auc] : result.auc) {
    absl::StrAppend(
        &page, auc ? absl::StrFormat("  AUC %-20s %.3f\n", reason, *auc) : absl::StrFormat("  AUC %-20s -\n", reason));
  }
  absl::StrAppend(&page, "\nPictures\n  placeholders     ", result.placeholder_sheet, "\n  worst listings   ",
                  result.worst_sheet, "\n  training samples ", result.training_samples, "\n");
  return page;
}

nlohmann::json DemoJson(const DemoResult& result) {
  nlohmann::json stages = nlohmann::json::array();
  for (const DemoStage& stage : result.stages) {
    stages.push_back({{"stage", stage.name}, {"seconds", stage.seconds}, {"counts", stage.counts}});
  }
  nlohmann::json worst = nlohmann::json::array();
  for (const WorstListing& listing : result.worst) {
    worst.push_back({{"product", JsonValue(listing.product)}, {"verdict", JsonValue(listing.verdict)}});
  }
  nlohmann::json similar = nlohmann::json::array();
  for (const v1::SimilarProduct& product : result.similar) similar.push_back(JsonValue(product));
  nlohmann::json auc = nlohmann::json::object();
  for (const auto& [reason, value] : result.auc) auc[reason] = value ? nlohmann::json(*value) : nlohmann::json(nullptr);
  return {{"stages", stages},
          {"statistics", JsonValue(result.statistics)},
          {"similar_to", JsonValue(result.similar_to)},
          {"similar", similar},
          {"verdicts", result.verdicts},
          {"worst", worst},
          {"auc", auc},
          {"pictures",
           {{"placeholders", result.placeholder_sheet},
            {"worst", result.worst_sheet},
            {"samples", result.training_samples}}}};
}

}  // namespace mannequin

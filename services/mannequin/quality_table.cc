#include "services/mannequin/quality_table.h"

#include "absl/strings/str_cat.h"
#include "services/mannequin/terminal.h"
#include "services/trainer/quality_figures.h"

namespace mannequin {

std::string QualityTable(const std::vector<std::pair<std::string, v1::Quality>>& bundles) {
  if (bundles.empty()) return "";
  std::vector<std::string> header = {"figure"};
  std::vector<bool> right = {false};
  for (const auto& [name, quality] : bundles) {
    header.push_back(name);
    right.push_back(true);
  }
  header.push_back("real");
  header.push_back("meaning");
  right.push_back(true);
  right.push_back(false);
  const v1::Quality& first = bundles.front().second;
  std::vector<std::vector<std::string>> rows;
  for (const QualityFigure& figure : QualityFigures()) {
    std::vector<std::string> row = {figure.name};
    for (const auto& [name, quality] : bundles) row.push_back(FigureText((quality.*figure.value)()));
    row.push_back(figure.real == nullptr ? "" : FigureText((first.*figure.real)()));
    row.push_back(figure.meaning);
    rows.push_back(std::move(row));
  }
  std::string table = FormatTable(header, rows, right);
  absl::StrAppend(
      &table, "measured on ", WithCommas(first.products()),
      first.from_training() ? " TRAINING products, as too few are held out: too good" : " held-out products", " with ",
      first.measured_with(), "\n");
  return table;
}

std::string GateRows(const v1::PromoteBundleResponse& response) {
  if (response.gate().empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const v1::GateRow& row : response.gate()) {
    rows.push_back({row.figure(), FigureText(row.candidate()), FigureText(row.current()), FigureText(row.tolerance()),
                    row.worse() ? "WORSE" : "ok"});
  }
  return FormatTable({"figure", "candidate", "current", "may differ", ""}, rows, {false, true, true, true, false});
}

}  // namespace mannequin

// export
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/export/catalog_export.h"
#include "services/mannequin/job_view.h"

namespace mannequin {
namespace {

struct ExportCommand {
  std::string file = "-";
  std::string category;
  std::string image_state;
  ExportOptions options;
};

std::map<std::string, v1::ImageState> ImageStates() {
  std::map<std::string, v1::ImageState> states;
  for (int i = v1::ImageState_MIN + 1; i <= v1::ImageState_MAX; ++i) {
    states[ShortName(static_cast<v1::ImageState>(i))] = static_cast<v1::ImageState>(i);
  }
  return states;
}

std::set<std::string> ImageStateNames() {
  std::set<std::string> names;
  for (const auto& [name, state] : ImageStates()) names.insert(name);
  return names;
}

absl::Status Export(Invocation& invocation, ExportCommand& command) {
  for (absl::string_view part : absl::StrSplit(command.category, '>')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) command.options.filter.add_category_path(std::string(part));
  }
  if (!command.image_state.empty()) command.options.filter.set_image_state(ImageStates()[command.image_state]);
  ProgressLine progress(invocation.json());
  const auto show = [&progress](const ExportProgress& now) {
    progress.Show(absl::StrFormat(
        "export  %s%s products  %s/s", now.collecting ? "attributes of " : "", WithCommas(now.products),
        WithCommas(static_cast<std::int64_t>(static_cast<double>(now.products) / std::max(now.seconds, 1e-3)))));
    return !Interrupted();
  };
  ASSIGN_OR_RETURN(const ExportReport report, ExportCatalog(command.file, command.options, invocation.Store(), show));
  // Standard output holds the products when the file is "-".
  if (invocation.json() && command.file != "-") {
    PrintJson({{"file", command.file},
               {"format", command.options.format},
               {"products", report.products},
               {"file_bytes", report.file_bytes},
               {"refused_by_ingest", report.refused_by_ingest},
               {"seconds", report.seconds}});
  }
  std::string words = absl::StrFormat("%s products, %s, in %s", WithCommas(report.products),
                                      HumanBytes(report.file_bytes), HumanSeconds(report.seconds));
  if (report.refused_by_ingest > 0) {
    absl::StrAppend(&words, "; ", WithCommas(report.refused_by_ingest),
                    " of them have neither a title nor a category: ingest would refuse them");
  }
  progress.End(words);
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(CLI::App& app, Invocation& invocation) {
  const auto command = std::make_shared<ExportCommand>();
  CLI::App* sub = app.add_subcommand(
      "export", "write the store's products into a file that ingest reads\n  mannequin export products.jsonl.gz");
  sub->add_option("FILE", command->file, "ends in .gz: gzip, .zst: zstd; - is standard output")->capture_default_str();
  sub->add_option("--format", command->options.format, "jsonl or merchant (Google's tab-separated feed)")
      ->check(CLI::IsMember({"jsonl", "merchant"}))
      ->capture_default_str();
  sub->add_option("--category", command->category, "only below this path, \"Apparel > Topwear\"");
  sub->add_option_function<std::string>(
      "--brand", [command](const std::string& brand) { command->options.filter.set_brand(brand); }, "only this brand");
  sub->add_option("--image-state", command->image_state, "only products whose image stands so")
      ->check(CLI::IsMember(ImageStateNames()));
  sub->callback(
      [&invocation, command] { invocation.run = [&invocation, command] { return Export(invocation, *command); }; });
}

}  // namespace mannequin

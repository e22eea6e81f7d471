// export
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "services/mannequin/category_path.h"
#include "services/mannequin/channel.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/export/catalog_export.h"
#include "services/mannequin/job_view.h"

namespace mannequin {
namespace {

struct ExportCommand {
  std::string file = "-";
  std::string category;
  std::string image_state;
  std::string channel;
  std::string image_base;
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

// Of --channel, for a person: what became of the approved placeholders.
std::string PlaceholderWords(const ExportCommand& command, const ExportReport& report) {
  if (report.placeholders_linked > 0) {
    return absl::StrCat("; ", WithCommas(report.placeholders_linked), " with the address of their placeholder");
  }
  if (report.placeholders_left_out == 0) return "";
  const v1::Policy& channel = ChannelOf(command.channel);
  return absl::StrCat("; ", WithCommas(report.placeholders_left_out), " approved placeholders left out: ",
                      channel.allows_generated_images()
                          ? "give --image-base, the address under which the console's /images is reached"
                          : absl::StrCat(channel.title(), ": generated images are ", GeneratedImagesText(channel)));
}

absl::Status Export(Invocation& invocation, ExportCommand& command) {
  for (const std::string& part : CategoryPathOf(command.category)) command.options.filter.add_category_path(part);
  command.options.placeholders = !command.channel.empty();
  if (!command.channel.empty() && ChannelOf(command.channel).allows_generated_images()) {
    command.options.image_base = command.image_base;
  }
  if (!command.image_state.empty()) command.options.filter.set_image_state(ImageStates()[command.image_state]);
  ProgressLine progress(invocation.json());
  const auto show = [&progress](const ExportProgress& now) {
    progress.Show(
        CountProgress("export", now.collecting ? "products' attributes" : "products", now.products, 0, now.seconds));
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
               {"channel", command.channel},
               {"placeholders_linked", report.placeholders_linked},
               {"placeholders_left_out", report.placeholders_left_out},
               {"seconds", report.seconds}});
  }
  std::string words = absl::StrFormat("%s products, %s, in %s", WithCommas(report.products),
                                      HumanBytes(report.file_bytes), HumanSeconds(report.seconds));
  if (report.refused_by_ingest > 0) {
    absl::StrAppend(&words, "; ", WithCommas(report.refused_by_ingest),
                    " of them have neither a title nor a category: ingest would refuse them");
  }
  absl::StrAppend(&words, PlaceholderWords(command, report));
  progress.End(words);
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(CLI::App& app, Invocation& invocation) {
  const auto command = std::make_shared<ExportCommand>();
  CLI::App* sub = app.add_subcommand(
      "export",
      "write the store's products into a file that ingest reads\n"
      "  mannequin export products.jsonl.gz\n"
      "  mannequin export feed.tsv.gz --format merchant --channel google_merchant --image-base https://shop.example");
  sub->add_option("FILE", command->file, "ends in .gz: gzip, .zst: zstd; - is standard output")
      ->type_name("FILE")
      ->capture_default_str();
  sub->add_option("--format", command->options.format, "jsonl or merchant (Google's tab-separated feed)")
      ->check(CLI::IsMember({"jsonl", "merchant"}))
      ->capture_default_str();
  sub->add_option("--category", command->category, "only below this path, \"Apparel > Topwear\"");
  sub->add_option_function<std::string>(
      "--brand", [command](const std::string& brand) { command->options.filter.set_brand(brand); }, "only this brand");
  sub->add_option("--image-state", command->image_state, "only products whose image stands so")
      ->check(CLI::IsMember(ImageStateNames()));
  CLI::Option* channel = AddChannelOption(
      *sub, command->channel,
      "for this sales channel: products without an image get their approved placeholder's where it may go there");
  sub->add_option("--image-base", command->image_base,
                  "https://HOST under which /images/ID of the console is reached from outside")
      ->needs(channel)
      ->check([](const std::string& base) { return std::string(CheckImageBase(base).message()); });
  sub->callback(
      [&invocation, command] { invocation.run = [&invocation, command] { return Export(invocation, *command); }; });
}

}  // namespace mannequin

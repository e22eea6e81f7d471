// ingest
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/ingest/ingest.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

nlohmann::json ReportJson(const IngestReport& report) {
  return {{"format", report.format},
          {"resumed_at_line", report.resumed_at_line},
          {"read", report.read},
          {"accepted", report.accepted},
          {"rejected", report.rejected},
          {"duplicates", report.duplicates},
          {"created", report.created},
          {"updated", report.updated},
          {"unchanged", report.unchanged},
          {"seconds", report.seconds},
          {"products_per_second", report.products_per_second},
          {"peak_rss_bytes", report.peak_rss_bytes},
          {"rejects", report.rejects}};
}

absl::Status Ingest(Invocation& invocation, const std::string& file, const IngestOptions& options) {
  ProgressLine progress(invocation.json());
  const auto show = [&progress](const IngestProgress& p) {
    Progress line = CountProgress("ingest", "products", p.products, 0, p.seconds);
    if (p.total_bytes > 0) line.share = static_cast<double>(p.read_bytes) / static_cast<double>(p.total_bytes);
    line.seconds_left = SecondsLeft(p.seconds, line.share);
    line.note =
        absl::StrFormat("%.1f MB/s of text", static_cast<double>(p.text_bytes) / 1e6 / std::max(p.seconds, 1e-3));
    progress.Show(line);
    return !Interrupted();
  };
  ASSIGN_OR_RETURN(const IngestReport report, IngestFile(file, options, invocation.Store(), show));
  if (invocation.json()) {
    PrintJson(ReportJson(report));
    return absl::OkStatus();
  }
  progress.End(absl::StrFormat("%s products in %s (%s/s, format %s)", WithCommas(report.accepted),
                               HumanSeconds(report.seconds),
                               WithCommas(static_cast<std::int64_t>(report.products_per_second)), report.format));
  std::printf("accepted    %s  (%s created, %s updated, %s unchanged)\nrejected    %s\nduplicates  %s\n",
              WithCommas(report.accepted).c_str(), WithCommas(report.created).c_str(),
              WithCommas(report.updated).c_str(), WithCommas(report.unchanged).c_str(),
              WithCommas(report.rejected).c_str(), WithCommas(report.duplicates).c_str());
  for (const std::string& reject : report.rejects) std::printf("  %s\n", reject.c_str());
  if (report.resumed_at_line > 0) {
    std::printf("went on at line %s, where a run before was cut short; --no-resume reads all\n",
                WithCommas(report.resumed_at_line).c_str());
  } else if (!options.dry_run && report.created + report.updated == 0) {
    std::printf("nothing has changed: the store had every product as it is here\n");
  }
  return absl::OkStatus();
}

}  // namespace

void AddIngestCommand(CLI::App& app, Invocation& invocation) {
  const auto file = std::make_shared<std::string>();
  const auto options = std::make_shared<IngestOptions>();
  CLI::App* ingest = app.add_subcommand("ingest",
                                        "read a catalogue into the store\n  mannequin ingest metadata.json.gz\n"
                                        "  mannequin ingest products.jsonl --dry-run --rejects rejects.jsonl");
  ingest
      ->add_option("FILE", *file,
                   "Amazon's metadata, a Merchant Center feed or our own JSON lines; gzip, zstd or plain")
      ->required()
      ->type_name("FILE");
  ingest->add_option("--format", options->format, "of the file (found by looking)")
      ->check(CLI::IsMember({"jsonl", "snap", "amazon-2018", "amazon-2023", "merchant"}));
  ingest->add_flag("--strict", options->strict, "stop at the first bad line");
  ingest->add_flag("--dry-run", options->dry_run, "read and check, write nothing");
  ingest->add_flag("!--no-resume", options->resume, "from the first line, also where a run before was cut short");
  ingest->add_option("--rejects", options->rejects_file, "write bad lines and their reasons here")->type_name("FILE");
  ingest->callback([&invocation, file, options] {
    invocation.run = [&invocation, file, options] { return Ingest(invocation, *file, *options); };
  });
}

}  // namespace mannequin

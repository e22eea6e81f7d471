// ingest, crawl
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/image_fetcher.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/ingest/ingest.h"
#include "services/mannequin/job_view.h"

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
    const double share = p.total_bytes > 0 ? static_cast<double>(p.read_bytes) / static_cast<double>(p.total_bytes) : 0;
    const double seconds = std::max(p.seconds, 1e-3);
    progress.Show(absl::StrFormat("ingest  %3.0f %%  %s products  %s/s  %.1f MB/s of text  %s left", 100 * share,
                                  WithCommas(p.products),
                                  WithCommas(static_cast<std::int64_t>(static_cast<double>(p.products) / seconds)),
                                  static_cast<double>(p.text_bytes) / 1e6 / seconds,
                                  share > 0 ? HumanSeconds(p.seconds * (1 - share) / share) : "?"));
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

absl::Status Crawl(Invocation& invocation, const v1::StartCrawlRequest& request) {
  const auto stub = v1::ImageFetcher::NewStub(invocation.Channel());
  v1::StartCrawlResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &v1::ImageFetcher::Stub::StartCrawl, request, &response));
  ProgressLine progress(invocation.json());
  ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(invocation.Store(), response.job().id(), progress, true));
  const auto done = ProgressOf<v1::CrawlProgress>(job);
  if (invocation.json()) {
    nlohmann::json failed = nlohmann::json::object();
    for (const auto& count : done.failed()) failed[ShortName(count.failure())] = count.products();
    PrintJson({{"job", job.id()},
               {"stored", done.stored()},
               {"failed", failed},
               {"retried", done.retried()},
               {"received_bytes", done.received_bytes()},
               {"seconds", done.seconds()},
               {"images_per_second", done.images_per_second()}});
    return absl::OkStatus();
  }
  std::printf("stored      %s\n", WithCommas(done.stored()).c_str());
  for (const auto& count : done.failed()) {
    std::printf("failed      %s  %s\n", WithCommas(count.products()).c_str(), ShortName(count.failure()).c_str());
  }
  return absl::OkStatus();
}

v1::FetchFailure FailureOf(const std::string& name) {
  for (int i = v1::FetchFailure_MIN; i <= v1::FetchFailure_MAX; ++i) {
    const auto failure = static_cast<v1::FetchFailure>(i);
    if (v1::FetchFailure_IsValid(i) && ShortName(failure) == name) return failure;
  }
  return v1::FETCH_FAILURE_UNSPECIFIED;
}

std::set<std::string> FailureNames() {
  std::set<std::string> names;
  for (int i = v1::FetchFailure_MIN + 1; i <= v1::FetchFailure_MAX; ++i)
    names.insert(ShortName(static_cast<v1::FetchFailure>(i)));
  return names;
}

}  // namespace

void AddCatalogCommands(CLI::App& app, Invocation& invocation) {
  const auto file = std::make_shared<std::string>();
  const auto options = std::make_shared<IngestOptions>();
  CLI::App* ingest =
      app.add_subcommand("ingest", "read a catalogue into the store\n  mannequin ingest metadata.json.gz");
  ingest
      ->add_option("FILE", *file,
                   "Amazon's metadata, a Merchant Center feed or our own JSON lines; gzip, zstd or plain")
      ->required();
  ingest->add_option("--format", options->format,
                     "jsonl, snap, amazon-2018, amazon-2023 or merchant (found by looking)");
  ingest->add_flag("--strict", options->strict, "stop at the first bad line");
  ingest->add_flag("--dry-run", options->dry_run, "read and check, write nothing");
  ingest->add_flag("!--no-resume", options->resume, "from the first line, also where a run before was cut short");
  ingest->add_option("--rejects", options->rejects_file, "write bad lines and their reasons here");
  ingest->callback([&invocation, file, options] {
    invocation.run = [&invocation, file, options] { return Ingest(invocation, *file, *options); };
  });

  const auto request = std::make_shared<v1::StartCrawlRequest>();
  CLI::App* crawl =
      app.add_subcommand("crawl", "fetch the images that are missing; Ctrl-C ends it, the next crawl goes on");
  crawl->add_option_function<int>(
      "--connections", [request](int n) { request->set_connections(n); }, "(200)");
  crawl
      ->add_option_function<std::string>(
          "--retry-failed", [request](const std::string& name) { request->set_retry_failed(FailureOf(name)); },
          "first take up those that failed for this reason")
      ->check(CLI::IsMember(FailureNames()));
  crawl->callback(
      [&invocation, request] { invocation.run = [&invocation, request] { return Crawl(invocation, *request); }; });
}

}  // namespace mannequin

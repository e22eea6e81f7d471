// migrate
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/migrate/store_migration.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

struct MigrateOptions {
  std::string to;
  bool finish = false;
  bool abandon = false;
};

// What is copied beside changes is behind them again by the time that it is: after so many passes the
// rest is for --finish.
constexpr int kPasses = 5;
constexpr std::int64_t kFewRecords = 1000;

nlohmann::json JsonOf(const MigrationPass& pass) {
  nlohmann::json kinds = nlohmann::json::object();
  for (const auto& [kind, records] : pass.kinds) {
    kinds[KindName(kind)] = {
        {"read", records.read}, {"copied", records.copied}, {"left", records.left}, {"dropped", records.dropped}};
  }
  return {{"records", kinds}, {"pictures", pass.pictures}, {"picture_bytes", pass.picture_bytes}};
}

void PrintPass(const MigrationPass& pass) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [kind, records] : pass.kinds) {
    if (records.read + records.copied + records.dropped == 0) continue;
    rows.push_back({KindName(kind), WithCommas(records.read), WithCommas(records.copied)});
  }
  rows.push_back({"pictures", "", absl::StrCat(WithCommas(pass.pictures), ", ", HumanBytes(pass.picture_bytes))});
  std::fputs(FormatTable({"", "compared", "copied"}, rows, {false, true, true}).c_str(), stdout);
}

absl::Status Migrate(Invocation& invocation, const MigrateOptions& options) {
  if (options.abandon) {
    RETURN_IF_ERROR(invocation.Store().SetReadOnly({}).status());
    if (invocation.json()) {
      PrintJson({{"passes", nlohmann::json::array()}, {"finished", false}});
    } else {
      std::printf("the store takes changes again\n");
    }
    return absl::OkStatus();
  }
  if (options.to.empty()) return absl::InvalidArgumentError("--to: name the new store's configuration");
  config::v1::StoreConfig config;
  RETURN_IF_ERROR(ReadTextConfig(options.to, &config));
  if (!config.has_postgres() || !config.has_bucket()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.to, ": names no postgres and bucket; stores are moved there"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<PostgresStore> target, PostgresStore::Open(config, Clock::Real()));
  ProductStore& source = invocation.Store();
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse statistics, source.GetStatistics({}));
  StoreMigration migration(source, *target);
  nlohmann::json passes = nlohmann::json::array();
  const auto run = [&](const std::string& name, bool finish) -> absl::StatusOr<MigrationPass> {
    ProgressLine progress(invocation.json());
    const absl::Time begin = absl::Now();
    const auto show = [&](v1::RecordKind kind, const MigrationPass& pass) {
      const auto found = pass.kinds.find(kind);
      const std::int64_t read = found == pass.kinds.end() ? 0 : found->second.read;
      Progress line =
          CountProgress(name, KindName(kind), read, kind == v1::RECORD_KIND_PRODUCT ? statistics.products() : 0,
                        absl::ToDoubleSeconds(absl::Now() - begin));
      line.note = absl::StrCat(WithCommas(pass.copied()), " copied, ", HumanBytes(pass.picture_bytes), " of pictures");
      progress.Show(line);
      return !Interrupted();
    };
    ASSIGN_OR_RETURN(const MigrationPass pass, finish ? migration.Finish(show) : migration.Run(show));
    const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
    progress.End(absl::StrFormat("%s records copied in %.1f s", WithCommas(pass.copied()), seconds));
    nlohmann::json json = JsonOf(pass);
    json["seconds"] = seconds;
    passes.push_back(json);
    if (!invocation.json()) PrintPass(pass);
    return pass;
  };
  std::int64_t behind = 0;
  for (int number = 1; number <= kPasses; ++number) {
    ASSIGN_OR_RETURN(const MigrationPass pass, run(absl::StrCat("pass ", number), false));
    behind = pass.copied() + pass.left();
    if (behind < kFewRecords) break;
  }
  if (options.finish) RETURN_IF_ERROR(run("finish", true).status());
  if (invocation.json()) {
    PrintJson({{"passes", passes}, {"finished", options.finish}});
    return absl::OkStatus();
  }
  if (options.finish) {
    std::printf(
        "moved: both stores hold the same, and the old one takes no changes any more.\n"
        "start the new one with: mannequin-store --config %s\n"
        "to go on with the old one instead: mannequin migrate --abandon\n",
        options.to.c_str());
  } else {
    std::printf(
        "copied, but for what was written meanwhile (%s records in the last pass).\n"
        "when callers can wait for some seconds: mannequin migrate --to %s --finish\n",
        WithCommas(behind).c_str(), options.to.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddMigrateCommand(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<MigrateOptions>();
  CLI::App* migrate = app.add_subcommand(
      "migrate",
      "move the store to PostgreSQL and a bucket while it serves; run again after whatever stopped it\n"
      "  mannequin migrate --to store.textproto --finish");
  migrate->add_option("--to", options->to, "the new store's configuration, a StoreConfig with `postgres` and `bucket`")
      ->type_name("FILE");
  migrate->add_flag("--finish", options->finish,
                    "then let the old store take no more changes, copy the rest and prove that both hold the same");
  migrate->add_flag("--abandon", options->abandon, "let a store that was moved take changes again");
  migrate->callback(
      [&invocation, options] { invocation.run = [&invocation, options] { return Migrate(invocation, *options); }; });
}

}  // namespace mannequin

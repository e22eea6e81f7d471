// stats, backup, restore
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/terminal.h"
#include "services/store/rocks/backup.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

absl::Status Stats(Invocation& invocation) {
  ASSIGN_OR_RETURN(const v1::GetStatisticsResponse s, invocation.Store().GetStatistics({}));
  if (invocation.json()) {
    PrintJson(JsonValue(s));
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {{"products", WithCommas(s.products())}};
  for (const auto& count : s.image_states())
    rows.push_back({"  image " + ShortName(count.state()), WithCommas(count.products())});
  for (const auto& count : s.fetch_failures())
    rows.push_back({"    " + ShortName(count.failure()), WithCommas(count.products())});
  rows.insert(rows.end(), {{"pictures", WithCommas(s.images())},
                           {"picture bytes", HumanBytes(s.image_bytes())},
                           {"rendition bytes", HumanBytes(s.rendition_bytes())},
                           {"to be refreshed", WithCommas(s.refreshes())},
                           {"embeddings", WithCommas(s.embeddings())},
                           {"placeholders", WithCommas(s.placeholders())},
                           {"verdicts", WithCommas(s.verdicts())},
                           {"reviews", WithCommas(s.reviews())},
                           {"on disk", HumanBytes(s.disk_bytes())}});
  std::fputs(FormatTable({"", ""}, rows, {false, true}).c_str(), stdout);
  return absl::OkStatus();
}

absl::Status Backup(Invocation& invocation, v1::CreateBackupRequest request) {
  // The server's own working folder says nothing to whoever asks.
  std::error_code error;
  const fs::path folder = fs::absolute(request.folder(), error);
  if (!error) request.set_folder(folder.lexically_normal());
  ProgressLine progress(invocation.json());
  const auto show = [&progress, begin = absl::Now()](const v1::CreateBackupResponse& so_far) {
    Progress line = ByteProgress("backup", so_far.written_bytes(), so_far.store_bytes(),
                                 absl::ToDoubleSeconds(absl::Now() - begin));
    line.note = "what was backed up before is not written again";
    progress.Show(line);
    return !Interrupted();
  };
  ASSIGN_OR_RETURN(const v1::CreateBackupResponse made, invocation.Store().CreateBackup(request, show));
  if (invocation.json()) {
    PrintJson(JsonValue(made));
    return absl::OkStatus();
  }
  progress.End(absl::StrFormat("backup %d verified: %s, %s of it new", made.backup_id(), HumanBytes(made.size_bytes()),
                               HumanBytes(made.written_bytes())));
  std::printf("backup  %s\nsize    %s\nnew     %s\nfolder  %s on the server\n", absl::StrCat(made.backup_id()).c_str(),
              HumanBytes(made.size_bytes()).c_str(), HumanBytes(made.written_bytes()).c_str(),
              request.folder().c_str());
  return absl::OkStatus();
}

absl::Status ListOf(Invocation& invocation, const std::string& folder) {
  ASSIGN_OR_RETURN(const std::vector<BackupRecord> records, ListBackups(folder));
  nlohmann::json list = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows;
  for (const BackupRecord& record : records) {
    const std::string time =
        record.damaged ? "" : absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", record.time, absl::UTCTimeZone());
    list.push_back(
        {{"backup_id", record.id}, {"time", time}, {"size_bytes", record.size_bytes}, {"damaged", record.damaged}});
    rows.push_back({absl::StrCat(record.id), record.damaged ? "damaged" : time,
                    record.damaged ? "" : HumanBytes(record.size_bytes)});
  }
  if (invocation.json()) {
    PrintJson(list);
  } else {
    std::fputs(FormatTable({"backup", "begun", "size"}, rows, {true, false, true}).c_str(), stdout);
  }
  return absl::OkStatus();
}

struct RestoreTarget {
  std::string data;        // of a suite
  std::string store_data;  // of a store by itself
  std::string Store() const { return data.empty() ? store_data : StoreFolder(data); }
};

absl::Status Restore(Invocation& invocation, const std::string& folder, const RestoreTarget& target, int backup_id) {
  if (target.data.empty() == target.store_data.empty()) {
    return absl::InvalidArgumentError(
        "name one folder to restore into, --data for `mannequin up` or --store-data for `mannequin-store`; or ask for "
        "--list");
  }
  ProgressLine progress(invocation.json());
  RestoreOptions options;
  options.backup_id = backup_id;
  options.progress = [&progress, begin = absl::Now()](std::int64_t bytes, std::int64_t total) {
    progress.Show(ByteProgress("restore", bytes, total, absl::ToDoubleSeconds(absl::Now() - begin)));
    return !Interrupted();
  };
  RETURN_IF_ERROR(RestoreBackup(folder, target.Store(), options));
  if (invocation.json()) {
    PrintJson({{"data", target.data}, {"store", target.Store()}});
    return absl::OkStatus();
  }
  progress.End(absl::StrCat("restored into ", target.Store()));
  std::printf("start it with: %s --data %s\n", target.data.empty() ? "mannequin-store" : "mannequin up",
              (target.data.empty() ? target.store_data : target.data).c_str());
  return absl::OkStatus();
}

void AddBackup(CLI::App& app, Invocation& invocation) {
  const auto request = std::make_shared<v1::CreateBackupRequest>();
  CLI::App* backup = app.add_subcommand("backup",
                                        "back the store up, online and incrementally; bundles and trainings beside "
                                        "it are plain files, copy them as such\n"
                                        "  mannequin backup /backups --keep 7");
  backup
      ->add_option_function<std::string>(
          "FOLDER", [request](const std::string& folder) { request->set_folder(folder); }, "on the server's machine")
      ->required()
      ->type_name("DIR");
  backup->add_option_function<int>(
      "--keep", [request](int keep) { request->set_keep(keep); }, "then delete all but the newest so many (all stay)");
  backup->callback(
      [&invocation, request] { invocation.run = [&invocation, request] { return Backup(invocation, *request); }; });
}

void AddRestore(CLI::App& app, Invocation& invocation) {
  struct Options {
    std::string folder;
    RestoreTarget target;
    int backup = 0;
    bool list = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* restore = app.add_subcommand("restore",
                                         "put a backup where `up --data DIR` finds it; on this machine, without a "
                                         "server\n  mannequin restore backups --data catalogue");
  restore->add_option("FOLDER", options->folder, "of backups")->required()->type_name("DIR");
  restore->add_option("--data", options->target.data, "restored into its `store`, which must be empty or not there")
      ->type_name("DIR");
  restore
      ->add_option("--store-data", options->target.store_data,
                   "instead of --data: the folder that `mannequin-store --data` takes, empty or not there")
      ->type_name("DIR");
  restore->add_option("--backup", options->backup, "number (the newest)")->check(CLI::PositiveNumber);
  restore->add_flag("--list", options->list, "only say which backups there are");
  restore->callback([&invocation, options] {
    invocation.run = [&invocation, options] {
      if (options->list) return ListOf(invocation, options->folder);
      return Restore(invocation, options->folder, options->target, options->backup);
    };
  });
}

}  // namespace

void AddOperationsCommands(CLI::App& app, Invocation& invocation) {
  app.add_subcommand("stats", "what the store holds\n  mannequin stats")->callback([&invocation] {
    invocation.run = [&invocation] { return Stats(invocation); };
  });
  AddBackup(app, invocation);
  AddRestore(app, invocation);
}

}  // namespace mannequin

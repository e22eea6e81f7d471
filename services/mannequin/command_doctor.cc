// doctor: looks at this machine, the store and the bundles, and says of each fault what to do.
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/installation.h"
#include "services/mannequin/suite.h"
#include "services/mannequin/terminal.h"
#include "services/store/rocks/rocks_store.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

struct DoctorOptions {
  bool repair = false;
  std::string data;
  bool server_given = false;
};

// The store of a stopped suite, or the folder of a store by itself.
absl::StatusOr<std::unique_ptr<RocksStore>> OpenLocally(const std::string& data) {
  std::error_code error;
  const std::string folder = fs::is_directory(StoreFolder(data), error) ? StoreFolder(data) : data;
  if (!fs::exists(folder + "/OWNER", error) && !fs::exists(folder + "/CURRENT", error)) {
    return absl::NotFoundError(absl::StrCat("--data: there is no store in ", data));
  }
  config::v1::StoreConfig config;
  config.set_data(folder);
  return RocksStore::Open(config, Clock::Real());
}

const char* HealthWord(Health health) {
  return health == Health::kGood ? "ok" : health == Health::kNote ? "note" : "fault";
}

// Findings as they come, and what they come to.
class Report {
 public:
  explicit Report(const Invocation& invocation) : invocation_(invocation) {}

  void Add(const Finding& finding) {
    if (finding.health == Health::kFault) ++faults_;
    checks_.push_back({{"area", finding.area},
                       {"what", finding.what},
                       {"state", HealthWord(finding.health)},
                       {"found", finding.found},
                       {"advice", finding.advice}});
    if (invocation_.json()) return;
    if (finding.area != area_) std::printf("%s\n", finding.area.c_str());
    area_ = finding.area;
    const Colour colour = finding.health == Health::kGood   ? Colour::kGreen
                          : finding.health == Health::kNote ? Colour::kYellow
                                                            : Colour::kRed;
    std::printf("  %s  %-16s  %s\n", Painted(absl::StrFormat("%-5s", HealthWord(finding.health)), colour).c_str(),
                finding.what.c_str(), finding.found.c_str());
    if (!finding.advice.empty()) std::printf("         %-16s  %s\n", "", finding.advice.c_str());
    std::fflush(stdout);
  }
  void Add(const std::vector<Finding>& findings) {
    for (const Finding& finding : findings) Add(finding);
  }

  const nlohmann::json& checks() const { return checks_; }
  std::int64_t faults() const { return faults_; }

 private:
  const Invocation& invocation_;
  std::string area_;
  nlohmann::json checks_ = nlohmann::json::array();
  std::int64_t faults_ = 0;
};

struct StoreFaults {
  nlohmann::json list = nlohmann::json::array();
  std::int64_t found = 0, repaired = 0;
};

// Reads everything the store keeps. Faults are printed as they are found.
absl::StatusOr<StoreFaults> CheckStore(Invocation& invocation, ProductStore& store, bool repair) {
  v1::CheckIntegrityRequest request;
  request.set_repair(repair);
  StoreFaults faults;
  ProgressLine progress(invocation.json());
  std::string stage;
  absl::Time begin;
  RETURN_IF_ERROR(store.CheckIntegrity(request, [&](const v1::CheckIntegrityResponse& message) -> absl::Status {
    if (Interrupted()) return absl::CancelledError("interrupted; what was repaired so far stays");
    faults.found = message.faults_found();
    faults.repaired = message.faults_repaired();
    for (const v1::IntegrityFault& fault : message.faults()) {
      faults.list.push_back(JsonValue(fault));
      if (invocation.json()) continue;
      std::printf("%s  %s: %s\n", fault.repaired() ? "repaired" : "fault   ", fault.record().c_str(),
                  fault.message().c_str());
    }
    if (message.stage() != stage) begin = absl::Now();
    stage = message.stage();
    const double seconds = absl::ToDoubleSeconds(absl::Now() - begin);
    Progress line = stage == "checksums" ? ByteProgress("doctor", message.checked(), message.total(), seconds)
                                         : CountProgress("doctor", stage, message.checked(), message.total(), seconds);
    line.note = absl::StrCat(WithCommas(static_cast<std::int64_t>(faults.list.size())), " faults");
    progress.Show(line);
    return absl::OkStatus();
  }));
  progress.End(faults.found == 0 ? "everything was read and fits together" : "everything was read");
  return faults;
}

// What a server can be asked for besides its store.
void AskForBundles(Invocation& invocation, Report& report) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::ListBundlesResponse response;
  const absl::Status status =
      Call(invocation, *stub, &v1::GanTrainer::Stub::ListBundles, v1::ListBundlesRequest(), &response);
  if (!status.ok()) {
    report.Add({"bundles", "list", Health::kNote, std::string(status.message()),
                "this server has no trainer: look where the bundles lie, with --data"});
  } else if (response.current_version().empty()) {
    report.Add({"bundles", "CURRENT", Health::kNote, "none was promoted yet",
                "mannequin models list shows those that there are, mannequin embed train makes the first"});
  } else {
    report.Add({"bundles", response.current_version() + ", current", Health::kGood,
                absl::StrCat(response.bundles_size(), " bundles; their checksums are read with --data"), ""});
  }
}

void LookAtPorts(Report& report) {
  const SuiteOptions ports;
  report.Add(LookAtPort("services", ports.listen));
  report.Add(LookAtPort("admin", ports.admin_listen));
  report.Add(LookAtPort("console", ports.console_listen));
}

absl::Status Doctor(Invocation& invocation, const DoctorOptions& options) {
  Report report(invocation);
  report.Add(LookAtInstallation());
  report.Add(LookAtDevices());
  absl::StatusOr<StoreFaults> store = StoreFaults();
  if (!options.data.empty()) {
    report.Add(LookAtDisk("data", options.data));
    const absl::StatusOr<std::unique_ptr<RocksStore>> local = OpenLocally(options.data);
    store = local.ok() ? CheckStore(invocation, **local, options.repair) : local.status();
    std::error_code ignored;
    if (const std::string bundles = options.data + "/bundles"; fs::is_directory(bundles, ignored)) {
      report.Add(LookAtBundles(BundleFolder(bundles)));
    }
    if (local.ok()) LookAtPorts(report);
  } else if (const absl::Status serves = invocation.Store().GetStatistics({}).status(); serves.ok()) {
    store = CheckStore(invocation, invocation.Store(), options.repair);
    AskForBundles(invocation, report);
  } else if (options.server_given || options.repair || !absl::IsUnavailable(serves)) {
    store = absl::IsUnavailable(serves)
                ? Explain({grpc::StatusCode::UNAVAILABLE, std::string(serves.message())}, invocation.server)
                : serves;
  } else {
    report.Add({"store", "server", Health::kNote, absl::StrCat("nobody serves at ", invocation.server),
                "not looked at: the store and the bundles. Give --data DIR of a stopped suite, or --server"});
    report.Add(LookAtDisk("working folder", "."));
    LookAtPorts(report);
  }
  if (!store.ok()) {
    report.Add({"store", options.data.empty() ? invocation.server : options.data, Health::kFault,
                std::string(store.status().message()), "see above; the store was not read"});
  }
  const StoreFaults faults = store.value_or(StoreFaults());
  const std::int64_t remain = faults.found - faults.repaired;
  if (invocation.json()) {
    PrintJson({{"checks", report.checks()},
               {"faults", faults.list},
               {"faults_found", faults.found},
               {"faults_repaired", faults.repaired},
               {"faults_remaining", remain}});
  } else {
    std::printf("faults    %s of the store, %s of the rest\nrepaired  %s\n", WithCommas(faults.found).c_str(),
                WithCommas(report.faults()).c_str(), WithCommas(faults.repaired).c_str());
  }
  RETURN_IF_ERROR(store.status());
  if (remain + report.faults() == 0) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(remain + report.faults(), " faults remain; each says what to do",
                                          remain == 0 || options.repair ? "" : ", many by --repair"));
}

}  // namespace

void AddDoctorCommand(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<DoctorOptions>();
  CLI::App* doctor = app.add_subcommand("doctor",
                                        "look at this machine, everything the store keeps and the bundles, and say "
                                        "what to do; exit status 1 when faults remain\n"
                                        "  mannequin doctor\n"
                                        "  mannequin doctor --data catalogue --repair");
  doctor->add_flag("--repair", options->repair,
                   "make indexes, counts and statistics anew; products whose picture is lost are fetched again");
  doctor->add_option("--data", options->data, "of a suite that is stopped (ask the server)")->type_name("DIR");
  doctor->callback([&invocation, &app, options] {
    options->server_given = app.count("--server") > 0;
    invocation.run = [&invocation, options] { return Doctor(invocation, *options); };
  });
}

}  // namespace mannequin

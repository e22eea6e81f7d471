// models list | show | promote | rollback
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/model/bundle.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/quality_table.h"
#include "services/mannequin/shipped_bundle.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

using Stub = v1::GanTrainer::Stub;

absl::StatusOr<v1::ListBundlesResponse> Bundles(Invocation& invocation) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::ListBundlesResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ListBundles, v1::ListBundlesRequest(), &response));
  return response;
}

absl::Status List(Invocation& invocation) {
  ASSIGN_OR_RETURN(const v1::ListBundlesResponse response, Bundles(invocation));
  if (invocation.json()) {
    PrintJson(JsonValue(response));
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows;
  for (const v1::BundleManifest& bundle : response.bundles()) {
    std::int64_t bytes = 0;
    for (const v1::BundleFile& file : bundle.files()) bytes += file.size_bytes();
    rows.push_back({bundle.version() == response.current_version() ? "*" : "", bundle.version(),
                    absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixSeconds(bundle.created_at().seconds()),
                                     absl::LocalTimeZone()),
                    bundle.has_gan() ? absl::StrCat(bundle.gan().preset(), " ", bundle.gan().resolution(), " px, ",
                                                    bundle.gan().categories_size(), " categories, ",
                                                    WithCommas(bundle.gan().steps()), " steps")
                                     : "embedding only",
                    HumanBytes(bytes)});
  }
  std::fputs(FormatTable({"", "version", "created", "networks", "size"}, rows, {}).c_str(), stdout);
  return absl::OkStatus();
}

absl::Status ShowProduct(Invocation& invocation, const std::string& version, const std::string& product) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::GetLineageRequest request;
  request.set_version(version);
  request.add_product_ids(product);
  v1::GetLineageResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::GetLineage, request, &response));
  if (invocation.json()) {
    PrintJson(JsonValue(response));
  } else {
    std::printf("%s %s %s\n", response.version().c_str(),
                response.trained_product_ids().empty() ? "was not trained on" : "was trained on", product.c_str());
  }
  return absl::OkStatus();
}

absl::Status Show(Invocation& invocation, const std::string& version) {
  ASSIGN_OR_RETURN(const v1::ListBundlesResponse response, Bundles(invocation));
  const std::string& wanted = version.empty() ? response.current_version() : version;
  for (const v1::BundleManifest& bundle : response.bundles()) {
    if (bundle.version() != wanted) continue;
    std::puts(invocation.json() ? JsonText(bundle).c_str() : bundle.DebugString().c_str());
    if (invocation.json() || !bundle.gan().has_quality()) return absl::OkStatus();
    std::vector<std::pair<std::string, v1::Quality>> columns = {{bundle.version(), bundle.gan().quality()}};
    if (bundle.gan().has_baseline()) columns.emplace_back(bundle.gan().baseline_version(), bundle.gan().baseline());
    std::fputs(QualityTable(columns).c_str(), stdout);
    return absl::OkStatus();
  }
  return absl::NotFoundError(wanted.empty() ? "no bundle was promoted yet; `mannequin embed train` makes the first"
                                            : absl::StrCat("there is no bundle ", wanted));
}

absl::Status Promote(Invocation& invocation, const std::string& version, bool force) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::PromoteBundleRequest request;
  request.set_version(version);
  request.set_force(force);
  v1::PromoteBundleResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::PromoteBundle, request, &response));
  if (invocation.json()) {
    PrintJson(JsonValue(response));
  } else {
    std::printf("%scurrent: %s\n", GateRows(response).c_str(), version.c_str());
  }
  return absl::OkStatus();
}

// To the bundle before the current one.
absl::Status Rollback(Invocation& invocation) {
  ASSIGN_OR_RETURN(const v1::ListBundlesResponse response, Bundles(invocation));
  std::string before;
  for (const v1::BundleManifest& bundle : response.bundles()) {
    if (bundle.version() >= response.current_version()) break;
    before = bundle.version();
  }
  if (before.empty()) return absl::FailedPreconditionError("there is no bundle before the current one");
  // Whoever goes back knows why, whatever the figures say.
  return Promote(invocation, before, true);
}

// On this machine, without a server: before the services of several machines start.
absl::Status Install(const Invocation& invocation, const std::string& folder) {
  const BundleFolder bundles(folder);
  ASSIGN_OR_RETURN(const bool installed, InstallShippedBundle(bundles));
  ASSIGN_OR_RETURN(const std::string current, bundles.CurrentVersion());
  if (invocation.json()) {
    PrintJson({{"installed", installed}, {"current_version", current}});
  } else {
    std::printf("%scurrent: %s\n", installed ? "" : "a bundle was promoted there already; nothing changed\n",
                current.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddModelCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* models =
      app.add_subcommand("models", "model bundles: list, show, promote, rollback, install\n  mannequin models list")
          ->require_subcommand(1);
  models->add_subcommand("list", "every bundle, oldest first; * is the current one\n  mannequin models list")
      ->callback([&invocation] { invocation.run = [&invocation] { return List(invocation); }; });
  const auto version = std::make_shared<std::string>();
  CLI::App* show = models->add_subcommand("show",
                                          "one bundle's manifest (the current one's without VERSION)\n"
                                          "  mannequin models show --product B00X");
  show->add_option("VERSION", *version, "a bundle of `mannequin models list` (the current one)");
  const auto product = std::make_shared<std::string>();
  show->add_option("--product", *product, "say whether this product was trained on")->check(Utf8());
  show->callback([&invocation, version, product] {
    invocation.run = [&invocation, version, product] {
      return product->empty() ? Show(invocation, *version) : ShowProduct(invocation, *version, *product);
    };
  });
  CLI::App* promote =
      models->add_subcommand("promote",
                             "make a bundle the current one, unless its figures are worse; services follow "
                             "without a restart\n"
                             "  mannequin models promote b-01J9ZK...");
  promote->add_option("VERSION", *version, "a bundle of `mannequin models list`")->required();
  const auto force = std::make_shared<bool>(false);
  promote->add_flag("--force", *force, "even when its figures are worse or cannot be compared");
  promote->callback([&invocation, version, force] {
    invocation.run = [&invocation, version, force] { return Promote(invocation, *version, *force); };
  });
  const auto folder = std::make_shared<std::string>();
  CLI::App* install = models->add_subcommand(
      "install",
      "the bundle that comes with this program, into a folder of bundles; on this machine, without a server\n"
      "  mannequin models install bundles");
  install->add_option("FOLDER", *folder, "as the services' `bundles`")->required()->type_name("DIR");
  install->callback(
      [&invocation, folder] { invocation.run = [&invocation, folder] { return Install(invocation, *folder); }; });
  models->add_subcommand("rollback", "back to the bundle before the current one\n  mannequin models rollback")
      ->callback([&invocation] { invocation.run = [&invocation] { return Rollback(invocation); }; });
}

}  // namespace mannequin

// train eval
#include <cstdio>

#include "common/base/status_macros.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/quality_table.h"

namespace mannequin {
namespace {

absl::Status Evaluate(Invocation& invocation, const v1::EvaluateBundlesRequest& request) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::EvaluateBundlesResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &v1::GanTrainer::Stub::EvaluateBundles, request, &response));
  ProgressLine progress(invocation.json());
  ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(invocation.Store(), response.job().id(), progress, true));
  const auto measured = ProgressOf<v1::EvaluateBundlesProgress>(job);
  if (invocation.json()) {
    PrintJson(JsonValue(measured));
    return absl::OkStatus();
  }
  std::vector<std::pair<std::string, v1::Quality>> columns;
  for (const v1::BundleQuality& bundle : measured.bundles()) columns.emplace_back(bundle.version(), bundle.quality());
  std::fputs(QualityTable(columns).c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddTrainEvalCommand(CLI::App& train, Invocation& invocation) {
  const auto request = std::make_shared<v1::EvaluateBundlesRequest>();
  CLI::App* command =
      train.add_subcommand("eval",
                           "measure bundles side by side on held-out products (the current one without VERSION)\n"
                           "  mannequin train eval b-01J9ZK... b-01JA2M...");
  command->add_option_function<std::vector<std::string>>(
      "VERSION",
      [request](const std::vector<std::string>& versions) {
        request->mutable_versions()->Assign(versions.begin(), versions.end());
      },
      "bundles with a generator");
  command->add_option_function<std::int64_t>(
      "--max-products", [request](std::int64_t n) { request->set_max_products(n); }, "products to look at (all)");
  AddTrainingFilterOptions(*command, [request] { return request->mutable_filter(); });
  command->add_option_function<std::uint64_t>(
      "--seed", [request](std::uint64_t seed) { request->set_seed(seed); },
      "of the classifier and of what is drawn (0)");
  command->add_option_function<std::string>(
      "--device", [request](const std::string& device) { request->set_device(device); }, "cpu, cuda:0");
  command->callback(
      [&invocation, request] { invocation.run = [&invocation, request] { return Evaluate(invocation, *request); }; });
}

}  // namespace mannequin

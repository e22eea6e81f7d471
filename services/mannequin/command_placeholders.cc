// placeholders make | list | approve | reject | export
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/image_generator.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/placeholder_sheet.h"

namespace mannequin {
namespace {

using Stub = v1::ImageGenerator::Stub;

absl::Status Make(Invocation& invocation, const v1::MakePlaceholdersRequest& request) {
  const auto stub = v1::ImageGenerator::NewStub(invocation.Channel());
  v1::MakePlaceholdersResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::MakePlaceholders, request, &response));
  ProgressLine progress(invocation.json());
  ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(invocation.Store(), response.job().id(), progress, true));
  const auto made = ProgressOf<v1::MakePlaceholdersProgress>(job);
  if (invocation.json()) {
    PrintJson(JsonValue(made));
    return absl::OkStatus();
  }
  std::printf("proposed  %s\n", WithCommas(made.proposed()).c_str());
  for (const v1::NoImageCount& count : made.no_image()) {
    std::printf("no image  %s  %s\n", WithCommas(count.products()).c_str(), count.reason().c_str());
  }
  return absl::OkStatus();
}

v1::PlaceholderState StateOf(const std::string& name) {
  for (const auto state : {v1::PLACEHOLDER_STATE_PROPOSED, v1::PLACEHOLDER_STATE_APPROVED,
                           v1::PLACEHOLDER_STATE_REJECTED, v1::PLACEHOLDER_STATE_RETIRED}) {
    if (ShortName(state) == name) return state;
  }
  return v1::PLACEHOLDER_STATE_UNSPECIFIED;
}

absl::Status List(Invocation& invocation, const std::string& state) {
  const auto stub = v1::ImageGenerator::NewStub(invocation.Channel());
  v1::ListPlaceholderQueueRequest request;
  request.set_state(StateOf(state));
  std::vector<std::vector<std::string>> rows;
  do {
    v1::ListPlaceholderQueueResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ListPlaceholderQueue, request, &response));
    for (const v1::Placeholder& placeholder : response.placeholders()) {
      if (invocation.json()) std::puts(JsonText(placeholder).c_str());
      rows.push_back({placeholder.product_id(), ShortName(placeholder.state()),
                      absl::StrFormat("%.2f", placeholder.confidence()), placeholder.bundle_version(),
                      placeholder.rejection_reason()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (!invocation.json()) {
    std::fputs(FormatTable({"product", "state", "confidence", "bundle", "reason"}, rows, {false, false, true}).c_str(),
               stdout);
  }
  return absl::OkStatus();
}

absl::Status Review(Invocation& invocation, const std::vector<std::string>& ids, bool approve,
                    const std::string& reason) {
  const auto stub = v1::ImageGenerator::NewStub(invocation.Channel());
  for (const std::string& id : ids) {
    v1::ReviewPlaceholderRequest request;
    request.set_product_id(id);
    request.set_approve(approve);
    request.set_rejection_reason(reason);
    v1::ReviewPlaceholderResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ReviewPlaceholder, request, &response));
    std::puts(invocation.json() ? JsonText(response.placeholder()).c_str()
                                : absl::StrCat(id, "  ", ShortName(response.placeholder().state())).c_str());
  }
  return absl::OkStatus();
}

absl::Status Export(Invocation& invocation, const std::string& state, const std::string& folder, bool sheet_only) {
  ASSIGN_OR_RETURN(const PlaceholderExport exported,
                   ExportPlaceholders(invocation.Store(), StateOf(state), folder, sheet_only));
  if (invocation.json()) {
    PrintJson({{"folder", folder}, {"images", exported.images}, {"sheet", exported.sheet_path}});
  } else {
    std::printf("%s pictures in %s; sheet %s\n", WithCommas(exported.images).c_str(), folder.c_str(),
                exported.sheet_path.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddPlaceholderCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* placeholders =
      app.add_subcommand("placeholders",
                         "generated pictures for listings without one: make, list, approve, reject, export")
          ->require_subcommand(1);

  const auto request = std::make_shared<v1::MakePlaceholdersRequest>();
  const auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App* make = placeholders->add_subcommand("make", "propose one for each listing without an image");
  make->add_option("PRODUCT", *ids, "only these products");
  make->add_option_function<int>(
      "--candidates", [request](int n) { request->set_candidates(n); }, "drawn for each (4)");
  make->add_option_function<std::uint64_t>(
      "--seed", [request](std::uint64_t n) { request->set_seed(n); }, "");
  make->callback([&invocation, request, ids] {
    request->mutable_product_ids()->Assign(ids->begin(), ids->end());
    invocation.run = [&invocation, request] { return Make(invocation, *request); };
  });

  const auto state = std::make_shared<std::string>("proposed");
  const auto known = CLI::IsMember({"proposed", "approved", "rejected", "retired"});
  CLI::App* list = placeholders->add_subcommand("list", "the review queue");
  list->add_option("--state", *state)->check(known)->capture_default_str();
  list->callback([&invocation, state] { invocation.run = [&invocation, state] { return List(invocation, *state); }; });

  const auto reason = std::make_shared<std::string>();
  CLI::App* approve =
      placeholders->add_subcommand("approve", "serve them as the products' pictures, marked as generated");
  approve->add_option("PRODUCT", *ids)->required();
  approve->callback(
      [&invocation, ids] { invocation.run = [&invocation, ids] { return Review(invocation, *ids, true, ""); }; });
  CLI::App* reject = placeholders->add_subcommand("reject", "");
  reject->add_option("PRODUCT", *ids)->required();
  reject->add_option("--reason", *reason, "kept with the placeholder");
  reject->callback([&invocation, ids, reason] {
    invocation.run = [&invocation, ids, reason] { return Review(invocation, *ids, false, *reason); };
  });

  const auto folder = std::make_shared<std::string>("placeholders");
  const auto sheet_only = std::make_shared<bool>(false);
  CLI::App* save = placeholders->add_subcommand("export", "write the pictures and a sheet of them into a folder");
  save->add_option("--out", *folder)->capture_default_str();
  save->add_option("--state", *state)->check(known)->capture_default_str();
  save->add_flag("--sheet-only", *sheet_only);
  save->callback([&invocation, state, folder, sheet_only] {
    invocation.run = [&invocation, state, folder, sheet_only] {
      return Export(invocation, *state, *folder, *sheet_only);
    };
  });
}

}  // namespace mannequin

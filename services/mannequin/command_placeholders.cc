// placeholders make | list | approve | reject | redraw | withdraw | history | export
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/image_generator.grpc.pb.h"
#include "services/mannequin/category_path.h"
#include "services/mannequin/channel.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/placeholder_sheet.h"

namespace mannequin {
namespace {

using Stub = v1::ImageGenerator::Stub;

// What the options of all of them are read into.
struct Options {
  std::vector<std::string> ids;
  std::string category;
  std::string state = "proposed";
  double min_confidence = 0;
  double above = 0;
  int candidates = 0;
  std::uint64_t seed = 0;
  ProductOptions words;
  std::string reviewer;
  std::string reason;
  std::string folder = "placeholders";
  bool sheet_only = false;
  std::string channel;
};

// Who is logged in; empty when the machine has no name for it.
std::string LoginName() {
  std::array<char, 4096> memory;
  passwd entry;
  passwd* found = nullptr;
  return getpwuid_r(geteuid(), &entry, memory.data(), memory.size(), &found) == 0 && found != nullptr ? found->pw_name
                                                                                                      : "";
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime(absl::RFC3339_sec, absl::FromUnixSeconds(time.seconds()), absl::UTCTimeZone());
}

v1::PlaceholderState StateOf(const std::string& name) {
  for (const auto state : {v1::PLACEHOLDER_STATE_PROPOSED, v1::PLACEHOLDER_STATE_APPROVED,
                           v1::PLACEHOLDER_STATE_REJECTED, v1::PLACEHOLDER_STATE_RETIRED}) {
    if (ShortName(state) == name) return state;
  }
  return v1::PLACEHOLDER_STATE_UNSPECIFIED;
}

void SetCategory(const Options& options, google::protobuf::RepeatedPtrField<std::string>* path) {
  for (std::string& part : CategoryPathOf(options.category)) path->Add(std::move(part));
}

// What became of one.
void Print(const Invocation& invocation, const v1::Placeholder& placeholder) {
  std::puts(invocation.json() ? JsonText(placeholder).c_str()
                              : absl::StrCat(placeholder.product_id(), "  ", ShortName(placeholder.state())).c_str());
}

absl::Status Make(Invocation& invocation, const Options& options) {
  v1::MakePlaceholdersRequest request;
  request.mutable_product_ids()->Assign(options.ids.begin(), options.ids.end());
  SetCategory(options, request.mutable_category_path());
  request.set_candidates(options.candidates);
  request.set_seed(options.seed);
  const auto stub = invocation.Stub<v1::ImageGenerator>();
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

absl::Status List(Invocation& invocation, const Options& options) {
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  v1::ListPlaceholderQueueRequest request;
  request.set_state(StateOf(options.state));
  SetCategory(options, request.mutable_category_path());
  request.set_min_confidence(options.min_confidence);
  std::vector<std::vector<std::string>> rows;
  do {
    v1::ListPlaceholderQueueResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ListPlaceholderQueue, request, &response));
    for (const v1::Placeholder& placeholder : response.placeholders()) {
      if (invocation.json()) std::puts(JsonText(placeholder).c_str());
      rows.push_back({placeholder.product_id(), ShortName(placeholder.state()),
                      absl::StrFormat("%.2f", placeholder.confidence()),
                      absl::StrJoin(placeholder.category_path(), " > "), placeholder.bundle_version(),
                      placeholder.rejection_reason()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (!invocation.json()) {
    std::fputs(
        FormatTable({"product", "state", "confidence", "category", "bundle", "reason"}, rows, {false, false, true})
            .c_str(),
        stdout);
  }
  return absl::OkStatus();
}

absl::Status Review(Invocation& invocation, const Options& options, bool approve) {
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  for (const std::string& id : options.ids) {
    v1::ReviewPlaceholderRequest request;
    request.set_product_id(id);
    request.set_approve(approve);
    request.set_rejection_reason(options.reason);
    request.set_reviewer(options.reviewer);
    v1::ReviewPlaceholderResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ReviewPlaceholder, request, &response));
    Print(invocation, response.placeholder());
  }
  return absl::OkStatus();
}

absl::Status ApproveAbove(Invocation& invocation, const Options& options) {
  v1::ApprovePlaceholdersRequest request;
  request.set_min_confidence(options.above);
  SetCategory(options, request.mutable_category_path());
  request.set_reviewer(options.reviewer);
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  grpc::ClientContext context;
  // A badge is drawn for each.
  rpc::SetDeadline(context, absl::Hours(1));
  v1::ApprovePlaceholdersResponse response;
  RETURN_IF_ERROR(Explain(stub->ApprovePlaceholders(&context, request, &response), invocation.server));
  if (invocation.json()) {
    PrintJson({{"approved", response.approved()}, {"skipped", response.skipped()}});
    return absl::OkStatus();
  }
  std::printf("approved  %s\n", WithCommas(response.approved()).c_str());
  if (response.skipped() > 0) {
    std::printf("skipped   %s, reviewed by somebody else or with a real image by now\n",
                WithCommas(response.skipped()).c_str());
  }
  return absl::OkStatus();
}

absl::Status Redraw(Invocation& invocation, const Options& options) {
  v1::RedrawPlaceholderRequest request;
  request.set_product_id(options.ids.front());
  request.set_seed(options.seed);
  request.set_candidates(options.candidates);
  request.set_reviewer(options.reviewer);
  request.set_reason(options.reason);
  ASSIGN_OR_RETURN(*request.mutable_words(), ProductOf(options.words));
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  v1::RedrawPlaceholderResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::RedrawPlaceholder, request, &response));
  if (invocation.json()) {
    std::puts(JsonText(response.placeholder()).c_str());
    return absl::OkStatus();
  }
  std::printf("%s  %s  confidence %.2f  seed %llu\n", response.placeholder().product_id().c_str(),
              ShortName(response.placeholder().state()).c_str(), response.placeholder().confidence(),
              static_cast<unsigned long long>(response.placeholder().seed()));
  return absl::OkStatus();
}

absl::Status Withdraw(Invocation& invocation, const Options& options) {
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  for (const std::string& id : options.ids) {
    v1::WithdrawPlaceholderRequest request;
    request.set_product_id(id);
    request.set_reason(options.reason);
    request.set_reviewer(options.reviewer);
    v1::WithdrawPlaceholderResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::WithdrawPlaceholder, request, &response));
    Print(invocation, response.placeholder());
  }
  return absl::OkStatus();
}

absl::Status History(Invocation& invocation, const Options& options) {
  v1::GetPlaceholderRequest request;
  request.set_product_id(options.ids.front());
  ASSIGN_OR_RETURN(const v1::GetPlaceholderResponse found, invocation.Store().GetPlaceholder(request));
  std::vector<std::vector<std::string>> rows;
  for (const v1::PlaceholderEvent& event : found.placeholder().events()) {
    if (invocation.json()) std::puts(JsonText(event).c_str());
    rows.push_back({TimeText(event.at()), ShortName(event.state()), event.reviewer(),
                    absl::StrFormat("%.2f", event.confidence()), absl::StrCat(event.seed()), event.bundle_version(),
                    event.reason(), event.words()});
  }
  if (invocation.json()) return absl::OkStatus();
  if (rows.empty()) {
    std::printf("%s is %s; what happened before there was a history is not known\n", request.product_id().c_str(),
                ShortName(found.placeholder().state()).c_str());
    return absl::OkStatus();
  }
  std::fputs(FormatTable({"at", "became", "by", "confidence", "seed", "bundle", "why", "drawn from"}, rows,
                         {false, false, false, true, true})
                 .c_str(),
             stdout);
  return absl::OkStatus();
}

absl::Status Export(Invocation& invocation, const Options& options, bool state_given) {
  std::string state = options.state;
  if (!options.channel.empty()) {
    RETURN_IF_ERROR(CheckAllowsGeneratedImages(ChannelOf(options.channel)));
    if (state_given && state != "approved") {
      return absl::InvalidArgumentError(
          absl::StrCat("--state ", state, ": only approved placeholders go to a channel"));
    }
    state = "approved";
  }
  ASSIGN_OR_RETURN(const PlaceholderExport exported,
                   ExportPlaceholders(invocation.Store(), StateOf(state), options.folder, options.sheet_only));
  if (invocation.json()) {
    PrintJson({{"folder", options.folder}, {"images", exported.images}, {"sheet", exported.sheet_path}});
  } else {
    std::printf("%s pictures in %s; sheet %s\n", WithCommas(exported.images).c_str(), options.folder.c_str(),
                exported.sheet_path.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddPlaceholderCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* placeholders =
      app.add_subcommand("placeholders",
                         "generated pictures for listings without one: make, review, draw anew, withdraw, export\n"
                         "  mannequin placeholders make")
          ->require_subcommand(1);
  const auto options = std::make_shared<Options>();
  options->reviewer = LoginName();
  const auto runs = [&invocation, options](CLI::App* command, absl::Status (*run)(Invocation&, const Options&)) {
    command->callback([&invocation, options, run] {
      invocation.run = [&invocation, options, run] { return run(invocation, *options); };
    });
  };
  const auto takes_category = [options](CLI::App* command) {
    return command->add_option("--category", options->category, "only below this path, \"Apparel > Topwear\"")
        ->check(Utf8());
  };
  const auto takes_reviewer = [options](CLI::App* command) {
    command->add_option("--reviewer", options->reviewer, "who decides; kept with the placeholder")
        ->check(Utf8())
        ->capture_default_str();
  };
  const auto takes_reason = [options](CLI::App* command) {
    command->add_option("--reason", options->reason, "kept with the placeholder")->check(Utf8());
  };
  const auto takes_drawing = [options](CLI::App* command) {
    command->add_option("--candidates", options->candidates, "drawn for each, the best is kept (4)");
    command->add_option("--seed", options->seed, "of the noise");
  };
  const auto known = CLI::IsMember({"proposed", "approved", "rejected", "retired"});

  CLI::App* make = placeholders->add_subcommand("make",
                                                "propose one for each listing without an image\n"
                                                "  mannequin placeholders make --category \"Shoes > Boots\"");
  CLI::Option* named = make->add_option("PRODUCT", options->ids, "only these, anew");
  takes_category(make)->excludes(named);
  takes_drawing(make);
  runs(make, &Make);

  CLI::App* list = placeholders->add_subcommand("list",
                                                "the review queue\n"
                                                "  mannequin placeholders list --category Shoes --min-confidence 0.8");
  list->add_option("--state", options->state, "only those that stand so")->check(known)->capture_default_str();
  takes_category(list);
  list->add_option("--min-confidence", options->min_confidence, "only from this confidence on, 0 to 1")
      ->check(CLI::Range(0.0, 1.0));
  runs(list, &List);

  CLI::App* approve = placeholders->add_subcommand("approve",
                                                   "serve them as the products' pictures, with a badge\n"
                                                   "  mannequin placeholders approve B00X B00Y\n"
                                                   "  mannequin placeholders approve --above 0.8 --category Shoes");
  CLI::Option* ids = approve->add_option("PRODUCT", options->ids, "their ids");
  CLI::Option* above = approve->add_option("--above", options->above, "every proposed one from this confidence on")
                           ->check(CLI::Range(0.0, 1.0))
                           ->excludes(ids);
  takes_category(approve)->needs(above);
  takes_reviewer(approve);
  approve->callback([&invocation, options, ids, above] {
    if (ids->empty() && above->empty()) throw CLI::RequiredError("PRODUCT or --above");
    const bool many = !above->empty();
    invocation.run = [&invocation, options, many] {
      return many ? ApproveAbove(invocation, *options) : Review(invocation, *options, true);
    };
  });

  CLI::App* reject = placeholders->add_subcommand("reject",
                                                  "refuse them; redraw makes another proposal\n"
                                                  "  mannequin placeholders reject B00X --reason \"not a boot\"");
  reject->add_option("PRODUCT", options->ids, "whose placeholder")->required();
  takes_reason(reject);
  takes_reviewer(reject);
  runs(reject, [](Invocation& to, const Options& what) { return Review(to, what, false); });

  CLI::App* redraw =
      placeholders->add_subcommand("redraw",
                                   "draw a proposed or rejected one anew, by another seed or from other words\n"
                                   "  mannequin placeholders redraw B00X --color red --reason \"wrong colour\"");
  redraw->add_option("PRODUCT", options->ids, "whose placeholder")->required()->expected(1);
  takes_drawing(redraw);
  AddProductOptions(*redraw, options->words);
  takes_reason(redraw);
  takes_reviewer(redraw);
  runs(redraw, &Redraw);

  CLI::App* withdraw =
      placeholders->add_subcommand("withdraw",
                                   "no longer show approved ones\n"
                                   "  mannequin placeholders withdraw B00X --reason \"a customer complained\"");
  withdraw->add_option("PRODUCT", options->ids, "whose placeholder")->required();
  takes_reason(withdraw);
  takes_reviewer(withdraw);
  runs(withdraw, &Withdraw);

  CLI::App* history = placeholders->add_subcommand("history",
                                                   "what happened to one, oldest first\n"
                                                   "  mannequin placeholders history B00X");
  history->add_option("PRODUCT", options->ids, "whose placeholder")->required()->expected(1);
  runs(history, &History);

  CLI::App* save = placeholders->add_subcommand(
      "export",
      "write the pictures and a sheet of them into a folder; approved ones with their badge\n"
      "  mannequin placeholders export --out pictures --channel google_merchant");
  save->add_option("--out", options->folder, "folder")->type_name("DIR")->capture_default_str();
  CLI::Option* state =
      save->add_option("--state", options->state, "only those that stand so")->check(known)->capture_default_str();
  save->add_flag("--sheet-only", options->sheet_only, "no picture for itself");
  AddChannelOption(*save, options->channel, "approved ones, where this channel allows generated images");
  save->callback([&invocation, options, state] {
    const bool state_given = !state->empty();
    invocation.run = [&invocation, options, state_given] { return Export(invocation, *options, state_given); };
  });
}

}  // namespace mannequin

// generate: one listing, many of a file, or a sheet of variants.
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "mannequin/v1/image_generator.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/generate_many.h"
#include "services/mannequin/generate_sheet.h"
#include "services/mannequin/terminal.h"
#include "services/mannequin/terminal_picture.h"

namespace mannequin {
namespace {

using Stub = v1::ImageGenerator::Stub;

constexpr int kGap = 4;  // pixels between pictures in the terminal

struct GenerateOptions {
  ProductOptions product;
  v1::GenerateImagesRequest request;
  GenerateManyOptions many;
  std::string folder = ".";
  std::string show = "auto";
  std::string sheet;
  std::vector<std::string> vary;
  std::vector<std::string> between;
  int noises = 4;
  int steps = 8;
};

std::string ExtensionOf(const v1::Image& image) { return image.media_type().substr(image.media_type().find('/') + 1); }

// In the terminal, where it can show pictures: side by side as far as they go.
absl::Status Show(const GenerateOptions& options, const Invocation& invocation,
                  const std::vector<std::string>& images) {
  if (invocation.json() || images.empty()) return absl::OkStatus();
  const PictureProtocol protocol = ChooseProtocol(options.show);
  if (protocol == PictureProtocol::kNone) return absl::OkStatus();
  std::vector<Pixels> pictures;
  for (const std::string& bytes : images) {
    ASSIGN_OR_RETURN(Pixels pixels, DecodeImage(bytes));
    pictures.push_back(std::move(pixels));
  }
  const int columns = std::max(1, TerminalPixels() / (pictures.front().width + kGap));
  const Pixels shown = pictures.size() == 1 ? pictures.front() : Sheet(pictures, columns, kGap);
  ASSIGN_OR_RETURN(const std::string bytes, PictureBytes(shown, protocol));
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
  return absl::OkStatus();
}

absl::Status GenerateOne(Invocation& invocation, const GenerateOptions& options) {
  v1::GenerateImagesRequest request = options.request;
  ASSIGN_OR_RETURN(*request.mutable_product(), ProductOf(options.product));
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  v1::GenerateImagesResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::GenerateImages, request, &response));
  if (response.images().empty() && !response.has_category_card()) {
    return absl::FailedPreconditionError(absl::StrCat("no confident image: ", response.no_image_reason()));
  }
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("--out: cannot make ", options.folder));
  nlohmann::json result = {{"bundle_version", response.bundle_version()}, {"images", nlohmann::json::array()}};
  std::vector<std::string> shown;
  for (const v1::GeneratedImage& image : response.images()) {
    shown.push_back(image.image().data());
    const std::string path = absl::StrCat(options.folder, "/generated-", image.seed(), ".", ExtensionOf(image.image()));
    RETURN_IF_ERROR(WriteFileAtomically(path, image.image().data()));
    result["images"].push_back({{"path", path}, {"confidence", image.confidence()}, {"seed", image.seed()}});
    if (!invocation.json()) std::printf("%s  confidence %.2f\n", path.c_str(), image.confidence());
  }
  if (response.has_category_card()) {
    const std::string path = absl::StrCat(options.folder, "/category-card.", ExtensionOf(response.category_card()));
    RETURN_IF_ERROR(WriteFileAtomically(path, response.category_card().data()));
    shown = {response.category_card().data()};
    result["no_image_reason"] = response.no_image_reason();
    result["category_card"] = path;
    if (!invocation.json()) {
      std::printf("no confident image: %s\n%s  category card\n", response.no_image_reason().c_str(), path.c_str());
    }
  }
  if (invocation.json()) PrintJson(result);
  return Show(options, invocation, shown);
}

Progress LineOf(const GenerateManyProgress& progress) {
  const GenerateManyReport& done = progress.so_far;
  Progress line = CountProgress("generate", "listings", done.drawn + done.without + done.failed, 0, done.seconds);
  // A pipe has no size, and what an earlier run did passes in no time.
  if (progress.share > 0) line.share = progress.share;
  line.seconds_left = SecondsLeft(done.seconds, line.share);
  line.note = absl::StrCat(WithCommas(done.without), " without  ", WithCommas(done.failed), " failed");
  return line;
}

absl::Status GenerateFromFile(Invocation& invocation, const GenerateOptions& options) {
  GenerateManyOptions many = options.many;
  many.folder = options.folder;
  many.like = options.request;
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  ProgressLine progress(invocation.json());
  const absl::StatusOr<GenerateManyReport> report = GenerateMany(many, *stub, [&](const GenerateManyProgress& p) {
    progress.Show(LineOf(p));
    return !Interrupted();
  });
  if (absl::IsUnavailable(report.status())) {
    return Explain({grpc::StatusCode::UNAVAILABLE, std::string(report.status().message())}, invocation.server);
  }
  RETURN_IF_ERROR(report.status());
  const std::string path = options.folder + "/report.jsonl";
  if (invocation.json()) {
    PrintJson({{"folder", options.folder},
               {"report", path},
               {"drawn", report->drawn},
               {"without", report->without},
               {"failed", report->failed},
               {"rejected", report->rejected},
               {"skipped", report->skipped},
               {"duplicates", report->duplicates},
               {"seconds", report->seconds}});
  } else {
    progress.End(absl::StrFormat("%s pictures in %s", WithCommas(report->drawn), HumanSeconds(report->seconds)));
    std::printf("drawn       %s\nno image    %s\nfailed      %s\nbad lines   %s\ndone before %s\nduplicates  %s\n",
                WithCommas(report->drawn).c_str(), WithCommas(report->without).c_str(),
                WithCommas(report->failed).c_str(), WithCommas(report->rejected).c_str(),
                WithCommas(report->skipped).c_str(), WithCommas(report->duplicates).c_str());
    std::printf("each listing's line is in %s\n", path.c_str());
  }
  if (report->failed == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(report->failed, report->failed == 1 ? " listing" : " listings", " failed; ",
                                          path, " says why, and the same command tries them again"));
}

absl::Status GenerateSheet(Invocation& invocation, const GenerateOptions& options) {
  std::vector<SheetRow> rows;
  if (options.between.empty()) {
    ASSIGN_OR_RETURN(rows, VariedRows(options.product, options.vary));
  } else {
    ASSIGN_OR_RETURN(rows, RowsBetween(options.product, options.between[0], options.between[1], options.steps));
  }
  const auto stub = invocation.Stub<v1::ImageGenerator>();
  ProgressLine progress(invocation.json());
  int drawn = 0;
  const absl::Time begin = absl::Now();
  const auto draw = [&](const v1::GenerateImagesRequest& request) -> absl::StatusOr<v1::GenerateImagesResponse> {
    if (Interrupted()) return absl::CancelledError("stopped");
    v1::GenerateImagesResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::GenerateImages, request, &response));
    progress.Show(CountProgress("generate", "pictures", ++drawn,
                                static_cast<std::int64_t>(rows.size()) * options.noises,
                                absl::ToDoubleSeconds(absl::Now() - begin)));
    return response;
  };
  ASSIGN_OR_RETURN(const std::string png, DrawSheet(rows, options.request, options.noises, draw));
  RETURN_IF_ERROR(WriteFileAtomically(options.sheet, png));
  if (invocation.json()) {
    PrintJson({{"sheet", options.sheet}, {"rows", rows.size()}, {"columns", options.noises}});
  } else {
    std::printf("%s  %d rows of words, %d columns of noise\n", options.sheet.c_str(), static_cast<int>(rows.size()),
                options.noises);
  }
  return Show(options, invocation, {png});
}

void AddPictureOptions(CLI::App& generate, const std::shared_ptr<GenerateOptions>& options) {
  v1::GenerateImagesRequest* const request = &options->request;
  generate.add_option_function<std::uint64_t>(
      "--seed", [request](std::uint64_t n) { request->set_seed(n); }, "the same seed draws the same");
  generate
      .add_option_function<std::string>(
          "--format", [request](const std::string& f) { request->set_media_type("image/" + f); },
          "of the pictures (png)")
      ->check(CLI::IsMember({"png", "jpeg", "webp"}));
  generate
      .add_option_function<int>(
          "--size", [request](int n) { request->set_size(n); }, "pixels of a side (the model's own)")
      ->check(CLI::Range(16, 1024));
  generate
      .add_option_function<int>(
          "--quality", [request](int n) { request->set_quality(n); }, "of jpeg and webp (90)")
      ->check(CLI::Range(1, 100));
  generate
      .add_option_function<int>(
          "--candidates", [request](int n) { request->set_candidates(n); }, "drawn to choose the best from (8)")
      ->check(CLI::Range(1, 64));
  generate
      .add_option_function<std::string>(
          "--bundle", [request](const std::string& v) { request->set_bundle_version(v); },
          "a bundle of `mannequin models list` (the current one)")
      ->check(Utf8());
  generate.add_flag_function(
      "--category-card", [request](std::int64_t) { request->set_category_card(true); },
      "where there is no confident image, a card with the category's name");
  generate
      .add_option_function<std::string>(
          "--language", [request](const std::string& l) { request->set_language(l); }, "of the card (en)")
      ->check(CLI::IsMember({"en", "ko"}));
  generate
      .add_option("--show", options->show,
                  "the pictures in the terminal too, by kitty's protocol or sixel; auto: as the terminal can")
      ->check(CLI::IsMember({"auto", "kitty", "sixel", "never"}))
      ->capture_default_str();
  generate.add_option("--out", options->folder, "folder of the pictures")->type_name("DIR")->capture_default_str();
}

void CheckTogether(const GenerateOptions& options, const CLI::App& generate, bool json) {
  const auto given = [&generate](const char* name) { return generate.count(name) > 0; };
  const auto refuse = [](const std::string& why) { throw CLI::ValidationError("generate", why); };
  for (const char* name : {"--vary", "--interpolate", "--noises", "--steps"}) {
    if (given(name) && options.sheet.empty()) refuse(absl::StrCat(name, " makes a sheet: give --sheet FILE.png too"));
  }
  for (const char* name : {"--strict", "--overwrite", "--window"}) {
    if (given(name) && options.many.from.empty()) refuse(absl::StrCat(name, " is for --from"));
  }
  for (const char* name : {"--title", "--category", "--brand", "--color", "--attribute", "--count", "--sheet"}) {
    if (given(name) && !options.many.from.empty()) refuse(absl::StrCat(name, " does not go with --from"));
  }
  if ((options.show == "kitty" || options.show == "sixel") && json) refuse("--show does not go with --output json");
  if (given("--show") && !options.many.from.empty()) refuse("--show does not go with --from");
  if (given("--vary") && given("--interpolate")) refuse("give --vary or --interpolate, one of them");
  if (given("--steps") && !given("--interpolate")) refuse("--steps is for --interpolate");
}

}  // namespace

void AddGenerateCommands(CLI::App& app, Invocation& invocation) {
  const auto options = std::make_shared<GenerateOptions>();
  CLI::App* generate = app.add_subcommand(
      "generate",
      "draw a product from its words\n"
      "  mannequin generate --title \"Red canvas sneaker\" --category Sneaker --color red -n 8 --out pictures\n"
      "  mannequin generate --from listings.jsonl.gz --out pictures     one for each line; goes on where it ended\n"
      "  mannequin generate --sheet colors.png --category Shirts --vary color=red,blue,black --noises 6\n"
      "  mannequin generate --sheet way.png --category Shirts --interpolate \"red shirt\" \"blue shirt\" --steps 8");
  AddLocalOption(*generate, invocation);
  AddProductOptions(*generate, options->product);
  generate
      ->add_option_function<int>(
          "-n,--count", [options](int n) { options->request.set_count(n); }, "pictures (1)")
      ->check(CLI::Range(1, 64));
  AddPictureOptions(*generate, options);

  generate
      ->add_option("--from", options->many.from,
                   "a file of listings as ingest reads it, \"-\" for standard input: one picture each")
      ->type_name("FILE");
  generate->add_flag("--strict", options->many.strict, "stop at the first line that is no listing");
  generate->add_flag("--overwrite", options->many.overwrite, "begin anew, also where a report lies in the folder");
  generate->add_option("--window", options->many.window, "calls in flight")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();

  generate->add_option("--sheet", options->sheet, "write variants as one PNG: rows of words, columns of noise")
      ->type_name("FILE");
  generate->add_option("--vary", options->vary, "NAME=A,B,C or NAME=A|B|C: a row each; title, category, color, ...")
      ->check(Utf8());
  generate->add_option("--interpolate", options->between, "two titles: rows on the way from one to the other")
      ->expected(2)
      ->check(Utf8());
  generate->add_option("--steps", options->steps, "rows of --interpolate")
      ->check(CLI::Range(2, kMaxSheetRows))
      ->capture_default_str();
  generate->add_option("--noises", options->noises, "columns of --sheet, a noise each")
      ->check(CLI::Range(1, 32))
      ->capture_default_str();
  generate->callback([&invocation, options, generate] {
    CheckTogether(*options, *generate, invocation.json());
    invocation.run = [&invocation, options] {
      if (!options->many.from.empty()) return GenerateFromFile(invocation, *options);
      return options->sheet.empty() ? GenerateOne(invocation, *options) : GenerateSheet(invocation, *options);
    };
  });
}

}  // namespace mannequin

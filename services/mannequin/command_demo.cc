// demo: the main job on the built-in sample catalogue or on one's own.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "common/rpc/channel.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/demo.h"
#include "services/mannequin/origin/origin.h"
#include "services/mannequin/sample/sample.h"
#include "services/mannequin/suite.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

// Where the real catalogue's imUrl points.
constexpr int kOriginPort = 8900;

struct DemoFlags {
  std::string catalog;
  std::string images;
  std::string data;  // kept; a temporary folder otherwise
  std::string listen = "127.0.0.1:8600";
  std::string console_listen = "127.0.0.1:8680";
  std::string admin_listen = "127.0.0.1:9600";
  int sample_products = 2'000;
  double train_seconds = 240;
  bool exit = false;
};

// They outlive the demo: the page names them.
constexpr char kPictures[] = "pictures";

void RemoveAllBut(absl::string_view kept, const std::string& folder) {
  std::error_code ignored;
  std::vector<std::filesystem::path> gone;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string() != kept) gone.push_back(entry.path());
  }
  for (const std::filesystem::path& path : gone) std::filesystem::remove_all(path, ignored);
}

absl::Status RunDemoCommand(Invocation& invocation, const DemoFlags& flags) {
  std::string data = flags.data;
  if (data.empty()) {
    ASSIGN_OR_RETURN(data, MakeTemporaryFolder("mannequin-demo"));
  }
  auto remove = absl::MakeCleanup([&] {
    if (flags.data.empty()) RemoveAllBut(kPictures, data);
  });
  InitImages();

  DemoOptions options;
  options.catalog = flags.catalog;
  options.pictures_folder = absl::StrCat(data, "/", kPictures);
  options.train_seconds = flags.train_seconds;
  options.quiet = invocation.json();
  std::unique_ptr<Origin> origin;
  std::optional<DemoStage> drawn;
  if (flags.catalog.empty()) {
    const absl::Time start = absl::Now();
    const std::string sample = data + "/sample";
    std::filesystem::create_directories(sample + "/images");
    ASSIGN_OR_RETURN(origin, Origin::Start(sample + "/images", 0));
    if (!options.quiet) std::fprintf(stderr, "drawing %s sample products\n", WithCommas(flags.sample_products).c_str());
    SampleOptions sample_options;
    sample_options.count = flags.sample_products;
    sample_options.base_url = absl::StrCat("http://", origin->address());
    RETURN_IF_ERROR(WriteSample(sample, sample_options));
    options.catalog = sample + "/catalog.json.gz";
    options.truth = sample + "/truth.jsonl";
    drawn = DemoStage{"draw sample", absl::ToDoubleSeconds(absl::Now() - start), {{"products", flags.sample_products}}};
  } else if (!flags.images.empty()) {
    if (!std::filesystem::is_directory(flags.images)) {
      return absl::NotFoundError(absl::StrCat("--images: ", flags.images, " is not a folder"));
    }
    ASSIGN_OR_RETURN(origin, Origin::Start(flags.images, kOriginPort));
  }

  SuiteOptions suite_options;
  suite_options.data = data;
  suite_options.listen = flags.listen;
  suite_options.admin_listen = flags.admin_listen;
  suite_options.console_listen = flags.console_listen;
  if (origin) suite_options.allow_addresses = {absl::StrCat("127.0.0.1/32:", origin->port())};
  ASSIGN_OR_RETURN(const std::unique_ptr<Suite> suite, Suite::Start(suite_options));
  const std::shared_ptr<grpc::Channel> channel = rpc::NewChannel(suite->address());
  const DemoServices services{suite->store(), channel, channel, channel, channel, channel};
  ASSIGN_OR_RETURN(DemoResult result, RunDemo(services, options));
  if (drawn) result.stages.insert(result.stages.begin(), *std::move(drawn));

  if (invocation.json()) {
    nlohmann::json document = DemoJson(result);
    document["server"] = suite->address();
    document["console"] = suite->console_address();
    PrintJson(document);
  } else {
    std::printf("%s\nServing\n", DemoPage(result).c_str());
    if (const std::string console = suite->console_address(); !console.empty()) {
      std::printf("  console          http://%s/\n", console.c_str());
    }
    std::printf("  services         %s\n", suite->address().c_str());
  }
  std::fflush(stdout);
  if (!flags.exit && isatty(STDOUT_FILENO)) {
    std::printf("\nCtrl-C ends it.\n");
    WaitForInterrupt();
  }
  suite->Stop();
  return absl::OkStatus();
}

}  // namespace

void AddDemoCommand(CLI::App& app, Invocation& invocation) {
  const auto flags = std::make_shared<DemoFlags>();
  CLI::App* demo = app.add_subcommand("demo",
                                      "the main job, from a catalogue to verdicts and placeholders\n"
                                      "  mannequin demo\n  mannequin demo --catalog metadata.json.gz --images photos");
  demo->add_option("--catalog", flags->catalog, "your own instead of the built-in sample")->type_name("FILE");
  demo->add_option("--images", flags->images, "folder of ID.jpg, served on 127.0.0.1:8900")->type_name("DIR");
  demo->add_option("--data", flags->data, "keep the data here (a temporary folder, emptied at the end)")
      ->type_name("DIR");
  demo->add_option("--products", flags->sample_products, "of the sample")
      ->capture_default_str()
      ->check(CLI::Range(50, 100'000));
  demo->add_option("--train-seconds", flags->train_seconds, "of GAN training")->capture_default_str();
  demo->add_option("--listen", flags->listen, "gRPC services")->capture_default_str();
  demo->add_option("--admin-listen", flags->admin_listen, "health and metrics; \"\" for none")->capture_default_str();
  demo->add_option("--console-listen", flags->console_listen, "web page and JSON; \"\" for none")
      ->capture_default_str();
  demo->add_flag("--exit", flags->exit, "end when done, on a terminal too");
  demo->callback([&invocation, flags] {
    if (!flags->images.empty() && flags->catalog.empty()) throw CLI::ValidationError("--images", "needs --catalog");
    invocation.run = [&invocation, flags] { return RunDemoCommand(invocation, *flags); };
  });
}

}  // namespace mannequin

// train start | watch | list | cancel | resume
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"

namespace mannequin {
namespace {

using Stub = v1::GanTrainer::Stub;

absl::Status Follow(Invocation& invocation, const std::string& id, bool cancel_on_interrupt) {
  ProgressLine progress(invocation.json());
  ASSIGN_OR_RETURN(const v1::Job job, WaitForJob(invocation.Store(), id, progress, cancel_on_interrupt));
  if (invocation.json()) {
    PrintJson(JsonValue(job));
  } else {
    const auto ended = ProgressOf<v1::TrainingProgress>(job);
    std::printf("bundle   %s\nsamples  %s\n", ended.bundle_version().c_str(), ended.sample_path().c_str());
    if (!ended.not_promoted_reason().empty()) std::printf("not promoted: %s\n", ended.not_promoted_reason().c_str());
    if (ended.has_quality()) {
      const v1::Quality& q = ended.quality();
      std::printf(
          "quality  Fréchet distance %.2f  precision %.2f  recall %.2f  category told %.0f %% (real images %.0f %%)  "
          "match AUC %.3f\n",
          q.frechet_distance(), q.precision(), q.recall(), 100 * q.category_agreement(), 100 * q.category_accuracy(),
          q.match_auc());
    }
  }
  return absl::OkStatus();
}

// What `train start` was asked for: a file, and flags over it.
struct StartOptions {
  v1::CreateTrainingRequest request;
  std::string loss, divergence, schedule;
  std::vector<std::string> devices;
  int processes = 0;
  bool detach = false;
};

// As many times the one device as processes were asked for: "cpu" is one, "cuda" each in turn.
absl::Status SpreadDevices(StartOptions& options) {
  if (!options.devices.empty())
    options.request.mutable_devices()->Assign(options.devices.begin(), options.devices.end());
  if (options.processes == 0) return absl::OkStatus();
  if (options.request.devices_size() != 1) {
    return absl::InvalidArgumentError("--nproc: say on what they run, with --devices cpu or --devices cuda");
  }
  const std::string device = options.request.devices(0);
  options.request.clear_devices();
  for (int i = 0; i < options.processes; ++i) {
    options.request.add_devices(device == "cuda" ? absl::StrCat("cuda:", i) : device);
  }
  return absl::OkStatus();
}

absl::Status Start(Invocation& invocation, StartOptions options) {
  static const std::map<std::string, v1::GanLoss> losses = {{"", v1::GAN_LOSS_UNSPECIFIED},
                                                            {"relativistic", v1::GAN_LOSS_RELATIVISTIC},
                                                            {"lsgan", v1::GAN_LOSS_LSGAN},
                                                            {"bce", v1::GAN_LOSS_BCE}};
  static const std::map<std::string, v1::DivergencePolicy> policies = {{"", v1::DIVERGENCE_POLICY_UNSPECIFIED},
                                                                       {"warn", v1::DIVERGENCE_POLICY_WARN},
                                                                       {"roll-back", v1::DIVERGENCE_POLICY_ROLL_BACK},
                                                                       {"stop", v1::DIVERGENCE_POLICY_STOP}};
  if (!options.loss.empty()) options.request.set_loss(losses.at(options.loss));
  static const std::map<std::string, v1::LearningRateSchedule> schedules = {
      {"constant", v1::LEARNING_RATE_SCHEDULE_CONSTANT}, {"cosine", v1::LEARNING_RATE_SCHEDULE_COSINE}};
  if (!options.schedule.empty()) options.request.set_learning_rate_schedule(schedules.at(options.schedule));
  if (!options.divergence.empty()) options.request.set_divergence_policy(policies.at(options.divergence));
  RETURN_IF_ERROR(SpreadDevices(options));
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::CreateTrainingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::CreateTraining, options.request, &response));
  if (!options.detach) return Follow(invocation, response.job().id(), true);
  std::puts(invocation.json() ? JsonText(response.job()).c_str() : response.job().id().c_str());
  return absl::OkStatus();
}

absl::Status List(Invocation& invocation) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::ListTrainingsRequest request;
  std::vector<std::vector<std::string>> rows;
  do {
    v1::ListTrainingsResponse response;
    RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ListTrainings, request, &response));
    for (const v1::Job& job : response.jobs()) {
      if (invocation.json()) std::puts(JsonText(job).c_str());
      const auto progress = ProgressOf<v1::TrainingProgress>(job);
      rows.push_back(
          {job.id(), ShortName(job.state()),
           absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixSeconds(job.created_at().seconds()), absl::LocalTimeZone()),
           WithCommas(progress.step()), absl::StrFormat("%.3f", progress.loss_discriminator()),
           absl::StrFormat("%.3f", progress.loss_generator()), progress.bundle_version(), job.error()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (!invocation.json()) {
    std::fputs(FormatTable({"job", "state", "created", "step", "D", "G", "bundle", "error"}, rows,
                           {false, false, false, true, true, true})
                   .c_str(),
               stdout);
  }
  return absl::OkStatus();
}

absl::Status Cancel(Invocation& invocation, const std::string& id) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::CancelTrainingRequest request;
  request.set_job_id(id);
  v1::CancelTrainingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::CancelTraining, request, &response));
  if (invocation.json()) std::puts(JsonText(response.job()).c_str());
  return absl::OkStatus();
}

absl::Status Resume(Invocation& invocation, const std::string& id) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::ResumeTrainingRequest request;
  request.set_job_id(id);
  v1::ResumeTrainingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ResumeTraining, request, &response));
  return Follow(invocation, response.job().id(), true);
}

void AddStartCommand(CLI::App& train, Invocation& invocation) {
  const auto options = std::make_shared<StartOptions>();
  // Lives as long as `options`.
  v1::CreateTrainingRequest* const request = &options->request;
  CLI::App* command = train.add_subcommand(
      "start",
      "train on the stored images; Ctrl-C cancels\n  mannequin train start --resolution 128 --steps 20000 --promote");
  // First, so that the flags are set over it.
  command
      ->add_option_function<std::string>(
          "--from",
          [options, request](const std::string& file) {
            const absl::Status read = ReadTextConfig(file, request);
            if (!read.ok()) throw CLI::ValidationError("--from", std::string(read.message()));
          },
          "FILE with a CreateTrainingRequest in protobuf text format; flags go over it")
      ->type_name("FILE");
  const auto number = [&](const std::string& flag, auto setter, const std::string& help) {
    command->add_option_function<double>(
        flag, [options, request, setter](double n) { (request->*setter)(n); }, help);
  };
  command
      ->add_option_function<std::string>(
          "--preset", [options, request](const std::string& p) { request->set_preset(p); }, "architecture (mannequin)")
      ->check(CLI::IsMember({"mannequin", "tacgan"}));
  command->add_option("--devices,--device", options->devices, "cpu, cuda:0; several, with commas: a process on each")
      ->delimiter(',');
  command->add_option("--nproc", options->processes, "processes, on the CPU or on as many GPUs (one)")
      ->check(CLI::Range(1, 64));
  number("--resolution", &v1::CreateTrainingRequest::set_resolution, "pixels of a side: 64, 128 or 256 (128)");
  number("--features", &v1::CreateTrainingRequest::set_features, "feature maps of the narrowest layer (64)");
  number("--batch", &v1::CreateTrainingRequest::set_batch, "images in a step (64)");
  number("--steps", &v1::CreateTrainingRequest::set_steps, "training steps (10000)");
  number("--max-seconds", &v1::CreateTrainingRequest::set_max_seconds, "end after this long (no limit)");
  number("--learning-rate", &v1::CreateTrainingRequest::set_learning_rate, "of both networks (0.0002)");
  command->add_option("--schedule", options->schedule, "of the learning rate; cosine falls to a tenth (constant)")
      ->check(CLI::IsMember({"constant", "cosine"}));
  number("--half-size-steps", &v1::CreateTrainingRequest::set_half_size_steps,
         "first ones at half the resolution (half of them; -1: none)");
  number("--judge-steps", &v1::CreateTrainingRequest::set_judge_steps,
         "of the network that judges listings, after the GAN (20 times each product, 4000 at most; -1: none)");
  number("--seed", &v1::CreateTrainingRequest::set_seed, "of all that is random (0)");
  number("--max-products", &v1::CreateTrainingRequest::set_max_products, "products to train on, at most (all)");
  number("--min-category-images", &v1::CreateTrainingRequest::set_min_category_images,
         "categories with fewer are left out (8)");
  AddTrainingFilterOptions(*command, [options, request] { return request->mutable_filter(); });
  number("--checkpoint-steps", &v1::CreateTrainingRequest::set_checkpoint_steps, "steps between checkpoints (1000)");
  number("--keep-checkpoints", &v1::CreateTrainingRequest::set_keep_checkpoints,
         "last ones kept, besides the best (2)");
  number("--evaluation-steps", &v1::CreateTrainingRequest::set_evaluation_steps,
         "steps between measurements on held-out products (at the end only)");
  command->add_option("--loss", options->loss, "of the preset: relativistic; lsgan or bce with tacgan")
      ->check(CLI::IsMember({"relativistic", "lsgan", "bce"}));
  command->add_option("--divergence", options->divergence, "what to do about a training that goes wrong (warn)")
      ->check(CLI::IsMember({"warn", "roll-back", "stop"}));
  command->add_flag_function(
      "--promote", [options, request](std::int64_t) { request->set_promote(true); }, "make the bundle the current one");
  command->add_option_function<std::string>(
      "--data-license", [options, request](const std::string& license) { request->set_data_license(license); },
      "licence of images and texts, for the model card");
  command->add_flag("--detach", options->detach, "print the job's id and leave");
  command->callback(
      [&invocation, options] { invocation.run = [&invocation, options] { return Start(invocation, *options); }; });
}

}  // namespace

void AddTrainCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* train = app.add_subcommand("train",
                                       "GAN trainings: start, watch, list, cancel, resume, graph, eval\n"
                                       "  mannequin train start --resolution 128 --promote")
                        ->require_subcommand(1);

  AddStartCommand(*train, invocation);

  const auto id = std::make_shared<std::string>();
  const auto with_job = [&](const char* name, const char* help, auto run) {
    CLI::App* sub = train->add_subcommand(name, absl::StrCat(help, "\n  mannequin train ", name, " JOB"));
    sub->add_option("JOB", *id, "a training's id, of `mannequin train list`")->required();
    sub->callback([&invocation, id, run] { invocation.run = [&invocation, id, run] { return run(invocation, *id); }; });
  };
  with_job("watch", "follow a training until it ends",
           [](Invocation& i, const std::string& job) { return Follow(i, job, false); });
  with_job("cancel", "end a training", Cancel);
  with_job("resume", "go on from the last checkpoint of a training that ended", Resume);
  AddTrainGraphCommand(*train, invocation);
  AddTrainEvalCommand(*train, invocation);
  train->add_subcommand("list", "every training, newest first\n  mannequin train list")->callback([&invocation] {
    invocation.run = [&invocation] { return List(invocation); };
  });
}

}  // namespace mannequin

// train start | watch | list | cancel | resume (eval: command_train_eval.cc)
#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "common/base/status_macros.h"
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
  }
  return absl::OkStatus();
}

absl::Status Start(Invocation& invocation, const v1::CreateTrainingRequest& request, bool detach) {
  const auto stub = v1::GanTrainer::NewStub(invocation.Channel());
  v1::CreateTrainingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::CreateTraining, request, &response));
  if (!detach) return Follow(invocation, response.job().id(), true);
  std::puts(invocation.json() ? JsonText(response.job()).c_str() : response.job().id().c_str());
  return absl::OkStatus();
}

absl::Status List(Invocation& invocation) {
  const auto stub = v1::GanTrainer::NewStub(invocation.Channel());
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
  const auto stub = v1::GanTrainer::NewStub(invocation.Channel());
  v1::CancelTrainingRequest request;
  request.set_job_id(id);
  v1::CancelTrainingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::CancelTraining, request, &response));
  if (invocation.json()) std::puts(JsonText(response.job()).c_str());
  return absl::OkStatus();
}

absl::Status Resume(Invocation& invocation, const std::string& id) {
  const auto stub = v1::GanTrainer::NewStub(invocation.Channel());
  v1::ResumeTrainingRequest request;
  request.set_job_id(id);
  v1::ResumeTrainingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::ResumeTraining, request, &response));
  return Follow(invocation, response.job().id(), true);
}

}  // namespace

void AddTrainCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* train =
      app.add_subcommand("train", "GAN trainings: start, watch, list, cancel, resume, graph, eval")->require_subcommand(1);

  const auto request = std::make_shared<v1::CreateTrainingRequest>();
  const auto loss = std::make_shared<std::string>();
  const auto detach = std::make_shared<bool>(false);
  CLI::App* command = train->add_subcommand(
      "start",
      "train on the stored images; Ctrl-C cancels\n  mannequin train start --resolution 128 --steps 20000 --promote");
  const auto option = [&](const std::string& flag, auto setter, const std::string& help) {
    command->add_option_function<double>(
        flag, [request, setter](double n) { (request.get()->*setter)(n); }, help);
  };
  command->add_option_function<std::string>(
      "--preset", [request](const std::string& p) { request->set_preset(p); },
      "architecture: mannequin or tacgan (mannequin)");
  command->add_option_function<std::string>(
      "--device", [request](const std::string& d) { request->add_devices(d); }, "cpu, cuda:0");
  option("--resolution", &v1::CreateTrainingRequest::set_resolution, "pixels of a side: 64 or 128 (128)");
  option("--features", &v1::CreateTrainingRequest::set_features, "feature maps of the narrowest layer (64)");
  option("--batch", &v1::CreateTrainingRequest::set_batch, "images in a step (64)");
  option("--steps", &v1::CreateTrainingRequest::set_steps, "(10000)");
  option("--max-seconds", &v1::CreateTrainingRequest::set_max_seconds, "end after this long (no limit)");
  option("--learning-rate", &v1::CreateTrainingRequest::set_learning_rate, "(0.0002)");
  option("--half-size-steps", &v1::CreateTrainingRequest::set_half_size_steps, "first at half the resolution (half of them; -1: none)");
  option("--seed", &v1::CreateTrainingRequest::set_seed, "(0)");
  option("--max-products", &v1::CreateTrainingRequest::set_max_products, "(all)");
  option("--checkpoint-steps", &v1::CreateTrainingRequest::set_checkpoint_steps, "(1000)");
  command->add_option("--loss", *loss)->check(CLI::IsMember({"relativistic", "lsgan", "bce"}));
  command->add_flag_function(
      "--promote", [request](std::int64_t) { request->set_promote(true); }, "make the bundle the current one");
  command->add_option_function<std::string>(
      "--data-license", [request](const std::string& license) { request->set_data_license(license); },
      "licence of images and texts, for the model card");
  command->add_flag("--detach", *detach, "print the job's id and leave");
  command->callback([&invocation, request, loss, detach] {
    request->set_loss(loss->empty() ? v1::GAN_LOSS_UNSPECIFIED : *loss == "bce" ? v1::GAN_LOSS_BCE : *loss == "lsgan" ? v1::GAN_LOSS_LSGAN : v1::GAN_LOSS_RELATIVISTIC);
    invocation.run = [&invocation, request, detach] { return Start(invocation, *request, *detach); };
  });

  const auto id = std::make_shared<std::string>();
  const auto with_job = [&](const char* name, const char* help, auto run) {
    CLI::App* sub = train->add_subcommand(name, help);
    sub->add_option("JOB", *id)->required();
    sub->callback([&invocation, id, run] { invocation.run = [&invocation, id, run] { return run(invocation, *id); }; });
  };
  with_job("watch", "follow a training until it ends",
           [](Invocation& i, const std::string& job) { return Follow(i, job, false); });
  with_job("cancel", "end a training", Cancel);
  with_job("resume", "go on from the last checkpoint of a training that ended", Resume);
  AddTrainEvalCommand(*train, invocation);
  train->add_subcommand("list", "every training, newest first")->callback([&invocation] {
    invocation.run = [&invocation] { return List(invocation); };
  });
  AddTrainGraphCommand(*train, invocation);
}

}  // namespace mannequin

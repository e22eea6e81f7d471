// train graph
#include <cstdio>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/image/image.h"
#include "mannequin/v1/gan_trainer.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"
#include "services/mannequin/loss_graph.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

using Stub = v1::GanTrainer::Stub;

struct GraphRequest {
  std::string job_id, out = "graph.png";
  int points = 1'000, width = 1'200, height = 700;
};

// "succeeded · step 2,400 of 10,000 · 31.2 images/s · bundle b-01...".
std::string Summary(const v1::Job& job) {
  const auto progress = ProgressOf<v1::TrainingProgress>(job);
  std::string text = absl::StrCat(ShortName(job.state()), " · step ", WithCommas(progress.step()), " of ",
                                  WithCommas(progress.steps()));
  if (progress.images_per_second() > 0) {
    absl::StrAppend(&text, absl::StrFormat(" · %.1f images/s", progress.images_per_second()));
  }
  if (!progress.bundle_version().empty()) absl::StrAppend(&text, " · bundle ", progress.bundle_version());
  if (!job.error().empty()) absl::StrAppend(&text, " · ", job.error());
  return text;
}

void Print(const GraphRequest& request, const v1::Job& job, const v1::GetTrainingCurveResponse& curve,
           const std::vector<Unhealthy>& stretches) {
  std::printf("%s: %s points, %s\n", request.out.c_str(), WithCommas(curve.points_size()).c_str(),
              Summary(job).c_str());
  for (const Unhealthy& stretch : stretches) {
    std::printf("%s, steps %s to %s: %s\n", HealthName(stretch.health).c_str(), WithCommas(stretch.from).c_str(),
                WithCommas(stretch.to).c_str(), stretch.reason.c_str());
  }
}

absl::Status Graph(Invocation& invocation, const GraphRequest& request) {
  const auto stub = invocation.Stub<v1::GanTrainer>();
  v1::GetTrainingRequest get;
  get.set_job_id(request.job_id);
  v1::GetTrainingResponse found;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::GetTraining, get, &found));
  v1::GetTrainingCurveRequest get_curve;
  get_curve.set_job_id(request.job_id);
  get_curve.set_max_points(request.points);
  v1::GetTrainingCurveResponse curve;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::GetTrainingCurve, get_curve, &curve));
  const std::vector<v1::TrainingPoint> points(curve.points().begin(), curve.points().end());
  LossGraphOptions options;
  options.title = absl::StrCat("Training ", request.job_id);
  options.subtitle = Summary(found.job());
  options.width = request.width;
  options.height = request.height;
  ASSIGN_OR_RETURN(const std::string png, LossGraph(points, options));
  RETURN_IF_ERROR(WriteFileAtomically(request.out, png));
  if (invocation.json()) {
    nlohmann::json document = JsonValue(curve);
    document["file"] = request.out;
    document["job_id"] = request.job_id;
    PrintJson(document);
  } else {
    Print(request, found.job(), curve, UnhealthyStretches(points));
  }
  return absl::OkStatus();
}

}  // namespace

void AddTrainGraphCommand(CLI::App& train, Invocation& invocation) {
  const auto request = std::make_shared<GraphRequest>();
  CLI::App* command = train.add_subcommand("graph",
                                           "draw a training's losses, and where it was not healthy\n"
                                           "  mannequin train graph JOB --out graph.png");
  command->add_option("JOB", request->job_id, "a training's id, of `mannequin train list`")->required();
  command->add_option("--out", request->out, "the PNG")->type_name("FILE")->capture_default_str();
  command->add_option("--points", request->points, "points at most, evenly thinned")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->add_option("--width", request->width, "pixels")->check(CLI::Range(600, 4'000))->capture_default_str();
  command->add_option("--height", request->height, "pixels")->check(CLI::Range(400, 4'000))->capture_default_str();
  command->callback(
      [&invocation, request] { invocation.run = [&invocation, request] { return Graph(invocation, *request); }; });
}

}  // namespace mannequin

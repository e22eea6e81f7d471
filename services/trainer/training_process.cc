#include "services/trainer/training_process.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <filesystem>
#include <functional>
#include <new>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/base/text_config.h"
#include "common/nn/device.h"
#include "services/trainer/batch_shard.h"
#include "services/trainer/batches.h"
#include "services/trainer/candidate.h"
#include "services/trainer/checkpoints.h"
#include "services/trainer/curve.h"
#include "services/trainer/device_name.h"
#include "services/trainer/gan_training.h"
#include "services/trainer/health.h"
#include "services/trainer/learning_rate.h"
#include "services/trainer/local_process.h"
#include "services/trainer/pack.h"
#include "services/trainer/process_group.h"
#include "services/trainer/recipe.h"
#include "services/trainer/report_pipe.h"
#include "services/trainer/sample_grids.h"
#include "services/trainer/training_job.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSamples = 32;
constexpr int kSampleColumns = 8;
constexpr std::size_t kStandardised = 20'000;  // texts whose variance is measured, at most
constexpr int kPointSteps = 10;                // between waits for the device to read losses
constexpr std::size_t kMeanPoints = 5;         // of the progress' losses
constexpr int kMaxRollbacks = 3;
constexpr int kLoads = 90;  // a second apart
constexpr absl::Duration kSampleInterval = absl::Seconds(20), kReportInterval = absl::Milliseconds(250),
                         kLifeSign = absl::Seconds(5);
constexpr double kTrainingBegins = 0.05, kTrainingEnds = 0.8, kJudgeEnds = 0.95;  // of the job
constexpr std::uint64_t kTrainingBank = 1;                                        // stream of the job's seed

std::atomic<bool> asked_to_end{false};

absl::Status Stopped() { return absl::CancelledError("the training was stopped; its last checkpoint is kept"); }

class TrainingProcess {
 public:
  // `group` is null for a process alone.
  TrainingProcess(const v1::TrainingPlan& plan, int rank, ProcessGroup* group, const ReportWriter& pipe)
      : group_(group),
        plan_(plan),
        request_(plan.request()),
        folder_(plan.folder()),
        leads_(rank == 0),
        // CUDA_VISIBLE_DEVICES leaves one.
        device_(SplitDeviceName(plan.devices(rank)).device == "cpu" ? "cpu" : "cuda:0"),
        pipe_(pipe),
        checkpoints_(plan.folder(), plan.request().keep_checkpoints()) {}

  absl::Status Run() {
    progress_.set_steps(request_.steps());
    Report("training", kTrainingBegins);
    ASSIGN_OR_RETURN(pack_, Pack::Open(folder_ + kPackFolder));
    progress_.set_products(static_cast<std::int64_t>(pack_->training.size() + pack_->held_out.size()));
    ASSIGN_OR_RETURN(bank_, RenderOverlayBank(kOverlayPatches, request_.resolution(), request_.seed() + kTrainingBank));
    // Measuring takes minutes: the trainer must hear that this process lives.
    candidate_ = std::make_unique<Candidate>(plan_, *pack_, Options(), [this] {
      if (absl::Now() - reported_ >= kLifeSign) Report(progress_.phase(), progress_done_);
      return asked_to_end.load();
    });
    RETURN_IF_ERROR(CreateTraining());
    RETURN_IF_ERROR(LoadAlike([this] { return Resume(); }));
    while (true) {
      ASSIGN_OR_RETURN(const bool whole, Train());
      if (whole) break;
      RETURN_IF_ERROR(RollBack());
    }
    return leads_ ? Stage() : absl::OkStatus();
  }

 private:
  void Report(const std::string& phase, double done) {
    progress_.set_phase(phase);
    v1::TrainingReport report;
    if (leads_) *report.mutable_progress() = progress_;
    report.set_done(done);
    report.set_checkpoint_step(checkpoint_step_);
    pipe_.Write(report);
    progress_done_ = done;
    reported_ = absl::Now();
  }

  void Warn(const std::string& message) const {
    spdlog::warn("{}", message);
    v1::TrainingReport report;
    report.set_checkpoint_step(checkpoint_step_);
    report.set_warning(message);
    pipe_.Write(report);
  }

  GanTrainingOptions Options() const {
    GanTrainingOptions options;
    options.shape = {request_.preset(), request_.resolution(),   request_.features(),
                     kNoiseDimension,   pack_->text_dimension(), static_cast<int>(pack_->categories.size())};
    options.loss = LossName(request_);
    options.device = device_;
    options.learning_rate = request_.learning_rate();
    options.seed = request_.seed();
    return options;
  }

  // `count` texts spread evenly over `products`.
  std::vector<std::vector<float>> TextsOf(const std::vector<PackedProduct>& products, std::size_t count) const {
    std::vector<std::vector<float>> texts;
    for (std::size_t i = 0; i < count; ++i) {
      const float* text = pack_->text(products[i * products.size() / count].slot, 0);
      texts.emplace_back(text, text + pack_->text_dimension());
    }
    return texts;
  }

  absl::Status CreateTraining() {
    ASSIGN_OR_RETURN(
        training_,
        GanTraining::Create(Options(), TextsOf(pack_->training, std::min(kStandardised, pack_->training.size()))));
    return absl::OkStatus();
  }

  // Half the resolution costs a quarter, and more products have pictures that are large
  // enough; 64 pixels are too few to halve.
  bool Grows() const { return RecipeOf(request_.preset()).grows && request_.resolution() > 64; }

  // What is asked for; half of the steps by default, or of the time where that is over sooner.
  std::int64_t PlannedGrowth() const {
    if (!Grows()) return 0;
    if (request_.half_size_steps() != 0) return std::max<std::int64_t>(0, request_.half_size_steps());
    return request_.steps() / 2;
  }
  bool HalfOfTheTimeIsOver() const {
    return Grows() && request_.half_size_steps() == 0 && request_.max_seconds() > 0 &&
           seconds_ >= request_.max_seconds() / 2;
  }

  // Batches from step_ on.
  void MakeSource() {
    const Recipe recipe = RecipeOf(request_.preset());
    if (source_) waited_ += source_->wait_seconds();
    source_.reset();
    source_ = std::make_unique<BatchSource>(*pack_, pack_->training, bank_,
                                            BatchOptions{.batch = request_.batch(),
                                                         .seed = request_.seed(),
                                                         .overlay_share = 0.25,
                                                         .flip = recipe.mirror,
                                                         .balance = recipe.balance,
                                                         .half_size_steps = grows_at_},
                                            step_);
  }
  double WaitSeconds() const { return waited_ + source_->wait_seconds(); }

  // The means over the group of what each process has seen of itself, so that all decide alike.
  absl::Status Agree(std::vector<float>& figures) {
    return group_ == nullptr ? absl::OkStatus() : group_->AllReduceMean(absl::MakeSpan(figures));
  }

  // Again until every process stands at the step of the first: of a folder that is another machine's, a process may
  // see for a while what was there a minute ago (NFS).
  absl::Status LoadAlike(const std::function<absl::Status()>& load) {
    for (int round = 0;; ++round) {
      RETURN_IF_ERROR(load());
      if (group_ == nullptr) return absl::OkStatus();
      std::vector<float> first = {static_cast<float>(step_)};
      RETURN_IF_ERROR(group_->Broadcast(absl::MakeSpan(first)));
      const auto step = static_cast<std::int64_t>(first[0]);
      std::vector<float> apart = {step == step_ ? 0.0f : 1.0f};
      RETURN_IF_ERROR(Agree(apart));
      if (apart[0] == 0) return absl::OkStatus();
      if (round == kLoads) {
        return absl::UnavailableError(absl::StrCat("the processes see different checkpoints in ", folder_, ": step ",
                                                   step_, " here, step ", step, " at the first"));
      }
      Report(progress_.phase(), progress_done_);
      absl::SleepFor(absl::Seconds(1));
    }
  }

  // From its own last checkpoint, if there is one: then this is the same job, started anew.
  absl::Status Resume() {
    const auto warn = [this](const std::string& message) { Warn(message); };
    ASSIGN_OR_RETURN(std::optional<CheckpointFacts> facts, checkpoints_.LoadLast(*training_, pack_->categories, warn));
    if (!facts && !plan_.resume_folder().empty()) {
      const Checkpoints others(plan_.resume_folder(), 1);
      ASSIGN_OR_RETURN(facts, others.LoadLast(*training_, pack_->categories, warn));
      if (!facts) {
        return absl::FailedPreconditionError(
            absl::StrCat("the checkpoint in ", plan_.resume_folder(), " is gone; start a new training"));
      }
      facts->seconds_before += facts->seconds;
      facts->seconds = 0;
      facts->rollbacks = 0;
      facts->learning_rate = request_.learning_rate();
      const std::string curve = plan_.resume_folder() + kCurveFile;
      if (leads_ && fs::exists(curve)) RETURN_IF_ERROR(CopyFile(curve, folder_ + kCurveFile));
      GoOnFrom(*facts);
      RETURN_IF_ERROR(Checkpoint());  // so that this job, too, can be resumed
    } else if (facts) {
      GoOnFrom(*facts);
    }
    return absl::OkStatus();
  }

  void GoOnFrom(const CheckpointFacts& facts) {
    step_ = facts.step;
    seconds_ = facts.seconds;
    seconds_before_ = facts.seconds_before;
    learning_rate_ = facts.learning_rate;
    grows_at_ = facts.grows_at;
    checkpoint_step_ = step_;
    progress_.set_step(step_);
    progress_.set_rollbacks(facts.rollbacks);
    spdlog::info("goes on at step {}, learning rate {}", step_, learning_rate_);
  }

  absl::Status Checkpoint() {
    if (!leads_) return absl::OkStatus();
    CheckpointFacts facts;
    facts.step = step_;
    facts.categories = pack_->categories;
    facts.healthy = health_.state() == v1::TRAINING_HEALTH_HEALTHY;
    facts.seconds = seconds_;
    facts.seconds_before = seconds_before_;
    facts.rollbacks = progress_.rollbacks();
    facts.learning_rate = learning_rate_;
    facts.grows_at = grows_at_;
    RETURN_IF_ERROR(checkpoints_.Save(*training_, facts));
    checkpoint_step_ = step_;
    return absl::OkStatus();
  }

  absl::Status DrawSamples() {
    const std::vector<std::vector<float>> texts =
        TextsOf(pack_->held_out.empty() ? pack_->training : pack_->held_out, kSamples);
    ASSIGN_OR_RETURN(const std::string png,
                     EncodeImage(Sheet(training_->Sample(texts, request_.seed()), kSampleColumns), "image/png"));
    const std::string path = SampleGridPath(folder_, step_);
    RETURN_IF_ERROR(WriteFileAtomically(path, png));
    progress_.set_sample_path(path);
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<v1::TrainingPoint>> CurveUpTo(std::int64_t step) const {
    std::vector<v1::TrainingPoint> points;
    if (step == 0) return points;
    ASSIGN_OR_RETURN(points, ReadCurve(folder_ + kCurveFile, 1'000'000'000));
    while (!points.empty() && points.back().step() > step) points.pop_back();
    return points;
  }

  // To the last step. False when it must be rolled back.
  absl::StatusOr<bool> Train() {
    if (leads_) {
      ASSIGN_OR_RETURN(curve_, CurveWriter::Open(folder_ + kCurveFile, step_));
    }
    ASSIGN_OR_RETURN(const std::vector<v1::TrainingPoint> seen, CurveUpTo(step_));
    health_ = HealthMonitor();
    for (const v1::TrainingPoint& point : seen) Watch(point);
    if (group_ != nullptr) RETURN_IF_ERROR(training_->Join(group_));
    waited_ = 0;
    MakeSource();
    const auto end_source = absl::MakeCleanup([this] { source_.reset(); });
    const absl::Time begin = absl::Now();
    const double seconds_before = seconds_;
    const std::int64_t first = step_;
    point_began_ = begin;
    point_wait_ = 0;
    absl::Time sampled = begin;
    bool out_of_time = false;
    bool stop = asked_to_end;
    if (group_ != nullptr) stop = false;  // they agree on it after some steps
    while (step_ < request_.steps() && !out_of_time) {
      if (stop) {
        if (step_ > first) RETURN_IF_ERROR(Checkpoint());
        return Stopped();
      }
      Batch batch = source_->Next();
      if (group_ != nullptr) {
        ASSIGN_OR_RETURN(batch, ShardOf(batch, group_->rank(), group_->world_size()));
      }
      const RateSchedule schedule = {request_.learning_rate_schedule(), request_.steps(), grows_at_};
      training_->set_learning_rate(learning_rate_ * RateFactor(schedule, step_));
      RETURN_IF_ERROR(training_->Step(batch));
      ++step_;
      const absl::Time now = absl::Now();
      const double running = absl::ToDoubleSeconds(now - begin);
      seconds_ = seconds_before + running;
      stop = asked_to_end;
      out_of_time = request_.max_seconds() > 0 && seconds_ >= request_.max_seconds();
      bool grows = step_ < grows_at_ && HalfOfTheTimeIsOver();
      if (group_ != nullptr) {
        std::vector<float> turns = {stop ? 1.0f : 0.0f, out_of_time ? 1.0f : 0.0f, grows ? 1.0f : 0.0f};
        if (step_ % kPointSteps == 0) {
          RETURN_IF_ERROR(Agree(turns));
        } else {
          turns = {0, 0, 0};
        }
        stop = turns[0] > 0;
        out_of_time = turns[1] > 0;
        grows = turns[2] > 0;
      }
      const bool last = step_ == request_.steps() || out_of_time;
      if (grows) {
        grows_at_ = step_;
        MakeSource();
      }
      // Where the time has decided, only a checkpoint knows it.
      const bool checkpoint = step_ % request_.checkpoint_steps() == 0 || last || grows;
      if (step_ % kPointSteps == 0 || checkpoint) {
        ASSIGN_OR_RETURN(const bool well, TakePoint());
        if (!well) return false;
      }
      if (checkpoint) RETURN_IF_ERROR(Checkpoint());
      if (leads_ && request_.evaluation_steps() > 0 && step_ % request_.evaluation_steps() == 0 && !last) {
        RETURN_IF_ERROR(MeasureNow());
      }
      const bool samples = now - sampled >= kSampleInterval || last;
      if (samples && leads_) {
        RETURN_IF_ERROR(DrawSamples());
        sampled = absl::Now();
      }
      if (!checkpoint && !samples && now - reported_ < kReportInterval) continue;
      const auto done_steps = static_cast<double>(step_ - first);
      double left = running / done_steps * static_cast<double>(request_.steps() - step_);
      if (request_.max_seconds() > 0) left = std::min(left, std::max(0.0, request_.max_seconds() - seconds_));
      progress_.set_step(step_);
      progress_.set_seconds(seconds_);
      progress_.set_seconds_left(left);
      progress_.set_images_per_second(done_steps * request_.batch() / running);
      progress_.set_data_wait(WaitSeconds() / running);
      Report("training", kTrainingBegins + (kTrainingEnds - kTrainingBegins) * seconds_ / (seconds_ + left));
    }
    return true;
  }

  absl::StatusOr<v1::TrainingPoint> MeansSinceTheLastPoint() {
    v1::TrainingPoint point = training_->TakePoint();
    std::vector<float> figures;
    const auto each = [&](auto&& use) {
      use(&v1::TrainingPoint::loss_generator, &v1::TrainingPoint::set_loss_generator);
      use(&v1::TrainingPoint::loss_discriminator, &v1::TrainingPoint::set_loss_discriminator);
      use(&v1::TrainingPoint::accuracy_real, &v1::TrainingPoint::set_accuracy_real);
      use(&v1::TrainingPoint::accuracy_generated, &v1::TrainingPoint::set_accuracy_generated);
      use(&v1::TrainingPoint::diversity, &v1::TrainingPoint::set_diversity);
    };
    if (group_ == nullptr) return point;
    each([&](auto get, auto) { figures.push_back(static_cast<float>((point.*get)())); });
    RETURN_IF_ERROR(Agree(figures));
    std::size_t next = 0;
    each([&](auto, auto set) { (point.*set)(figures[next++]); });
    return point;
  }

  // Into the monitor and the progress.
  void Watch(const v1::TrainingPoint& point) {
    health_.Add(point);
    last_points_.push_back(point);
    if (last_points_.size() > kMeanPoints) last_points_.pop_front();
    double generator = 0, discriminator = 0;
    for (const v1::TrainingPoint& last : last_points_) {
      generator += last.loss_generator();
      discriminator += last.loss_discriminator();
    }
    progress_.set_loss_generator(generator / static_cast<double>(last_points_.size()));
    progress_.set_loss_discriminator(discriminator / static_cast<double>(last_points_.size()));
    *progress_.mutable_point() = point;
  }

  // False when the policy says to roll back.
  absl::StatusOr<bool> TakePoint() {
    ASSIGN_OR_RETURN(v1::TrainingPoint point, MeansSinceTheLastPoint());
    point.set_step(step_);
    const double seconds = absl::ToDoubleSeconds(absl::Now() - point_began_);
    point.set_images_per_second(static_cast<double>((step_ - progress_.point().step()) * request_.batch()) / seconds);
    point.set_data_wait((WaitSeconds() - point_wait_) / seconds);
    point_began_ = absl::Now();
    point_wait_ = WaitSeconds();
    Watch(point);
    const v1::TrainingHealth before = progress_.health();
    point.set_health(health_.state());
    point.set_health_reason(health_.reason());
    *progress_.mutable_point() = point;
    progress_.set_health(point.health());
    progress_.set_health_reason(point.health_reason());
    if (leads_) RETURN_IF_ERROR(curve_->Add(point));
    const bool finite = std::isfinite(point.loss_generator() + point.loss_discriminator());
    const bool bad =
        !finite || point.health() == v1::TRAINING_HEALTH_DIVERGING || point.health() == v1::TRAINING_HEALTH_COLLAPSED;
    const std::string what =
        absl::StrCat("at step ", step_, " the training is ",
                     finite ? v1::TrainingHealth_Name(point.health()) : "lost: a loss is not a number",
                     point.health_reason().empty() ? "" : absl::StrCat(" (", point.health_reason(), ")"));
    if (bad && before != point.health()) Warn(what);
    if (!bad) return true;
    progress_.set_step(step_);
    progress_.set_seconds(seconds_);
    Report("training", progress_done_);  // this may be the last word
    if (request_.divergence_policy() == v1::DIVERGENCE_POLICY_ROLL_BACK) {
      if (progress_.rollbacks() < kMaxRollbacks) return false;
      return absl::AbortedError(
          absl::StrCat(what, ", after ", kMaxRollbacks, " rollbacks; lower the learning rate, or choose another loss"));
    }
    if (!finite || request_.divergence_policy() == v1::DIVERGENCE_POLICY_STOP) {
      return absl::AbortedError(
          absl::StrCat(what, "; lower the learning rate, or resume from the last checkpoint with ROLL_BACK"));
    }
    return true;
  }

  // To the last healthy checkpoint, or the beginning, with half the learning rate.
  absl::Status RollBack() {
    const std::int64_t from = step_;
    const int rollbacks = progress_.rollbacks() + 1;
    const double rate = learning_rate_ / 2, seconds = seconds_;
    RETURN_IF_ERROR(CreateTraining());
    // All have chosen before the first takes any away.
    RETURN_IF_ERROR(LoadAlike([this]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::optional<CheckpointFacts> facts,
                       checkpoints_.LoadLast(
                           *training_, pack_->categories, [this](const std::string& message) { Warn(message); }, true));
      step_ = facts ? facts->step : 0;
      return absl::OkStatus();
    }));
    if (leads_) RETURN_IF_ERROR(checkpoints_.RemoveAfter(step_));
    seconds_ = seconds;  // they were spent
    learning_rate_ = rate;
    last_points_.clear();
    health_ = HealthMonitor();
    progress_.clear_point();
    progress_.set_rollbacks(rollbacks);
    progress_.set_health(v1::TRAINING_HEALTH_HEALTHY);
    progress_.set_step(step_);
    Warn(absl::StrCat("rolled back from step ", from, " to step ", step_, ", learning rate ", rate, ", rollback ",
                      rollbacks, " of ", kMaxRollbacks));
    // Should it be started anew, it must not forget that.
    return Checkpoint();
  }

  // On the way: figures, and whether they are the best so far.
  absl::Status MeasureNow() {
    if (step_ <= grows_at_) return absl::OkStatus();
    Report("evaluating", progress_done_);
    ASSIGN_OR_RETURN(*progress_.mutable_quality(), candidate_->Measure(*training_, step_));
    RETURN_IF_ERROR(Checkpoint());
    return checkpoints_.OfferBest(step_, progress_.quality().frechet_distance());
  }

  absl::Status Stage() {
    RETURN_IF_ERROR(candidate_->TrainJudge([this](const JudgeProgress& judge) {
      const double share = static_cast<double>(judge.step) / static_cast<double>(judge.steps);
      spdlog::info("judge: step {} of {}, loss {:.3f}, {:.0f} images/s", judge.step, judge.steps, judge.loss,
                   judge.images_per_second);
      progress_.set_judge_step(judge.step);
      progress_.set_judge_steps(judge.steps);
      Report("judge", kTrainingEnds + (kJudgeEnds - kTrainingEnds) * share);
      return !asked_to_end;
    }));
    Report("calibrating", kJudgeEnds);
    ASSIGN_OR_RETURN(*progress_.mutable_quality(), candidate_->Stage(*training_, step_, seconds_before_ + seconds_));
    RETURN_IF_ERROR(checkpoints_.OfferBest(step_, progress_.quality().frechet_distance()));
    Report("publishing", 0.99);
    return absl::OkStatus();
  }

  ProcessGroup* const group_;
  const v1::TrainingPlan& plan_;
  const v1::CreateTrainingRequest& request_;
  const std::string folder_;
  const bool leads_;  // of the group: it alone reports and writes
  const std::string device_;
  const ReportWriter& pipe_;
  Checkpoints checkpoints_;
  std::unique_ptr<Pack> pack_;
  OverlayBank bank_;
  std::unique_ptr<GanTraining> training_;
  std::unique_ptr<CurveWriter> curve_;
  HealthMonitor health_;
  std::unique_ptr<Candidate> candidate_;
  std::deque<v1::TrainingPoint> last_points_;
  v1::TrainingProgress progress_;
  std::unique_ptr<BatchSource> source_;
  double waited_ = 0;  // for those before it
  std::int64_t step_ = 0, checkpoint_step_ = -1;
  std::int64_t grows_at_ = PlannedGrowth();          // first step at the full resolution
  double seconds_ = 0, seconds_before_ = 0;          // of this job's steps, and of those that it goes on from
  double learning_rate_ = request_.learning_rate();  // before its schedule
  absl::Time reported_ = absl::InfinitePast(), point_began_;
  double point_wait_ = 0, progress_done_ = 0;
};

// An equal share of the CPUs that this process may use, for one of `world` on this machine.
void TakeShareOfCpus(int rank, int world) {
  cpu_set_t all, mine;
  if (world < 2 || sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < world) return;
  CPU_ZERO(&mine);
  const int count = CPU_COUNT(&all);
  for (int cpu = 0, number = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    if (number * world / count == rank) CPU_SET(cpu, &mine);
    ++number;
  }
  sched_setaffinity(0, sizeof mine, &mine);
}

int NumberFrom(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  int number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

absl::Status RunProcess(const std::string& plan_path, const ReportWriter& pipe) {
  v1::TrainingPlan plan;
  RETURN_IF_ERROR(ReadTextConfig(plan_path, &plan));
  const int rank = NumberFrom("RANK", 0), world = NumberFrom("WORLD_SIZE", 1);
  if (rank < 0 || rank >= plan.devices_size() || world != plan.devices_size()) {
    return absl::InvalidArgumentError(absl::StrCat("RANK ", rank, " of WORLD_SIZE ", world, ": ", plan_path, " has ",
                                                   plan.devices_size(), " devices"));
  }
  TakeShareOfCpus(NumberFrom("LOCAL_RANK", 0), NumberFrom("LOCAL_WORLD_SIZE", 1));
  cpu_set_t cpus;
  const int usable = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 0;
  InitImages();
  SetCpuThreads(plan.threads() > 0 ? plan.threads() : usable);
  spdlog::info("{}: process {} of {} on {}, {} CPUs", plan.job_id(), rank, world, plan.devices(rank), usable);
  std::unique_ptr<ProcessGroup> group;
  if (world > 1) {
    ProcessGroupOptions options;
    options.rank = rank;
    options.world_size = world;
    // Of another machine, torchrun's and Kubernetes' variables tell.
    const char* rendezvous = std::getenv("RENDEZVOUS");
    if (rendezvous != nullptr) {
      options.rendezvous = rendezvous;
    } else {
      ASSIGN_OR_RETURN(options, ProcessGroupFromEnvironment());
    }
    ASSIGN_OR_RETURN(group, ProcessGroup::Join(options));
  }
  try {
    return TrainingProcess(plan, rank, group.get(), pipe).Run();
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory: use a smaller batch, fewer features or a lower resolution");
  } catch (const std::exception& error) {
    // LibTorch throws.
    const std::string what = error.what();
    if (absl::StrContains(what, "out of memory") || absl::StrContains(what, "not enough memory") ||
        absl::StrContains(what, "can't allocate memory")) {
      return absl::ResourceExhaustedError(
          absl::StrCat("out of memory: use a smaller batch, fewer features or a lower resolution (",
                       what.substr(0, what.find('\n')), ")"));
    }
    return absl::InternalError(absl::StrCat("exception: ", what));
  }
}

}  // namespace

std::optional<int> TrainingProcessMain(int argc, char** argv) {
  if (argc != 3 || std::strcmp(argv[1], kTrainingProcess) != 0) return std::nullopt;
  // No orphan outlives the trainer, nor starts when it is gone already.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int trainer = NumberFrom("TRAINER_PID", 0);
  if (trainer != 0 && getppid() != trainer) return 1;
  std::signal(SIGTERM, [](int) { asked_to_end = true; });
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // too big a file is an error of its write
  (void)InitLog("training", {});
  const ReportWriter pipe(kReportFd);
  const absl::Status status = RunProcess(argv[2], pipe);
  if (!status.ok()) spdlog::error("{}", status.ToString());
  v1::TrainingReport last;
  last.set_checkpoint_step(-1);
  last.mutable_end()->set_code(static_cast<int>(status.code()));
  last.mutable_end()->set_message(std::string(status.message()));
  pipe.Write(last);
  return status.ok() ? 0 : 1;
}

}  // namespace mannequin

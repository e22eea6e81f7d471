#include "services/trainer/supervisor.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "services/trainer/device_name.h"
#include "services/trainer/local_process.h"
#include "services/trainer/remote_process.h"
#include "services/trainer/running_process.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr int kPollMs = 200;

class Supervisor {
 public:
  Supervisor(const std::string& plan_path, const v1::TrainingPlan& plan, const SupervisorOptions& options,
             const std::function<bool()>& stopping,
             const std::function<void(const v1::TrainingProgress&, double)>& report)
      : plan_path_(plan_path), plan_(plan), options_(options), stopping_(stopping), report_(report) {}

  absl::Status Run() {
    int in_a_row = 0;
    for (int attempt = 0;; ++attempt) {
      const std::int64_t checkpoint = checkpoint_;
      const absl::Status status = RunOnce(attempt);
      if (crash_.empty()) return status;
      if (stopping_()) return Stopped();
      in_a_row = checkpoint_ > checkpoint ? 1 : in_a_row + 1;
      if (in_a_row > options_.max_restarts) return Failure();
      progress_.set_restarts(progress_.restarts() + 1);
      spdlog::warn("{}: {}; goes on from its last checkpoint", plan_.job_id(), crash_);
      report_(progress_, done_);
    }
  }

 private:
  static absl::Status Stopped() {
    return absl::CancelledError("the training was stopped; its last checkpoint is kept");
  }

  absl::Status Failure() const {
    const std::string message = absl::StrCat(crash_, " (started anew ", progress_.restarts(),
                                             " times; what it said last is in ", LogPath(crashed_), ")");
    return out_of_memory_ ? absl::ResourceExhaustedError(message) : absl::InternalError(message);
  }

  // Several machines do not write into one file.
  std::string LogPath(int rank) const {
    const bool own = rank > 0 && !WorkerOf(plan_.devices(rank)).empty();
    return absl::StrCat(plan_.folder(), own ? absl::StrCat("/log-", rank) : "/log", ".txt");
  }

  // Until a process can be started on each device. A worker that is started anew elsewhere takes a minute: that costs
  // one new start, not all of them.
  void AwaitWorkers() const {
    const absl::Time give_up = SteadyNow() + options_.max_silence;
    bool said = false;
    for (const std::string& device : plan_.devices()) {
      while (options_.workers != nullptr && !options_.workers->CanStart(device) && !stopping_() &&
             SteadyNow() < give_up) {
        if (!said) spdlog::info("{}: waits for the worker of {}", plan_.job_id(), device);
        said = true;
        absl::SleepFor(absl::Milliseconds(kPollMs));
      }
    }
  }

  absl::Status StartAll(int attempt) {
    std::map<std::string, int> on_machine;
    for (const std::string& device : plan_.devices()) ++on_machine[WorkerOf(device)];
    std::string rendezvous = absl::StrCat(plan_.folder(), "/rendezvous-", attempt);
    unlink(rendezvous.c_str());
    if (on_machine.count("") == 0) {
      rendezvous = plan_.devices_size() == 1 ? "" : options_.workers->RendezvousAt(plan_.devices(0));
    }
    std::map<std::string, int> started;
    for (int rank = 0; rank < plan_.devices_size(); ++rank) {
      const auto [worker, device] = SplitDeviceName(plan_.devices(rank));
      v1::StartTrainingProcess start;
      start.set_plan_path(plan_path_);
      start.set_rank(rank);
      start.set_world_size(plan_.devices_size());
      start.set_local_rank(started[worker]++);
      start.set_local_world_size(on_machine[worker]);
      start.set_rendezvous(rendezvous);
      start.set_device(device);
      if (worker.empty()) {
        ASSIGN_OR_RETURN(std::unique_ptr<RunningProcess> process,
                         StartLocalProcess(options_.program, start, LogPath(rank)));
        processes_.push_back(std::move(process));
      } else {
        processes_.push_back(StartRemoteProcess(options_.workers->ChannelTo(worker), worker, start));
      }
    }
    return absl::OkStatus();
  }

  // When a process died, so that all should start anew, `crash_` says why.
  absl::Status RunOnce(int attempt) {
    const auto end_all = absl::MakeCleanup([this] { processes_.clear(); });
    crash_.clear();
    AwaitWorkers();
    if (stopping_()) return Stopped();
    RETURN_IF_ERROR(StartAll(attempt));
    absl::Time kill_at = absl::InfiniteFuture();
    bool asked = false;
    while (true) {
      Listen();
      bool all_ended = true, one_failed = false;
      for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
        RunningProcess& process = *processes_[rank];
        const bool ended = process.Ended();
        if (ended) Hear(rank);  // what it said last
        all_ended &= ended;
        one_failed |= ended && (!process.Crash().empty() || (process.end() && process.end()->code() != 0));
        if (process.Silent(options_.max_silence) && crash_.empty()) {
          crashed_ = static_cast<int>(rank);
          crash_ = absl::StrCat("process ", rank, " said nothing for ", absl::FormatDuration(options_.max_silence),
                                " and was killed");
          kill_at = SteadyNow();
        }
      }
      if (all_ended) break;
      if (stopping_() && !asked) {
        asked = true;
        for (const auto& process : processes_) process->AskToEnd();
        kill_at = std::min(kill_at, SteadyNow() + options_.grace);
      }
      if (one_failed) kill_at = std::min(kill_at, SteadyNow() + options_.last_words);
      if (SteadyNow() >= kill_at) {
        for (const auto& process : processes_) process->Kill();
      }
    }
    return asked ? Stopped() : Verdict();
  }

  absl::Status Verdict() {
    out_of_memory_ = false;
    for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
      const std::string crash = processes_[rank]->Crash();
      if (crash_.empty() && !crash.empty()) {
        crashed_ = static_cast<int>(rank);
        crash_ = absl::StrCat("process ", rank, " was lost: ", crash);
      }
      out_of_memory_ |= processes_[rank]->killed_by_system();
    }
    // A process that lost its peer says UNAVAILABLE; the peer knows why.
    absl::Status status;
    for (const auto& process : processes_) {
      if (!process->end() || process->end()->code() == 0) continue;
      const absl::Status own(static_cast<absl::StatusCode>(process->end()->code()), process->end()->message());
      if (status.ok() || absl::IsUnavailable(status)) status = own;
    }
    // Between machines a connection may break, or a process come late, while all of them live.
    const bool lost_each_other = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (crash_.empty() && lost_each_other && !WorkerOf(plan_.devices(0)).empty()) {
      crashed_ = 0;
      crash_ = absl::StrCat("the processes lost each other: ", status.message());
    }
    return status;
  }

  // Waits a little for reports and takes them.
  void Listen() {
    std::vector<pollfd> pipes;
    for (const auto& process : processes_) pipes.push_back({process->fd(), POLLIN, 0});
    poll(pipes.data(), pipes.size(), kPollMs);
    std::int64_t memory = 0;
    for (std::size_t rank = 0; rank < processes_.size(); ++rank) {
      Hear(rank);
      memory += processes_[rank]->PeakMemory();
    }
    progress_.set_peak_memory_bytes(std::max(progress_.peak_memory_bytes(), memory));
  }

  void Hear(std::size_t rank) {
    bool news = false;
    for (const v1::TrainingReport& said : processes_[rank]->Read()) {
      if (!said.warning().empty()) spdlog::warn("{}: {}", plan_.job_id(), said.warning());
      checkpoint_ = std::max(checkpoint_, said.checkpoint_step());
      if (!said.has_progress()) continue;
      const std::int64_t memory = progress_.peak_memory_bytes();
      const int restarts = progress_.restarts();
      progress_ = said.progress();
      progress_.set_peak_memory_bytes(memory);
      progress_.set_restarts(restarts);
      done_ = said.done();
      news = true;
    }
    if (news) report_(progress_, done_);
  }

  const std::string& plan_path_;
  const v1::TrainingPlan& plan_;
  const SupervisorOptions& options_;
  const std::function<bool()>& stopping_;
  const std::function<void(const v1::TrainingProgress&, double)>& report_;
  std::vector<std::unique_ptr<RunningProcess>> processes_;
  v1::TrainingProgress progress_;
  double done_ = 0;
  std::int64_t checkpoint_ = -1;
  std::string crash_;
  int crashed_ = 0;  // the process that it is about
  bool out_of_memory_ = false;
};

}  // namespace

absl::Status Supervise(const std::string& plan_path, const v1::TrainingPlan& plan, const SupervisorOptions& options,
                       const std::function<bool()>& stopping,
                       const std::function<void(const v1::TrainingProgress&, double done)>& report) {
  return Supervisor(plan_path, plan, options, stopping, report).Run();
}

}  // namespace mannequin

#include "services/trainer/checkpoints.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "checkpoint-", kSuffix[] = ".safetensors";
// Of the checkpoint that did so well, beside best.safetensors.
constexpr char kBest[] = "/best.safetensors", kBestDistance[] = "/best.txt";

// Newest first.
std::vector<std::int64_t> StepsIn(const std::string& folder) {
  std::vector<std::int64_t> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    absl::string_view number = name;
    std::int64_t step = 0;
    if (absl::ConsumePrefix(&number, kPrefix) && absl::ConsumeSuffix(&number, kSuffix) &&
        absl::SimpleAtoi(number, &step)) {
      steps.push_back(step);
    }
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

absl::StatusOr<CheckpointFacts> FactsOf(const GanTraining::Resumed& resumed, const std::string& path) {
  CheckpointFacts facts;
  facts.step = resumed.next_step;
  const auto text = [&](const char* key) {
    const auto found = resumed.facts.find(key);
    return found == resumed.facts.end() ? std::string() : found->second;
  };
  facts.categories = absl::StrSplit(text("categories"), '\n');
  facts.healthy = text("healthy") == "1";
  if (!absl::SimpleAtod(text("seconds"), &facts.seconds) ||
      !absl::SimpleAtod(text("seconds_before"), &facts.seconds_before) ||
      !absl::SimpleAtoi(text("rollbacks"), &facts.rollbacks) ||
      !absl::SimpleAtod(text("learning_rate"), &facts.learning_rate) ||
      !absl::SimpleAtoi(text("grows_at"), &facts.grows_at)) {
    return absl::DataLossError(absl::StrCat(path, ": is not a checkpoint of this program"));
  }
  return facts;
}

absl::Status Remove(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  return error ? absl::ErrnoToStatus(error.value(), absl::StrCat("cannot remove ", path)) : absl::OkStatus();
}

}  // namespace

std::string Checkpoints::PathOf(std::int64_t step) const {
  return absl::StrFormat("%s/%s%08d%s", folder_, kPrefix, step, kSuffix);
}

bool Checkpoints::AnyIn(const std::string& folder) { return !StepsIn(folder).empty(); }

absl::Status Checkpoints::Save(const GanTraining& training, const CheckpointFacts& facts) {
  RETURN_IF_ERROR(training.SaveCheckpoint(PathOf(facts.step), facts.step,
                                          {{"categories", absl::StrJoin(facts.categories, "\n")},
                                           {"healthy", facts.healthy ? "1" : "0"},
                                           {"seconds", absl::StrFormat("%.17g", facts.seconds)},
                                           {"seconds_before", absl::StrFormat("%.17g", facts.seconds_before)},
                                           {"rollbacks", absl::StrCat(facts.rollbacks)},
                                           {"learning_rate", absl::StrFormat("%.17g", facts.learning_rate)},
                                           {"grows_at", absl::StrCat(facts.grows_at)}}));
  if (facts.healthy) RETURN_IF_ERROR(WriteFileAtomically(folder_ + "/healthy.txt", absl::StrCat(facts.step, "\n")));
  return Prune();
}

absl::Status Checkpoints::Prune() const {
  std::int64_t healthy = -1;
  const absl::StatusOr<std::string> text = ReadFile(folder_ + "/healthy.txt");
  if (text.ok() && !absl::SimpleAtoi(*text, &healthy)) healthy = -1;
  const std::vector<std::int64_t> steps = StepsIn(folder_);
  for (std::size_t i = static_cast<std::size_t>(keep_); i < steps.size(); ++i) {
    if (steps[i] != healthy) RETURN_IF_ERROR(Remove(PathOf(steps[i])));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<CheckpointFacts>> Checkpoints::LoadLast(GanTraining& training,
                                                                     const std::vector<std::string>& categories,
                                                                     const Warn& warn, bool healthy_only) const {
  absl::Status damage;
  for (const std::int64_t step : StepsIn(folder_)) {
    const std::string path = PathOf(step);
    const absl::StatusOr<GanTraining::Resumed> resumed = training.LoadCheckpoint(path);
    if (absl::IsDataLoss(resumed.status())) {
      damage = resumed.status();
      warn(absl::StrCat(resumed.status().message(), "; going on from the checkpoint before it"));
      continue;
    }
    RETURN_IF_ERROR(resumed.status());
    ASSIGN_OR_RETURN(const CheckpointFacts facts, FactsOf(*resumed, path));
    if (facts.categories != categories) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ": the catalogue's categories have changed since this checkpoint; start a new training"));
    }
    if (facts.healthy || !healthy_only) return facts;
  }
  if (!damage.ok() && !healthy_only) return damage;
  return std::optional<CheckpointFacts>();
}

absl::Status Checkpoints::OfferBest(std::int64_t step, double distance) {
  double best = std::numeric_limits<double>::infinity();
  const absl::StatusOr<std::string> text = ReadFile(folder_ + kBestDistance);
  if (text.ok() && !absl::SimpleAtod(absl::StripSuffix(*text, "\n"), &best))
    best = std::numeric_limits<double>::infinity();
  if (!(distance < best)) return absl::OkStatus();
  const std::string link = folder_ + kBest + ".tmp";
  std::error_code error;
  fs::remove(link, error);
  fs::create_hard_link(PathOf(step), link, error);
  if (!error) fs::rename(link, folder_ + kBest, error);
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot link ", folder_, kBest));
  return WriteFileAtomically(folder_ + kBestDistance, absl::StrFormat("%.17g\n", distance));
}

absl::Status Checkpoints::RemoveAfter(std::int64_t step) const {
  for (const std::int64_t other : StepsIn(folder_)) {
    if (other > step) RETURN_IF_ERROR(Remove(PathOf(other)));
  }
  return absl::OkStatus();
}

}  // namespace mannequin

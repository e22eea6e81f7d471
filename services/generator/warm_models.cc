#include "services/generator/warm_models.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

absl::StatusOr<WarmModels::Model> WithGenerator(WarmModels::Model model) {
  if (model == nullptr) {
    return absl::FailedPreconditionError("no bundle with a generator is promoted; run `mannequin train start`");
  }
  if (!model->gan) {
    return absl::FailedPreconditionError(absl::StrCat("no bundle with a generator: ", model->manifest.version(),
                                                      " can only embed; run `mannequin train start`"));
  }
  return model;
}

}  // namespace

WarmModels::WarmModels(int most, Load load)
    : most_(static_cast<std::size_t>(std::max(1, most))), load_(std::move(load)) {}

void WarmModels::Keep(Model model) {
  warm_.remove_if([&](const Model& other) { return other->manifest.version() == model->manifest.version(); });
  warm_.push_front(std::move(model));
  for (auto last = warm_.end(); warm_.size() > most_ && last != warm_.begin();) {
    --last;
    if (*last != current_) last = warm_.erase(last);
  }
}

void WarmModels::Promote(Model model) {
  absl::MutexLock lock(&mutex_);
  current_ = model;
  Keep(std::move(model));
}

WarmModels::Model WarmModels::Find(const std::string& version) {
  absl::MutexLock lock(&mutex_);
  const auto found = std::find_if(warm_.begin(), warm_.end(),
                                  [&](const Model& model) { return model->manifest.version() == version; });
  if (found == warm_.end()) return nullptr;
  warm_.splice(warm_.begin(), warm_, found);
  return warm_.front();
}

absl::StatusOr<WarmModels::Model> WarmModels::Get(const std::string& version) {
  if (version.empty()) {
    absl::MutexLock lock(&mutex_);
    return WithGenerator(current_);
  }
  if (Model warm = Find(version)) return WithGenerator(std::move(warm));
  absl::MutexLock loading(&load_mutex_);
  // Another caller may have loaded it meanwhile.
  if (Model warm = Find(version)) return WithGenerator(std::move(warm));
  ASSIGN_OR_RETURN(Model model, load_(version));
  {
    absl::MutexLock lock(&mutex_);
    Keep(model);
  }
  return WithGenerator(std::move(model));
}

std::vector<std::string> WarmModels::versions() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> versions;
  for (const Model& model : warm_) versions.push_back(model->manifest.version());
  return versions;
}

}  // namespace mannequin

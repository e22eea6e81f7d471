// The bundles that are loaded: the current one, and those that requests have named lately.
//
//   WarmModels models(2, [&](const std::string& version) { return OpenAndLoad(version); });
//   models.Promote(model);
//   ASSIGN_OR_RETURN(std::shared_ptr<const GeneratorModel> model, models.Get(request.bundle_version()));
//
// A model that leaves goes on for the calls that hold it.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/generator/model.h"

namespace mannequin {

// Thread-safe.
class WarmModels {
 public:
  using Model = std::shared_ptr<const GeneratorModel>;
  using Load = std::function<absl::StatusOr<Model>(const std::string& version)>;

  // Keeps `most` (1 or more), the current one among them; the least recently used leaves.
  WarmModels(int most, Load load);

  // From now on `model` is the current one. The one before stays warm while there is room.
  void Promote(Model model);
  // The current one when `version` is empty: FAILED_PRECONDITION when there is none. Another
  // is loaded when it is not warm, one at a time, while calls to warm ones go on; `load`'s
  // errors. FAILED_PRECONDITION when the bundle has no generator.
  absl::StatusOr<Model> Get(const std::string& version);
  // Null when it is not warm.
  Model Find(const std::string& version);
  // Most recently used first.
  std::vector<std::string> versions() const;

 private:
  void Keep(Model model) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t most_;
  const Load load_;
  absl::Mutex load_mutex_;  // held through a load; taken before mutex_
  mutable absl::Mutex mutex_;
  Model current_ ABSL_GUARDED_BY(mutex_);
  std::list<Model> warm_ ABSL_GUARDED_BY(mutex_);  // most recently used first; few
};

}  // namespace mannequin

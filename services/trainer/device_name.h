// Names of devices as a trainer has them: "cpu" and "cuda:1" of its own machine, "HOST:PORT/cuda:1" of the machine
// of a training worker (training_worker_service.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mannequin {

struct DeviceName {
  std::string worker;  // "HOST:PORT"; empty: this machine
  std::string device;  // as that machine names it
};

DeviceName SplitDeviceName(absl::string_view name);
// What is before the "/"; empty for a device of this machine.
std::string WorkerOf(absl::string_view name);

// INVALID_ARGUMENT unless `name` is "HOST:PORT/cpu" or "HOST:PORT/cuda:N". Whether it is there, is not asked.
absl::Status CheckWorkerDevice(const std::string& name);
// Each one device of this machine, which is there, and none twice: INVALID_ARGUMENT, CheckDevice's errors.
absl::Status CheckOwnDevices(const std::vector<std::string>& names);

// "cuda:0" and so on; "cpu" where there are none.
std::vector<std::string> AllOwnDevices();

}  // namespace mannequin

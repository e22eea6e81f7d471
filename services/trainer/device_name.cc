#include "services/trainer/device_name.h"

#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/status_macros.h"
#include "common/nn/device.h"
#include "common/rpc/address.h"

namespace mannequin {

DeviceName SplitDeviceName(absl::string_view name) {
  const std::size_t slash = name.rfind('/');
  if (slash == absl::string_view::npos) return {"", std::string(name)};
  return {std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))};
}

std::string WorkerOf(absl::string_view name) { return SplitDeviceName(name).worker; }

absl::Status CheckWorkerDevice(const std::string& name) {
  const DeviceName parts = SplitDeviceName(name);
  const absl::StatusOr<rpc::HostPort> address = rpc::ParseAddress(parts.worker, "devices");
  absl::string_view number = parts.device;
  int index = 0;
  const bool cuda = absl::ConsumePrefix(&number, "cuda:") && absl::SimpleAtoi(number, &index) && index >= 0;
  if (address.ok() && address->port > 0 && (cuda || parts.device == "cpu")) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("devices: \"", name, "\" is no device of a worker; give \"HOST:PORT/cuda:N\" or \"HOST:PORT/cpu\""));
}

absl::Status CheckOwnDevices(const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty() || name == "cuda") {
      return absl::InvalidArgumentError(
          absl::StrCat("devices: \"", name, "\" names no single device; give \"cpu\" or \"cuda:N\""));
    }
    RETURN_IF_ERROR(CheckDevice(name));
    if (!seen.insert(name).second) {
      return absl::InvalidArgumentError(absl::StrCat("devices: \"", name, "\" is there twice"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> AllOwnDevices() {
  std::vector<std::string> devices;
  for (int i = 0; i < CudaDevices(); ++i) devices.push_back(absl::StrCat("cuda:", i));
  if (devices.empty()) devices.push_back("cpu");
  return devices;
}

}  // namespace mannequin

#include "services/trainer/training_workers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/channel.h"
#include "services/trainer/device_name.h"

namespace mannequin {

TrainingWorkers::TrainingWorkers(std::vector<std::string> devices, int rendezvous_port,
                                 const config::v1::ClientConfig& client)
    : devices_(std::move(devices)), rendezvous_port_(rendezvous_port == 0 ? kDefaultRendezvousPort : rendezvous_port) {
  for (const std::string& device : devices_) {
    const std::string worker = WorkerOf(device);
    if (worker.empty() || channels_.count(worker) > 0) continue;
    // As a name, not as an address: then the channel watches whether the worker serves (rpc/channel.h), and one that
    // ends is not started on.
    channels_[worker] = rpc::NewChannel("dns:///" + worker, client);
    channels_[worker]->GetState(true);
  }
}

bool TrainingWorkers::CanStart(const std::string& device) const {
  const std::string worker = WorkerOf(device);
  return worker.empty() || ChannelTo(worker)->GetState(true) == GRPC_CHANNEL_READY;
}

std::shared_ptr<grpc::Channel> TrainingWorkers::ChannelTo(const std::string& worker) const {
  return channels_.at(worker);
}

std::string TrainingWorkers::RendezvousAt(const std::string& device) const {
  const std::string worker = WorkerOf(device);
  const auto place = std::find(devices_.begin(), devices_.end(), device) - devices_.begin();
  return absl::StrCat(worker.substr(0, worker.rfind(':')), ":", rendezvous_port_ + place);
}

}  // namespace mannequin

// The training workers whose devices a trainer may use: channels to them, and where processes on their machines find
// each other.
//
//   TrainingWorkers workers({"cpu", "gpu-0:8607/cuda:0", "gpu-1:8607/cuda:0"}, 8710, config.client());
//   workers.CanStart("gpu-1:8607/cuda:0");         // once it is there and says that it serves
//   workers.RendezvousAt("gpu-1:8607/cuda:0");     // "gpu-1:8712"
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "mannequin/config/v1/config.pb.h"

namespace mannequin {

inline constexpr int kDefaultRendezvousPort = 8710;

// Thread-safe.
class TrainingWorkers {
 public:
  // `devices` are the trainer's, as CheckWorkerDevice where they are a worker's.
  TrainingWorkers(std::vector<std::string> devices, int rendezvous_port, const config::v1::ClientConfig& client);

  // Whether a process can be started on the device now: of this machine always, of a worker's when it can be reached
  // and says that it serves. Goes on connecting to one that cannot; never waits.
  bool CanStart(const std::string& device) const;

  // To a worker of one of the devices.
  std::shared_ptr<grpc::Channel> ChannelTo(const std::string& worker) const;

  // "HOST:PORT" for a training whose first device this is: at its worker, on a port of its own among the trainer's
  // devices, so that trainings side by side do not meet.
  std::string RendezvousAt(const std::string& device) const;

 private:
  const std::vector<std::string> devices_;
  const int rendezvous_port_;
  std::map<std::string, std::shared_ptr<grpc::Channel>> channels_;  // by worker; const once made
};

}  // namespace mannequin

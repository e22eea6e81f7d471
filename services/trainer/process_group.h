// Processes that train one network together, each on its share of every batch. This header
// needs no torch; gradient_reducer.h does the networks' part.
//
//   ASSIGN_OR_RETURN(const auto group, ProcessGroup::Join({.rank = 1, .world_size = 4, .rendezvous =
//   "trainer-0:8700"})); RETURN_IF_ERROR(group->AllReduceMean(absl::MakeSpan(figures)));
//
// Over c10d's Gloo, which LibTorch has inside: TCP among all processes, on one machine or
// many, from the address that the machine's own name has, or of the interface that the
// environment's GLOO_SOCKET_IFNAME names. What lies on a GPU passes through the CPU's memory.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace mannequin {

struct ProcessGroupOptions {
  int rank = 0;        // of this process: 0 to world_size - 1, each taken once
  int world_size = 1;  // processes in all: 1 to 4,096
  // Where they find each other: "HOST:PORT", on which rank 0 listens until it leaves, or the
  // absolute path of a file on a disk that all share. A group needs a file of its own, which
  // is not there yet: what an earlier group left in it would be taken for this one's.
  std::string rendezvous;
  // Until all have joined.
  absl::Duration join_timeout = absl::Minutes(2);
  // For one operation: how long the others may take to come to it. This is for a process that
  // hangs; one that ends is noticed at once.
  absl::Duration timeout = absl::Minutes(10);
};

// All processes call the same operations in the same order with as many values. After an
// error the group is of no use: every later call gives the same error. Not thread-safe.
class ProcessGroup {
 public:
  // Waits for all. INVALID_ARGUMENT naming the option; DEADLINE_EXCEEDED when not all came in
  // time; UNAVAILABLE when the rendezvous cannot be had (a port in use, a host unknown).
  static absl::StatusOr<std::unique_ptr<ProcessGroup>> Join(const ProcessGroupOptions& options);
  ~ProcessGroup();

  int rank() const;
  int world_size() const;

  // Each value becomes its mean over the processes, to the bit the same in all.
  // UNAVAILABLE when a process has gone, or hangs beyond the timeout.
  absl::Status AllReduceMean(absl::Span<float> values);
  // Each value becomes what rank `from` has. INVALID_ARGUMENT; as AllReduceMean.
  absl::Status Broadcast(absl::Span<float> values, int from = 0);
  // Returns once all have called it. As AllReduceMean.
  absl::Status Barrier();

  struct Impl;
  explicit ProcessGroup(std::unique_ptr<Impl> impl);
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// What RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say, as torchrun and Kubeflow's
// PyTorchJob set them. INVALID_ARGUMENT naming the variable that is missing or wrong.
absl::StatusOr<ProcessGroupOptions> ProcessGroupFromEnvironment();

}  // namespace mannequin

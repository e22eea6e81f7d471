#include "services/trainer/process_group.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/base/check_range.h"
#include "common/base/status_macros.h"
#include "services/trainer/process_group_impl.h"
#include "torch/csrc/distributed/c10d/FileStore.hpp"
#include "torch/csrc/distributed/c10d/PrefixStore.hpp"
#include "torch/csrc/distributed/c10d/TCPStore.hpp"
#define USE_C10D_GLOO
#include "torch/csrc/distributed/c10d/ProcessGroupGloo.hpp"
#undef USE_C10D_GLOO

namespace mannequin {
namespace {

std::chrono::milliseconds Milliseconds(absl::Duration duration) { return absl::ToChronoMilliseconds(duration); }

// c10d's messages bring a stack along.
std::string FirstLine(const char* message) {
  const std::string text(message);
  return text.substr(0, text.find('\n'));
}

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

absl::StatusOr<Address> ParseAddress(const std::string& rendezvous) {
  const std::size_t colon = rendezvous.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(rendezvous.substr(colon + 1), &port) || port < 1 ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("rendezvous: expected HOST:PORT or the absolute path of a file, got \"", rendezvous, "\""));
  }
  std::string host = rendezvous.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return Address{host, static_cast<std::uint16_t>(port)};
}

c10::intrusive_ptr<c10d::Store> OpenTcpStore(const ProcessGroupOptions& options, const Address& address) {
  c10d::TCPStoreOptions with;
  with.port = address.port;
  with.isServer = options.rank == 0;
  with.numWorkers = static_cast<std::size_t>(options.world_size);
  with.timeout = Milliseconds(options.join_timeout);
  return c10::make_intrusive<c10d::TCPStore>(address.host, with);
}

absl::Status CheckOptions(const ProcessGroupOptions& options) {
  RETURN_IF_ERROR(CheckRange<std::int64_t>("world_size", options.world_size, 1, 4096));
  RETURN_IF_ERROR(CheckRange<std::int64_t>("rank", options.rank, 0, options.world_size - 1));
  if (options.join_timeout <= absl::ZeroDuration() || options.timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("timeout and join_timeout must be longer than nothing");
  }
  return absl::OkStatus();
}

// The share of a group that could not be made.
absl::Status JoinError(const ProcessGroupOptions& options, bool out_of_time, const std::string& reason) {
  const std::string message =
      absl::StrCat("rank ", options.rank, " of ", options.world_size, " cannot join at ", options.rendezvous,
                   " within ", absl::FormatDuration(options.join_timeout), ": ", reason);
  return out_of_time ? absl::DeadlineExceededError(message) : absl::UnavailableError(message);
}

}  // namespace

absl::Status ProcessGroup::Impl::Try(const char* what, const std::function<void()>& operation) {
  if (!failed.ok()) return failed;
  try {
    operation();
  } catch (const std::exception& error) {
    failed =
        absl::UnavailableError(absl::StrCat("rank ", options.rank, " of ", options.world_size, ": ", what,
                                            " failed: a process of the group has gone, or hangs for more than ",
                                            absl::FormatDuration(options.timeout), " (", FirstLine(error.what()), ")"));
  }
  return failed;
}

c10::intrusive_ptr<c10d::Work> ProcessGroup::Impl::BeginSum(const torch::Tensor& tensor) {
  std::vector<torch::Tensor> tensors = {tensor};
  return backend->allreduce(tensors);
}

c10::intrusive_ptr<c10d::Work> ProcessGroup::Impl::BeginBroadcast(const torch::Tensor& tensor, int from) {
  std::vector<torch::Tensor> tensors = {tensor};
  c10d::BroadcastOptions with;
  with.rootRank = from;
  return backend->broadcast(tensors, with);
}

ProcessGroup::ProcessGroup(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProcessGroup::~ProcessGroup() = default;

int ProcessGroup::rank() const { return impl_->options.rank; }
int ProcessGroup::world_size() const { return impl_->options.world_size; }

absl::StatusOr<std::unique_ptr<ProcessGroup>> ProcessGroup::Join(const ProcessGroupOptions& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  const bool file = !options.rendezvous.empty() && options.rendezvous.front() == '/';
  Address address;
  if (!file) {
    ASSIGN_OR_RETURN(address, ParseAddress(options.rendezvous));
  }
  const absl::Time begin = absl::Now();
  try {
    if (file) {
      impl->store = c10::make_intrusive<c10d::FileStore>(options.rendezvous, options.world_size);
    } else {
      impl->store = OpenTcpStore(options, address);
    }
    impl->store->setTimeout(Milliseconds(options.join_timeout));
    // The connections are made under join_timeout, then the operations run under timeout.
    const auto with = c10d::ProcessGroupGloo::Options::create_default(Milliseconds(options.join_timeout));
    const auto prefixed = c10::make_intrusive<c10d::PrefixStore>("gloo", impl->store);
    auto backend = c10::make_intrusive<c10d::ProcessGroupGloo>(prefixed, options.rank, options.world_size, with);
    backend->setTimeout(Milliseconds(options.timeout));
    impl->backend = std::move(backend);
  } catch (const std::exception& error) {
    const bool out_of_time = absl::Now() - begin >= options.join_timeout;
    return JoinError(options, out_of_time, FirstLine(error.what()));
  }
  auto group = std::make_unique<ProcessGroup>(std::move(impl));
  return group;
}

absl::Status ProcessGroup::AllReduceMean(absl::Span<float> values) {
  return impl_->Try("averaging", [&] {
    const torch::Tensor tensor =
        torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, torch::kFloat);
    impl_->BeginSum(tensor)->wait();
    tensor.div_(world_size());
  });
}

absl::Status ProcessGroup::Broadcast(absl::Span<float> values, int from) {
  RETURN_IF_ERROR(CheckRange<std::int64_t>("from", from, 0, world_size() - 1));
  return impl_->Try("a broadcast", [&] {
    const torch::Tensor tensor =
        torch::from_blob(values.data(), {static_cast<std::int64_t>(values.size())}, torch::kFloat);
    impl_->BeginBroadcast(tensor, from)->wait();
  });
}

absl::Status ProcessGroup::Barrier() {
  return impl_->Try("waiting for the others", [&] { impl_->backend->barrier()->wait(); });
}

absl::StatusOr<ProcessGroupOptions> ProcessGroupFromEnvironment() {
  const auto get = [](const char* name) -> absl::StatusOr<std::string> {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return std::string(value);
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is not set: a process of a group needs RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT"));
  };
  const auto number = [&](const char* name, int& into) -> absl::Status {
    ASSIGN_OR_RETURN(const std::string text, get(name));
    if (absl::SimpleAtoi(text, &into)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(name, ": expected a number, got \"", text, "\""));
  };
  ProcessGroupOptions options;
  int port = 0;
  RETURN_IF_ERROR(number("RANK", options.rank));
  RETURN_IF_ERROR(number("WORLD_SIZE", options.world_size));
  RETURN_IF_ERROR(number("MASTER_PORT", port));
  ASSIGN_OR_RETURN(const std::string host, get("MASTER_ADDR"));
  options.rendezvous = absl::StrCat(host.find(':') == std::string::npos ? host : "[" + host + "]", ":", port);
  RETURN_IF_ERROR(ParseAddress(options.rendezvous).status());
  RETURN_IF_ERROR(CheckOptions(options));
  return options;
}

}  // namespace mannequin

// One libcurl handle, set up so that whatever a stranger's server does, the engine's
// promises hold (transfer.h). Used again and again; only what differs is set anew.
#pragma once

#include <curl/curl.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "services/fetcher/address_filter.h"
#include "services/fetcher/host_schedule.h"
#include "services/fetcher/transfer_error.h"

namespace mannequin {

struct TransferHandle;

// What a handle's callbacks tell while libcurl works; they must not change the handle.
class TransferEvents {
 public:
  virtual ~TransferEvents() = default;
  // A socket is about to connect to an address that the filter let through.
  virtual void OnConnecting(TransferHandle& transfer, AddressFilter::Verdict verdict) = 0;
  // A connection is there and the request goes out.
  virtual void OnSending(TransferHandle& transfer) = 0;
};

// The same for all handles of an engine.
struct TransferCommon {
  const AddressFilter* filter = nullptr;
  std::int64_t max_body_bytes = 0;
  std::int64_t max_held_bytes = 0;
  std::string user_agent;
  // A PEM file of all that is trusted.
  std::string authorities;
  std::atomic<std::int64_t> held{0};
  std::atomic<std::int64_t> received{0};
};

struct TransferHandle {
  TransferHandle(TransferCommon& common, TransferEvents& events);
  ~TransferHandle();
  TransferHandle(const TransferHandle&) = delete;
  TransferHandle& operator=(const TransferHandle&) = delete;

  // For `fetch.url`, or for its origin's robots.txt; then the handle can be added.
  void Prepare(bool is_robots, absl::Duration timeout);
  // libcurl is done with it. Moves nothing.
  TransferEnd End(CURLcode code) const;
  // Ready for another: bodies and headers are given up.
  void Clear();

  TransferCommon& common;
  TransferEvents& events;
  CURL* easy = nullptr;

  PendingFetch fetch;
  HostSchedule::Host* host = nullptr;
  bool robots = false;
  absl::Time begun;
  bool resolves = false;  // the schedule waits for its name
  bool aged = false;      // and the schedule knows
  bool is_old = false;    // which list it is on
  std::list<TransferHandle*>::iterator place;

  // What the callbacks saw.
  std::string body;
  std::int64_t body_bytes = 0;
  std::int64_t header_bytes = 0;
  long status = 0;
  bool sent = false;
  Stopped stopped = Stopped::kNot;
  std::string forbidden_address;
  std::string etag;
  std::string last_modified;
  std::string content_encoding;

 private:
  static std::size_t OnHeader(char* bytes, std::size_t size, std::size_t count, void* user);
  static std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* user);
  static curl_socket_t OnOpenSocket(void* user, curlsocktype purpose, curl_sockaddr* address);
  static int OnPrereq(void* user, char* primary, char* local, int primary_port, int local_port);

  curl_slist* plain_headers_ = nullptr;
  curl_slist* conditional_headers_ = nullptr;
  bool follows_ = false;
  bool multiplexes_ = true;
  absl::Duration timeout_;
  std::array<char, CURL_ERROR_SIZE> words_{};
};

}  // namespace mannequin

// A web server on 127.0.0.1 that misbehaves on demand.
//
//   TestOrigin origin;
//   origin.On("/a.jpg", Serve(jpeg));
//   origin.On("/b.jpg", [](Exchange& x) { x.Raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"); });
//   Fetch(origin.Url("/a.jpg"));  EXPECT_EQ(origin.Requests("/a.jpg"), 1);
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

namespace mannequin {

// One request and the connection to answer it on.
class Exchange {
 public:
  Exchange(int fd, int attempt, std::string head, const absl::Notification& stop)
      : fd_(fd), attempt_(attempt), head_(std::move(head)), stop_(stop) {}

  // 1 for the first request of this path.
  int attempt() const { return attempt_; }
  // The request line and headers.
  const std::string& head() const { return head_; }

  // False when the client has gone.
  bool Write(absl::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return open_ = false;
      bytes.remove_prefix(sent);
    }
    return true;
  }
  // A whole answer with its length; the connection lives on.
  void Answer(int status, absl::string_view body, absl::string_view headers = "") {
    Write(absl::StrCat("HTTP/1.1 ", status, " X\r\nContent-Length: ", body.size(), "\r\n", headers, "\r\n", body));
  }
  // Exactly these bytes, then the connection is closed.
  void Raw(absl::string_view bytes) {
    Write(bytes);
    open_ = false;
  }
  // As Raw(), but the connection is reset.
  void Reset(absl::string_view bytes) {
    Write(bytes);
    const linger at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    open_ = false;
  }
  // Says nothing until the client goes or the origin ends.
  void Hang() {
    while (!stop_.HasBeenNotified()) {
      pollfd watched{fd_, POLLIN | POLLRDHUP, 0};
      if (poll(&watched, 1, 20) > 0) break;
    }
    open_ = false;
  }
  bool open() const { return open_ && !stop_.HasBeenNotified(); }

 private:
  const int fd_;
  const int attempt_;
  const std::string head_;
  const absl::Notification& stop_;
  bool open_ = true;
};

using Behaviour = std::function<void(Exchange&)>;

inline Behaviour Serve(std::string body) {
  return [body = std::move(body)](Exchange& x) { x.Answer(200, body); };
}
inline Behaviour Status(int status) {
  return [status](Exchange& x) { x.Answer(status, "<html>no</html>"); };
}
inline Behaviour Redirect(std::string to) {
  return [to = std::move(to)](Exchange& x) { x.Answer(302, "", absl::StrCat("Location: ", to, "\r\n")); };
}

class TestOrigin {
 public:
  TestOrigin() {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    listen(listener_, 512);
    socklen_t size = sizeof address;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~TestOrigin() {
    stop_.Notify();
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      absl::MutexLock lock(&mutex_);
      for (int fd : connections_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  int port() const { return port_; }
  std::string Url(absl::string_view path) const { return absl::StrCat("http://127.0.0.1:", port_, path); }
  // Excepts this origin alone.
  std::string AllowEntry() const { return absl::StrCat("127.0.0.1/32:", port_); }

  void On(std::string path, Behaviour behaviour) {
    absl::MutexLock lock(&mutex_);
    behaviours_[std::move(path)] = std::move(behaviour);
  }
  // For every path that has none of its own; 404 until it is set. /robots.txt stays 404
  // unless On() says what it is.
  void OnOther(Behaviour behaviour) {
    absl::MutexLock lock(&mutex_);
    other_ = std::move(behaviour);
  }
  int Requests(const std::string& path) const {
    absl::MutexLock lock(&mutex_);
    auto found = requests_.find(path);
    return found == requests_.end() ? 0 : found->second;
  }
  // By path, without /robots.txt.
  std::map<std::string, int> AllRequests() const {
    absl::MutexLock lock(&mutex_);
    std::map<std::string, int> requests = requests_;
    requests.erase("/robots.txt");
    return requests;
  }
  // Connections accepted so far.
  int Connections() const {
    absl::MutexLock lock(&mutex_);
    return accepted_;
  }
  // Requests being answered at one time, at most so far.
  int MostAtOnce() const {
    absl::MutexLock lock(&mutex_);
    return most_at_once_;
  }

 private:
  void Accept() {
    while (!stop_.HasBeenNotified()) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) break;
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      absl::MutexLock lock(&mutex_);
      ++accepted_;
      connections_.push_back(fd);
      threads_.emplace_back([this, fd] { Converse(fd); });
    }
  }

  void Converse(int fd) {
    std::string buffer;
    bool open = true;
    while (open) {
      std::size_t end = 0;
      while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
        char bytes[4096];
        const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
        if (got <= 0) {
          open = false;
          break;
        }
        buffer.append(bytes, got);
      }
      if (!open) break;
      const std::string head = buffer.substr(0, end);
      buffer.erase(0, end + 4);
      const std::size_t start = head.find(' ') + 1;
      const std::string path = head.substr(start, head.find(' ', start) - start);
      Behaviour behaviour;
      int attempt = 0;
      {
        absl::MutexLock lock(&mutex_);
        attempt = ++requests_[path];
        auto found = behaviours_.find(path);
        behaviour = found == behaviours_.end() ? other_ : found->second;
        most_at_once_ = std::max(most_at_once_, ++at_once_);
      }
      Exchange exchange(fd, attempt, head, stop_);
      behaviour(exchange);
      open = exchange.open();
      absl::MutexLock lock(&mutex_);
      --at_once_;
    }
    absl::MutexLock lock(&mutex_);
    connections_.remove(fd);
    close(fd);
  }

  int listener_ = -1;
  int port_ = 0;
  absl::Notification stop_;
  std::thread acceptor_;
  std::list<std::thread> threads_;  // Added to by the acceptor alone.

  mutable absl::Mutex mutex_;
  std::map<std::string, Behaviour> behaviours_ ABSL_GUARDED_BY(mutex_){{"/robots.txt", Status(404)}};
  Behaviour other_ ABSL_GUARDED_BY(mutex_) = Status(404);
  std::map<std::string, int> requests_ ABSL_GUARDED_BY(mutex_);
  std::list<int> connections_ ABSL_GUARDED_BY(mutex_);
  int accepted_ ABSL_GUARDED_BY(mutex_) = 0;
  int at_once_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_at_once_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mannequin

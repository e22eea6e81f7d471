#include "services/console/console_server.h"

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/call_ids.h"
#include "common/base/retry_after.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/rpc/address.h"
#include "common/rpc/method_access.h"
#include "nlohmann/json.hpp"
#include "services/console/connect.h"
#include "services/console/job_events.h"
#include "services/console/pictures.h"
#include "services/console/request_guard.h"
#include "services/console/service_health.h"
#include "services/console/sessions.h"
#include "services/console/web_files.h"
#include "spdlog/spdlog.h"

namespace mannequin {
namespace {

constexpr char kJsonType[] = "application/json";
constexpr char kStreamType[] = "application/connect+json";
constexpr char kDefaultListen[] = "127.0.0.1:8680";
// An image of 16 MiB in base64, and its listing's text.
constexpr std::size_t kMaxBodyBytes = 24 << 20;
// A browser keeps six connections, and an event stream holds its thread.
constexpr std::size_t kThreads = 32;
constexpr int kMaxStreams = 16;
constexpr absl::Duration kDefaultTimeout = absl::Seconds(60);
constexpr absl::Duration kMaxTimeout = absl::Minutes(10);
constexpr absl::Duration kPictureTimeout = absl::Seconds(10);
constexpr absl::Duration kHealthTimeout = absl::Seconds(2);
// What pictures and events are to a reader's role.
constexpr char kGetImage[] = "/mannequin.v1.ProductStore/GetImage";
constexpr char kGetPlaceholder[] = "/mannequin.v1.ProductStore/GetPlaceholder";
constexpr char kGetJob[] = "/mannequin.v1.ProductStore/GetJob";
constexpr absl::Duration kEventInterval = absl::Milliseconds(500);

const httplib::Headers& SecurityHeaders() {
  static const httplib::Headers headers = {
      {"Content-Security-Policy",
       "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
       "frame-ancestors 'none'"},
      {"X-Frame-Options", "DENY"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cross-Origin-Resource-Policy", "same-origin"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
  };
  return headers;
}

void SendError(const absl::Status& status, int http_status, httplib::Response& response) {
  response.status = http_status;
  if (const std::optional<absl::Duration> after = RetryAfter(status)) {
    // RFC 9110, 10.2.3: whole seconds.
    response.set_header("Retry-After", std::to_string(absl::ToInt64Seconds(absl::Ceil(*after, absl::Seconds(1)))));
  }
  response.set_content(ConnectErrorJson(status), kJsonType);
}

void SendError(const absl::Status& status, httplib::Response& response) {
  SendError(status, ConnectHttpStatus(status.code()), response);
}

// What httplib refuses before a handler runs, in words.
absl::Status Refused(int http_status) {
  switch (http_status) {
    case 413:
      return absl::ResourceExhaustedError(absl::StrCat("the body is over ", kMaxBodyBytes >> 20, " MiB"));
    case 414:
      return absl::InvalidArgumentError("the address is too long");
    case 404:
      return absl::UnimplementedError("no such page");
    default:
      return absl::InvalidArgumentError(absl::StrCat("HTTP ", http_status));
  }
}

// 304 when the browser has it already.
bool IsCached(const httplib::Request& request, const std::string& etag, httplib::Response& response) {
  response.set_header("ETag", etag);
  if (request.get_header_value("If-None-Match") != etag) return false;
  response.status = 304;
  return true;
}

// A stored media type is the origin's word: only pictures are sent as what they say.
std::string SafeMediaType(const std::string& media_type) {
  for (const char* known : {"image/jpeg", "image/png", "image/webp", "image/gif"}) {
    if (media_type == known) return media_type;
  }
  return "application/octet-stream";
}

void SendPicture(const httplib::Request& request, const absl::StatusOr<Picture>& picture, httplib::Response& response) {
  if (!picture.ok()) return SendError(picture.status(), response);
  response.set_header("Cache-Control", "private, max-age=60");
  if (picture->generated) response.set_header("X-Mannequin-Generated", "true");
  if (IsCached(request, absl::StrCat("\"", picture->image.sha256(), "\""), response)) return;
  response.set_content(picture->image.data(), SafeMediaType(picture->image.media_type()));
}

// `otherwise` when the caller names none.
absl::StatusOr<absl::Duration> TimeoutOf(const httplib::Request& request, absl::Duration otherwise) {
  if (!request.has_header("Connect-Timeout-Ms")) return otherwise;
  return ParseConnectTimeout(request.get_header_value("Connect-Timeout-Ms"));
}

absl::Status CheckConnectHeaders(const httplib::Request& request) {
  const std::string version = request.get_header_value("Connect-Protocol-Version");
  if (!version.empty() && version != "1") {
    return absl::InvalidArgumentError(absl::StrCat("Connect-Protocol-Version: expected 1, got \"", version, "\""));
  }
  const std::string encoding = request.get_header_value("Content-Encoding");
  if (!encoding.empty() && encoding != "identity") {
    return absl::UnimplementedError(absl::StrCat("Content-Encoding: \"", encoding, "\" is not taken, send identity"));
  }
  return absl::OkStatus();
}

// Reads the body up to its bound, however it is sent: the server's own bound does not
// hold for chunks. False when it is longer or malformed; the response then says so.
bool ReadBody(const httplib::Request& request, const httplib::ContentReader& read, std::string& body,
              httplib::Response& response) {
  bool too_long = false;
  const auto take = [&](const char* data, std::size_t size) {
    too_long = body.size() + size > kMaxBodyBytes;
    if (!too_long) body.append(data, size);
    return !too_long;
  };
  // A form is refused by its type; its parts are not wanted.
  const bool whole = request.is_multipart_form_data() ? read([](const httplib::MultipartFormData&) { return true; },
                                                             [](const char*, std::size_t) { return true; })
                                                      : read(take);
  if (whole) return true;
  const int http_status = too_long ? 413 : response.status > 0 ? response.status : 400;
  SendError(Refused(http_status), http_status, response);
  return false;
}

// Those that the role is for, as the page calls them: "ProductStore/GetProduct".
std::vector<std::string> MethodsOf(config::v1::Role role) {
  std::vector<std::string> methods;
  for (const rpc::MethodAccess& method : rpc::AllMethodAccess()) {
    absl::string_view name = method.path;
    if (absl::ConsumePrefix(&name, "/mannequin.v1.") && method.IsOpenTo(role)) methods.emplace_back(name);
  }
  return methods;
}

bool IsLoopbackAddress(const std::string& host) {
  return CheckLoopbackHost(absl::StrContains(host, ':') ? absl::StrCat("[", host, "]") : host).ok();
}

}  // namespace

struct ConsoleServer::Impl {
  Impl(const ConsoleChannels& to, std::unique_ptr<Sessions> who)
      : channels(to), gateway(to), pictures(to.store), sessions(std::move(who)) {}

  void Route();
  // Whether the request may go on; answers it when not.
  bool Guard(const httplib::Request& request, httplib::Response& response) const;
  void Get(const httplib::Request& request, httplib::Response& response);
  void Post(const httplib::Request& request, const std::string& body, httplib::Response& response);
  void PostSession(const httplib::Request& request, const std::string& body, httplib::Response& response);
  void Call(const httplib::Request& request, const std::string& body, const Reader& reader,
            httplib::Response& response) const;
  void Stream(const httplib::Request& request, const std::string& body, const Reader& reader,
              httplib::Response& response);
  // Whether there is room for one more that holds its thread; answers it when not.
  bool TakeStream(httplib::Response& response);
  absl::StatusOr<Reader> CheckSession(const httplib::Request& request) const;
  // Whether the reader's role is for the method; answers the request when not.
  bool Admit(const Reader& reader, absl::string_view path, httplib::Response& response) const;
  void SendSession(const absl::StatusOr<Reader>& reader, httplib::Response& response) const;
  void SendEvents(const httplib::Request& request, v1::JobKind kind, const Reader& reader, httplib::Response& response);

  ConsoleChannels channels;
  Gateway gateway;
  Pictures pictures;
  const std::unique_ptr<Sessions> sessions;
  std::vector<std::string> metrics;
  bool loopback = true;
  std::string address;
  std::atomic<int> streams = 0;
  SteadyNotification stopping;
  absl::Mutex stop_mutex;
  httplib::Server http;
  std::thread thread;
};

// For as long as it lives, calls of this thread and its log lines carry the ids that the request brought, or new ones;
// the answer says which.
ScopedCall CallOf(const httplib::Request& request, httplib::Response& response) {
  auto ids = std::make_shared<const CallIds>(IdsForCall(request.get_header_value("traceparent"),
                                                        request.get_header_value("tracestate"),
                                                        request.get_header_value("X-Request-Id")));
  response.set_header("X-Request-Id", ids->request_id);
  return ScopedCall(std::move(ids));
}

bool ConsoleServer::Impl::Guard(const httplib::Request& request, httplib::Response& response) const {
  const std::string host = request.get_header_value("Host");
  absl::Status status = loopback ? CheckLoopbackHost(host) : absl::OkStatus();
  if (status.ok()) status = CheckOrigin(request.get_header_value("Origin"), host);
  if (status.ok()) return true;
  spdlog::warn("console: refused {} {}: {}", request.method, request.path, std::string(status.message()));
  SendError(status, response);
  return false;
}

void ConsoleServer::Impl::Get(const httplib::Request& request, httplib::Response& response) {
  absl::string_view rest = request.path;
  if (rest == "/healthz") return response.set_content("ok\n", "text/plain");
  const ScopedCall call = CallOf(request, response);
  if (!Guard(request, response)) return;
  if (const WebFile* file = FindWebFile(rest == "/" ? "/index.html" : rest); file != nullptr) {
    response.set_header("Cache-Control", "no-cache");
    if (IsCached(request, file->etag, response)) return;
    return response.set_content(file->bytes.data(), file->bytes.size(), std::string(file->media_type));
  }
  const absl::StatusOr<Reader> reader = CheckSession(request);
  if (rest == "/session") return SendSession(reader, response);
  if (!reader.ok()) return SendError(reader.status(), response);
  const CallTerms picture_terms = {WallNow() + kPictureTimeout, reader->authorization};
  if (absl::ConsumePrefix(&rest, "/images/")) {
    if (!Admit(*reader, kGetImage, response)) return;
    int side = 0;  // What is no number asks for the picture itself.
    if (!absl::SimpleAtoi(request.get_param_value("side"), &side) || side < 0) side = 0;
    return SendPicture(request, pictures.OfProduct(std::string(rest), side, picture_terms), response);
  }
  if (absl::ConsumePrefix(&rest, "/placeholders/") && absl::ConsumeSuffix(&rest, ".png")) {
    if (!Admit(*reader, kGetPlaceholder, response)) return;
    return SendPicture(request, pictures.OfPlaceholder(std::string(rest), picture_terms), response);
  }
  if (rest == "/events/crawl") return SendEvents(request, v1::JOB_KIND_CRAWL, *reader, response);
  if (rest == "/events/training") return SendEvents(request, v1::JOB_KIND_TRAIN_GAN, *reader, response);
  if (rest == "/events/job") return SendEvents(request, v1::JOB_KIND_UNSPECIFIED, *reader, response);
  if (rest == "/health/services") {
    response.set_header("Cache-Control", "no-store");
    return response.set_content(ServiceHealthJson(channels, metrics, kHealthTimeout), kJsonType);
  }
  if (gateway.ShapeOf(request.path) != RpcShape::kUnknown) {
    response.set_header("Allow", "POST");
    return SendError(absl::UnimplementedError(absl::StrCat(request.path, " is called by POST")), 405, response);
  }
  SendError(absl::NotFoundError(absl::StrCat("no page ", request.path)), response);
}

absl::StatusOr<Reader> ConsoleServer::Impl::CheckSession(const httplib::Request& request) const {
  return sessions->Check(request.get_header_value("Cookie"), request.get_header_value("Authorization"), absl::Now());
}

bool ConsoleServer::Impl::Admit(const Reader& reader, absl::string_view path, httplib::Response& response) const {
  const absl::Status status = sessions->Admit(reader, path);
  if (status.ok()) return true;
  spdlog::warn("console: {}", std::string(status.message()));
  SendError(status, response);
  return false;
}

void ConsoleServer::Impl::SendSession(const absl::StatusOr<Reader>& reader, httplib::Response& response) const {
  nlohmann::json session = {{"needed", sessions->needed()}, {"signedIn", sessions->needed() && reader.ok()}};
  if (reader.ok() && !reader->caller.name.empty()) {
    session["name"] = reader->caller.name;
    session["role"] = rpc::RoleName(reader->caller.role);
    session["methods"] = MethodsOf(reader->caller.role);
  }
  response.set_header("Cache-Control", "no-store");
  response.set_content(session.dump(), kJsonType);
}

void ConsoleServer::Impl::Post(const httplib::Request& request, const std::string& body, httplib::Response& response) {
  const ScopedCall call = CallOf(request, response);
  if (!Guard(request, response)) return;
  if (request.path == "/session" || request.path == "/session/end") return PostSession(request, body, response);
  const absl::StatusOr<Reader> reader = CheckSession(request);
  if (!reader.ok()) return SendError(reader.status(), response);
  const RpcShape shape = gateway.ShapeOf(request.path);
  if (shape == RpcShape::kUnknown) {
    return SendError(absl::UnimplementedError(absl::StrCat("no RPC ", request.path)), 404, response);
  }
  if (shape == RpcShape::kClientStream) {
    return SendError(absl::UnimplementedError(absl::StrCat(request.path, " takes a stream: call it by gRPC")),
                     response);
  }
  const char* type = shape == RpcShape::kUnary ? kJsonType : kStreamType;
  if (absl::Status right = CheckContentType(request.get_header_value("Content-Type"), type); !right.ok()) {
    response.set_header("Accept-Post", type);
    return SendError(right, 415, response);
  }
  if (absl::Status headers = CheckConnectHeaders(request); !headers.ok()) return SendError(headers, response);
  if (!Admit(*reader, request.path, response)) return;
  return shape == RpcShape::kUnary ? Call(request, body, *reader, response) : Stream(request, body, *reader, response);
}

void ConsoleServer::Impl::PostSession(const httplib::Request& request, const std::string& body,
                                      httplib::Response& response) {
  if (absl::Status type = CheckContentType(request.get_header_value("Content-Type")); !type.ok()) {
    return SendError(type, 415, response);
  }
  response.set_header("Cache-Control", "no-store");
  if (request.path == "/session/end") {
    response.set_header("Set-Cookie", sessions->SignOut(request.get_header_value("Cookie")));
    return response.set_content("{}", kJsonType);
  }
  const nlohmann::json given = nlohmann::json::parse(body, nullptr, false);
  if (!given.is_object() || !given.contains("token") || !given["token"].is_string()) {
    return SendError(absl::InvalidArgumentError("the body must be {\"token\":\"...\"}"), response);
  }
  const absl::StatusOr<std::string> cookie = sessions->SignIn(given["token"].get<std::string>(), absl::Now());
  if (!cookie.ok()) {
    spdlog::warn("console: {} did not sign in: {}", request.remote_addr, std::string(cookie.status().message()));
    return SendError(cookie.status(), response);
  }
  response.set_header("Set-Cookie", *cookie);
  response.set_content("{}", kJsonType);
}

void ConsoleServer::Impl::Call(const httplib::Request& request, const std::string& body, const Reader& reader,
                               httplib::Response& response) const {
  const absl::StatusOr<absl::Duration> timeout = TimeoutOf(request, kDefaultTimeout);
  if (!timeout.ok()) return SendError(timeout.status(), response);
  const absl::Time deadline = WallNow() + std::min(*timeout, kMaxTimeout);
  const absl::StatusOr<std::string> json = gateway.Call(request.path, body, {deadline, reader.authorization});
  if (!json.ok()) return SendError(json.status(), response);
  response.set_header("Cache-Control", "no-store");
  response.set_content(*json, kJsonType);
}

void ConsoleServer::Impl::Stream(const httplib::Request& request, const std::string& body, const Reader& reader,
                                 httplib::Response& response) {
  response.set_header("Cache-Control", "no-store");
  const auto begin = [&]() -> absl::StatusOr<std::unique_ptr<StreamCall>> {
    // A stream may go on for hours: its deadline is the caller's, or none.
    ASSIGN_OR_RETURN(const absl::Duration timeout, TimeoutOf(request, absl::InfiniteDuration()));
    ASSIGN_OR_RETURN(const absl::string_view json, OnlyConnectMessage(body));
    return gateway.Stream(request.path, json, {WallNow() + timeout, reader.authorization});
  };
  absl::StatusOr<std::unique_ptr<StreamCall>> begun = begin();
  if (!begun.ok()) return response.set_content(ConnectEndOfStream(begun.status()), kStreamType);
  if (!TakeStream(response)) return;
  const std::shared_ptr<StreamCall> call = *std::move(begun);
  response.set_chunked_content_provider(
      kStreamType,
      [this, call](std::size_t, httplib::DataSink& sink) {
        absl::Status status = absl::UnavailableError("the console stops; call again later");
        if (!stopping.HasBeenNotified()) {
          switch (call->Next(kEventInterval)) {
            case StreamCall::Event::kPending:
              return sink.is_writable();
            case StreamCall::Event::kMessage: {
              const absl::StatusOr<std::string> json = ToJson(call->response());
              if (json.ok()) {
                const std::string envelope = ConnectEnvelope(*json);
                return sink.write(envelope.data(), envelope.size());
              }
              status = json.status();
              break;
            }
            case StreamCall::Event::kEnd:
              status = call->status();
          }
        }
        const std::string end = ConnectEndOfStream(status);
        if (!sink.write(end.data(), end.size())) return false;
        sink.done();
        return true;
      },
      [this](bool) { streams.fetch_sub(1); });
}

bool ConsoleServer::Impl::TakeStream(httplib::Response& response) {
  if (streams.fetch_add(1) < kMaxStreams) return true;
  streams.fetch_sub(1);
  SendError(absl::ResourceExhaustedError(absl::StrCat("already ", kMaxStreams, " streams: close one")), response);
  return false;
}

void ConsoleServer::Impl::SendEvents(const httplib::Request& request, v1::JobKind kind, const Reader& reader,
                                     httplib::Response& response) {
  if (!Admit(reader, kGetJob, response)) return;
  if (!request.has_param("job")) {
    return SendError(absl::InvalidArgumentError("job: expected ?job=ID"), response);
  }
  if (!TakeStream(response)) return;
  auto events = std::make_shared<JobEvents>(channels.store, request.get_param_value("job"), kind, reader.authorization);
  response.set_header("Cache-Control", "no-store");
  response.set_chunked_content_provider(
      "text/event-stream",
      [this, events](std::size_t offset, httplib::DataSink& sink) {
        // The first at once, the others at their interval.
        if (offset > 0 && stopping.WaitFor(kEventInterval)) {
          sink.done();
          return true;
        }
        const std::string bytes = events->Next();
        if (!sink.write(bytes.data(), bytes.size())) return false;
        if (events->ended()) sink.done();
        return true;
      },
      [this](bool) { streams.fetch_sub(1); });
}

void ConsoleServer::Impl::Route() {
  http.set_default_headers(SecurityHeaders());
  // One pattern: the paths are compared here, not by std::regex, which recurses over
  // long ones.
  const auto get = [this](const httplib::Request& request, httplib::Response& response) { Get(request, response); };
  const auto post = [this](const httplib::Request& request, httplib::Response& response,
                           const httplib::ContentReader& read) {
    std::string body;
    if (ReadBody(request, read, body, response)) Post(request, body, response);
  };
  const auto refuse = [](const httplib::Request& request, httplib::Response& response) {
    response.set_header("Allow", "GET, POST");
    SendError(absl::UnimplementedError(absl::StrCat(request.method, " is not taken")), 405, response);
  };
  const char any[] = "[^]*";
  http.Get(any, get).Post(any, post).Put(any, refuse).Patch(any, refuse).Delete(any, refuse).Options(any, refuse);
  http.set_error_handler([](const httplib::Request&, httplib::Response& response) {
    if (response.body.empty()) SendError(Refused(response.status), response.status, response);
  });
  http.set_exception_handler(
      [](const httplib::Request& request, httplib::Response& response, std::exception_ptr thrown) {
        std::string what = "unknown exception";
        try {
          std::rethrow_exception(thrown);
        } catch (const std::exception& e) {
          what = e.what();
        } catch (...) {
        }
        spdlog::error("console: {} {}: {}", request.method, request.path, what);
        SendError(absl::InternalError("the console failed; its log says why"), response);
      });
}

absl::StatusOr<std::unique_ptr<ConsoleServer>> ConsoleServer::Start(const config::v1::ConsoleConfig& config,
                                                                    const ConsoleChannels& channels) {
  const std::string listen = config.listen().empty() ? kDefaultListen : config.listen();
  ASSIGN_OR_RETURN(rpc::HostPort where, rpc::ParseAddress(listen, "listen"));
  // httplib does not say why it could not bind.
  RETURN_IF_ERROR(rpc::CheckCanListen(where, "listen"));
  ASSIGN_OR_RETURN(std::unique_ptr<Sessions> sessions, Sessions::Open(config));
  auto impl = std::make_unique<Impl>(channels, std::move(sessions));
  impl->loopback = IsLoopbackAddress(where.host);
  for (const std::string& url : config.metrics()) {
    if (!absl::StartsWith(url, "http://") && !absl::StartsWith(url, "https://")) {
      return absl::InvalidArgumentError(absl::StrCat("metrics: expected http:// or https://, got \"", url, "\""));
    }
    impl->metrics.push_back(url);
  }
  httplib::Server& http = impl->http;
  // The default would be SO_REUSEPORT: two consoles on one port, answering at random.
  http.set_socket_options([](int fd) {
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  });
  http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  http.set_payload_max_length(kMaxBodyBytes);
  // One request a connection: a body that was refused half read must not be taken for
  // the next request, which would come without the Origin of the page that sent it.
  http.set_keep_alive_max_count(1);
  http.set_tcp_nodelay(true);
  impl->Route();
  if (where.port == 0) {
    where.port = http.bind_to_any_port(where.host);
    if (where.port <= 0) return absl::UnavailableError(absl::StrCat("listen: cannot listen on ", listen));
  } else if (!http.bind_to_port(where.host, where.port)) {
    return absl::AlreadyExistsError(absl::StrCat("listen: port ", where.port, " on ", where.host,
                                                 " is taken by another process; stop it or choose another port"));
  }
  const bool ipv6 = absl::StrContains(where.host, ':');
  impl->address = absl::StrCat(ipv6 ? "[" : "", where.host, ipv6 ? "]:" : ":", where.port);
  impl->thread = std::thread([&http] { http.listen_after_bind(); });
  pthread_setname_np(impl->thread.native_handle(), "console-http");
  // stop() does nothing before the server runs.
  while (!http.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (!impl->loopback && !impl->sessions->needed()) {
    spdlog::warn(
        "console: everybody who reaches {} may read and change what is kept: set tokens_file or token_file, "
        "or keep it behind a proxy that has a login",
        impl->address);
  }
  return std::make_unique<ConsoleServer>(std::move(impl));
}

ConsoleServer::ConsoleServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ConsoleServer::~ConsoleServer() { Stop(); }

const std::string& ConsoleServer::address() const { return impl_->address; }

void ConsoleServer::Stop() {
  absl::MutexLock lock(&impl_->stop_mutex);
  if (impl_->stopping.HasBeenNotified()) return;
  impl_->stopping.Notify();
  impl_->http.stop();
  impl_->thread.join();
}

}  // namespace mannequin

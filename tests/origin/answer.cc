#include "tests/origin/answer.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mannequin {
namespace {

constexpr absl::string_view kFinal = "/final";
// What a lie adds to the length.
constexpr std::size_t kLieBytes = 1000;

absl::string_view ReasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 404:
      return "Not Found";
    case 503:
      return "Service Unavailable";
    default:
      return "Error";
  }
}

Answer Plain(int status, absl::string_view body, absl::string_view headers = "") {
  Answer answer;
  answer.status = status;
  answer.body_bytes = static_cast<std::int64_t>(body.size());
  answer.own = absl::StrCat("HTTP/1.1 ", status, " ", ReasonOf(status), "\r\nContent-Length: ", body.size(), "\r\n",
                            headers, "\r\n", body);
  return answer;
}

// The head of a 200 with a length of our choice.
std::string HeadOf(const Picture& picture, std::size_t length) {
  return absl::StrCat("HTTP/1.1 200 OK\r\nContent-Type: ", picture.media_type, "\r\nContent-Length: ", length,
                      "\r\n\r\n");
}

Answer Part(const Picture& picture, std::size_t announced, std::size_t sent, Answer::Then then) {
  Answer answer;
  answer.status = 200;
  answer.own = absl::StrCat(HeadOf(picture, announced), picture.body().substr(0, sent));
  answer.body_bytes = static_cast<std::int64_t>(sent);
  answer.then = then;
  return answer;
}

const Picture* Find(const Pictures& pictures, absl::string_view path) {
  if (absl::StartsWith(path, absl::StrCat(kFinal, "/"))) path.remove_prefix(kFinal.size());
  const auto found = pictures.find(path);
  return found == pictures.end() ? nullptr : &found->second;
}

}  // namespace

Answerer::Answerer(const Pictures& pictures, const CrawlOriginOptions& options, Ledger& ledger)
    : pictures_(pictures), options_(options), plan_(options.faults), ledger_(ledger) {}

Answer Answerer::To(const RequestHead& head, bool used_connection) const {
  Answer answer;
  if (head.path() == "/robots.txt") {
    ledger_.AskedForRobots();
    answer = Plain(200, options_.robots, "Content-Type: text/plain\r\n");
  } else {
    const std::int64_t nth = ledger_.Asked(head.target);
    answer = Usual(head);
    const Fault fault = answer.status == 404 ? Fault::kNone : plan_.Of(head.target, nth);
    ledger_.Dealt(head.target, fault, used_connection);
    if (fault != Fault::kNone) answer = Spoilt(fault, head, std::move(answer));
  }
  if (head.close && answer.then == Answer::Then::kNextRequest) answer.then = Answer::Then::kClose;
  return answer;
}

Answer Answerer::Usual(const RequestHead& head) const {
  const Picture* picture = Find(pictures_, head.path());
  const bool redirected_here = absl::StartsWith(head.target, kFinal);
  if (picture == nullptr || (!redirected_here && plan_.Missing(head.target))) {
    return Plain(404, "<html>not here</html>\n", "Content-Type: text/html\r\n");
  }
  if (head.method != "GET") return Plain(405, "");
  if (!redirected_here && plan_.Redirected(head.target)) {
    return Plain(302, "", absl::StrCat("Location: ", kFinal, head.target, "\r\n"));
  }
  if (!picture->etag.empty() && head.if_none_match == picture->etag) {
    Answer answer;
    answer.status = 304;
    answer.own = absl::StrCat("HTTP/1.1 304 Not Modified\r\nETag: ", picture->etag, "\r\n\r\n");
    return answer;
  }
  Answer answer;
  answer.status = 200;
  answer.shared = picture->answer;
  answer.body_bytes = static_cast<std::int64_t>(picture->body().size());
  return answer;
}

Answer Answerer::Spoilt(Fault fault, const RequestHead& head, Answer usual) const {
  const Picture& picture = *Find(pictures_, head.path());
  const std::size_t size = picture.body().size();
  switch (fault) {
    case Fault::kNone:
      return usual;
    case Fault::kError:
      return Plain(500, "<html>try again</html>\n", "Content-Type: text/html\r\n");
    case Fault::kUnavailable:
      return Plain(503, "<html>busy</html>\n",
                   options_.retry_after_s > 0 ? absl::StrCat("Retry-After: ", options_.retry_after_s, "\r\n") : "");
    case Fault::kReset: {
      Answer answer;
      answer.then = Answer::Then::kReset;
      return answer;
    }
    case Fault::kCut:
      return Part(picture, size, size / 2, Answer::Then::kClose);
    case Fault::kLie:
      return Part(picture, size + kLieBytes, size, Answer::Then::kClose);
    case Fault::kStall:
      return Part(picture, size, size / 2, Answer::Then::kStall);
  }
  return usual;
}

}  // namespace mannequin

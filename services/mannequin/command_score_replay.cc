// score --replay: is a kept verdict still what its picture, text and versions give?
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/abuse_scorer.grpc.pb.h"
#include "services/mannequin/command_score.h"
#include "services/mannequin/picture_file.h"

namespace mannequin {

absl::Status ReplayVerdict(Invocation& invocation, const std::string& product_id, const std::string& image) {
  v1::ReplayVerdictRequest request;
  request.set_product_id(product_id);
  if (!image.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_image(), ReadPicture(image));
  }
  const auto stub = invocation.Stub<v1::AbuseScorer>();
  v1::ReplayVerdictResponse replay;
  RETURN_IF_ERROR(Call(invocation, *stub, &v1::AbuseScorer::Stub::ReplayVerdict, request, &replay));
  if (invocation.json()) {
    PrintJson({{"id", product_id},
               {"same", replay.same()},
               {"differences", std::vector<std::string>(replay.differences().begin(), replay.differences().end())},
               {"then", VerdictJson(product_id, replay.kept())},
               {"now", VerdictJson(product_id, replay.replayed())}});
  } else {
    PrintVerdict(invocation, product_id + ", then", replay.kept());
    PrintVerdict(invocation, product_id + ", now", replay.replayed());
  }
  if (!replay.same()) {
    return absl::AbortedError(
        absl::StrCat(product_id, ": not the same as then: ", absl::StrJoin(replay.differences(), "; ")));
  }
  if (!invocation.json()) {
    const std::string& bundle = replay.kept().bundle_version();
    std::printf("the same, by %s\n", bundle.empty() ? "rules alone" : absl::StrCat("bundle ", bundle).c_str());
  }
  return absl::OkStatus();
}

}  // namespace mannequin

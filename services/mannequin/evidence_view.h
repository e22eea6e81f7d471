// What a verdict says besides kind and reasons: what the picture looks like, the products that speak for or against
// the listing, and what could not be said.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "mannequin/v1/verdict.pb.h"
#include "nlohmann/json.hpp"

namespace mannequin {

// A line each, after `indent`; "" where there is nothing:
//
//   looks like Watches (0.97), black (0.91)
//   near by picture 0.93  P1042  Acme black analog watch
//   not said: evidence by text: the embedder at ... is UNAVAILABLE: ...
std::string EvidenceText(const v1::Verdict& verdict, absl::string_view indent);

// Adds "looks_like", "evidence" and "degraded" to a verdict's JSON object, each where there is something.
void AddEvidenceJson(const v1::Verdict& verdict, nlohmann::json& line);

}  // namespace mannequin

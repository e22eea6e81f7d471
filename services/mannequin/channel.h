// The sales channels that --channel takes, out of the policies that are part of the program:
// what each says of generated images. Needs no server.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/status.h"
#include "mannequin/v1/abuse_scorer.pb.h"

namespace mannequin {

// --channel NAME; an unknown one is a usage error that names those that there are.
CLI::Option* AddChannelOption(CLI::App& command, std::string& channel, const std::string& help);

// Of a name that AddChannelOption let through.
const v1::Policy& ChannelOf(const std::string& channel);

// "allowed: "Don't remove ..." (https://...)"
std::string GeneratedImagesText(const v1::Policy& channel);

// FAILED_PRECONDITION with the channel's words when generated images may not go there.
absl::Status CheckAllowsGeneratedImages(const v1::Policy& channel);

}  // namespace mannequin

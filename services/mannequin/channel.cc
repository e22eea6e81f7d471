#include "services/mannequin/channel.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "services/scorer/policy.h"

namespace mannequin {

CLI::Option* AddChannelOption(CLI::App& command, std::string& channel, const std::string& help) {
  std::set<std::string> names;
  for (const v1::Policy& policy : Policies()) names.insert(policy.name());
  return command.add_option("--channel", channel, help)->check(CLI::IsMember(names));
}

const v1::Policy& ChannelOf(const std::string& channel) { return **PolicyNamed(channel); }

std::string GeneratedImagesText(const v1::Policy& channel) {
  std::string text = channel.allows_generated_images() ? "allowed" : "not allowed";
  if (channel.generated_images_quote().empty()) return absl::StrCat(text, ": no words were found that allow them");
  return absl::StrCat(text, ": \"", channel.generated_images_quote(), "\" (", channel.generated_images_source(), ")");
}

absl::Status CheckAllowsGeneratedImages(const v1::Policy& channel) {
  if (channel.allows_generated_images()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(channel.title(), ": generated images are ", GeneratedImagesText(channel)));
}

}  // namespace mannequin

// token new: a token for a caller, and the line that lets it in.
#include <cstdio>
#include <map>

#include "common/base/clock.h"
#include "common/base/status_macros.h"
#include "common/rpc/access_tokens.h"
#include "services/mannequin/command_line.h"

namespace mannequin {
namespace {

const std::map<std::string, config::v1::Role>& Roles() {
  static const std::map<std::string, config::v1::Role> roles = {
      {"backend", config::v1::ROLE_BACKEND},
      {"catalog", config::v1::ROLE_CATALOG},
      {"operator", config::v1::ROLE_OPERATOR},
      {"service", config::v1::ROLE_SERVICE},
  };
  return roles;
}

absl::Status New(const Invocation& invocation, const std::string& name, const std::string& role, double rate,
                 int days) {
  const absl::Time end = days > 0 ? Clock::Real().Now() + absl::Hours(24) * days : absl::InfiniteFuture();
  ASSIGN_OR_RETURN(const rpc::NewToken made, rpc::MakeToken(name, Roles().at(role), rate, end));
  if (invocation.json()) {
    PrintJson({{"token", made.token}, {"line", made.line}});
    return absl::OkStatus();
  }
  // To standard error what is for the person, so that `> shop.token` keeps the token alone.
  std::fprintf(stderr,
               "token of %s, shown this once; keep it in a file that only its owner reads (--token-file FILE):\n\n",
               name.c_str());
  std::printf("%s\n", made.token.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "\nline for the servers' access.tokens_file, which holds no secret:\n\n%s\n", made.line.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddTokenCommand(CLI::App& app, Invocation& invocation) {
  struct Options {
    std::string name, role;
    double calls_per_second = 0;
    int days = 0;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* token = app.add_subcommand("token",
                                       "what a caller shows to say who it is\n"
                                       "  mannequin token new --role backend --name shop > shop.token");
  token->require_subcommand(1);
  CLI::App* made = token->add_subcommand(
      "new", "makes one, and the line that lets it in\n  mannequin token new --role backend --name shop > shop.token");
  std::vector<std::string> roles;
  for (const auto& [role, value] : Roles()) roles.push_back(role);
  made->add_option(
          "--role", options->role,
          "backend (scores), catalog (generates, placeholders, reads products), operator (everything), service")
      ->required()
      ->check(CLI::IsMember(roles));
  made->add_option("--name", options->name, "who gets it, as the audit log will name the caller")->required();
  made->add_option("--calls-per-second", options->calls_per_second,
                   "over access.calls_per_second; -1 for no bound (as the servers say)");
  made->add_option("--days", options->days, "until the token ends: 1 to 3650; 0: never")->check(CLI::Range(0, 3650));
  made->callback([&invocation, options] {
    invocation.run = [&invocation, options] {
      return New(invocation, options->name, options->role, options->calls_per_second, options->days);
    };
  });
}

}  // namespace mannequin

// embed catalog | vector | similar
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"

namespace mannequin {
namespace {

using Stub = v1::TextEmbedder::Stub;

absl::Status EmbedCatalog(Invocation& invocation) {
  const auto stub = invocation.Stub<v1::TextEmbedder>();
  v1::EmbedCatalogResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::EmbedCatalog, v1::EmbedCatalogRequest(), &response));
  return FollowJob(invocation, response.job());
}

absl::Status Vector(Invocation& invocation, const std::string& text) {
  const auto stub = invocation.Stub<v1::TextEmbedder>();
  v1::EmbedTextsRequest request;
  request.add_texts(text);
  v1::EmbedTextsResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::EmbedTexts, request, &response));
  const v1::TextVector& vector = response.vectors(0);
  if (vector.values().empty()) return absl::InvalidArgumentError(vector.refused_reason());
  if (invocation.json()) {
    PrintJson(JsonValue(vector));
  } else {
    std::printf("pieces    %s\ncoverage  %.2f\nvector    %s\n", absl::StrJoin(vector.pieces(), " ").c_str(),
                vector.coverage(), absl::StrJoin(vector.values(), " ").c_str());
  }
  return absl::OkStatus();
}

absl::Status Similar(Invocation& invocation, const v1::FindSimilarRequest& request) {
  const auto stub = invocation.Stub<v1::TextEmbedder>();
  v1::FindSimilarResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &Stub::FindSimilar, request, &response));
  if (invocation.json()) {
    PrintJson(JsonValue(response));
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows;
  for (const v1::SimilarProduct& product : response.products()) {
    rows.push_back({std::to_string(rows.size() + 1), absl::StrFormat("%.3f", product.cosine()), product.product_id(),
                    product.title(), absl::StrJoin(product.category_path(), " > ")});
  }
  std::fputs(FormatTable({"rank", "cosine", "id", "title", "category"}, rows, {true, true}).c_str(), stdout);
  return absl::OkStatus();
}

}  // namespace

void AddEmbedCommands(CLI::App& app, Invocation& invocation) {
  CLI::App* embed = app.add_subcommand("embed",
                                       "product text as vectors: train, catalog, vector, similar, map\n"
                                       "  mannequin embed train && mannequin embed catalog")
                        ->require_subcommand(1);

  AddEmbedTrainCommand(*embed, invocation);
  AddEmbedMapCommand(*embed, invocation);
  embed->add_subcommand("catalog", "embed every product into the store\n  mannequin embed catalog")
      ->callback([&invocation] { invocation.run = [&invocation] { return EmbedCatalog(invocation); }; });

  const auto text = std::make_shared<std::string>();
  CLI::App* command =
      embed->add_subcommand("vector", "the vector of a text\n  mannequin embed vector \"red leather boot\"");
  command->add_option("TEXT", *text, "a product's words")->required()->check(Utf8());
  command->callback(
      [&invocation, text] { invocation.run = [&invocation, text] { return Vector(invocation, *text); }; });

  const auto similar = std::make_shared<v1::FindSimilarRequest>();
  const auto id = std::make_shared<std::string>();
  const auto count = std::make_shared<int>(10);
  command = embed->add_subcommand("similar",
                                  "the nearest products\n"
                                  "  mannequin embed similar \"yamaha classical nylon string guitar\" -n 10\n"
                                  "  mannequin embed similar --id B00X --category \"Apparel > Topwear\"");
  command->add_option("TEXT", *text, "words that products should be near to")->check(Utf8());
  command->add_option("--id", *id, "instead of a text: the nearest of this product");
  command->add_option("-n,--count", *count, "products to show")->check(CLI::Range(1, 1'000))->capture_default_str();
  command->add_option_function<std::string>(
      "--category",
      [similar](const std::string& path) {
        for (const absl::string_view part : absl::StrSplit(path, '>')) {
          similar->add_category_path(std::string(absl::StripAsciiWhitespace(part)));
        }
      },
      "only products in this category or below it, e.g. \"Apparel > Topwear\"");
  command->add_flag_function(
      "--exact", [similar](std::int64_t) { similar->set_exact(true); }, "look at every product, whatever it costs");
  command->callback([&invocation, similar, text, id, count] {
    if (text->empty() == id->empty()) throw CLI::ValidationError("embed similar", "give TEXT or --id, one of them");
    id->empty() ? similar->set_text(*text) : similar->set_product_id(*id);
    similar->set_count(*count);
    invocation.run = [&invocation, similar] { return Similar(invocation, *similar); };
  });
}

}  // namespace mannequin

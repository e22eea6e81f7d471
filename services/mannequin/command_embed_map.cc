// embed map
#include <cstdio>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "common/base/file.h"
#include "common/base/random.h"
#include "common/base/status_macros.h"
#include "services/mannequin/category_map.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/neighbour_layout.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

struct MapRequest {
  std::string out = "map.png";
  int products = 50'000, level = 2, side = 1'200;
};

struct Embedded {
  std::vector<v1::Embedding> embeddings;
  std::int64_t products = 0;  // that the embeddings are drawn from
};

// By chance, at most `most` of all that are offered, each as likely (Vitter's algorithm R).
void Offer(const v1::Embedding& embedding, int most, Random& random, Embedded& embedded) {
  const auto seen = static_cast<std::uint64_t>(++embedded.products);
  if (embedded.embeddings.size() < static_cast<std::size_t>(most)) {
    embedded.embeddings.push_back(embedding);
  } else if (const std::uint64_t at = random.Next() % seen; at < static_cast<std::uint64_t>(most)) {
    embedded.embeddings[at] = embedding;
  }
}

// Those of the bundle and dimension that most products have.
absl::StatusOr<Embedded> ReadEmbeddings(ProductStore& store, int most) {
  Random random(1);
  std::map<std::pair<std::string, int>, Embedded> of_space;
  RETURN_IF_ERROR(store.ScanEmbeddings({}, [&](const v1::Embedding& embedding) {
    // Without a bundle it was taken back.
    if (embedding.bundle_version().empty()) return absl::OkStatus();
    Offer(embedding, most, random, of_space[{embedding.bundle_version(), embedding.values_size()}]);
    return absl::OkStatus();
  }));
  Embedded best;
  for (auto& [space, embedded] : of_space) {
    if (embedded.products > best.products) best = std::move(embedded);
  }
  if (best.embeddings.size() >= 3) return best;
  return absl::FailedPreconditionError(
      absl::StrCat(best.products, " products are embedded, a map needs 3: run mannequin embed catalog"));
}

std::string CategoryOf(const v1::Embedding& embedding, int level) {
  const int depth = std::min(level, embedding.category_path_size());
  return depth == 0 ? "" : embedding.category_path(depth - 1);
}

absl::Status Map(Invocation& invocation, const MapRequest& request) {
  ASSIGN_OR_RETURN(const Embedded embedded, ReadEmbeddings(invocation.Store(), request.products));
  VectorTable vectors(embedded.embeddings.front().values_size());
  std::vector<std::uint32_t> rows;
  for (const v1::Embedding& embedding : embedded.embeddings) {
    rows.push_back(vectors.Put({embedding.values().data(), static_cast<std::size_t>(embedding.values_size())}));
  }
  const std::vector<Point> points = NeighbourLayout(vectors, 1);
  std::vector<MapDot> dots;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    dots.push_back({points[rows[i]], CategoryOf(embedded.embeddings[i], request.level)});
  }
  const std::string& bundle = embedded.embeddings.front().bundle_version();
  const auto drawn = static_cast<std::int64_t>(dots.size());
  const std::string of = drawn < embedded.products ? absl::StrCat(" of ", WithCommas(embedded.products)) : "";
  ASSIGN_OR_RETURN(
      const std::string png,
      CategoryMap(dots, {.title = absl::StrCat(WithCommas(drawn), of, " products by their text, bundle ", bundle),
                         .side = request.side}));
  RETURN_IF_ERROR(WriteFileAtomically(request.out, png));
  if (invocation.json()) {
    PrintJson({{"file", request.out}, {"drawn", drawn}, {"products", embedded.products}, {"bundle_version", bundle}});
  } else {
    std::printf("%s: %s%s products\n", request.out.c_str(), WithCommas(drawn).c_str(), of.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddEmbedMapCommand(CLI::App& embed, Invocation& invocation) {
  const auto request = std::make_shared<MapRequest>();
  CLI::App* command =
      embed.add_subcommand("map",
                           "draw the catalogue: a dot a product, near ones alike, coloured by category\n"
                           "  mannequin embed map --out map.png");
  command->add_option("--out", request->out, "the PNG")->type_name("FILE")->capture_default_str();
  command->add_option("--products", request->products, "draw so many at most, chosen at random")
      ->check(CLI::Range(3, 100'000))
      ->capture_default_str();
  command->add_option("--level", request->level, "colour by this part of the category path, or the last")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  command->add_option("--side", request->side, "pixels")->check(CLI::Range(400, 4'000))->capture_default_str();
  command->callback(
      [&invocation, request] { invocation.run = [&invocation, request] { return Map(invocation, *request); }; });
}

}  // namespace mannequin

// The file of an index, so that a start need not build the graph. Numbers are as the machine
// has them (x86-64 and ARM64 agree); the file is a cache of one machine, never a record.
//
//   file       := "MNQINDEX" version:u32 bundle:text dimension:u32
//                 rows:u32 vector* graph? categories products sum
//   vector     := f32 * dimension
//   graph      := 1:u8 HnswGraph::Save, or 0:u8
//   categories := count:u32 (parts:u32 text*)*
//   products   := count:u64 (id:text row:u32 text_hash:u64 category:u32)*
//   text       := bytes:u32 and so many
//   sum        := the SHA-256 of all before it
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/store/product_bounds.h"
#include "services/embedder/checksummed_file.h"
#include "services/embedder/similarity_index.h"

namespace mannequin {
namespace {

constexpr char kMagic[] = "MNQINDEX";
constexpr std::size_t kMagicBytes = sizeof kMagic - 1;
// Another one is not read. Raise it with every change of the format or of what decides a
// row's links.
constexpr std::uint32_t kVersion = 1;

absl::Status CheckHeader(ChecksummedReader& in, const std::string& bundle_version, int dimension) {
  char magic[kMagicBytes];
  std::uint32_t version = 0, components = 0;
  std::string bundle;
  RETURN_IF_ERROR(in.Read(magic, kMagicBytes));
  if (std::memcmp(magic, kMagic, kMagicBytes) != 0) return in.Damaged("is no index");
  RETURN_IF_ERROR(in.ReadNumber(&version));
  if (version != kVersion) {
    return absl::FailedPreconditionError(absl::StrCat("is of format ", version, ", expected ", kVersion));
  }
  RETURN_IF_ERROR(in.ReadText(&bundle, 256));
  RETURN_IF_ERROR(in.ReadNumber(&components));
  if (bundle != bundle_version || components != static_cast<std::uint32_t>(dimension)) {
    return absl::FailedPreconditionError(absl::StrCat("is of bundle ", bundle, " and ", components,
                                                      " components, expected ", bundle_version, " and ", dimension));
  }
  return absl::OkStatus();
}

absl::Status SaveVectors(const VectorTable& vectors, ChecksummedWriter& out) {
  RETURN_IF_ERROR(out.WriteNumber(vectors.size()));
  for (std::uint32_t row = 0; row < vectors.size(); ++row) {
    RETURN_IF_ERROR(out.Write(vectors[row], vectors.Values(row).size() * sizeof(float)));
  }
  return absl::OkStatus();
}

absl::Status LoadVectors(ChecksummedReader& in, VectorTable& vectors) {
  std::uint32_t rows = 0;
  RETURN_IF_ERROR(in.ReadNumber(&rows));
  std::vector<float> values(static_cast<std::size_t>(vectors.dimension()));
  for (std::uint32_t row = 0; row < rows; ++row) {
    RETURN_IF_ERROR(in.Read(values.data(), values.size() * sizeof(float)));
    if (!VectorTable::IsUnit(values)) return in.Damaged("holds a vector that is not of unit length");
    if (vectors.Put(values) != row) return in.Damaged("holds a vector twice");
  }
  return absl::OkStatus();
}

absl::Status SaveProducts(const ProductTable& products, ChecksummedWriter& out) {
  const CategoryTree& categories = products.categories();
  RETURN_IF_ERROR(out.WriteNumber(categories.size()));
  for (std::uint32_t category = 0; category < categories.size(); ++category) {
    const std::vector<std::string> path = categories.PathOf(category);
    RETURN_IF_ERROR(out.WriteNumber(static_cast<std::uint32_t>(path.size())));
    for (const std::string& part : path) RETURN_IF_ERROR(out.WriteText(part));
  }
  RETURN_IF_ERROR(out.WriteNumber(static_cast<std::uint64_t>(products.size())));
  absl::Status status;
  products.Visit([&](const ProductTable::Product& product) {
    if (status.ok()) status = out.WriteText(product.id);
    if (status.ok()) status = out.WriteNumber(product.facts.row);
    if (status.ok()) status = out.WriteNumber(product.facts.text_hash);
    if (status.ok()) status = out.WriteNumber(product.facts.category);
  });
  return status;
}

absl::Status LoadCategories(ChecksummedReader& in, CategoryTree& categories) {
  std::uint32_t count = 0;
  RETURN_IF_ERROR(in.ReadNumber(&count));
  for (std::uint32_t category = 0; category < count; ++category) {
    std::uint32_t parts = 0;
    RETURN_IF_ERROR(in.ReadNumber(&parts));
    if (parts > static_cast<std::uint32_t>(kMaxCategoryParts)) return in.Damaged("holds a path of too many parts");
    std::vector<std::string> path(parts);
    for (std::string& part : path) RETURN_IF_ERROR(in.ReadText(&part, kMaxCategoryPartBytes));
    if (categories.Put(path) != category) return in.Damaged("holds categories out of order");
  }
  return absl::OkStatus();
}

absl::Status LoadProducts(ChecksummedReader& in, std::uint32_t rows, ProductTable& products) {
  RETURN_IF_ERROR(LoadCategories(in, products.categories()));
  std::uint64_t count = 0;
  RETURN_IF_ERROR(in.ReadNumber(&count));
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string id;
    ProductTable::Facts facts{};
    RETURN_IF_ERROR(in.ReadText(&id, kMaxProductIdBytes));
    RETURN_IF_ERROR(in.ReadNumber(&facts.row));
    RETURN_IF_ERROR(in.ReadNumber(&facts.text_hash));
    RETURN_IF_ERROR(in.ReadNumber(&facts.category));
    if (facts.row >= rows || facts.category >= products.categories().size()) {
      return in.Damaged(absl::StrCat("holds product ", id, " without its vector or category"));
    }
    if (!products.Put(id, facts)) return in.Damaged(absl::StrCat("holds product ", id, " twice"));
  }
  return in.left() == 0 ? absl::OkStatus() : in.Damaged("goes on after its end");
}

}  // namespace

absl::Status SimilarityIndex::Save(const std::string& path) const {
  absl::MutexLock turn(&turn_);
  absl::ReaderMutexLock lock(&mutex_);
  ASSIGN_OR_RETURN(const std::unique_ptr<ChecksummedWriter> out, ChecksummedWriter::Create(path));
  RETURN_IF_ERROR(out->Write(kMagic, kMagicBytes));
  RETURN_IF_ERROR(out->WriteNumber(kVersion));
  RETURN_IF_ERROR(out->WriteText(bundle_version_));
  RETURN_IF_ERROR(out->WriteNumber(static_cast<std::uint32_t>(dimension_)));
  RETURN_IF_ERROR(SaveVectors(tables_->vectors, *out));
  RETURN_IF_ERROR(out->WriteNumber(static_cast<std::uint8_t>(tables_->graph != nullptr)));
  if (tables_->graph != nullptr) RETURN_IF_ERROR(tables_->graph->Save(*out));
  RETURN_IF_ERROR(SaveProducts(tables_->products, *out));
  return out->Commit();
}

absl::StatusOr<std::unique_ptr<SimilarityIndex>> SimilarityIndex::Load(const std::string& path,
                                                                       const std::string& bundle_version, int dimension,
                                                                       SimilarityOptions options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ChecksummedReader> in, ChecksummedReader::Open(path));
  const absl::Status header = CheckHeader(*in, bundle_version, dimension);
  if (header.code() == absl::StatusCode::kFailedPrecondition) {
    return absl::FailedPreconditionError(absl::StrCat(path, " ", header.message()));
  }
  RETURN_IF_ERROR(header);
  auto tables = std::make_unique<Tables>(dimension);
  RETURN_IF_ERROR(LoadVectors(*in, tables->vectors));
  std::uint8_t has_graph = 0;
  RETURN_IF_ERROR(in->ReadNumber(&has_graph));
  if (has_graph != 0) {
    ASSIGN_OR_RETURN(tables->graph, HnswGraph::Load(*in, tables->vectors, options.hnsw));
  }
  RETURN_IF_ERROR(LoadProducts(*in, tables->vectors.size(), tables->products));
  auto index = std::make_unique<SimilarityIndex>(bundle_version, dimension, options);
  absl::WriterMutexLock lock(&index->mutex_);
  index->tables_ = std::move(tables);
  return index;
}

}  // namespace mannequin

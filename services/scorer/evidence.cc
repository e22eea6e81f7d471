#include "services/scorer/evidence.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/status_macros.h"
#include "common/base/steady.h"
#include "common/rpc/channel.h"
#include "common/text/text_encoder.h"
#include "grpcpp/client_context.h"
#include "services/scorer/judge.h"

namespace mannequin {
namespace {

constexpr int kMostEvidence = 20;
constexpr absl::Duration kLongest = absl::Milliseconds(200);
// Looked up besides those asked for: some may have left the store since they were scored.
constexpr int kSpare = 5;

void Degrade(v1::Verdict& verdict, absl::string_view what, absl::string_view why) {
  verdict.add_degraded(absl::StrCat("evidence", what, ": ", why));
}

// A search of the embedder's under way.
class TextSearch {
 public:
  TextSearch(const NeighbourService<v1::TextEmbedder>& embedder, const v1::Product& product, int count,
             absl::Time until)
      : embedder_(embedder), own_id_(product.id()), count_(count), stub_(embedder.stub()) {
    if (stub_ == nullptr || embedder.IsAway()) return;
    request_.set_text(ProductText(product));
    request_.set_count(count + 1);  // the product itself may be among them
    rpc::SetDeadline(context_, until - SteadyNow());
    asked_ = true;
    stub_->async()->FindSimilar(&context_, &request_, &response_, [this](const grpc::Status& status) {
      status_ = status;
      answered_.Notify();
    });
  }

  // Once. Waits for the answer, which comes by `until`.
  void AddTo(v1::Verdict& verdict) {
    if (stub_ == nullptr) return Degrade(verdict, " by text", embedder_.None());
    if (!asked_) return Degrade(verdict, " by text", embedder_.Away());
    answered_.WaitForNotification();
    if (!status_.ok()) return Degrade(verdict, " by text", embedder_.Says(status_));
    int added = 0;
    for (const v1::SimilarProduct& similar : response_.products()) {
      if (similar.product_id() == own_id_ || added == count_) continue;
      v1::EvidenceProduct& evidence = *verdict.add_evidence();
      evidence.set_product_id(similar.product_id());
      evidence.set_title(similar.title());
      *evidence.mutable_category_path() = similar.category_path();
      evidence.set_kind(v1::EVIDENCE_KIND_TEXT);
      evidence.set_similarity(similar.cosine());
      ++added;
    }
  }

 private:
  const NeighbourService<v1::TextEmbedder>& embedder_;
  const std::string own_id_;
  const int count_;
  const std::shared_ptr<v1::TextEmbedder::StubInterface> stub_;
  bool asked_ = false;
  grpc::ClientContext context_;
  v1::FindSimilarRequest request_;
  v1::FindSimilarResponse response_;
  grpc::Status status_;
  absl::Notification answered_;
};

}  // namespace

absl::Status CheckEvidence(int count) {
  if (count >= 0 && count <= kMostEvidence) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("evidence: ", count, " is not 0 to ", kMostEvidence));
}

EvidenceFinder::EvidenceFinder(ProductStore& store, const std::string& embedder,
                               const PictureIndexFollowerOptions& pictures)
    : store_(store),
      embedder_("embedder", embedder),
      pictures_(store, pictures),
      // 32 listings of 25 products stay under the 1,000 that the store gives at once.
      names_({.max_batch = 32, .max_queue = 64}, [this](const std::vector<Ids>& batch) { return GetProducts(batch); }) {
}

EvidenceFinder::~EvidenceFinder() { Stop(); }

void EvidenceFinder::Start() { pictures_.Start(); }

void EvidenceFinder::Stop() {
  pictures_.Stop();
  names_.Stop();
}

absl::StatusOr<std::vector<EvidenceFinder::Products>> EvidenceFinder::GetProducts(const std::vector<Ids>& batch) {
  v1::BatchGetProductsRequest request;
  for (const Ids& ids : batch) {
    for (const std::string& id : ids) request.add_ids(id);
  }
  ASSIGN_OR_RETURN(const v1::BatchGetProductsResponse response, store_.BatchGetProducts(request));
  absl::flat_hash_map<absl::string_view, const v1::Product*> found;
  for (const v1::StoredProduct& stored : response.products()) found.emplace(stored.product().id(), &stored.product());
  std::vector<Products> products(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (const std::string& id : batch[i]) {
      if (const auto product = found.find(id); product != found.end()) products[i].push_back(*product->second);
    }
  }
  return products;
}

absl::Status EvidenceFinder::AddByPicture(const v1::Product& product, int count, absl::Time until,
                                          v1::Verdict& verdict) {
  if (verdict.picture_vector().empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("bundle ", verdict.bundle_version(), " has no judge that compares pictures"));
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<const PictureIndex> index, pictures_.Of(verdict.bundle_version()));
  const std::vector<PictureNeighbour> near =
      index->Search(verdict.picture_vector(), static_cast<std::size_t>(count + kSpare), product.id());
  if (near.empty()) return absl::OkStatus();
  Ids ids;
  for (const PictureNeighbour& neighbour : near) ids.push_back(neighbour.product_id);
  absl::StatusOr<Products> products = names_.Run(std::move(ids), until);
  if (!products.ok()) {
    return absl::Status(products.status().code(),
                        absl::StrCat("the store does not name the products: ", products.status().message()));
  }
  int added = 0;
  auto named = products->begin();
  for (const PictureNeighbour& neighbour : near) {
    if (added == count || named == products->end()) break;
    if (named->id() != neighbour.product_id) continue;  // gone since
    v1::EvidenceProduct& evidence = *verdict.add_evidence();
    evidence.set_product_id(named->id());
    evidence.set_title(named->title());
    *evidence.mutable_category_path() = named->category_path();
    evidence.set_kind(v1::EVIDENCE_KIND_PICTURE);
    evidence.set_similarity(neighbour.similarity);
    ++added;
    ++named;
  }
  return absl::OkStatus();
}

void EvidenceFinder::Find(const v1::Product& product, int count, absl::Time until, v1::Verdict& verdict) {
  // The embedder searches while the pictures are searched here.
  TextSearch text(embedder_, product, count, until);
  if (const absl::Status status = AddByPicture(product, count, until, verdict); !status.ok()) {
    Degrade(verdict, " by picture",
            absl::IsFailedPrecondition(status)
                ? std::string(status.message())
                : absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message()));
  }
  text.AddTo(verdict);
}

void EvidenceFinder::Add(const v1::Product& product, int count, const std::shared_ptr<const ScorerModel>& model,
                         absl::Time deadline, v1::Verdict& verdict) {
  if (count == 0 || model == nullptr) return;
  if (verdict.kind() != v1::VERDICT_KIND_REVIEW && verdict.kind() != v1::VERDICT_KIND_ABUSE) return;
  const absl::Time now = SteadyNow();
  if (model->manifest.version() != verdict.bundle_version()) {
    return Degrade(verdict, "",
                   absl::StrCat("bundle ", verdict.bundle_version(), " has just made way for ",
                                model->manifest.version(), "; ask again"));
  }
  if (!MismatchIsProbable(model->manifest.gan(), product, verdict)) return;
  if (now >= deadline) return Degrade(verdict, "", "no time was left");
  Find(product, count, now + std::min(kLongest, (deadline - now) / 2), verdict);
  verdict.set_milliseconds(verdict.milliseconds() + absl::ToDoubleMilliseconds(SteadyNow() - now));
}

}  // namespace mannequin

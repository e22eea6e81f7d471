// Products of the store that speak for or against a listing whose picture is probably of something else: those
// whose pictures lie nearest to its picture, and those whose texts lie nearest to its text.
//
//   EvidenceFinder evidence(store, config.embedder());
//   evidence.Add(product, request.evidence(), scorer.model(), deadline, verdict);
//
// Only what is probably a MISMATCH is looked into, so that honest listings pay nothing. It is an extra: it takes a
// bounded share of the time that is left, and a side that cannot be had becomes a line in Verdict.degraded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/batcher.h"
#include "common/store/product_store.h"
#include "mannequin/v1/product.pb.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "mannequin/v1/verdict.pb.h"
#include "services/scorer/model.h"
#include "services/scorer/neighbour_service.h"
#include "services/scorer/picture_index_follower.h"

namespace mannequin {

// INVALID_ARGUMENT "evidence: ..." when `count` is not 0 to 20.
absl::Status CheckEvidence(int count);

// Thread-safe.
class EvidenceFinder {
 public:
  // `store` outlives this. `embedder` is an address; empty: no evidence by text.
  EvidenceFinder(ProductStore& store, const std::string& embedder, const PictureIndexFollowerOptions& pictures = {});
  // Stops.
  ~EvidenceFinder();

  void Start();
  void Stop();

  NeighbourService<v1::TextEmbedder>& embedder() { return embedder_; }
  PictureIndexFollower& pictures() { return pictures_; }

  // Puts up to `count` products of each kind into `verdict`, never `product` itself; nothing when `count` is 0 or
  // MISMATCH is not probable. `model` is the one that judges now. Takes at most half of what is left until
  // `deadline`, and at most 200 ms; it counts as time spent on the verdict.
  void Add(const v1::Product& product, int count, const std::shared_ptr<const ScorerModel>& model, absl::Time deadline,
           v1::Verdict& verdict);

 private:
  using Ids = std::vector<std::string>;
  using Products = std::vector<v1::Product>;

  void Find(const v1::Product& product, int count, absl::Time until, v1::Verdict& verdict);
  absl::Status AddByPicture(const v1::Product& product, int count, absl::Time until, v1::Verdict& verdict);
  absl::StatusOr<std::vector<Products>> GetProducts(const std::vector<Ids>& batch);

  ProductStore& store_;
  NeighbourService<v1::TextEmbedder> embedder_;
  PictureIndexFollower pictures_;
  // Asks the store on a thread of its own: a caller does not wait for it beyond its time.
  Batcher<Ids, Products> names_;
};

}  // namespace mannequin

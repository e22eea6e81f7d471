// One training of a Doc2Vec: shares documents and weights among threads. Part of
// doc2vec.h; nothing else uses it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "common/text/doc2vec.h"
#include "common/text/hogwild.h"
#include "common/text/kernels.h"

namespace mannequin {

class Doc2VecTrainer {
 public:
  // Fills `model`, whose options and counts are set and checked. Both must outlive this.
  Doc2VecTrainer(const Corpus& corpus, Doc2Vec& model);
  // As Doc2Vec::Train has it.
  absl::Status Run(const std::function<absl::Status(const Doc2VecProgress&)>& progress);

 private:
  struct Scratch;  // of one thread

  void InitialiseWeights();
  void RunShare(int thread, int threads);
  void TrainDocument(Scratch& s, std::int64_t document, float lr);
  double WordsOfShare(std::int64_t end) const;
  void Report(int epoch, double share, const Scratch& s);
  void KeepWords(Scratch& s, std::int64_t document);
  int Targets(Scratch& s, std::size_t kept_index);
  void Step(Scratch& s, const float* x, std::size_t kept_index, float lr, float* error);
  void StepAndMove(Scratch& s, float* x, std::size_t kept_index, float lr);
  void TrainDbow(Scratch& s, std::int64_t document, float lr);
  void TrainSkipGram(Scratch& s, std::size_t kept_index, float lr);
  void TrainDm(Scratch& s, std::int64_t document, float lr);
  void TrainDmConcat(Scratch& s, std::int64_t document, float lr);

  const Corpus& corpus_;
  Doc2Vec& model_;
  const Doc2VecOptions& options_;
  const Kernels& kernels_ = Kernels::Best();
  const std::function<absl::Status(const Doc2VecProgress&)>* progress_ = nullptr;
  Hogwild hogwild_;
};

}  // namespace mannequin

// embed train
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "mannequin/v1/text_embedder.grpc.pb.h"
#include "services/mannequin/command_line.h"
#include "services/mannequin/job_view.h"

namespace mannequin {
namespace {

using Request = v1::TrainEmbeddingRequest;

// Words of the command line and what they mean.
template <typename Enum>
using Choices = std::vector<std::pair<std::string, Enum>>;

absl::Status Train(Invocation& invocation, const Request& request) {
  const auto stub = invocation.Stub<v1::TextEmbedder>();
  v1::TrainEmbeddingResponse response;
  RETURN_IF_ERROR(Call(invocation, *stub, &v1::TextEmbedder::Stub::TrainEmbedding, request, &response));
  return FollowJob(invocation, response.job());
}

class TrainOptions {
 public:
  explicit TrainOptions(CLI::App& command) : command_(command) {}
  const std::shared_ptr<Request>& request() const { return request_; }

  template <typename Number>
  void Add(const std::string& flag, void (Request::*set)(Number), const std::string& help) {
    command_.add_option_function<Number>(
        flag, [request = request_, set](Number number) { (request.get()->*set)(number); }, help);
  }

  template <typename Enum>
  void AddChoice(const std::string& flag, void (Request::*set)(Enum), const Choices<Enum>& choices,
                 const std::string& help) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) names.push_back(name);
    command_
        .add_option_function<Enum>(
            flag, [request = request_, set](Enum value) { (request.get()->*set)(value); }, help)
        ->transform(CLI::CheckedTransformer(choices).description(absl::StrCat("{", absl::StrJoin(names, ","), "}")))
        ->type_name("NAME");
  }

 private:
  CLI::App& command_;
  const std::shared_ptr<Request> request_ = std::make_shared<Request>();
};

}  // namespace

void AddEmbedTrainCommand(CLI::App& embed, Invocation& invocation) {
  CLI::App* command = embed.add_subcommand("train",
                                           "train tokenizer and vectors on the catalogue\n"
                                           "  mannequin embed train --epochs 40");
  TrainOptions options(*command);
  options.AddChoice(
      "--vector", &Request::set_vector,
      Choices<v1::VectorKind>{{"combined", v1::VECTOR_KIND_COMBINED}, {"doc2vec", v1::VECTOR_KIND_DOC2VEC}},
      "combined (default): word vectors taught category, brand and attributes; doc2vec: inference alone");
  options.AddChoice("--mode", &Request::set_mode,
                    Choices<v1::Doc2VecMode>{{"pv-dbow", v1::DOC2VEC_MODE_PV_DBOW},
                                             {"pv-dm", v1::DOC2VEC_MODE_PV_DM},
                                             {"pv-dm-concat", v1::DOC2VEC_MODE_PV_DM_CONCAT}},
                    "doc2vec: pv-dbow (default), pv-dm or pv-dm-concat");
  options.AddChoice(
      "--objective", &Request::set_objective,
      Choices<v1::Doc2VecObjective>{{"negative-sampling", v1::DOC2_VEC_OBJECTIVE_NEGATIVE_SAMPLING},
                                    {"hierarchical-softmax", v1::DOC2_VEC_OBJECTIVE_HIERARCHICAL_SOFTMAX}},
      "negative-sampling (default) or hierarchical-softmax");
  options.AddChoice(
      "--tokenizer", &Request::set_tokenizer,
      Choices<v1::TokenizerKind>{{"bpe", v1::TOKENIZER_KIND_BPE}, {"unigram", v1::TOKENIZER_KIND_UNIGRAM}},
      "SentencePiece: bpe (default) or unigram");
  options.Add("--vocabulary-size", &Request::set_vocabulary_size, "SentencePiece pieces (8,000)");
  options.Add("--min-count", &Request::set_min_count, "a word seen less often stands for its pieces (2)");
  options.Add("--dimension", &Request::set_dimension, "components of a vector (100)");
  options.Add("--epochs", &Request::set_epochs, "passes over the catalogue (10 to 200, more when it is small)");
  options.Add("--window", &Request::set_window, "words on each side (4)");
  options.Add("--negative", &Request::set_negative, "noise words a word (5)");
  options.Add("--sample", &Request::set_sample, "share from which a word is subsampled (0.001; 0: never)");
  options.Add("--learning-rate", &Request::set_learning_rate, "of doc2vec, at the start (0.025)");
  options.Add("--min-learning-rate", &Request::set_min_learning_rate, "and at the end (0.0001)");
  options.Add("--seed", &Request::set_seed, "of all that is random");
  command->add_flag_callback(
      "--word-vectors", [request = options.request()] { request->set_word_vectors(true); },
      "pv-dbow learns word vectors by skip-gram as well");
  command->callback([&invocation, request = options.request()] {
    invocation.run = [&invocation, request] { return Train(invocation, *request); };
  });
}

}  // namespace mannequin

// Writers of every kind of record that say which writes were acknowledged, and the check
// that those are there: for tests of crashes, power cuts and full disks.
#pragma once

#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "tests/unit/store/store_contents.h"

namespace mannequin {

// Takes a line for each write that was acknowledged; not OK ends the writer.
using Acknowledge = std::function<absl::Status(const std::string&)>;

// Writes until a call fails, and answers how. CheckAcknowledged understands the lines.
// `name` is the writer's own.
using Writer = absl::Status (*)(ProductStore& store, const std::string& name, const Acknowledge& acknowledge);

// Streams of products.
inline absl::Status WriteStreams(ProductStore& store, const std::string& name, const Acknowledge& acknowledge) {
  for (int i = 0;; ++i) {
    const std::unique_ptr<ProductWriter> writer = store.WriteProducts();
    for (int k = 0; k < 3; ++k) {
      v1::UpsertProductsRequest request;
      for (int n = 0; n < 20; ++n) {
        v1::Product product = MakeProduct(absl::StrCat(name, "-", i, "-", k, "-", n), "http://x/");
        product.add_category_path(absl::StrCat("Category ", n % 4));
        product.set_brand(absl::StrCat("Brand", i % 5));
        product.set_description(std::string(500, static_cast<char>('a' + n)));
        *request.add_products() = product;
      }
      RETURN_IF_ERROR(writer->Write(request));
    }
    RETURN_IF_ERROR(writer->Finish().status());
    RETURN_IF_ERROR(acknowledge(absl::StrCat("stream ", name, "-", i)));
  }
}

// Streams long enough to be kept as tables.
inline constexpr int kLongStream = 6'000;
inline absl::Status WriteLongStreams(ProductStore& store, const std::string& name, const Acknowledge& acknowledge) {
  for (int i = 0;; ++i) {
    const std::unique_ptr<ProductWriter> writer = store.WriteProducts();
    for (int k = 0; k < kLongStream;) {
      v1::UpsertProductsRequest request;
      for (int n = 0; n < 1'000; ++n, ++k) {
        v1::Product& product = *request.add_products();
        product.set_id(absl::StrCat(name, "-", i, "-", k));
        product.add_category_path(absl::StrCat("Category ", k % 7));
      }
      RETURN_IF_ERROR(writer->Write(request));
    }
    RETURN_IF_ERROR(writer->Finish().status());
    RETURN_IF_ERROR(acknowledge(absl::StrCat("long-stream ", name, "-", i)));
  }
}

// Products one at a time, with a picture that some share.
inline absl::Status WriteImages(ProductStore& store, const std::string& name, const Acknowledge& acknowledge) {
  for (int i = 0;; ++i) {
    const std::string id = absl::StrCat(name, "-", i);
    v1::UpsertProductsRequest request;
    *request.add_products() = MakeProduct(id, "http://x/" + id);
    RETURN_IF_ERROR(store.UpsertProducts(request).status());
    RETURN_IF_ERROR(acknowledge(absl::StrCat("product ", id)));
    std::string picture = i % 3 == 0 ? "shared" : absl::StrCat("picture of ", id);
    picture.resize(3000, '.');
    RETURN_IF_ERROR(PutImage(store, id, picture).status());
    RETURN_IF_ERROR(acknowledge(absl::StrCat("image ", id)));
  }
}

// Jobs from their begin to their end.
inline absl::Status WriteJobs(ProductStore& store, const std::string& name, const Acknowledge& acknowledge) {
  for (int i = 0;; ++i) {
    v1::CreateJobRequest create;
    create.set_kind(v1::JOB_KIND_CRAWL);
    create.set_idempotency_key(absl::StrCat(name, i));
    ASSIGN_OR_RETURN(const v1::CreateJobResponse created, store.CreateJob(create));
    RETURN_IF_ERROR(acknowledge(absl::StrCat("job ", created.job().id(), " 0")));
    v1::LeaseJobRequest lease;
    lease.add_kinds(v1::JOB_KIND_CRAWL);
    lease.set_worker(name);
    *lease.mutable_lease() = Seconds(1);
    ASSIGN_OR_RETURN(const v1::LeaseJobResponse leased, store.LeaseJob(lease));
    if (!leased.has_job()) continue;
    v1::FinishJobRequest finish;
    finish.set_id(leased.job().id());
    finish.set_worker(name);
    finish.set_state(i % 2 == 0 ? v1::JOB_STATE_SUCCEEDED : v1::JOB_STATE_FAILED);
    const absl::Status finished = store.FinishJob(finish).status();
    if (absl::IsFailedPrecondition(finished)) continue;  // too slow: another one has it now
    RETURN_IF_ERROR(finished);
    RETURN_IF_ERROR(acknowledge(absl::StrCat("job ", finish.id(), " ", finish.state())));
  }
}

// Embeddings, verdicts with their reviews, and placeholders of products of its own.
inline absl::Status WriteRecords(ProductStore& store, const std::string& name, const Acknowledge& acknowledge) {
  for (int i = 0;; ++i) {
    const std::string id = absl::StrCat(name, "-", i);
    v1::UpsertProductsRequest product;
    *product.add_products() = MakeProduct(id);
    RETURN_IF_ERROR(store.UpsertProducts(product).status());
    v1::PutEmbeddingsRequest embedding;
    embedding.add_embeddings()->set_product_id(id);
    for (int k = 0; k < 100; ++k) embedding.mutable_embeddings(0)->add_values(static_cast<float>(k));
    RETURN_IF_ERROR(store.PutEmbeddings(embedding).status());
    v1::PutVerdictsRequest verdict;
    verdict.add_verdicts()->set_product_id(id);
    verdict.mutable_verdicts(0)->set_kind(v1::VERDICT_KIND_ABUSE);
    verdict.mutable_verdicts(0)->set_image_sha256(std::string(64, 'a'));
    RETURN_IF_ERROR(store.PutVerdicts(verdict).status());
    v1::PutReviewRequest review;
    review.mutable_review()->set_product_id(id);
    review.mutable_review()->set_image_sha256(std::string(64, 'a'));
    review.mutable_review()->set_decision(v1::VERDICT_KIND_CLEAN);
    review.mutable_review()->set_reviewer(name);
    RETURN_IF_ERROR(store.PutReview(review).status());
    v1::PutPlaceholderRequest placeholder;
    placeholder.mutable_placeholder()->set_product_id(id);
    placeholder.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_PROPOSED);
    *placeholder.mutable_image() = MakeImage(std::string(2000, static_cast<char>('a' + i % 20)));
    RETURN_IF_ERROR(store.PutPlaceholder(placeholder).status());
    placeholder.mutable_placeholder()->set_state(v1::PLACEHOLDER_STATE_APPROVED);
    *placeholder.mutable_badged_image() = MakeImage(absl::StrCat("badge of ", id, std::string(2000, '#')));
    RETURN_IF_ERROR(store.PutPlaceholder(placeholder).status());
    RETURN_IF_ERROR(acknowledge(absl::StrCat("records ", id)));
  }
}

inline constexpr Writer kWriters[] = {WriteStreams, WriteLongStreams, WriteImages, WriteJobs, WriteRecords};

// Of the acknowledged lines, those of streams that were kept as tables.
inline int LongStreams(const std::vector<std::string>& acknowledged) {
  int count = 0;
  for (const std::string& line : acknowledged) count += line.compare(0, 12, "long-stream ") == 0 ? 1 : 0;
  return count;
}

// What is wrong with an acknowledged write, or "".
inline std::string CheckAcknowledged(ProductStore& store, const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  const auto missing = [&](const auto& result) {
    return result.ok() ? std::string() : absl::StrCat(line, ": ", result.status().ToString());
  };
  if (words[0] == "stream") {
    for (int k = 0; k < 3; ++k) {
      for (int n = 0; n < 20; ++n) {
        const auto product = TryGet(store, absl::StrCat(words[1], "-", k, "-", n));
        if (!product.ok()) return missing(product);
      }
    }
    return "";
  }
  if (words[0] == "long-stream") {
    for (int k = 0; k < kLongStream; ++k) {
      const auto product = TryGet(store, absl::StrCat(words[1], "-", k));
      if (!product.ok()) return missing(product);
    }
    return "";
  }
  if (words[0] == "product") return missing(TryGet(store, words[1]));
  if (words[0] == "image") {
    v1::GetImageRequest request;
    request.set_product_id(words[1]);
    return missing(store.GetImage(request));
  }
  if (words[0] == "job") {
    v1::GetJobRequest request;
    request.set_id(words[1]);
    const auto job = store.GetJob(request);
    if (!job.ok()) return missing(job);
    const bool ended = words[2] == "0" || absl::StrCat(job->job().state()) == words[2];
    return ended ? "" : absl::StrCat(line, ": is ", job->job().state());
  }
  v1::GetVerdictRequest verdict;
  verdict.set_product_id(words[1]);
  const auto kept = store.GetVerdict(verdict);
  if (!kept.ok()) return missing(kept);
  // The review and its mark are one change; CheckIntegrity sees to it that both are there.
  if (kept->verdict().review_decision() != v1::VERDICT_KIND_CLEAN) return absl::StrCat(line, ": is not reviewed");
  v1::GetImageRequest shown;
  shown.set_product_id(words[1]);
  shown.set_or_placeholder(true);
  return missing(store.GetImage(shown));
}

// All writers, each on a thread, until they fail or are stopped.
class Load {
 public:
  Load(RocksStore& store, const std::string& name) {
    for (std::size_t i = 0; i < std::size(kWriters); ++i) {
      threads_.emplace_back([this, i, name, &store] {
        const absl::Status status =
            kWriters[i](store, absl::StrCat(name, "-", i), [this](const std::string& line) { return Add(line); });
        absl::MutexLock lock(&mutex_);
        ended_.push_back(status);
      });
    }
  }
  ~Load() { Stop(); }
  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      stop_ = true;
    }
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  std::vector<std::string> acknowledged() {
    absl::MutexLock lock(&mutex_);
    return acknowledged_;
  }
  // Until so many more writes are acknowledged, or all writers have ended. The writers
  // go a little further, and then wait for the next call.
  void WaitForMore(std::size_t writes) {
    absl::MutexLock lock(&mutex_);
    const std::size_t target = acknowledged_.size() + writes;
    allowed_ = target + kAhead;
    const auto enough = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      return acknowledged_.size() >= target || ended_.size() == std::size(kWriters);
    };
    EXPECT_TRUE(mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(60)));
  }
  // How the writers have ended.
  std::vector<absl::Status> WaitForEnd() {
    WaitForMore(1'000'000'000);
    absl::MutexLock lock(&mutex_);
    return ended_;
  }

 private:
  static constexpr std::size_t kAhead = 40;

  absl::Status Add(const std::string& line) {
    absl::MutexLock lock(&mutex_);
    acknowledged_.push_back(line);
    const auto may_go_on = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return stop_ || acknowledged_.size() < allowed_; };
    mutex_.Await(absl::Condition(&may_go_on));
    return stop_ ? absl::CancelledError("stopped") : absl::OkStatus();
  }

  absl::Mutex mutex_;
  std::vector<std::string> acknowledged_ ABSL_GUARDED_BY(mutex_);
  std::vector<absl::Status> ended_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::size_t allowed_ ABSL_GUARDED_BY(mutex_) = kAhead;
  std::vector<std::thread> threads_;
};

// Every line's write is there, and nothing else is wrong.
inline void ExpectWhole(ProductStore& store, const std::vector<std::string>& acknowledged, const std::string& where) {
  int wrong = 0;
  for (const std::string& line : acknowledged) {
    const std::string words = CheckAcknowledged(store, line);
    if (!words.empty() && ++wrong <= 5) ADD_FAILURE() << where << ": " << words;
  }
  EXPECT_EQ(0, wrong) << where << ", of " << acknowledged.size();
  EXPECT_EQ(std::vector<std::string>(), FaultsOf(store)) << where;
}

}  // namespace mannequin

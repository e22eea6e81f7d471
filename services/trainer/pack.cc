#include "services/trainer/pack.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <unordered_map>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"

namespace mannequin {
namespace {

constexpr std::size_t kMinImages = 16;

struct Candidate {
  std::string id, leaf, color;
  double position = 0;
};

// Lower case; empty when it has none.
std::string ColorOf(const v1::Product& product) {
  for (const v1::Attribute& attribute : product.attributes()) {
    if (attribute.name() == "color" || attribute.name() == "colour") return absl::AsciiStrToLower(attribute.value());
  }
  return "";
}

v1::ScanProductsRequest StoredProducts() {
  v1::ScanProductsRequest request;
  request.mutable_filter()->set_image_state(v1::IMAGE_STATE_STORED);
  return request;
}

absl::Status Stopped() { return absl::CancelledError("stopped while packing"); }

}  // namespace

double SplitPosition(const std::string& id) {
  return static_cast<double>(std::strtoull(Sha256Hex(id).substr(0, 8).c_str(), nullptr, 16)) / 4294967296.0;
}

Pack::~Pack() {
  if (pixels_ != nullptr) munmap(pixels_, mapped_bytes_);
  if (!path_.empty()) unlink(path_.c_str());
}

Pixels Pack::ImageOf(const PackedProduct& product) const {
  const std::uint8_t* begin = image(product.slot);
  return {resolution_, resolution_, std::vector<std::uint8_t>(begin, begin + image_bytes())};
}

class PackBuilder {
 public:
  PackBuilder(ProductStore& store, const TextEncoder& encoder, const PackOptions& options,
              const std::function<bool()>& stopping, const std::function<void(double)>& progress)
      : store_(store),
        encoder_(encoder),
        options_(options),
        stopping_(stopping),
        progress_(progress),
        pack_(new Pack) {}

  absl::StatusOr<std::unique_ptr<Pack>> Build() {
    RETURN_IF_ERROR(Choose());
    RETURN_IF_ERROR(Map());
    RETURN_IF_ERROR(Fill());
    RETURN_IF_ERROR(Split());
    return std::move(pack_);
  }

 private:
  // Which products: one pass that keeps ids and leaves only.
  absl::Status Choose() {
    std::vector<Candidate> candidates;
    RETURN_IF_ERROR(store_.ScanProducts(StoredProducts(), [&](const v1::StoredProduct& stored) {
      const v1::Product& product = stored.product();
      if (product.category_path_size() > 0) {
        candidates.push_back(
            {product.id(), *product.category_path().rbegin(), ColorOf(product), SplitPosition(product.id())});
      }
      return stopping_() ? Stopped() : absl::OkStatus();
    }));
    if (options_.max_products > 0 && candidates.size() > static_cast<std::size_t>(options_.max_products)) {
      // By hash: a fair sample, and the same one next time.
      const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(options_.max_products);
      std::nth_element(candidates.begin(), end, candidates.end(),
                       [](const Candidate& a, const Candidate& b) { return a.position < b.position; });
      candidates.erase(end, candidates.end());
    }
    std::map<std::string, std::int64_t> images;
    for (const Candidate& candidate : candidates) ++images[candidate.leaf];
    std::map<std::string, int> index;
    for (const auto& [leaf, count] : images) {
      if (count < options_.min_category_images) continue;
      index[leaf] = static_cast<int>(pack_->categories.size());
      pack_->categories.push_back(leaf);
    }
    std::map<std::string, int> colors;
    for (const Candidate& candidate : candidates) {
      if (index.count(candidate.leaf) != 0 && !candidate.color.empty()) colors.emplace(candidate.color, 0);
    }
    for (auto& [color, number] : colors) {
      number = static_cast<int>(pack_->colors.size());
      pack_->colors.push_back(color);
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
    for (Candidate& candidate : candidates) {
      const auto found = index.find(candidate.leaf);
      if (found == index.end()) {
        ++pack_->rare;
        continue;
      }
      const auto slot = static_cast<std::int64_t>(chosen_.size());
      slots_[candidate.id] = slot;
      const auto color = colors.find(candidate.color);
      chosen_.push_back({std::move(candidate.id), found->second, slot, false, color == colors.end() ? -1 : color->second});
    }
    return CheckEnough(chosen_.size(), pack_->categories.size());
  }

  absl::Status CheckEnough(std::size_t images, std::size_t categories) const {
    if (images < kMinImages) {
      return absl::FailedPreconditionError(
          absl::StrCat("only ", images, " products with an image can be trained on, ", kMinImages, " are needed (",
                       pack_->rare, " in categories with fewer than ", options_.min_category_images, " images, ",
                       pack_->unreadable, " unreadable); fetch more images or lower min_category_images"));
    }
    if (categories < 2) {
      return absl::FailedPreconditionError(
          absl::StrCat("only the category \"", pack_->categories.empty() ? "" : pack_->categories[0], "\" has ",
                       options_.min_category_images,
                       " images or more; a training needs two: fetch more images or lower min_category_images"));
    }
    return absl::OkStatus();
  }

  absl::Status Map() {
    pack_->path_ = options_.path;
    pack_->resolution_ = options_.resolution;
    pack_->text_dimension_ = encoder_.dimension();
    pack_->mapped_bytes_ = chosen_.size() * static_cast<std::size_t>(pack_->image_bytes());
    pack_->texts_.resize(chosen_.size() * static_cast<std::size_t>(kShuffles * encoder_.dimension()));
    const int fd = open(options_.path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", options_.path));
    auto close_file = absl::MakeCleanup([fd] { close(fd); });
    // Reserved now: a full disk is an error here, not a SIGBUS in the middle.
    if (const int failed = posix_fallocate(fd, 0, static_cast<off_t>(pack_->mapped_bytes_)); failed != 0) {
      return absl::ErrnoToStatus(failed,
                                 absl::StrCat("cannot reserve ", pack_->mapped_bytes_, " bytes for ", options_.path));
    }
    void* mapped = mmap(nullptr, pack_->mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) return absl::ErrnoToStatus(errno, absl::StrCat("cannot map ", options_.path));
    pack_->pixels_ = static_cast<std::uint8_t*>(mapped);
    return absl::OkStatus();
  }

  // Decodes and embeds: one thread scans, several work, with a short queue between.
  absl::Status Fill() {
    readable_.assign(chosen_.size(), 0);
    const int threads =
        options_.threads > 0 ? options_.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i) workers.emplace_back([this] { Work(); });
    const absl::Status scanned = store_.ScanProducts(StoredProducts(), [&](const v1::StoredProduct& stored) {
      if (slots_.count(stored.product().id()) == 0) return absl::OkStatus();
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](PackBuilder* self) { return self->queue_.size() < 64; }, this));
      queue_.push_back(stored.product());
      return stopping_() ? Stopped() : failure_;
    });
    {
      absl::MutexLock lock(&mutex_);
      ended_ = true;
    }
    for (std::thread& worker : workers) worker.join();
    RETURN_IF_ERROR(scanned);
    absl::MutexLock lock(&mutex_);
    return failure_;
  }

  void Work() {
    while (true) {
      v1::Product product;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(
            +[](PackBuilder* self) { return self->ended_ || !self->queue_.empty(); }, this));
        if (queue_.empty()) return;
        product = std::move(queue_.back());
        queue_.pop_back();
      }
      const absl::Status status = FillOne(product);
      if (!status.ok()) {
        absl::MutexLock lock(&mutex_);
        failure_.Update(status);
      }
      const std::size_t done = ++done_;
      if (done % 64 == 0) {
        absl::MutexLock lock(&mutex_);
        progress_(static_cast<double>(done) / static_cast<double>(chosen_.size()));
      }
    }
  }

  absl::Status FillOne(const v1::Product& product) {
    const std::int64_t slot = slots_.at(product.id());
    std::mt19937_64 random(options_.seed ^ std::hash<std::string>{}(product.id()));
    for (int shuffle = 0; shuffle < kShuffles; ++shuffle) {
      absl::StatusOr<EncodedText> text = encoder_.Encode(ShuffledProductText(product, random));
      // A shuffle may have dropped all that is known; the whole text is then the judge.
      if (!text.ok()) text = encoder_.Encode(ProductText(product));
      if (!text.ok()) {
        ++no_text_;
        return absl::OkStatus();
      }
      std::copy(text->values.begin(), text->values.end(),
                pack_->texts_.begin() + (slot * kShuffles + shuffle) * pack_->text_dimension_);
    }
    v1::GetImageRequest request;
    request.set_product_id(product.id());
    request.set_at_least_side(options_.resolution);
    const absl::StatusOr<v1::GetImageResponse> found = store_.GetImage(request);
    if (absl::IsUnavailable(found.status()) || absl::IsDeadlineExceeded(found.status())) return found.status();
    if (!found.ok()) {
      ++unreadable_;
      return absl::OkStatus();
    }
    const absl::StatusOr<Pixels> pixels =
        DecodeImage(found->image().data(), {.limits = {}, .resize_to = options_.resolution, .pad = true});
    if (!pixels.ok() || static_cast<std::int64_t>(pixels->rgb.size()) != pack_->image_bytes()) {
      ++unreadable_;
      return absl::OkStatus();
    }
    std::memcpy(pack_->pixels_ + slot * pack_->image_bytes(), pixels->rgb.data(), pixels->rgb.size());
    readable_[static_cast<std::size_t>(slot)] = 1;
    chosen_[static_cast<std::size_t>(slot)].small =
        4 * std::max(found->image().width(), found->image().height()) < 3 * options_.resolution;
    return absl::OkStatus();
  }

  absl::Status Split() {
    pack_->unreadable = unreadable_;
    pack_->no_text = no_text_;
    for (PackedProduct& product : chosen_) {
      if (readable_[static_cast<std::size_t>(product.slot)] == 0) continue;
      auto& part = SplitPosition(product.id) < kHeldOutShare ? pack_->held_out : pack_->training;
      part.push_back(std::move(product));
    }
    return CheckEnough(pack_->training.size(), pack_->categories.size());
  }

  ProductStore& store_;
  const TextEncoder& encoder_;
  const PackOptions& options_;
  const std::function<bool()>& stopping_;
  const std::function<void(double)>& progress_;
  std::unique_ptr<Pack> pack_;
  std::vector<PackedProduct> chosen_;
  std::unordered_map<std::string, std::int64_t> slots_;
  std::vector<char> readable_;  // each written by one thread only
  std::atomic<std::int64_t> unreadable_{0}, no_text_{0};
  std::atomic<std::size_t> done_{0};
  absl::Mutex mutex_;
  std::vector<v1::Product> queue_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<Pack>> BuildPack(ProductStore& store, const TextEncoder& encoder,
                                                const PackOptions& options, const std::function<bool()>& stopping,
                                                const std::function<void(double)>& progress) {
  return PackBuilder(store, encoder, options, stopping, progress).Build();
}

}  // namespace mannequin

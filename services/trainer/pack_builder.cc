// BuildPack: two scans of the store, one that chooses and one that decodes and embeds.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "common/base/call_ids.h"
#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/status_macros.h"
#include "common/image/jpeg.h"
#include "services/trainer/pack.h"

namespace mannequin {
namespace {

constexpr std::size_t kMinImages = 16;
constexpr int kJpegQuality = 92;
constexpr double kSmallShare = 0.75;  // of the resolution
// One of so many shuffles but the first is without the title, so that a generator also draws
// from a category alone, or with a brand or a colour.
constexpr unsigned kUntitledOfShuffles = 6;
constexpr double kUntitledDrop = 0.3;

struct Candidate {
  std::string id, leaf, brand, color;
  bool small = false;
  double position = 0;
  std::vector<std::string> category_path;
  double order = 0;  // in which they are taken when not all are
};

v1::ScanProductsRequest StoredProducts() {
  v1::ScanProductsRequest request;
  request.mutable_filter()->set_image_state(v1::IMAGE_STATE_STORED);
  return request;
}

// The text without the title; with it when there is nothing else.
std::string UntitledText(v1::Product product, std::mt19937_64& random) {
  std::string title = std::move(*product.mutable_title());
  product.clear_title();
  std::string text = ShuffledProductText(product, random, kUntitledDrop);
  return text.empty() ? title : text;
}

absl::Status Stopped() { return absl::CancelledError("stopped while packing"); }

std::string AttributeOf(const v1::Product& product, absl::string_view name) {
  for (const v1::Attribute& attribute : product.attributes()) {
    if (attribute.name() == name) return attribute.value();
  }
  return "";
}

template <typename Names>
bool Holds(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool Passes(const v1::TrainingFilter& filter, const v1::Product& product) {
  const auto& path = product.category_path();
  if (filter.categories_size() > 0 && std::none_of(path.begin(), path.end(), [&](const std::string& name) {
        return Holds(filter.categories(), name);
      })) {
    return false;
  }
  if (filter.brands_size() > 0 && !Holds(filter.brands(), product.brand())) return false;
  return std::all_of(filter.attributes().begin(), filter.attributes().end(), [&](const auto& asked) {
    return AttributeOf(product, absl::string_view(asked.first)) == asked.second;
  });
}

absl::StatusOr<absl::flat_hash_set<std::string>> ReadOptOut(const std::string& path) {
  absl::flat_hash_set<std::string> ids;
  if (path.empty()) return ids;
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return absl::Status(text.status().code(),
                        absl::StrCat("opt_out: ", text.status().message(), "; nothing is trained without the list"));
  }
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (!line.empty()) ids.insert(std::string(line));
  }
  return ids;
}

// A file that is written at random places and then synced.
class RandomAccessFile {
 public:
  RandomAccessFile() = default;
  RandomAccessFile(const RandomAccessFile&) = delete;
  RandomAccessFile& operator=(const RandomAccessFile&) = delete;
  ~RandomAccessFile() {
    if (fd_ >= 0) close(fd_);
  }

  absl::Status Create(const std::string& path) {
    path_ = path;
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return fd_ < 0 ? Failed(errno, "write") : absl::OkStatus();
  }

  // Now, so that a full disk is an error before the work and not in the middle of it.
  absl::Status Reserve(std::int64_t bytes) {
    if (bytes == 0) return absl::OkStatus();
    const int failed = posix_fallocate(fd_, 0, static_cast<off_t>(bytes));
    return failed != 0 ? Failed(failed, absl::StrCat("reserve ", bytes, " bytes for")) : absl::OkStatus();
  }

  absl::Status Write(absl::string_view bytes, std::int64_t offset) {
    while (!bytes.empty()) {
      const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failed(errno, "write");
      bytes.remove_prefix(static_cast<std::size_t>(n));
      offset += n;
    }
    return absl::OkStatus();
  }

  absl::Status Sync() { return fdatasync(fd_) != 0 ? Failed(errno, "sync") : absl::OkStatus(); }

 private:
  absl::Status Failed(int error, absl::string_view what) const {
    return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path_));
  }

  std::string path_;
  int fd_ = -1;
};

class PackBuilder {
 public:
  PackBuilder(ProductStore& store, const TextEncoder& encoder, const PackOptions& options,
              const std::function<bool()>& stopping, const std::function<void(double)>& progress)
      : store_(store), encoder_(encoder), options_(options), stopping_(stopping), progress_(progress) {}

  absl::StatusOr<std::unique_ptr<Pack>> Build() {
    RETURN_IF_ERROR(options_.like != nullptr ? ChooseLike(*options_.like) : Choose());
    RETURN_IF_ERROR(OpenFiles());
    RETURN_IF_ERROR(Fill());
    RETURN_IF_ERROR(WriteIndex());
    return Pack::Open(options_.folder);
  }

 private:
  std::int64_t image_bytes() const { return std::int64_t{3} * options_.resolution * options_.resolution; }

  // Which products: one pass that keeps little of each.
  absl::Status Choose() {
    ASSIGN_OR_RETURN(const absl::flat_hash_set<std::string> opt_out, ReadOptOut(options_.opt_out));
    std::vector<Candidate> candidates;
    RETURN_IF_ERROR(store_.ScanProducts(StoredProducts(), [&](const v1::StoredProduct& stored) {
      if (stopping_()) return Stopped();
      const v1::Product& product = stored.product();
      if (product.category_path_size() == 0) return absl::OkStatus();
      if (!Passes(options_.filter, product)) {
        ++filtered_;
        return absl::OkStatus();
      }
      if (opt_out.contains(product.id())) {
        index_.set_opted_out(index_.opted_out() + 1);
        return absl::OkStatus();
      }
      candidates.push_back({product.id(),
                            *product.category_path().rbegin(),
                            product.brand(),
                            absl::AsciiStrToLower(AttributeOf(product, kColorAttribute)),
                            IsSmall(stored),
                            SplitPosition(product.id()),
                            {product.category_path().begin(), product.category_path().end()}});
      return absl::OkStatus();
    }));
    if (options_.max_products > 0 && candidates.size() > static_cast<std::size_t>(options_.max_products)) {
      // By a hash: a fair sample, and the same one next time. Another hash than what holds products out: the lowest
      // of that are the held-out ones.
      for (Candidate& candidate : candidates) candidate.order = SplitPosition(absl::StrCat("sample ", candidate.id));
      const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(options_.max_products);
      std::nth_element(candidates.begin(), end, candidates.end(),
                       [](const Candidate& a, const Candidate& b) { return a.order < b.order; });
      candidates.erase(end, candidates.end());
    }
    std::map<std::string, std::int64_t> images;
    for (const Candidate& candidate : candidates) ++images[candidate.leaf];
    std::map<std::string, int> categories, colors;
    for (const auto& [leaf, count] : images) {
      if (count < options_.min_category_images) continue;
      categories[leaf] = index_.categories_size();
      index_.add_categories(leaf);
    }
    for (const Candidate& candidate : candidates) {
      if (!candidate.color.empty() && categories.count(candidate.leaf) > 0) colors[candidate.color];
    }
    for (auto& [color, number] : colors) {
      number = index_.colors_size();
      index_.add_colors(color);
    }
    std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) { return a.id < b.id; });
    for (Candidate& candidate : candidates) {
      const auto category = categories.find(candidate.leaf);
      if (category == categories.end()) {
        index_.set_rare(index_.rare() + 1);
        continue;
      }
      v1::PackItem item;
      item.set_category(category->second);
      item.set_slot(static_cast<std::int64_t>(chosen_.size()));
      item.set_held_out(candidate.position < kHeldOutShare);
      item.set_small(candidate.small);
      item.set_brand(std::move(candidate.brand));
      item.set_color(candidate.color.empty() ? -1 : colors.at(candidate.color));
      for (std::string& name : candidate.category_path) item.add_category_path(std::move(name));
      slots_[candidate.id] = item.slot();
      item.set_id(std::move(candidate.id));
      chosen_.push_back(std::move(item));
    }
    return CheckEnough(chosen_.size(), static_cast<std::size_t>(index_.categories_size()));
  }

  absl::Status ChooseLike(const Pack& like) {
    index_.mutable_categories()->Add(like.categories.begin(), like.categories.end());
    index_.mutable_colors()->Add(like.colors.begin(), like.colors.end());
    std::unordered_map<std::string, std::pair<const PackedProduct*, bool>> wanted;  // whether it is held out
    for (const PackedProduct& product : like.training) wanted[product.id] = {&product, false};
    for (const PackedProduct& product : like.held_out) wanted[product.id] = {&product, true};
    RETURN_IF_ERROR(store_.ScanProducts(StoredProducts(), [&](const v1::StoredProduct& stored) {
      if (stopping_()) return Stopped();
      const auto found = wanted.find(stored.product().id());
      if (found == wanted.end()) return absl::OkStatus();
      const auto& [product, held_out] = found->second;
      v1::PackItem item;
      item.set_id(product->id);
      item.set_category(product->category);
      item.set_slot(static_cast<std::int64_t>(chosen_.size()));
      item.set_held_out(held_out);
      item.set_small(IsSmall(stored));
      item.set_brand(product->brand);
      item.set_color(product->color);
      item.mutable_category_path()->Add(product->category_path.begin(), product->category_path.end());
      slots_[item.id()] = item.slot();
      chosen_.push_back(std::move(item));
      return absl::OkStatus();
    }));
    return CheckEnough(chosen_.size(), like.categories.size());
  }

  bool IsSmall(const v1::StoredProduct& stored) const {
    const int longer = std::max(stored.image().width(), stored.image().height());
    return longer > 0 && longer < kSmallShare * options_.resolution;
  }

  absl::Status CheckEnough(std::size_t images, std::size_t categories) const {
    if (images < kMinImages) {
      return absl::FailedPreconditionError(
          absl::StrCat("only ", images, " products with an image can be trained on, ", kMinImages, " are needed (",
                       index_.rare(), " in categories with fewer than ", options_.min_category_images, " images, ",
                       unreadable_.load(), " unreadable, ", filtered_, " outside of the filter, ", index_.opted_out(),
                       " opted out); fetch more images or lower min_category_images"));
    }
    if (categories < 2) {
      return absl::FailedPreconditionError(
          absl::StrCat("only the category \"", index_.categories_size() == 0 ? "" : index_.categories(0), "\" has ",
                       options_.min_category_images,
                       " images or more; a training needs two: fetch more images or lower min_category_images"));
    }
    return absl::OkStatus();
  }

  absl::Status OpenFiles() {
    const auto count = static_cast<std::int64_t>(chosen_.size());
    index_.set_format(1);
    index_.set_resolution(options_.resolution);
    index_.set_text_dimension(encoder_.dimension());
    index_.set_slots(count);
    index_.set_jpeg(options_.as_stored || count * image_bytes() > options_.max_bytes);
    std::error_code error;
    std::filesystem::create_directories(options_.folder, error);
    if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot make ", options_.folder));
    // Without an index what is there is no pack, until this one is whole.
    for (const char* file : {kPackIndex, kPackPixels, kPackJpeg, kPackTexts}) unlink(PathOf(file).c_str());
    RETURN_IF_ERROR(images_.Create(PathOf(index_.jpeg() ? kPackJpeg : kPackPixels)));
    if (!index_.jpeg()) RETURN_IF_ERROR(images_.Reserve(count * image_bytes()));
    texts_.resize(chosen_.size() * static_cast<std::size_t>(kShuffles * encoder_.dimension()));
    return absl::OkStatus();
  }

  std::string PathOf(const char* file) const { return absl::StrCat(options_.folder, "/", file); }

  // Decodes and embeds: one thread scans, several work, with a short queue between.
  absl::Status Fill() {
    readable_.assign(chosen_.size(), 0);
    const int threads =
        options_.threads > 0 ? options_.threads : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    std::vector<std::thread> workers;
    for (int i = 0; i < threads; ++i) workers.emplace_back(OfThisCall([this] { Work(); }));
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
      absl::StatusOr<EncodedText> text =
          encoder_.Encode(shuffle > 0 && random() % kUntitledOfShuffles == 0 ? UntitledText(product, random)
                                                                             : ShuffledProductText(product, random));
      // A shuffle may have dropped all that is known; the whole text is then the judge.
      if (!text.ok()) text = encoder_.Encode(ProductText(product));
      if (!text.ok()) {
        ++no_text_;
        return absl::OkStatus();
      }
      std::copy(text->values.begin(), text->values.end(),
                texts_.begin() + (slot * kShuffles + shuffle) * encoder_.dimension());
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
    if (!pixels.ok() || static_cast<std::int64_t>(pixels->rgb.size()) != image_bytes()) {
      ++unreadable_;
      return absl::OkStatus();
    }
    return Put(slot, *pixels, found->image().data());
  }

  // Items and `readable_`: each is written by one thread only.
  absl::Status Put(std::int64_t slot, const Pixels& pixels, absl::string_view stored) {
    v1::PackItem& item = chosen_[static_cast<std::size_t>(slot)];
    std::string encoded;
    absl::string_view bytes(reinterpret_cast<const char*>(pixels.rgb.data()), pixels.rgb.size());
    if (options_.as_stored) {
      bytes = stored;
    } else if (index_.jpeg()) {
      ASSIGN_OR_RETURN(encoded, EncodeJpeg(pixels, kJpegQuality));
      bytes = encoded;
    }
    const auto size = static_cast<std::int64_t>(bytes.size());
    item.set_size(size);
    item.set_offset(index_.jpeg() ? end_.fetch_add(size) : slot * image_bytes());
    item.set_crc32(static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<z_size_t>(bytes.size()))));
    RETURN_IF_ERROR(images_.Write(bytes, item.offset()));
    readable_[static_cast<std::size_t>(slot)] = 1;
    return absl::OkStatus();
  }

  absl::Status WriteIndex() {
    index_.set_unreadable(unreadable_);
    index_.set_no_text(no_text_);
    std::size_t training = 0;
    for (v1::PackItem& item : chosen_) {
      if (readable_[static_cast<std::size_t>(item.slot())] == 0) continue;
      training += item.held_out() ? 0 : 1;
      *index_.add_items() = std::move(item);
    }
    RETURN_IF_ERROR(CheckEnough(training, static_cast<std::size_t>(index_.categories_size())));
    index_.set_images_bytes(index_.jpeg() ? end_.load() : index_.slots() * image_bytes());
    const absl::string_view texts(reinterpret_cast<const char*>(texts_.data()), texts_.size() * sizeof(float));
    index_.set_texts_crc32(static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(texts.data()), static_cast<z_size_t>(texts.size()))));
    RETURN_IF_ERROR(images_.Sync());
    RETURN_IF_ERROR(WriteFileAtomically(PathOf(kPackTexts), texts));
    const std::string index = index_.SerializeAsString();
    return WriteFileAtomically(PathOf(kPackIndex), absl::StrCat(Sha256Hex(index), "\n", index));
  }

  ProductStore& store_;
  const TextEncoder& encoder_;
  const PackOptions& options_;
  const std::function<bool()>& stopping_;
  const std::function<void(double)>& progress_;
  v1::PackIndex index_;
  RandomAccessFile images_;
  std::vector<float> texts_;
  std::vector<v1::PackItem> chosen_;
  std::unordered_map<std::string, std::int64_t> slots_;
  std::vector<char> readable_;
  std::int64_t filtered_ = 0;
  std::atomic<std::int64_t> unreadable_{0}, no_text_{0}, end_{0};
  std::atomic<std::size_t> done_{0};
  absl::Mutex mutex_;
  std::vector<v1::Product> queue_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<Pack>> BuildPack(ProductStore& store, const TextEncoder& encoder,
                                                const PackOptions& options, const std::function<bool()>& stopping,
                                                const std::function<void(double)>& progress) {
  return PackBuilder(store, encoder, options, stopping, progress).Build();
}

}  // namespace mannequin

// WriteSample: the catalogue as files.
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "services/mannequin/sample/sample.h"

namespace mannequin {
namespace {

// repr() of a Python string: in single quotes, unless it holds one and no double quote.
std::string PythonString(absl::string_view text) {
  const bool doubled = absl::StrContains(text, "'") && !absl::StrContains(text, "\"");
  const char quote = doubled ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string PythonLine(const v1::Product& product, const std::string& base_url) {
  std::string line = absl::StrCat("{'asin': ", PythonString(product.id()), ", 'title': ", PythonString(product.title()),
                                  ", 'brand': ", PythonString(product.brand()), ", 'categories': [[");
  absl::StrAppend(
      &line,
      absl::StrJoin(product.category_path(), ", ",
                    [](std::string* out, const std::string& part) { absl::StrAppend(out, PythonString(part)); }),
      "]]");
  absl::StrAppend(&line, ", 'attributes': {",
                  absl::StrJoin(product.attributes(), ", ",
                                [](std::string* out, const v1::Attribute& a) {
                                  absl::StrAppend(out, PythonString(a.name()), ": ", PythonString(a.value()));
                                }),
                  "}");
  if (!product.image_url().empty()) absl::StrAppend(&line, ", 'imUrl': ", PythonString(base_url + product.image_url()));
  return absl::StrCat(line, ", 'description': ", PythonString(product.description()), "}\n");
}

std::string TruthLine(const SampleProduct& product) {
  nlohmann::ordered_json line;
  line["id"] = product.product.id();
  line["truth"] = std::string(TruthName(product.truth));
  line["category"] = product.product.category_path(product.product.category_path_size() - 1);
  line["shown_category"] = product.shown.category;
  line["has_print"] = product.has_print;
  line["overlay_text"] = product.truth == SampleTruth::kOverlay ? product.overlay.text : "";
  return line.dump() + "\n";
}

absl::StatusOr<std::string> Gzip(const std::string& text) {
  z_stream stream{};
  constexpr int kGzip = 15 + 16;  // the largest window, in a gzip wrapper
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return absl::ResourceExhaustedError("gzip: zlib has no memory");
  }
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (end != Z_STREAM_END) return absl::InternalError("gzip: zlib did not finish");
  return out;
}

// A picture is made again in milliseconds, so it is not synced to the disk.
absl::Status WriteQuickly(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return absl::ResourceExhaustedError(absl::StrCat(path, ": cannot be written (is the disk full?)"));
  return absl::OkStatus();
}

// Every picture, drawn by as many threads as there are cores.
absl::Status WriteImages(const SampleCatalog& catalog, const std::string& folder) {
  std::atomic<std::size_t> next{0};
  absl::Mutex mutex;
  absl::Status first_error;
  const auto work = [&] {
    for (std::size_t i = next++; i < catalog.products.size(); i = next++) {
      const SampleProduct& product = catalog.products[i];
      absl::StatusOr<std::string> body = ImageBody(catalog.options, product);
      if (absl::IsNotFound(body.status())) continue;
      absl::Status status = body.ok() ? WriteQuickly(folder + product.product.image_url(), *body) : body.status();
      if (!status.ok()) {
        absl::MutexLock lock(&mutex);
        first_error.Update(status);
        return;
      }
    }
  };
  std::vector<std::thread> threads;
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < cores; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return first_error;
}

}  // namespace

absl::Status WriteSample(const std::string& folder, const SampleOptions& options) {
  if (options.count < 1 || options.size < 32 || options.size > 1024) {
    return absl::InvalidArgumentError("WriteSample: count must be 1 or more, size in 32 to 1024");
  }
  const SampleCatalog catalog = MakeSample(options);
  const std::string images = folder + "/images";
  std::error_code error;
  std::filesystem::create_directories(images, error);
  if (error) return absl::PermissionDeniedError(absl::StrCat(images, ": ", error.message()));
  RETURN_IF_ERROR(WriteImages(catalog, images));
  std::string lines;
  std::string truth;
  for (const SampleProduct& product : catalog.products) {
    lines += PythonLine(product.product, options.base_url);
    truth += TruthLine(product);
  }
  ASSIGN_OR_RETURN(const std::string packed, Gzip(lines));
  RETURN_IF_ERROR(WriteFileAtomically(folder + "/catalog.json.gz", packed));
  return WriteFileAtomically(folder + "/truth.jsonl", truth);
}

}  // namespace mannequin

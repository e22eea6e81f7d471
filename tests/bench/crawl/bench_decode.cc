// What decoding alone allows a crawl that looks at every row: libjpeg on all cores, the
// pictures in memory.
//
//   bench_decode FOLDER_OF_JPEG_PICTURES [TIMES]
//
// Prints one JSON line.
#include <setjmp.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

// After <cstdio>: it uses FILE and does not say so.
#include <jpeglib.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "common/base/file.h"

namespace mannequin {
namespace {

struct Errors {
  jpeg_error_mgr base;
  jmp_buf broken;
};

// False: not a sound JPEG. `row` is scratch.
bool Decode(const std::string& bytes, std::vector<unsigned char>& row) {
  jpeg_decompress_struct jpeg{};
  Errors errors{};
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = [](j_common_ptr info) { longjmp(reinterpret_cast<Errors*>(info->err)->broken, 1); };
  if (setjmp(errors.broken) != 0) {
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&jpeg, TRUE);
  jpeg_start_decompress(&jpeg);
  row.resize(static_cast<std::size_t>(jpeg.output_width) * static_cast<std::size_t>(jpeg.output_components));
  unsigned char* rows[] = {row.data()};
  while (jpeg.output_scanline < jpeg.output_height) jpeg_read_scanlines(&jpeg, rows, 1);
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return true;
}

int Bench(const std::string& folder, int times) {
  std::vector<std::string> pictures;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    pictures.push_back(ReadFile(entry.path()).value_or(""));
  }
  const std::size_t wanted = pictures.size() * static_cast<std::size_t>(times);
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> broken{0};
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) {
    threads.emplace_back([&] {
      std::vector<unsigned char> row;
      for (std::size_t at = next++; at < wanted; at = next++) {
        if (!Decode(pictures[at % pictures.size()], row)) ++broken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  absl::PrintF("{\"images_per_second\": %.0f, \"images\": %d, \"broken\": %d}\n",
               static_cast<double>(wanted) / took.count(), wanted, broken.load());
  return broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mannequin

int main(int argc, char** argv) {
  int times = 1;
  if (argc < 2 || argc > 3 || (argc == 3 && !absl::SimpleAtoi(argv[2], &times)) || times < 1) {
    std::fputs("usage: bench_decode FOLDER_OF_JPEG_PICTURES [TIMES]\n", stderr);
    return 2;
  }
  return mannequin::Bench(argv[1], times);
}

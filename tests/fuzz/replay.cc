// Runs a target over its corpus and then over mutations of it, without libFuzzer.
//
//   fuzz_NAME [--seconds 3] [--seed 1] [--only ITERATION] FOLDER
//
// An iteration's input depends on the seed, its number and the corpus alone, so that
// what failed can be done again.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

volatile std::int64_t current = -1;

// On a crash: which iteration it was. Only what a signal handler may call.
void OnCrash(int signal) {
  char text[64];
  const int size =
      std::snprintf(text, sizeof(text), "fuzz: crashed in iteration %lld\n", static_cast<long long>(current));
  if (write(STDERR_FILENO, text, static_cast<std::size_t>(size)) < 0) _exit(1);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::vector<std::string> ReadCorpus(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  Mutator(const std::vector<std::string>& corpus, std::uint64_t seed) : corpus_(corpus), random_(seed) {}

  std::string Next() {
    std::string input = Any();
    for (std::size_t changes = 1 + Below(4); changes > 0; --changes) Change(&input);
    return input;
  }

 private:
  std::size_t Below(std::size_t end) { return end == 0 ? 0 : static_cast<std::size_t>(random_() % end); }
  const std::string& Any() { return corpus_[Below(corpus_.size())]; }

  void Change(std::string* input) {
    // Headers are short and decide most.
    const std::size_t end = Below(2) == 0 ? std::min<std::size_t>(input->size(), 128) : input->size();
    const std::size_t at = Below(end);
    switch (Below(8)) {
      case 0:
        if (!input->empty()) (*input)[at] = static_cast<char>((*input)[at] ^ (1 << Below(8)));
        break;
      case 1:
        if (!input->empty()) (*input)[at] = static_cast<char>(random_());
        break;
      case 2: {
        // Numbers at which fields turn over, of one to four bytes.
        constexpr unsigned kEdges[] = {0,      1,      0x7f,       0x80,       0xff,      0x7fff,
                                       0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
        const unsigned value = kEdges[Below(std::size(kEdges))];
        const std::size_t bytes = std::min(input->size() - at, 1 + Below(4));
        for (std::size_t i = 0; i < bytes; ++i) (*input)[at + i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
        break;
      }
      case 3:
        input->erase(at, 1 + Below(64));
        break;
      case 4:
        input->insert(at, input->substr(Below(input->size()), 1 + Below(64)));
        break;
      case 5:
        input->resize(Below(input->size() + 1));
        break;
      case 6: {
        const std::string& other = Any();
        input->replace(at, Below(256), other, Below(other.size()), Below(256));
        break;
      }
      default:
        input->insert(at, 1 + Below(8), static_cast<char>(random_()));
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_;
};

void Run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 3;
  std::uint64_t seed = 1;
  std::int64_t only = -1;
  std::string folder;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--seconds") == 0 && has_value) {
      seconds = std::atof(argv[++i]);
    } else if (std::strcmp(argv[i], "--seed") == 0 && has_value) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--only") == 0 && has_value) {
      only = std::strtoll(argv[++i], nullptr, 10);
    } else {
      folder = argv[i];
    }
  }
  const std::vector<std::string> corpus = folder.empty() ? std::vector<std::string>{} : ReadCorpus(folder);
  if (corpus.empty()) {
    std::fprintf(stderr, "usage: %s [--seconds N] [--seed N] [--only ITERATION] FOLDER (with files in it)\n", argv[0]);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, OnCrash);
  // The corpus comes first, as iterations below its size.
  const auto input = [&](std::int64_t iteration) {
    if (iteration < static_cast<std::int64_t>(corpus.size())) return corpus[static_cast<std::size_t>(iteration)];
    return Mutator(corpus, seed * 0x9e3779b97f4a7c15 + static_cast<std::uint64_t>(iteration)).Next();
  };
  if (only >= 0) {
    current = only;
    Run(input(only));
    return 0;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::int64_t iteration = 0;
  for (; iteration < static_cast<std::int64_t>(corpus.size()) || std::chrono::steady_clock::now() < end; ++iteration) {
    current = iteration;
    Run(input(iteration));
  }
  std::printf("%lld inputs, %zu of them the corpus\n", static_cast<long long>(iteration), corpus.size());
  return 0;
}

#include "services/mannequin/installation.h"

#include <fontconfig/fontconfig.h>
#include <link.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/nn/device.h"
#include "services/mannequin/terminal.h"

namespace mannequin {
namespace {

namespace fs = std::filesystem;

Finding Good(const std::string& area, const std::string& what, const std::string& found) {
  return {area, what, Health::kGood, found, ""};
}

// The file that a shared library of this process was loaded from; empty when it is not loaded.
std::string LoadedFrom(const std::string& library) {
  struct Search {
    const std::string& name;
    std::string path;
  } search{library, ""};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        auto& wanted = *static_cast<Search*>(data);
        if (absl::EndsWith(info->dlpi_name, absl::StrCat("/", wanted.name))) wanted.path = info->dlpi_name;
        return 0;
      },
      &search);
  return search.path;
}

Finding LibTorch() {
  const std::string path = LoadedFrom("libtorch_cpu.so");
  if (!path.empty()) return Good("installation", "LibTorch", path);
  return {"installation", "LibTorch", Health::kFault, "libtorch_cpu.so is not loaded",
          "build again: docker/deps.sh, then make"};
}

// Faces that have the letters of a language; "": any.
int FontFaces(const char* language) {
  FcPattern* const pattern = FcPatternCreate();
  if (*language != '\0') {
    FcLangSet* const languages = FcLangSetCreate();
    FcLangSetAdd(languages, reinterpret_cast<const FcChar8*>(language));
    FcPatternAddLangSet(pattern, FC_LANG, languages);
    FcLangSetDestroy(languages);
  }
  FcObjectSet* const properties = FcObjectSetBuild(FC_FAMILY, static_cast<char*>(nullptr));
  FcFontSet* const fonts = FcFontList(nullptr, pattern, properties);
  const int faces = fonts == nullptr ? 0 : fonts->nfont;
  if (fonts != nullptr) FcFontSetDestroy(fonts);
  FcObjectSetDestroy(properties);
  FcPatternDestroy(pattern);
  return faces;
}

Finding Fonts() {
  const int faces = FontFaces(""), korean = FontFaces("ko");
  const std::string found = absl::StrCat(faces, " faces, ", korean, " of them with Hangul");
  if (faces == 0) {
    return {"installation", "fonts", Health::kFault, found,
            "category cards and graphs have no letters: install fonts-dejavu-core and fonts-noto-cjk"};
  }
  if (korean == 0) {
    return {"installation", "fonts", Health::kNote, found, "Korean category cards show boxes: install fonts-noto-cjk"};
  }
  return Good("installation", "fonts", found);
}

Finding Descriptors(const InstallationNeeds& needs) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto open = static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, INT64_MAX));
  const std::string found = absl::StrCat(WithCommas(open), " files may be open");
  if (open >= needs.descriptors) return Good("installation", "descriptors", found);
  return {"installation", "descriptors", Health::kNote, found,
          absl::StrCat("a crawl over many connections runs out of them: ulimit -n 65536 before `mannequin up`, or "
                       "LimitNOFILE=65536 of its unit; needed are ",
                       WithCommas(needs.descriptors))};
}

// The nearest folder above, or itself, that is there.
fs::path Existing(fs::path path) {
  std::error_code ignored;
  path = fs::absolute(path, ignored);
  while (!fs::exists(path, ignored) && path.has_relative_path()) path = path.parent_path();
  return path;
}

}  // namespace

Finding LookAtDisk(const std::string& what, const std::string& folder, const InstallationNeeds& needs) {
  std::error_code error;
  const fs::space_info space = fs::space(Existing(folder), error);
  if (error) {
    return {"disk", what, Health::kFault, absl::StrCat(folder, ": ", error.message()), "name a folder of this machine"};
  }
  const auto free = static_cast<std::int64_t>(space.available);
  const std::string found = absl::StrCat(HumanBytes(free), " free in ", folder);
  const bool writable = access(Existing(folder).c_str(), W_OK) == 0;
  if (!writable) {
    return {"disk", what, Health::kFault, absl::StrCat(folder, " cannot be written"),
            "choose another folder, or give it to the user who runs mannequin"};
  }
  if (free >= needs.free_bytes) return Good("disk", what, found);
  return {"disk", what, free < needs.free_bytes / 10 ? Health::kFault : Health::kNote, found,
          "make room: the store stops writing when the disk is full (nothing is lost; it goes on when there is room)"};
}

std::vector<Finding> LookAtInstallation(const InstallationNeeds& needs) {
  std::error_code ignored;
  return {LibTorch(), Fonts(), Descriptors(needs),
          LookAtDisk("temporary files", fs::temp_directory_path(ignored).string(), needs)};
}

std::vector<Finding> LookAtDevices() {
  std::vector<std::string> instructions;
  if (__builtin_cpu_supports("avx2")) instructions.push_back("AVX2");
  if (__builtin_cpu_supports("avx512f")) instructions.push_back("AVX-512");
  if (__builtin_cpu_supports("avx512bf16")) instructions.push_back("bfloat16");
  std::vector<Finding> findings;
  const std::string cores = absl::StrCat(std::thread::hardware_concurrency(), " cores");
  if (instructions.empty()) {
    findings.push_back({"devices", "processor", Health::kNote, cores + " without AVX2",
                        "everything works, search and drawing several times slower"});
  } else {
    findings.push_back(Good("devices", "processor", absl::StrCat(cores, ", ", absl::StrJoin(instructions, ", "))));
  }
  std::error_code ignored;
  const bool driver = fs::exists("/proc/driver/nvidia/version", ignored);
  if (!driver) {
    findings.push_back(Good("devices", "CUDA", "no NVIDIA driver; networks run on the processor"));
  } else if (const int devices = CudaDevices(); devices > 0) {
    findings.push_back(Good("devices", "CUDA", absl::StrCat(devices, devices == 1 ? " device" : " devices")));
  } else {
    findings.push_back({"devices", "CUDA", Health::kFault, std::string(CheckDevice("cuda").message()),
                        "an NVIDIA driver is here and cannot be used: install the CUDA libraries of LibTorch beside "
                        "it, or say --device cpu"});
  }
  return findings;
}

Finding LookAtPort(const std::string& what, const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon), port = address.substr(colon + 1);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) {
    return {"ports", what, Health::kFault, address + " is no address of this machine", "give HOST:PORT in numbers"};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool free = bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0;
  const std::string problem = free ? "" : std::string(strerror(errno));
  close(fd);
  if (free) return Good("ports", what, address + " is free");
  return {"ports", what, Health::kNote, absl::StrCat(address, ": ", problem),
          "end the process that listens there (ss -ltnp names it), or give `mannequin up` another address"};
}

std::vector<Finding> LookAtBundles(const BundleFolder& bundles) {
  const absl::StatusOr<std::vector<v1::BundleManifest>> list = bundles.List();
  const absl::StatusOr<std::string> current = bundles.CurrentVersion();
  if (!list.ok() || !current.ok()) {
    const absl::Status& status = list.ok() ? current.status() : list.status();
    return {{"bundles", bundles.root(), Health::kFault, std::string(status.message()),
             "copy the folder from a backup of it, or take it away: `mannequin up` begins with the shipped bundle"}};
  }
  std::vector<Finding> findings;
  bool current_is_there = current->empty();
  for (const v1::BundleManifest& bundle : *list) {
    current_is_there = current_is_there || bundle.version() == *current;
    const std::string name = absl::StrCat(bundle.version(), bundle.version() == *current ? ", current" : "");
    const absl::Status whole = bundles.Open(bundle.version()).status();
    if (whole.ok()) {
      findings.push_back(Good("bundles", name, absl::StrCat(bundle.files_size(), " files, checksums are right")));
    } else {
      findings.push_back(
          {"bundles", name, Health::kFault, std::string(whole.message()),
           bundle.version() == *current
               ? absl::StrCat("copy ", bundles.FolderOf(bundle.version()),
                              " from where it is whole, or promote another: mannequin models promote VERSION")
               : absl::StrCat("copy it from where it is whole, or remove ", bundles.FolderOf(bundle.version()))});
    }
  }
  if (!current_is_there) {
    findings.push_back({"bundles", "CURRENT", Health::kFault, absl::StrCat("names ", *current, ", which is not there"),
                        "copy that folder back, or promote another: mannequin models promote VERSION"});
  }
  if (list->empty()) {
    findings.push_back({"bundles", "CURRENT", Health::kNote, "there is no bundle yet",
                        "`mannequin up` begins with the one that comes with it; or: mannequin embed train"});
  }
  return findings;
}

}  // namespace mannequin

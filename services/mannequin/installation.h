// What `mannequin doctor` looks at besides the store: this machine, its devices, ports, disks and bundles. Each
// finding that is not good says what to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/model/bundle.h"

namespace mannequin {

enum class Health { kGood, kNote, kFault };  // a note: works, but not for everything

struct Finding {
  std::string area;  // "installation", "devices", "disk", "ports", "store", "bundles"
  std::string what;  // "fonts"
  Health health = Health::kGood;
  std::string found;
  std::string advice;  // empty when it is good
};

// Below them there is a note.
struct InstallationNeeds {
  std::int64_t descriptors = 4'096;         // RocksDB's files and 200 connections of a crawl
  std::int64_t free_bytes = 2'000'000'000;  // of a disk; a fault below a tenth
};

// LibTorch, fonts of the category cards, file descriptors, the temporary folder.
std::vector<Finding> LookAtInstallation(const InstallationNeeds& needs = {});
// The processor's instructions, CUDA. Opens CUDA where it is installed, which takes seconds.
std::vector<Finding> LookAtDevices();
// Free space where `folder` lies, or will lie.
Finding LookAtDisk(const std::string& what, const std::string& folder, const InstallationNeeds& needs = {});
// Whether "HOST:PORT" can be listened on just now.
Finding LookAtPort(const std::string& what, const std::string& address);
// Every bundle, each file read and its checksum compared; the one that is current.
std::vector<Finding> LookAtBundles(const BundleFolder& bundles);

}  // namespace mannequin

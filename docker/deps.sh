#!/usr/bin/env bash
# The one list of what must be installed to build, test and run Mannequin on
# Debian 12 or Ubuntu 24.04. Idempotent, and quiet when nothing is missing.
#
#   docker/deps.sh            install what is missing
#   docker/deps.sh --prefix   print the folder that holds LibTorch and SentencePiece
#
# Debian packages come from apt. LibTorch (out of the PyPI wheel) and
# SentencePiece (built from its PyPI source, see below) are kept in
# ${XDG_CACHE_HOME:-~/.cache}/mannequin/<hash of the pins>, so that a fresh clone
# does not download them again.
set -euo pipefail

# --- pins ---------------------------------------------------------------------
PINS="
torch==2.11.0 --hash=sha256:7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a
nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
nvidia-cuda-cupti==13.0.85 --hash=sha256:4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8
sentencepiece==0.2.1 --hash=sha256:8138cec27c2f2282f4a34d9a016e3374cd40e5c6e9cb335063db66a0a3b71fad
"
LAYOUT=1  # raise when the way the folder is laid out below changes

# What is ours to choose: gRPC, Protobuf and Abseil in Debian's versions (they must
# agree with each other); libvips for every picture format; hnswlib for make bench to compare with;
# mold and ccache only make builds faster; chromium, nodejs and npm test the console's page; tests complete commands
# in fish and zsh, read manual pages by mandoc, and keep a store in postgresql.
PACKAGES="
build-essential ca-certificates ccache cmake git mold ninja-build openssl pkg-config python3 python3-pip unzip
libabsl-dev libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
libbenchmark-dev libcli11-dev libcpp-httplib-dev libcurl4-openssl-dev libfontconfig-dev libgmock-dev libgtest-dev
libhnswlib-dev libisal-dev libjemalloc-dev libpq-dev libpugixml-dev libssl-dev librocksdb-dev libsimdjson-dev libsixel-dev libspdlog-dev libvips-dev libzstd-dev
nlohmann-json3-dev prometheus-cpp-dev zlib1g-dev
fonts-dejavu-core fonts-noto-cjk libjs-chart.js
chromium nodejs npm
fish mandoc zsh
postgresql
"
# AVIF: Debian 12's libheif has its AV1 codecs built in, Ubuntu's loads them.
if grep -qs '^ID=ubuntu' /etc/os-release; then
  PACKAGES="$PACKAGES libheif-plugin-aomdec libheif-plugin-aomenc"
fi
# ------------------------------------------------------------------------------

hash=$(printf '%s' "$PINS $LAYOUT" | sha256sum | cut -c1-16)
prefix=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mannequin/$hash
if [ "${1:-}" = --prefix ]; then
  echo "$prefix"
  exit 0
fi

say() { echo "deps: $*" >&2; }

install_packages() {
  local missing=() package
  for package in $PACKAGES; do
    # Node.js need not be Debian's, whose npm does not go with another one.
    case $package in
      nodejs) ! command -v node >/dev/null || continue ;;
      npm) ! command -v npm >/dev/null || continue ;;
    esac
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local sudo=
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { say "not root and no sudo: ask an administrator to install: ${missing[*]}"; exit 1; }
    sudo=sudo
  fi
  say "installing ${#missing[@]} packages"
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# The wheel is the same LibTorch for CPU and CUDA. Only the three folders named here
# are kept, in the wheel's own shape (torch/ beside nvidia/): its RPATH finds
# libcudart and libcupti there. Its include/google is Protobuf 3.13 and would shadow
# Debian's, so it goes.
install_torch() {
  say "downloading LibTorch (530 MB)"
  printf '%s\n' "$PINS" | grep -v sentencepiece > "$work/wheels.txt"
  python3 -m pip download -q --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
    --python-version 3.11 --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 \
    -d "$work/wheels" -r "$work/wheels.txt"
  say "unpacking LibTorch"
  unzip -q "$work"/wheels/torch-*.whl 'torch/lib/*' 'torch/include/*' -d "$stage"
  for wheel in "$work"/wheels/nvidia_*.whl; do unzip -qo "$wheel" 'nvidia/*' -d "$stage"; done
  rm -rf "$stage/torch/include/google"
}

# Debian's libsentencepiece carries Protobuf 3.14 and aborts beside Debian's 3.21;
# built from source it shares ours.
install_sentencepiece() {
  say "building SentencePiece"
  printf '%s\n' "$PINS" | grep sentencepiece > "$work/source.txt"
  python3 -m pip download -q --disable-pip-version-check --require-hashes --no-deps --no-binary :all: \
    --no-build-isolation -d "$work/source" -r "$work/source.txt" 2>"$work/pip.log" ||
    python3 -m pip download -q --disable-pip-version-check --require-hashes --no-deps --no-binary :all: \
      -d "$work/source" -r "$work/source.txt"
  tar -xf "$work"/source/sentencepiece-*.tar.gz -C "$work"
  cmake -S "$work"/sentencepiece-*/sentencepiece -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DSPM_PROTOBUF_PROVIDER=package -DSPM_ENABLE_SHARED=OFF -DSPM_ENABLE_TCMALLOC=OFF \
    -DCMAKE_INSTALL_PREFIX="$stage/sentencepiece" -DCMAKE_INSTALL_LIBDIR=lib > "$work/cmake.log"
  cmake --build "$work/build" --target install > "$work/make.log" || { tail -20 "$work/make.log" >&2; exit 1; }
}

[ "$(uname -m)" = x86_64 ] || { say "only x86_64 is supported (this is $(uname -m))"; exit 1; }
install_packages
if [ ! -f "$prefix/.complete" ]; then
  mkdir -p "$(dirname "$prefix")"
  work=$(mktemp -d "$prefix.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  stage=$work/stage
  mkdir -p "$stage"
  install_torch
  install_sentencepiece
  touch "$stage/.complete"
  rm -rf "$prefix"
  mv "$stage" "$prefix"
  say "ready in $prefix"
fi

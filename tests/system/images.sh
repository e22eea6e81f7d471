#!/usr/bin/env bash
# Builds images of docker/Dockerfile around binaries that are there already, starts them as a
# cluster does (another user than root, a root that cannot be written, no terminal), uses them, and
# stops them in order. Prints their sizes. Exit status 77 where buildah is not installed.
#
#   tests/system/images.sh [--cuda] [BIN]      default: build/bin. Needs root and buildah; debootstrap
#                                              where no registry is reached.
#
# --cuda: the networks in their images for GPUs (2 GB to download). On a
# machine without a GPU that shows that every library of CUDA's is there and is loaded, and that the
# services then take the processor.
#
# $IMAGES_BASE: a folder with a Debian 12 that was bootstrapped before, to be used as the base.
set -euo pipefail
cd "$(dirname "$0")/../.."
cuda=
if [ "${1:-}" = --cuda ]; then cuda=-cuda; shift; fi
bin=${1:-build/bin}
[ "$(id -u)" -eq 0 ] || { echo "images.sh: not checked: needs root" >&2; exit 77; }
command -v buildah >/dev/null || { echo "images.sh: not checked: buildah is not installed" >&2; exit 77; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/images-XXXXXX")
storage=(--root "$folder/storage" --runroot "$folder/run")
started=()
cleanup() {
  for process in "${started[@]}"; do kill -9 "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  buildah "${storage[@]}" umount --all >/dev/null 2>&1 || true
  umount -l "$folder"/storage/overlay 2>/dev/null || true
  rm -rf --one-file-system "$folder"
}
trap cleanup EXIT
fail() { echo "images.sh: $*" >&2; cat "$folder"/*.log >&2 2>/dev/null; exit 1; }

# --- base: the registry's, or one that is bootstrapped and knows this machine's mirrors -----------
base=debian:12-slim
if [ -n "${IMAGES_BASE:-}" ] || ! timeout 20 buildah "${storage[@]}" pull -q "$base" >/dev/null 2>&1; then
  root=${IMAGES_BASE:-$folder/base}
  if [ ! -d "$root/usr" ]; then
    command -v debootstrap >/dev/null || { echo "images.sh: not checked: no registry, no debootstrap" >&2; exit 77; }
    echo "images.sh: bootstrapping Debian 12" >&2
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" \
      "$(apt-get indextargets --format '$(SITE)' | head -1)" >"$folder/debootstrap.log" 2>&1 || fail debootstrap
  fi
  cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/auth.conf* "$root/etc/apt/" 2>/dev/null || true
  cp /etc/pip.conf "$root/etc/" 2>/dev/null || true
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
  # As the registry's slim image: without what nobody reads in a container.
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/usr/share/{doc,man,locale,info}/*
  container=$(buildah "${storage[@]}" from scratch)
  buildah "${storage[@]}" add -q "$container" "$root" / >/dev/null
  buildah "${storage[@]}" commit -q --rm "$container" localhost/base >/dev/null
  base=localhost/base
fi

# --- the stage `binaries`, from what is built -----------------------------------------------------
prefix=$(docker/deps.sh --prefix)
mkdir -p "$folder/binaries/bin" "$folder/binaries/torch"
cp -rl "$prefix/nvidia" "$folder/binaries/" 2>/dev/null || cp -r "$prefix/nvidia" "$folder/binaries/"
cp -rl "$prefix/torch/lib" "$folder/binaries/torch/" 2>/dev/null || cp -r "$prefix/torch/lib" "$folder/binaries/torch/"
for name in mannequin mannequin-{store,fetcher,embedder,trainer,generator,scorer,console}; do
  strip -o "$folder/binaries/bin/$name" "$bin/$name"
done

declare -A root
for service in store console embedder fetcher scorer generator trainer mannequin; do
  target=$service
  [[ ! $service =~ ^(scorer|generator|trainer|mannequin)$ ]] || target+=$cuda
  buildah "${storage[@]}" build --isolation chroot --layers --format docker --build-arg BASE="$base" \
    --build-context "binaries=$folder/binaries" --ignorefile docker/Dockerfile.dockerignore \
    -f docker/Dockerfile --target "$target" -t "localhost/mannequin-$target" . >"$folder/$target.log" 2>&1 ||
    { tail -30 "$folder/$target.log" >&2; exit 1; }
  container=$(buildah "${storage[@]}" from --pull-never "localhost/mannequin-$target")
  root[$service]=$(buildah "${storage[@]}" mount "$container")
  user=$(buildah "${storage[@]}" inspect --format '{{.OCIv1.Config.User}}' "$container")
  [ "$user" = 10001:10001 ] || fail "$target runs as \"$user\""
  for tool in cc gcc g++ ld make cmake python3 curl wget; do
    [ -z "$(find "${root[$service]}"/{usr/,}{local/,}bin -name "$tool" 2>/dev/null)" ] || fail "$target has $tool"
  done
  missing=$(chroot "${root[$service]}" env LD_LIBRARY_PATH=/opt/torch/torch/lib sh -c 'ldd /usr/local/bin/mannequin*' |
    sed -n 's/ => not found$//p' | tr -s '\t\n' ' ')
  [ -z "$missing" ] || fail "$target lacks$missing"
  echo "$target: $(du -sm --apparent-size "${root[$service]}" | cut -f1) MB"
done

# --- as a cluster starts them ---------------------------------------------------------------------
mkdir -p "$folder"/volumes/{data,bundles,training,index,backups,config}
chown 10001:10001 "$folder"/volumes/*
cp deploy/kubernetes/base/config/*.textproto "$folder/volumes/config/"
# One network here: every service is this machine. The ports are the shipped ones, moved.
sed -i -E 's/"(0\.0\.0\.0|[a-z]+):(8|9)6/"127.0.0.1:1\26/g' "$folder"/volumes/config/*.textproto
# TARGET COMMAND...: in its image, as its user, with a root that cannot be written, and the folders of
# `volumes`. PID 1 of a namespace of its own, as in a container.
in_image() {
  unshare --mount --pid --fork --kill-child bash -c '
    set -e
    root=$1 volumes=$2 path=$3 user=$4
    shift 4
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    for volume in "$volumes"/*; do mount --bind "$volume" "$root/${volume##*/}"; done
    mount -t tmpfs tmpfs "$root/tmp"
    mount -o remount,bind,ro "$root"
    exec chroot --userspec="$user" "$root" env -i "PATH=/usr/local/bin:/usr/bin:/bin" "LD_LIBRARY_PATH=$path" "${@}"
  ' _ "${root[$1]}" "$folder/volumes" /opt/torch/torch/lib 10001:10001 "${@:2}"
}
until_it() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || fail "in vain: $*"
    sleep 0.5
  done
}

if [ -n "$cuda" ]; then
  # Every library but the driver's, which NVIDIA's container runtime puts in; cuDNN opens its parts by itself.
  # shellcheck disable=SC2016
  in_image scorer sh -c 'ldd /opt/torch/torch/lib/*.so /opt/torch/nvidia/*/lib/libcudnn*.so.*' >"$folder/ldd.log" 2>&1 ||
    fail "ldd"
  missing=$(sed -n 's/^\s*\(\S*\) => not found$/\1/p' "$folder/ldd.log" | sort -u)
  [ "$missing" = libcuda.so.1 ] || [ -z "$missing" ] || fail "libraries are missing: $missing"
  echo "every CUDA library is there: $(grep -c ' => ' "$folder/ldd.log") references"
fi
in_image mannequin mannequin models install /bundles
for service in store fetcher embedder trainer generator scorer console; do
  in_image $service "mannequin-$service" --config "/config/$service.textproto" >"$folder/$service.log" 2>&1 &
  started+=($!)
done
port=19600
for service in store fetcher embedder trainer generator scorer; do
  port=$((port + 1))
  until_it 180 in_image $service env ADMIN_PORT=$port healthcheck 2>/dev/null
done
until_it 30 in_image console env ADMIN_PORT=18680 HEALTH_PATH=/healthz healthcheck 2>/dev/null
! in_image store env ADMIN_PORT=1 healthcheck 2>/dev/null || fail "healthcheck is content with a port where nothing is"
! in_image store touch /etc/written 2>/dev/null || fail "the root can be written"
echo "all seven serve"
if [ -n "$cuda" ] && [ ! -e /proc/driver/nvidia/version ]; then
  # Said after libtorch_cuda.so was loaded; where it cannot be, the loader's complaint stands there.
  ! in_image trainer mannequin-trainer --config /config/trainer.textproto --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 \
    --device cuda >"$folder/device.log" 2>&1 || fail "the trainer found a GPU where there is none"
  grep -q 'no NVIDIA GPU or driver is there' "$folder/device.log" || fail "the trainer did not load CUDA's libraries"
  in_image mannequin mannequin doctor >"$folder/doctor.log" 2>&1 || true
  grep 'no NVIDIA driver' "$folder/doctor.log" || fail "doctor does not say that there is no GPU"
fi

# A picture and a verdict over the network.
mannequin() { in_image mannequin mannequin "$@"; }
mannequin --server 127.0.0.1:18605 generate --title "Black leather handbag" --category Handbags -n 1 --out /training/pictures
mannequin --server 127.0.0.1:18606 score "/training/pictures/$(ls "$folder/volumes/training/pictures")" --title "Black leather handbag" --category Handbags \
  >"$folder/verdict.log" || fail "no verdict"
grep -q 'mark of a generated picture' "$folder/verdict.log" || fail "another verdict than expected"
cat "$folder/verdict.log"

# SIGTERM, as kubelet and docker stop send it: each ends by itself, well, within its grace.
for i in "${!started[@]}"; do
  service=$(pgrep -P "${started[$i]}")
  kill -TERM $(pgrep -P "$service") 2>/dev/null || kill -TERM "$service"
done
for process in "${started[@]}"; do
  wait "$process" || fail "a service ended with status $?"
done
started=()
echo "all seven ended in order"

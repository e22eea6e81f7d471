#!/usr/bin/env bash
# Proves that a machine with nothing but Debian 12, git and make can do what the README
# says: bootstraps one into a folder, clones this repository's HEAD into it, and runs a
# make target there. A machine that has been worked on hides a missing package.
#
#   tests/system/fresh.sh [TARGET]     default target: test. Needs root and debootstrap.
#
# $FRESH_MIRROR overrides the mirror; by default the one that apt uses here.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:-test}
[ "$(id -u)" -eq 0 ] || { echo "fresh.sh: needs root (chroot)" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "fresh.sh: apt-get install debootstrap" >&2; exit 2; }

root=$(mktemp -d "${TMPDIR:-/tmp}/fresh-XXXXXX")
cleanup() {
  for mounted in proc dev/pts dev; do umount -l "$root/$mounted" 2>/dev/null || true; done
  rm -rf --one-file-system "$root"
}
trap cleanup EXIT

mirror=${FRESH_MIRROR:-$(apt-get indextargets --format '$(SITE)' | head -1)}
echo "fresh.sh: bootstrapping Debian 12 into $root" >&2
debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
  { tail -20 "$root.log" >&2; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
# What this machine needs to reach its package registries: names, certificates, settings.
cp -L /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
cp -r /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/auth.conf* "$root/etc/apt/" 2>/dev/null || true
cp -r /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2>/dev/null || true
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
for file in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
  [ -f "$file" ] && cat "$file" >>"$root/etc/pip.conf"
done
git bundle create -q "$root/source.bundle" HEAD
start=$(date +%s)
chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
  $(env | grep -E '^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|PIP_[A-Z_]*)=' | tr '\n' ' ') \
  sh -c "git clone -q /source.bundle /mannequin && cd /mannequin && git checkout -q FETCH_HEAD 2>/dev/null; cd /mannequin && make $target"
echo "fresh.sh: make $target took $(($(date +%s) - start)) s on a bare machine" >&2

#!/usr/bin/env bash
# Pictures a second from a loopback nginx into a store, everything on tmpfs. Ours
# decodes every picture and syncs it into RocksDB; the peer, at its fastest settings,
# writes files and decodes nothing. The list is gone through 5 times over, so that the
# peer's start-up of some seconds does not decide.
set -euo pipefail
. "$BENCH_LIB"
need_data
need_program bench_crawl_full
times=5
command -v nginx >/dev/null || bench_fail "nginx is missing: apt-get install nginx-light"
[ -f "$MANNEQUIN_FASHION/images-224.tar" ] || bench_fail "no images-224.tar in $MANNEQUIN_FASHION"
work=$(mktemp -d /dev/shm/crawl_full.XXXXXX 2>/dev/null) || bench_fail "/dev/shm is missing: this figure needs a tmpfs"
server=
stop() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$work"
}
trap stop EXIT
chmod 755 "$work"
mkdir "$work/root" "$work/tmp"
tar -xf "$MANNEQUIN_FASHION/images-224.tar" -C "$work/root"
chmod -R a+rX "$work/root"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$work/nginx.conf" <<CONF
daemon off;
worker_processes 2;
worker_rlimit_nofile 8192;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_body_temp_path $work/tmp/body;
  proxy_temp_path $work/tmp/proxy;
  fastcgi_temp_path $work/tmp/fastcgi;
  uwsgi_temp_path $work/tmp/uwsgi;
  scgi_temp_path $work/tmp/scgi;
  types { image/jpeg jpg; }
  server { listen 127.0.0.1:$port backlog=4096; root $work/root; }
}
CONF
nginx -c "$work/nginx.conf" >&2 &
server=$!
first=$(ls "$work/root" | sed -n 1p)
for _ in $(seq 100); do
  python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()' \
    "http://127.0.0.1:$port/$first" 2>/dev/null && break
  sleep 0.1
done

theirs=""
note="200 connections, full decode, durable store, list $times times over; peer missing: run tests/bench/peers/install.sh img2dataset==1.47.0"
if [ -n "$BENCH_PYTHON" ] && "$BENCH_PYTHON" -c 'import img2dataset' 2>/dev/null; then
  theirs=$(TMPDIR=$work/tmp "$BENCH_PYTHON" "$BENCH_PEERS/crawl_img2dataset.py" "$work/root" "127.0.0.1:$port" "$work/peer" "$times")
  rm -rf "$work/peer"
  note="200 connections, full decode, durable store, list $times times over; the peer: 2 processes x 16 threads, its fastest, files, no decoding"
fi
ours=$("$BENCH_BIN/bench_crawl_full" "$work/root" "127.0.0.1:$port" "$work/store" "$times")
print_figure "$(field images_per_second "$ours")" images/s "$theirs" "img2dataset 1.47" higher "$note"

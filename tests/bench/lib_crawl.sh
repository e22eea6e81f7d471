# Helpers of the crawl's figures; sourced after "$BENCH_LIB". Sets CRAWL, a folder on tmpfs
# that goes at the end, and stops the servers that were started.
# shellcheck shell=bash
need_data
need_program bench_crawl
[ -f "$MANNEQUIN_FASHION/images-224.tar" ] || bench_fail "no images-224.tar in $MANNEQUIN_FASHION"
CRAWL=$(mktemp -d /dev/shm/crawl.XXXXXX 2>/dev/null) || bench_fail "/dev/shm is missing: this figure needs a tmpfs"
chmod 755 "$CRAWL"
mkdir "$CRAWL/root" "$CRAWL/tmp"
export TMPDIR=$CRAWL/tmp
SERVER=
crawl_stop() {
  [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || true
  rm -rf "$CRAWL"
}
trap crawl_stop EXIT

# The catalogue's 8,656 pictures of 224 pixels, into $CRAWL/root.
unpack_pictures() {
  tar -xf "$MANNEQUIN_FASHION/images-224.tar" -C "$CRAWL/root"
  chmod -R a+rX "$CRAWL/root"
}

# start_nginx: serves $CRAWL/root at its fastest; ORIGIN becomes HOST:PORT.
start_nginx() {
  command -v nginx >/dev/null || bench_fail "nginx is missing: apt-get install nginx-light"
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat > "$CRAWL/nginx.conf" <<CONF
daemon off;
worker_processes 2;
worker_rlimit_nofile 8192;
pid $CRAWL/nginx.pid;
error_log $CRAWL/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_body_temp_path $CRAWL/tmp/body;
  proxy_temp_path $CRAWL/tmp/proxy;
  fastcgi_temp_path $CRAWL/tmp/fastcgi;
  uwsgi_temp_path $CRAWL/tmp/uwsgi;
  scgi_temp_path $CRAWL/tmp/scgi;
  types { image/jpeg jpg; }
  server { listen 127.0.0.1:$port backlog=4096; root $CRAWL/root; }
}
CONF
  nginx -c "$CRAWL/nginx.conf" >&2 &
  SERVER=$!
  ORIGIN=127.0.0.1:$port
  for _ in $(seq 100); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return
    sleep 0.1
  done
  bench_fail "nginx does not answer: $(cat "$CRAWL/error.log")"
}

# start_origin ARGUMENT...: our own origin (tests/origin) over $CRAWL/root; ORIGIN becomes HOST:PORT.
start_origin() {
  need_program crawl_origin
  : > "$CRAWL/origin.json"
  "$BENCH_BIN/crawl_origin" "$CRAWL/root" "$@" > "$CRAWL/origin.json" &
  SERVER=$!
  until [ -s "$CRAWL/origin.json" ]; do
    kill -0 "$SERVER" 2>/dev/null || bench_fail "crawl_origin has ended"
    sleep 0.1
  done
  ORIGIN=127.0.0.1:$(field port "$(head -n 1 "$CRAWL/origin.json")")
}

# Ends the server; with our own origin, COUNTS becomes what it counted.
stop_origin() {
  kill "$SERVER"
  wait "$SERVER" || true
  SERVER=
  # shellcheck disable=SC2034  # the figures read it
  COUNTS=$([ ! -f "$CRAWL/origin.json" ] || tail -n 1 "$CRAWL/origin.json")
}

# list_urls FILE [TIMES]: every picture's URL, TIMES times over, each time as another one ("?1", "?2"), because some
# peers fetch a URL only once.
list_urls() {
  for ((i = 1; i <= ${2:-1}; ++i)); do
    find "$CRAWL/root" -type f -printf "http://$ORIGIN/%f?$i\n" | sort
  done > "$1"
}

# ours URLS [ARGUMENT...]: the JSON line of bench_crawl into a fresh store on tmpfs.
ours() {
  local urls=$1
  shift
  rm -rf "$CRAWL/store"
  "$BENCH_BIN/bench_crawl" --urls "$urls" --store "$CRAWL/store" "$@" || return
  rm -rf "$CRAWL/store"
}

# peer NAME URLS [ARGUMENT...]: the JSON line of crawl_files.py or crawl_img2dataset.py; fails with words when the
# peer is not installed or did not fetch everything.
peer() {
  local name=$1 urls=$2
  shift 2
  rm -rf "$CRAWL/peer"
  if [ "$name" = img2dataset ]; then
    if [ -z "$BENCH_PYTHON" ] || ! "$BENCH_PYTHON" -c 'import img2dataset' >/dev/null 2>&1; then
      echo "img2dataset is missing: tests/bench/peers/install.sh img2dataset==1.47.0" >&2
      return 1
    fi
    "$BENCH_PYTHON" "$BENCH_PEERS/crawl_img2dataset.py" "$urls" "$CRAWL/peer" "$@"
  else
    python3 "$BENCH_PEERS/crawl_files.py" "$name" "$urls" "$CRAWL/peer" "$@"
  fi
}

# For runs of ours or a peer of which one decides: ratio A B, of two numbers, with two digits.
ratio() {
  python3 -c 'import sys; print("%.2f" % (float(sys.argv[1]) / float(sys.argv[2])))' "$1" "$2"
}

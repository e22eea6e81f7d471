#!/usr/bin/env bash
# PostgreSQL and an S3 server on loopback, for trying and measuring a store on them: with the settings of a
# production server (fsync, synchronous commit), on free ports, in FOLDER, until it is stopped.
#
#   tests/system/engines.sh FOLDER &
#   mannequin-store --config FOLDER/store.textproto      # once that file is there
#
# Needs the package postgresql, and Go for the S3 server (versitygw.sh). Not for anybody's data: the folder goes
# with it. MEMORY (default 256MB) is what PostgreSQL buffers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
say() { echo "engines: $*" >&2; }

bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$bin" ] || { say "PostgreSQL is not installed (package postgresql)"; exit 77; }
versitygw=$("$here/versitygw.sh") || exit $?

# PostgreSQL refuses to be root.
as_its_user=()
[ "$(id -u)" -ne 0 ] || as_its_user=(setpriv --reuid postgres --regid postgres --clear-groups --)
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
mkdir -p "$folder/buckets" "$folder/metadata"
# Of its own, for PostgreSQL's user may not be able to enter the other one.
data=$(mktemp -d "${TMPDIR:-/tmp}/engines-XXXXXX")
[ "$(id -u)" -ne 0 ] || chown postgres "$data"
postgres=
s3_server=
stop() {
  [ -z "$postgres" ] || kill -INT "$postgres" 2>/dev/null || true   # without waiting for its clients
  [ -z "$s3_server" ] || kill "$s3_server" 2>/dev/null || true
  wait
  rm -rf "$folder" "$data"
}
trap stop EXIT
trap 'exit 0' INT TERM

"${as_its_user[@]}" "$bin/initdb" -D "$data/postgres" -U mannequin --auth=trust --encoding=UTF8 --no-locale \
  > "$folder/initdb.log"
port=$(free_port)
"${as_its_user[@]}" "$bin/postgres" -D "$data/postgres" -c port="$port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= -c max_connections=200 -c shared_buffers="${MEMORY:-256MB}" -c max_wal_size=4GB \
  -c checkpoint_timeout=15min > "$folder/postgres.log" 2>&1 &
postgres=$!
s3=$(free_port)
# Beside the objects where the file system can, else in files of its own, which is slower.
metadata=()
python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.mannequin", b"1")' "$folder/buckets" 2>/dev/null ||
  metadata=(--sidecar "$folder/metadata")
"$versitygw" --port "127.0.0.1:$s3" --access mannequin --secret not-a-secret --health /health --keep-alive --quiet \
  posix "${metadata[@]}" "$folder/buckets" > "$folder/s3.log" 2>&1 &
s3_server=$!
for _ in $(seq 300); do
  if "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" && curl -fs "http://127.0.0.1:$s3/health" > /dev/null; then break; fi
  sleep 0.1
done
printf '[default]\naws_access_key_id = mannequin\naws_secret_access_key = not-a-secret\n' > "$folder/credentials"
chmod 600 "$folder/credentials"
cat > "$folder/store.part" <<TEXT
postgres { connection: "host=127.0.0.1 port=$port user=mannequin dbname=postgres" }
bucket {
  endpoint: "http://127.0.0.1:$s3"
  name: "pictures"
  credentials_file: "$folder/credentials"
}
TEXT
mv "$folder/store.part" "$folder/store.textproto"
say "PostgreSQL on 127.0.0.1:$port, S3 on 127.0.0.1:$s3: $folder/store.textproto"
wait -n
say "a server has ended: see $folder/postgres.log and $folder/s3.log"
trap - EXIT
exit 1

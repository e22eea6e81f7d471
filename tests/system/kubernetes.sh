#!/usr/bin/env bash
# Does a real Kubernetes take what deploy/kubernetes/ ships, and does it come to what the manifests
# mean? Starts etcd, the API server, its controllers and the scheduler on loopback, with KWOK in place of
# kubelets: a pod that the scheduler gives to a node counts as running there, and no container is
# started. Each overlay is applied (server-side, strict), scaled, restarted, drained and deleted;
# kubernetes/checks.py says what is asked on the way, and prints a table. Exit status 1 when
# something was found, 77 when it cannot be checked here.
#
#   tests/system/kubernetes.sh [OVERLAY...]      default: dev production large dgx training-workers
#
# Autoscalers are told their figures by a real Prometheus and prometheus-adapter.
#
# Needs Go 1.24, Python 3, openssl and prometheus. The control plane is built from its released sources
# (kubernetes/go.mod) once, some 15 minutes on two cores, and kept in
# ${XDG_CACHE_HOME:-~/.cache}/mannequin. Touches no cluster that exists, and needs no root.
set -euo pipefail
cd "$(dirname "$0")/../.."
sources=tests/system/kubernetes
overlays=("$@")
[ $# -gt 0 ] || overlays=(dev production large dgx training-workers)

cannot() { echo "kubernetes.sh: not checked: $*" >&2; exit 77; }
for program in go python3 openssl diff prometheus; do
  command -v $program >/dev/null || cannot "$program is not installed"
done

KWOK=v0.7.0

# --- the control plane, one program, and KWOK -----------------------------------------------------
version=$(sed -nE 's/^\tk8s.io\/kubernetes (v[0-9.]+)$/\1/p' $sources/go.mod)
tools=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mannequin/cluster-$(
  { cat $sources/go.mod $sources/go.sum $sources/main.go; echo $KWOK; } | sha256sum | cut -c1-16)
if [ ! -f "$tools/.complete" ]; then
  echo "kubernetes.sh: building Kubernetes $version into $tools" >&2
  mkdir -p "$tools"
  x=k8s.io/component-base/version minor=${version#v1.}
  (cd $sources && GOTOOLCHAIN=local go build -o "$tools/cluster" -buildvcs=false -ldflags \
    "-s -w -X $x.gitVersion=$version -X $x.gitMajor=1 -X $x.gitMinor=${minor%%.*}" .) >"$tools/build.log" 2>&1 ||
    { tail -5 "$tools/build.log" >&2; cannot "Kubernetes $version does not build"; }
  GOTOOLCHAIN=local GOBIN=$tools go install "sigs.k8s.io/kwok/cmd/kwok@$KWOK" >"$tools/build.log" 2>&1 ||
    { tail -5 "$tools/build.log" >&2; cannot "KWOK $KWOK does not build"; }
  touch "$tools/.complete"
fi
cluster=$tools/cluster
ADAPTER=$(tests/system/go_tool.sh prometheus_adapter sigs.k8s.io/prometheus-adapter/cmd/adapter) || cannot "prometheus-adapter (above)"
export ADAPTER

# --- started on loopback --------------------------------------------------------------------------
folder=$(mktemp -d "${TMPDIR:-/tmp}/kubernetes-XXXXXX")
started=()
cleanup() {
  local i
  for ((i = ${#started[@]} - 1; i >= 0; i--)); do kill "${started[$i]}" 2>/dev/null || true; done
  for process in "${started[@]}"; do
    for _ in $(seq 50); do kill -0 "$process" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$process" 2>/dev/null || true
  done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
start() {  # PART FLAGS...
  local program=("$cluster" "$1")
  [ "$1" != kwok ] || program=("$tools/kwok")
  "${program[@]}" "${@:2}" >"$folder/$1.log" 2>&1 &
  started+=($!)
}
until_it() {  # SECONDS COMMAND...
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    for process in "${started[@]}"; do
      kill -0 "$process" 2>/dev/null || { echo "kubernetes.sh: a part of the control plane ended" >&2; show_logs; exit 1; }
    done
    [ $SECONDS -lt $deadline ] || { echo "kubernetes.sh: in vain: $*" >&2; show_logs; exit 1; }
    sleep 0.3
  done
}
show_logs() { tail -n 15 "$folder"/*.log >&2; }

# An authority of its own; who speaks is known by a token.
certificate() { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "$@" 2>/dev/null; }
certificate -subj /CN=test-ca -keyout "$folder/ca.key" -out "$folder/ca.crt"
certificate -subj /CN=kube-apiserver -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -addext basicConstraints=critical,CA:FALSE \
  -addext subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1 -keyout "$folder/server.key" -out "$folder/server.crt"
openssl genrsa -out "$folder/accounts.key" 2048 2>/dev/null
api=$(free_port)
: >"$folder/tokens.csv"
login() {  # FILE USER [GROUP]
  local token
  token=$(openssl rand -hex 16)
  echo "$token,$2,$2${3:+,\"$3\"}" >>"$folder/tokens.csv"
  cat >"$folder/$1.kubeconfig" <<CONFIG
{"apiVersion": "v1", "kind": "Config", "current-context": "test",
 "clusters": [{"name": "test", "cluster": {"server": "https://127.0.0.1:$api", "certificate-authority": "$folder/ca.crt"}}],
 "users": [{"name": "test", "user": {"token": "$token"}}],
 "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}]}
CONFIG
}
login admin admin system:masters
login controllers system:kube-controller-manager
login scheduler system:kube-scheduler
login kwok kwok system:masters

etcd=$(free_port) peer=$(free_port)
start etcd --data-dir "$folder/etcd" --listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
  --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
  --initial-cluster "default=http://127.0.0.1:$peer" --unsafe-no-fsync --log-level warn
# Admission as every cluster has it by default, Pod Security among it.
start kube-apiserver --etcd-servers "http://127.0.0.1:$etcd" --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$api" \
  --tls-cert-file "$folder/server.crt" --tls-private-key-file "$folder/server.key" --cert-dir "$folder" \
  --allow-privileged --token-auth-file "$folder/tokens.csv" --authorization-mode Node,RBAC --endpoint-reconciler-type none \
  --service-cluster-ip-range 10.96.0.0/16 --service-account-issuer https://kubernetes.default.svc \
  --service-account-key-file "$folder/accounts.key" --service-account-signing-key-file "$folder/accounts.key"
export KUBECONFIG=$folder/admin.kubeconfig CLUSTER=$cluster HOME=$folder
ready() { [ "$("$cluster" kubectl get --raw /readyz 2>/dev/null)" = ok ]; }
until_it 180 ready
start kube-controller-manager --kubeconfig "$folder/controllers.kubeconfig" --use-service-account-credentials --leader-elect=false \
  --secure-port 0 --service-account-private-key-file "$folder/accounts.key" --root-ca-file "$folder/ca.crt" \
  --horizontal-pod-autoscaler-sync-period 1s
start kube-scheduler --kubeconfig "$folder/scheduler.kubeconfig" --leader-elect=false --secure-port 0
start kwok --kubeconfig "$folder/kwok.kubeconfig" --manage-all-nodes --cidr 10.244.0.0/16 --node-ip 10.0.0.1 \
  --server-address "127.0.0.1:$(free_port)" --node-lease-duration-seconds 40
accounts() { "$cluster" kubectl -n default get serviceaccount default >/dev/null 2>&1; }
until_it 120 accounts
echo "Kubernetes $("$cluster" kubectl version 2>/dev/null | sed -n 's/^Server Version: //p'), ready after $SECONDS s"

# In the background, so that a signal to this script ends both.
python3 $sources/checks.py "$folder" "${overlays[@]}" &
started+=($!)
wait $!

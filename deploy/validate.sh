#!/usr/bin/env bash
# Are the manifests what Kubernetes and Compose take, and are they good ones? Renders each overlay
# and checks it with kubeconform (strict: an unknown field is an error) and kube-score (probes,
# resources, security contexts, network policies, disruption budgets); reads the compose files as
# `docker compose config` does. Exit status 1 when something was found, 77 when it cannot be
# checked here.
#
#   deploy/validate.sh
#
# Needs Go 1.23 and pip; fetches the tools through their registries once and keeps them in
# ${XDG_CACHE_HOME:-~/.cache}/mannequin. Changes no cluster.
set -euo pipefail
cd "$(dirname "$0")"

# --- pins ---------------------------------------------------------------------
KUSTOMIZE=v5.7.1
KUBECONFORM=v0.7.0
KUBE_SCORE=v1.20.0
COMPOSE=v2.9.0
# The schemas of Kubernetes, which kubeconform would ask a web page for.
SCHEMAS="kubernetes-validate==1.37.0 --hash=sha256:85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9"
KUBERNETES=v1.34.0  # one of those that the package has
# ------------------------------------------------------------------------------

cannot() { echo "validate.sh: not checked: $*" >&2; exit 77; }
command -v go >/dev/null || cannot "go is not installed"
command -v python3 >/dev/null || cannot "python3 is not installed"

tools=${XDG_CACHE_HOME:-${HOME:?}/.cache}/mannequin/kubernetes-$(
  printf '%s' "$KUSTOMIZE $KUBECONFORM $KUBE_SCORE $COMPOSE $SCHEMAS $KUBERNETES" | sha256sum | cut -c1-16)
if [ ! -f "$tools/.complete" ]; then
  echo "validate.sh: fetching tools into $tools" >&2
  mkdir -p "$tools"
  for tool in "sigs.k8s.io/kustomize/kustomize/v5@$KUSTOMIZE" "github.com/yannh/kubeconform/cmd/kubeconform@$KUBECONFORM" \
              "github.com/zegl/kube-score/cmd/kube-score@$KUBE_SCORE" "github.com/compose-spec/compose-go/v2/cmd@$COMPOSE"; do
    GOBIN=$tools GOFLAGS=-p=1 go install "$tool" >"$tools/install.log" 2>&1 ||
      { tail -5 "$tools/install.log" >&2; cannot "$tool does not install"; }
  done
  mv "$tools/cmd" "$tools/compose-config"
  printf '%s\n' "$SCHEMAS" >"$tools/schemas.txt"
  python3 -m pip download -q --disable-pip-version-check --require-hashes --no-deps --only-binary=:all: \
    -d "$tools" -r "$tools/schemas.txt" || cannot "the schemas cannot be fetched"
  python3 -m zipfile -e "$tools"/kubernetes_validate-*.whl "$tools/wheel"
  # They name each other by web addresses; kubeconform is to find them beside each other.
  python3 - "$tools/wheel/kubernetes_validate/kubernetes-json-schema/$KUBERNETES-local-strict" "$tools/schemas" <<'PYTHON'
import json, os, pathlib, sys
def local(node):
    if isinstance(node, list):
        return [local(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: value.replace("/api/_definitions.json", "_definitions.json") if key == "$ref" and isinstance(value, str)
            else local(value)
            for key, value in node.items() if not (key == "$id" and isinstance(value, str))}
os.makedirs(sys.argv[2], exist_ok=True)
for file in pathlib.Path(sys.argv[1]).glob("*.json"):
    (pathlib.Path(sys.argv[2]) / file.name).write_text(json.dumps(local(json.loads(file.read_text()))))
PYTHON
  rm -rf "$tools/wheel" "$tools"/*.whl
  touch "$tools/.complete"
fi

failed=0
rendered=$(mktemp)
trap 'rm -f "$rendered" "$rendered.score"' EXIT
for overlay in dev production dgx large training-workers; do
  echo "== $overlay"
  "$tools/kustomize" build "kubernetes/$overlay" >"$rendered"
  "$tools/kubeconform" -strict -summary -schema-location "$tools/schemas/{{.ResourceKind}}{{.KindSuffix}}.json" \
    <"$rendered" || failed=1
  # Not asked for: limits of CPU time (a service has as many threads as it sees CPUs, and a limit stops
  # them all together); IfNotPresent is right for tags that never move; pods are spread by constraints.
  "$tools/kube-score" score "$rendered" --output-format ci --kubernetes-version "${KUBERNETES%.*}" \
    --ignore-container-cpu-limit --ignore-test container-image-pull-policy \
    --ignore-test deployment-has-host-podantiaffinity >"$rendered.score" || failed=1
  grep -vE '^\[(OK|SKIPPED)\]' "$rendered.score" || true
done
cd compose
for files in compose.yaml "compose.yaml gpu.yaml"; do
  echo "== $files"
  # shellcheck disable=SC2086
  "$tools/compose-config" $files >"$rendered" || { tail -3 "$rendered" >&2; failed=1; }
done
exit $failed

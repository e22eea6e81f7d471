# Read by ../test.sh.
prepare() {
  needs python3
  python3 -m pip --version >/dev/null 2>&1 || skip "python: pip is not installed"
  if ! cmp -s "$here/python/requirements.txt" "$work/requirements.txt"; then
    rm -rf "$work/packages"
    python3 -m pip install -q --disable-pip-version-check --no-deps --require-hashes --target "$work/packages" \
      -r "$here/python/requirements.txt"
    cp "$here/python/requirements.txt" "$work/requirements.txt"
  fi
  mkdir -p "$work/stubs"
  (cd "$proto" && PYTHONPATH=$work/packages python3 -m grpc_tools.protoc -I. --python_out="$work/stubs" \
    --grpc_python_out="$work/stubs" mannequin/v1/*.proto)
}
run() { PYTHONPATH=$work/packages:$work/stubs python3 "$here/python/score_listing.py" "$@"; }

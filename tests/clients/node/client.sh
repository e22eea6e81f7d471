# Read by ../test.sh. @grpc/proto-loader makes the stubs when the program starts.
prepare() {
  needs node
  needs npm
  [ "$(node -p 'process.versions.node.split(".")[0] >= 18')" = true ] || skip "node: $(node --version) is older than 18"
  if ! cmp -s "$here/node/package-lock.json" "$work/package-lock.json"; then
    cp "$here/node/package.json" "$work/"
    (cp "$here/node/package-lock.json" "$work/" && cd "$work" &&
      npm ci --silent --no-audit --no-fund) || { rm -f "$work/package-lock.json"; fail "node: npm ci"; }
  fi
  cp "$here/node/score_listing.mjs" "$work/"
}
run() { node "$work/score_listing.mjs" "$@" "$proto"; }

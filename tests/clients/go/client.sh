# Read by ../test.sh. The contracts name no Go package; the M options below do.
prepare() {
  needs go
  needs protoc
  export GOTOOLCHAIN=local GOFLAGS=-mod=readonly
  local wanted
  wanted=$(sed -n 's/^go //p' "$here/go/go.mod")
  [ "$(printf '%s\n' "$wanted" "$(go env GOVERSION | sed 's/^go//')" | sort -V | head -1)" = "$wanted" ] ||
    skip "go: $(go env GOVERSION) is older than $wanted"
  cp "$here"/go/main.go "$here"/go/go.mod "$here"/go/go.sum "$work/"
  local options=() file
  (
    cd "$work"
    go build -o bin/ google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc
    for file in "$proto"/mannequin/v1/*.proto; do
      options+=("--go_opt=Mmannequin/v1/$(basename "$file")=shop/mannequin/v1"
        "--go-grpc_opt=Mmannequin/v1/$(basename "$file")=shop/mannequin/v1")
    done
    PATH=$work/bin:$PATH protoc -I "$proto" --go_out=. --go_opt=module=shop --go-grpc_out=. --go-grpc_opt=module=shop \
      "${options[@]}" "$proto"/mannequin/v1/*.proto
    go build -o bin/shop .
  )
}
run() { "$work/bin/shop" "$@"; }

# Read by ../test.sh. Maven fetches protoc and gRPC's plugin for it, and generates the stubs.
prepare() {
  needs javac
  needs mvn
  rm -rf "$work/src"
  cp -r "$here/java/src" "$here/java/pom.xml" "$work/"
  (cd "$work" && mvn -B -q -Dstyle.color=never -Dprotos="$proto" compile)
}
# Maven colours what it prints nothing of.
run() { (cd "$work" && mvn -B -q -Dstyle.color=never -Dprotos="$proto" exec:java -Dexec.args="$*") | sed 's/\x1b\[[0-9;]*m//g'; }

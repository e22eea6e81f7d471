#!/usr/bin/env bash
# Prints the path of ghz, a load tool for gRPC servers, and builds it when it is not there: go_tool.sh.
#
#   tests/system/ghz.sh
exec "$(dirname "$0")/go_tool.sh" ghz github.com/bojand/ghz/cmd/ghz

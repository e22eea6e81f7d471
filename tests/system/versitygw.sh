#!/usr/bin/env bash
# Prints the path of versitygw, an S3 server on a folder, and builds it when it is not there: go_tool.sh.
#
#   tests/system/versitygw.sh
exec "$(dirname "$0")/go_tool.sh" versitygw github.com/versity/versitygw/cmd/versitygw

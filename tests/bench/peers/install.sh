#!/usr/bin/env bash
# Makes build/bench/venv with the Python packages that the peers need (about 5 GB with
# PyTorch's CUDA libraries). Arguments, if any, are the only packages to install:
#
#   tests/bench/peers/install.sh                 # all
#   tests/bench/peers/install.sh gensim==4.4.0   # just one
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${MANNEQUIN_BUILD:-$(cd "$here/../../.." && pwd)/build}
venv=$build/bench/venv
python3 -m venv "$venv" || {
  echo "install.sh: python3 cannot make an environment: apt-get install python3-venv" >&2
  exit 1
}
if [ $# -gt 0 ]; then
  "$venv/bin/python" -m pip install --disable-pip-version-check "$@"
else
  "$venv/bin/python" -m pip install --disable-pip-version-check -r "$here/requirements.txt"
fi

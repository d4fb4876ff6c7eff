#!/bin/bash
# What clients say in every capture that holds a ClientHello or a request: the names, protocols, hosts, methods and paths that a
# replay's explanation tells are tshark's. Of a connection whose beginning the capture lacks the same bytes are written into a
# test of the language, which finds the pool that tshark's fields name. B is the build folder.
set -u
. tests/lib/scratch.sh
corpus=${PREY_CORPUS:-$top/../shared/corpus}
command -v tshark >/dev/null || { echo 'ok - what clients say, beside tshark # SKIP there is no tshark'; exit 0; }
[ -e "$corpus/INDEX.tsv" ] || { echo 'ok - what clients say, beside tshark # SKIP there is no corpus'; exit 0; }
python3 "$top/tests/corpus/said.py" "$corpus" "$bin" >lines
cat lines
! grep -q '^not ok' lines && grep -q '^ok' lines

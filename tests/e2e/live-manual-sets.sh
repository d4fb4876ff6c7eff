#!/usr/bin/env bash
# The guide's page of live sets is true: its `console sets` blocks run where prey is, with the rules of the page, and print what it
# shows. UPDATE=1 writes what was printed into the page: read the difference.
set -u
. tests/e2e/live/lib.sh
. tests/e2e/live/document.sh
. tests/lib/scratch.sh
live_begin

between one
ln -s "$bin" build
document_rules sets.prey
"$bin/preyc" sets.prey -o sets.pbc >/dev/null
prey prey -i wan -i lan --exec user --seed 1 sets.pbc # members are listed in one order
is_ready prey || exit 1
sudo() { at prey "$@"; }
command_of() { eval "${1#*\$ }" 2>&1; } # LINE
document_is_true sets "$(document_pages sets)"
prey_ends
same 'it ends with 0' "$status" 0
exit $failed

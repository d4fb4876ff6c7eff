#!/usr/bin/env bash
# live-crash.sh, where frames are taken by AF_XDP.
IO='--io xdp'
. tests/e2e/live-crash.sh

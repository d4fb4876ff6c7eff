#!/usr/bin/env bash
# live-takeover-copies.sh, where the kernel judges: what the stages copy waits in a ring that passes with the maps.
EXEC=kernel
. tests/e2e/live-takeover-copies.sh

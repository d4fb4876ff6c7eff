#!/usr/bin/env bash
# live-takeover-inline.sh, where the kernel judges: tuples' marks go over in the maps.
EXEC=kernel
. tests/e2e/live-takeover-inline.sh

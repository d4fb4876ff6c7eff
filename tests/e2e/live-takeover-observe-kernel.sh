#!/usr/bin/env bash
# live-takeover-observe.sh, where the kernel judges: its stages copy what is observed into a ring that passes with the maps.
EXEC=kernel
. tests/e2e/live-takeover-observe.sh

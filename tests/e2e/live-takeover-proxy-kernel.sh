#!/usr/bin/env bash
# live-takeover-proxy.sh, where the kernel judges: its gate goes over in the maps.
EXEC=kernel
. tests/e2e/live-takeover-proxy.sh

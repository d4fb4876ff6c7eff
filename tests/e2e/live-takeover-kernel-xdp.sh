#!/usr/bin/env bash
# live-takeover-kernel.sh, where XDP takes what arrives: its sockets go over, too, with the rings beside them.
HOOK=xdp
. tests/e2e/live-takeover-kernel.sh

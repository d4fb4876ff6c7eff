#!/usr/bin/env bash
# live-takeover-inline.sh, with --io xdp.
XDP=1
. tests/e2e/live-takeover-inline.sh

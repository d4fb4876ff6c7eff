#!/usr/bin/env bash
# live-takeover-kernel-hostile.sh, where XDP takes what arrives.
HOOK=xdp
. tests/e2e/live-takeover-kernel-hostile.sh

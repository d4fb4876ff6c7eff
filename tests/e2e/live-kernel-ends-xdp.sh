#!/usr/bin/env bash
# live-kernel-ends.sh, where XDP takes what arrives.
HOOK=xdp
. tests/e2e/live-kernel-ends.sh

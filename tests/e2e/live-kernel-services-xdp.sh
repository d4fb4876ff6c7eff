#!/usr/bin/env bash
# live-kernel-services.sh, where XDP takes what arrives.
HOOK=xdp
. tests/e2e/live-kernel-services.sh

#!/usr/bin/env bash
# live-takeover-kernel.sh between two builds whose maps in the kernel are laid out otherwise: what lies in them goes over as state.
LAYOUT=other
. tests/e2e/live-takeover-kernel.sh

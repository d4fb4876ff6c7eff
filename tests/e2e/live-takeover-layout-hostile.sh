#!/usr/bin/env bash
# live-takeover-kernel-hostile.sh, between two builds whose maps are laid out otherwise: all of the state that goes over is damaged.
LAYOUT=other
. tests/e2e/live-takeover-kernel-hostile.sh

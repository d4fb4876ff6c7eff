#!/usr/bin/env bash
# Both sides of live-takeover-inline.sh that are killed, damaged or stopped, at each step.
HOSTILE=1
. tests/e2e/live-takeover-inline.sh

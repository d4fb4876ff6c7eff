#!/usr/bin/env bash
# The other half of live-defaults.sh.
half=1
. tests/e2e/live-defaults.sh

#!/usr/bin/env bash
# A takeover with all kinds of live sets where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-takeover-members.sh

#!/usr/bin/env bash
# Servers by name where the kernel judges.
set -u
EXEC=kernel
. tests/e2e/live-named-servers.sh

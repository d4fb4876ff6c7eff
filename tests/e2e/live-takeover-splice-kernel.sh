#!/usr/bin/env bash
# live-takeover-splice.sh where the kernel judges, and carries what has left.
EXEC=kernel
. tests/e2e/live-takeover-splice.sh

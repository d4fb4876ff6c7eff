#!/usr/bin/env bash
# live-bare.sh through the executor in the kernel.
EXEC=kernel
. tests/e2e/live-bare.sh

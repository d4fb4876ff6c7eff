#!/usr/bin/env bash
# Programs as text: what `preyc --dump=bytecode` prints of the files beside this script.
exec bash "$(dirname "$0")/../dump.sh" bytecode

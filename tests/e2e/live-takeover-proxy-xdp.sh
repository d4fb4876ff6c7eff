#!/usr/bin/env bash
# The same with --io xdp: until the new steering program takes the place of the old one, that one knows by the kernel's sockets what is the
# proxies', whichever process has them.
XDP=1
. tests/e2e/live-takeover-proxy.sh

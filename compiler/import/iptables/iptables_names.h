/* Names of iptables and their numbers */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Find a protocol by its name in Debian's /etc/protocols and iptables. `ipip` is 94 there; IP in IP is `ipencap`. */
bool name_protocol(const char *name, unsigned *number);

/* Find an ICMP type of family 4 or 6; *code is -1 if the name covers every code. */
bool name_icmp(unsigned family, const char *name, unsigned *type, int *code);

/* Read TCP flags as bits of the header: a list with commas, ALL (the six of RFC 793) or NONE. */
bool name_flags(const char *list, uint8_t *bits);

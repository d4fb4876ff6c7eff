/* Names as iptables spells them, and their numbers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A protocol's, as Debian's /etc/protocols and iptables have them; its `ipip` is 94, for IP in IP is `ipencap`. */
bool name_protocol(const char *name, unsigned *number);

/* An ICMP type's, of family 4 or 6; *code is -1 where the name means any. */
bool name_icmp(unsigned family, const char *name, unsigned *type, int *code);

/* Flags of TCP as a list with commas, ALL (the six of RFC 793) or NONE, as bits of the header. */
bool name_flags(const char *list, uint8_t *bits);

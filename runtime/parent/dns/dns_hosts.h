/* Addresses that hosts(5) gives names. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#include "runtime/parent/dns/dns.h"

struct host_line {
    uint32_t name;    /* index among the names that were asked for */
    uint8_t family;   /* 4 or 6 */
    uint32_t addr[4]; /* the address, as in struct key */
};

/* Read the file once for all names of hosts, whatever their case. Lines without an address are skipped, and so are
 * the parts behind `#`; all lines of a name count, as in the C library. Return the lines in the order of names and
 * families, *found of them, owned by the caller. NULL: out of memory. */
struct host_line *hosts_read(FILE *file, const struct dns_name names[], uint32_t count, uint32_t *found);

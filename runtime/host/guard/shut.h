/* Devices that rules name and that are not judged are shut: a part of the guard rules, at hooks of this machine's
 * own stack. The rules test names, so they hold for devices without Ethernet, and for those that are added later. */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct guard;

/* Packets that are dropped, bits. PAST: except when the other device is in guard.ports */
enum shut_way {
    SHUT_IN = 1 << 0,   /* packets come in by the device, for this machine */
    SHUT_OUT = 1 << 1,  /* this machine sends packets by the device */
    SHUT_FROM = 1 << 2, /* packets are forwarded from the device */
    SHUT_TO = 1 << 3,   /* packets are forwarded to the device */
    SHUT_FROM_PAST = 1 << 4,
    SHUT_TO_PAST = 1 << 5,
    SHUT_WAYS = (1 << 6) - 1,
};

/* A device or pattern ("wg*"); without a way: a device that stays open although another entry's pattern matches it.
 * No pointers, because entries pass between processes. */
struct guard_shut {
    char device[IFNAMSIZ];
    uint8_t ways;
    uint32_t judged; /* number of the interface of that name that prey judges, which is not shut; 0: none. Another
                      * interface of that name has another number. */
};

/* True if an entry can be expressed. For entries from another process. */
bool guard_shut_valid(const struct guard_shut *s);
/* Write the chains of g->shut, for a table of family inet. ARP is not seen there; neighbour discovery and DHCP pass. */
void shut_write(FILE *out, const struct guard *g);
/* Write the rule at the ingress for ports of g that are shut, and its chain: devices above such a port (a VLAN, a
 * macvlan device, a bridge) get no packets either. */
void shut_ports_write(FILE *chain, FILE *rules, const struct guard *g);

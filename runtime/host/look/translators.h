/* Other programs that translate addresses beside prey: tables of nftables, and of the older iptables. */
#pragma once

#include <stdbool.h>

struct host_translators {
    char arriving[100]; /* first table that translates arriving packets, such as "ip docker"; empty: none */
    char leaving[100];  /* the same for leaving packets */
    bool bridges;       /* br_netfilter gives these tables packets on bridges of the kernel */
};

/* Look for such tables. Those whose names begin with `prey_` are left out. Without privileges it finds none. */
void host_translators(struct host_translators *t);

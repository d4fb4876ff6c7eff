/* Memory shared by the dealing program (deal.bpf.c) and its loader (deal.c): one struct. The program may read it
 * during a write; a wrong result then costs only a hand-over. */
#pragma once

#include <linux/bpf.h>

#include "vm/worker/owner.h"

/* Sizes of the tables, powers of two. */
enum {
    DEAL_SLOTS = 32768,
    DEAL_ADDRESSES = 8192,
    DEAL_PARTS = 16384,
    DEAL_FROMS = 1024,
    DEAL_OWN = 4096,
    DEAL_NATS = 64, /* nats that masquerade, or are for any source */
    DEAL_IFACES = 256,
    DEAL_PORTS = 16,
};

struct deal_ip {
    uint64_t hi, lo;
};
/* This machine's source addresses on an interface; 0: the interface uses those for all. */
struct deal_iface {
    uint32_t addr4, addr6[4];
};
struct deal_port {
    uint32_t ifindex, iface; /* interface id in the program */
};

/* Version of the tables' contents and layout, which may differ in other versions of prey. */
#ifndef DEAL_FORM
#define DEAL_FORM 1
#endif

struct deal_tables {
    struct port_owners port_owners; /* on a page boundary: workers map only this part */
    uint32_t form;                  /* DEAL_FORM, once the tables are filled; at this place in every version */
    uint32_t ready;                 /* 0: the tables must not be read; the kernel's hash of the packet decides */
    uint32_t nothing, every;        /* 0, and all bits set */
    uint32_t own4_count, own6_count, ifaces_count;
    struct whose numbers; /* as long as workers is 0, the first socket of the group gets all frames */
    struct deal_iface all, ifaces[DEAL_IFACES];
    struct deal_port ports[DEAL_PORTS];
    uint32_t own4[DEAL_OWN]; /* sorted */
    struct deal_ip own6[DEAL_OWN];
    uint32_t slots[DEAL_SLOTS];
    struct role_address addresses[DEAL_ADDRESSES];
    struct role_part parts[DEAL_PARTS];
    struct role_masquerade masquerades[DEAL_NATS];
    struct whose_any anys[DEAL_NATS];
    struct whose_from4 froms4[DEAL_FROMS];
    struct whose_from6 froms6[DEAL_FROMS];
};
/* Every change of the tables needs a higher DEAL_FORM. */
static_assert(sizeof(struct deal_tables) == 1144856, "DEAL_FORM");

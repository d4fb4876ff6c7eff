/* What the kernel knows of links, own addresses, routes and neighbours, kept current by its notifications.
 *
 * One thread uses a struct host. Pointers that it hands out hold until the next host_read. Errors are negative errno.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/packet/facts.h"
#include "vm/pbc.h"

/* An address as the vm writes it: words in host order, the first words first; v4 in word[0], the others 0. */
struct host_addr {
    uint32_t word[4];
    uint8_t family; /* 4 or 6; 0: none */
};
#define HOST_ADDR_TEXT 46
const char *host_addr_text(const struct host_addr *a, char buf[HOST_ADDR_TEXT]);
static inline bool host_addr_same(const struct host_addr *a, const struct host_addr *b)
{
    return a->family == b->family && a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
           a->word[3] == b->word[3];
}

struct host;

/* Open two netlink sockets in the caller's network namespace and take in all that the kernel knows. NULL, with one
 * line in err, when a socket is refused or memory is out. Needs no capability. */
struct host *host_open(char *err, size_t err_len);
void host_close(struct host *h);

/* Readable when there are notifications. */
int host_fd(const struct host *h);

enum host_change {
    HOST_LINKS = 1 << 0,
    HOST_ADDRESSES = 1 << 1, /* own addresses, or the address of an interface */
    HOST_ROUTES = 1 << 2,    /* some route, rule or next hop: what host_route said before may have changed */
    HOST_NEIGHBOURS = 1 << 3,
};
/* Take in the notifications that wait, never waiting for more: which kinds changed (enum host_change), or a negative
 * errno. After a burst that the kernel could not hand over (ENOBUFS) all is asked for again and counts as changed. */
int host_read(struct host *h);

struct host_link {
    unsigned ifindex;
    char name[IFNAMSIZ];
    char kind[16];      /* "veth", "bridge", "vrf", …; empty for a device of its own */
    uint64_t mac;       /* a 48-bit number; 0: it has none */
    uint32_t mtu;       /* bytes of an IP packet */
    unsigned master;    /* ifindex of the bridge, bond or VRF that it is a port of; 0: none */
    unsigned under;     /* of a VLAN: ifindex of the link that its frames come by, tagged; else 0 */
    uint32_t vrf_table; /* of a VRF: its routing table; else 0 */
    uint16_t type;      /* ARPHRD_ETHER, … */
    bool up, running;   /* administratively; with carrier */
    bool loopback;
    uint32_t changes; /* how often its carrier went or came: so who sees only the last of several knows of them */
};
const struct host_link *host_links(const struct host *h, unsigned *count);
const struct host_link *host_link(const struct host *h, unsigned ifindex);       /* NULL: there is none */
const struct host_link *host_link_named(const struct host *h, const char *name); /* likewise */

/* An address of an interface. */
struct host_address {
    struct host_addr addr;
    unsigned ifindex;
    uint8_t prefix; /* bits of its subnet */
    uint8_t scope;  /* RT_SCOPE_UNIVERSE, … */
    uint32_t flags; /* IFA_F_SECONDARY, … */
};
const struct host_address *host_addresses(const struct host *h, unsigned *count);

/* Own addresses in the shape that struct facts wants: the local routes of table `local` and of each VRF. */
struct host_self {
    const uint32_t *v4; /* ascending, each once */
    const struct pbc_range6 *v6;
    unsigned v4_count, v6_count;
    bool left_out; /* v4 ranges hold more than HOST_SELF_MOST addresses in all: the largest are missing */
};
#define HOST_SELF_MOST 65536u
struct host_self host_self(const struct host *h);
struct program;
/* Is one of them in that set of the program? */
bool host_self_meets(const struct host_self *self, const struct program *p, const struct pbc_set *set);
bool host_owns(const struct host *h, const struct host_addr *a);

/* The address that this machine speaks from on that interface: its first of the widest scope, not deprecated and not
 * tentative; one of another interface where it has none. False: no address of that family (4 or 6) at all. */
bool host_source(const struct host *h, unsigned ifindex, unsigned family, struct host_addr *addr);

/* Where to? `from` of family 0: not said. mark, iif and oif of 0 likewise. */
struct host_query {
    struct host_addr to, from;
    uint32_t mark;
    unsigned iif; /* the packet came in here; asked only together with `from`, as the kernel wants */
    unsigned oif; /* it must leave here; link-local addresses need it */
};
struct host_route {
    unsigned ifindex;
    struct host_addr gateway; /* family 0: `to` is itself the neighbour; may be of family 6 for a v4 address */
    struct host_addr source;  /* what this machine speaks from on the way; family 0: nothing */
    uint32_t mtu;             /* of the way as far as it is known: route, learnt path MTU, link */
    bool local;               /* the host itself */
};
/* The kernel's own answer, remembered until routes, links or addresses change. -ENETUNREACH, -EHOSTUNREACH and the
 * like: no way. Where the kernel forwards nothing itself it refuses to answer for a packet that came in; then the same
 * is asked as for one of its own, so that policy rules that name an interface or a foreign source do not count. */
int host_route(struct host *h, const struct host_query *q, struct host_route *route);

struct host_neighbour {
    unsigned ifindex;
    struct host_addr addr;
    uint64_t mac;   /* a 48-bit number; 0: not known */
    uint16_t state; /* NUD_REACHABLE, … */
    bool usable;    /* mac may be used: the kernel would */
};
const struct host_neighbour *host_neighbour(const struct host *h, unsigned ifindex, const struct host_addr *addr);

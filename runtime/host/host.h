/* The kernel's links, own addresses, routes and neighbours, kept current by its notifications.
 *
 * One thread uses a struct host. Returned pointers are valid until the next host_read. Errors are negative errno.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm/packet/facts.h"
#include "vm/packet/pkt.h"
#include "vm/pbc.h"

/* An address in the vm's form: words in host order, most significant first; v4 in word[0], the others 0 */
struct host_addr {
    uint32_t word[4];
    uint8_t family; /* 4 or 6; 0: none */
};
static inline struct host_addr host_addr_of(const uint32_t word[4], uint8_t family)
{
    return (struct host_addr){.word = {word[0], word[1], word[2], word[3]}, .family = family};
}
#define HOST_ADDR_TEXT 46
const char *host_addr_text(const struct host_addr *a, char buf[HOST_ADDR_TEXT]);
static inline bool host_addr_same(const struct host_addr *a, const struct host_addr *b)
{
    return a->family == b->family && a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
           a->word[3] == b->word[3];
}

struct host;

/* Open two netlink sockets in the caller's network namespace and read the kernel's present state. NULL, with one
 * line in err: no socket, or out of memory. Needs no capability. */
struct host *host_open(char *err, size_t err_len);
void host_close(struct host *h);

/* Return a descriptor that is readable when there are notifications */
int host_fd(const struct host *h);

enum host_change {
    HOST_LINKS = 1 << 0,
    HOST_ADDRESSES = 1 << 1, /* own addresses, or the address of an interface */
    HOST_ROUTES = 1 << 2,    /* a route, rule or next hop: results of host_route may have changed */
    HOST_NEIGHBOURS = 1 << 3,
};
/* Read all waiting notifications, without blocking. Return the kinds that changed (enum host_change), or a negative
 * errno. If notifications were lost (ENOBUFS), all is read again and counts as changed. */
int host_read(struct host *h);

/* Return a number, from 1 on, that grows whenever a link or an address has changed. */
uint64_t host_number(const struct host *h);

struct host_link {
    unsigned ifindex;
    char name[IFNAMSIZ];
    char kind[16];      /* "veth", "bridge", "vrf", …; empty for a physical device */
    uint64_t mac;       /* a 48-bit number; 0: none */
    uint32_t mtu;       /* bytes of an IP packet */
    unsigned master;    /* ifindex of its bridge, bond or VRF; 0: none */
    unsigned under;     /* VLAN: ifindex of the link that has its tagged frames; else 0 */
    uint32_t tag;       /* VLAN: the tag of these frames, TPID << 16 | VID; else 0 */
    unsigned above;     /* macvlan and the like: ifindex of the link that it is above; else 0 */
    uint32_t vrf_table; /* VRF: its routing table; else 0 */
    uint32_t mark;      /* vti: mark by which IPsec's policies take packets that leave by the device (okey); else 0 */
    uint16_t type;      /* ARPHRD_ETHER, … */
    bool up, running;   /* up: administratively; running: with carrier, which the kernel reports up to a second late */
    bool carrier;       /* carrier, without that delay */
    bool loopback;
    bool point;       /* the link has one peer only (IFF_POINTOPOINT) */
    bool no_arp;      /* the link resolves no neighbours (IFF_NOARP): frames to all of them have its own MAC address */
    uint32_t changes; /* number of carrier changes; shows changes missed between two reads */
};
/* Find the link header of the link's packets (pkt_link_of). False: prey can't read them; host_link_unread gives the
 * reason, and the remedy, in a line for preflight_tell. */
bool host_link_reads(const struct host_link *link, enum pkt_link *kind);
const char *host_link_unread(const struct host_link *link, char *buf, size_t len);
/* True if the link's packets begin with an Ethernet header. */
bool host_link_has_ethernet(const struct host_link *link);
const struct host_link *host_links(const struct host *h, unsigned *count);
const struct host_link *host_link(const struct host *h, unsigned ifindex); /* return the link of that number, or NULL */
const struct host_link *host_link_named(const struct host *h,
                                        const char *name); /* return the link of that name, or NULL */
/* Return the VRF that a link is in; or the bridge or bond that has it as a port, and gets its frames with all tags
 * (second function). NULL: none, or no link. */
const struct host_link *host_link_vrf(const struct host *h, const struct host_link *link);
const struct host_link *host_link_joined(const struct host *h, const struct host_link *link);
/* True if a link of that number was removed since the last host_links_settle; another may have its number and name. */
bool host_link_went(const struct host *h, unsigned ifindex);
void host_links_settle(struct host *h);
/* Read how many packets the device has failed to send since its creation. False: the kernel does not report it. */
bool host_link_failures(struct host *h, unsigned ifindex, uint64_t *packets);

/* An address of an interface */
struct host_address {
    struct host_addr addr;
    unsigned ifindex;
    uint8_t prefix; /* bits of its subnet */
    uint8_t scope;  /* RT_SCOPE_UNIVERSE, … */
    uint32_t flags; /* IFA_F_SECONDARY, … */
};
const struct host_address *host_addresses(const struct host *h, unsigned *count);

/* Own addresses in the form of struct facts: the local routes of table `local` and of each VRF */
struct host_self {
    const uint32_t *v4; /* ascending, without duplicates */
    const struct pbc_range6 *v6;
    unsigned v4_count, v6_count;
    bool left_out; /* v4 ranges have more than HOST_SELF_MOST addresses in total: the largest ranges are missing */
};
#define HOST_SELF_MOST 65536u
struct host_self host_self(const struct host *h);
struct program;
/* True if an own address is in that set of the program */
bool host_self_meets(const struct host_self *self, const struct program *p, const struct pbc_set *set);
bool host_owns(const struct host *h, const struct host_addr *a);

/* Get the address that this machine sends from on that interface (source_preference): the interface's first with a
 * scope wider than the link, neither deprecated nor tentative; else another interface's; else one of link scope.
 * False: no address of that family (4 or 6). */
bool host_source(const struct host *h, unsigned ifindex, unsigned family, struct host_addr *addr);

/* Query for a route. `from` of family 0, and mark, iif and oif of 0: unset. */
struct host_query {
    struct host_addr to, from;
    uint32_t mark;
    unsigned iif; /* incoming interface; only together with `from`, as the kernel requires */
    unsigned oif; /* required outgoing interface; needed for link-local addresses */
};
struct host_route {
    unsigned ifindex;
    struct host_addr gateway; /* family 0: `to` is the neighbour; may be of family 6 for a v4 address */
    struct host_addr source;  /* this machine's source address on the way; family 0: none */
    uint32_t mtu;             /* lowest known MTU of the way: route, learnt path MTU, link */
    bool local;               /* the host itself */
};
/* Ask the kernel for a route; its reply is cached until routes, links or addresses change. -ENETUNREACH,
 * -EHOSTUNREACH and similar: no route. A kernel that does not forward refuses look-ups for incoming packets. The
 * look-up is then made as for this machine's own packet, so policy rules by interface or foreign source are not
 * applied. */
int host_route(struct host *h, const struct host_query *q, struct host_route *route);

struct host_neighbour {
    unsigned ifindex;
    struct host_addr addr;
    uint64_t mac;   /* a 48-bit number; 0: unknown */
    uint16_t state; /* NUD_REACHABLE, … */
    bool usable;    /* the kernel would use mac */
};
const struct host_neighbour *host_neighbour(const struct host *h, unsigned ifindex, const struct host_addr *addr);
/* Return how many times a usable neighbour has changed its MAC address, become unusable or been forgotten. */
uint64_t host_moves(const struct host *h);

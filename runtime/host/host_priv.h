/* The parts of struct host, and their handlers of kernel messages */
#pragma once

#include "runtime/base/self.h"
#include "runtime/host/netlink_priv.h"

enum { LINKS_GONE_MOST = 64 };
struct links {
    struct host_link *all;
    unsigned count;
    unsigned gone[LINKS_GONE_MOST], gone_count; /* numbers of removed links; beyond the limit any link may be removed */
    uint32_t *by_number, *by_name; /* [slots], a power of two: 1 + index in all; 0: empty. Both are in one block */
    uint32_t slots;
    bool indexed; /* false: the index is outdated, and look-ups search `all` */
};
struct addresses {
    struct host_address *all;
    unsigned count;
};
struct own {
    struct self of;
    bool left_out;
};
struct neighbours {
    struct host_neighbour *all;
    unsigned count, cap;
    uint32_t *index; /* [2 * cap, a power of two]: 1 + index in all; 0: empty */
    uint64_t moves;  /* as host_moves returns it */
};
#define ROUTE_CACHE 1024u
struct route_cache {
    struct route_asked {
        struct host_query query;
        struct host_route route;
        int result;
        uint64_t generation; /* older than the cache's generation: the entry is empty */
    } * all;                 /* [ROUTE_CACHE] */
    uint64_t generation;
};

struct ipsec {
    struct mnl_socket *news;  /* notifications; NULL: this kernel has no IPsec */
    struct ipsec_policy *all; /* policies for outgoing packets, by priority */
    uint32_t count, cap;
    bool stale;
    bool unknown; /* the policies could not be read */
};

struct host {
    struct netlink ask;      /* requests */
    struct mnl_socket *news; /* notifications */
    struct ipsec ipsec;
    int any_news; /* readable if one of the two is */
    char *bytes;  /* [NETLINK_BYTES], of a notification */
    struct links links;
    struct addresses addresses;
    struct own own;
    struct neighbours neighbours;
    struct route_cache routes;
    uint64_t number; /* as host_number returns it */
    bool own_stale;  /* own addresses must be read again */
    bool all_stale;  /* all must be read again: notifications were lost */
};

/* Read all objects of a kind again. After an error the table is incomplete. */
int links_dump(struct host *h);
int addresses_dump(struct host *h);
int neighbours_dump(struct host *h);
int own_dump(struct host *h, bool *changed);

/* Handle one message. Return its enum host_change, 0 for none, or -ENOMEM. */
int links_learn(struct host *h, const struct nlmsghdr *nlh);
int addresses_learn(struct host *h, const struct nlmsghdr *nlh);
int neighbours_learn(struct host *h, const struct nlmsghdr *nlh);
int routes_learn(struct host *h, const struct nlmsghdr *nlh);

/* Index the links after changes. If out of memory, look-ups search all links. */
void links_index(struct host *h);
void links_fini(struct links *l);

/* Remove all entries of a link that is gone */
void addresses_forget(struct host *h, unsigned ifindex);
void neighbours_forget(struct host *h, unsigned ifindex);

int ipsec_open(struct ipsec *i); /* 0 or a negative errno */
void ipsec_close(struct ipsec *i);
/* Read notifications. True if any came; then all policies must be read again */
bool ipsec_hears(struct ipsec *i);

int routes_init(struct host *h);
void routes_expire(struct host *h); /* drop cached routes */

void neighbours_fini(struct neighbours *n);
void routes_fini(struct route_cache *c);

typedef int learn_fn(struct host *h, const struct nlmsghdr *nlh);
/* Dump the messages of a type and handle each; `begin` empties the table; it is called again if an inconsistent dump
 * is repeated. fixed: the request's header after nlmsghdr. */
int host_dump(struct host *h, uint16_t type, const void *fixed, size_t fixed_len, void (*begin)(struct host *),
              learn_fn *learn);

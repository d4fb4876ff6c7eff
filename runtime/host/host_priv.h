/* The parts of struct host, and what each part does with a message of the kernel. */
#pragma once

#include "runtime/base/self.h"
#include "runtime/host/netlink_priv.h"

struct links {
    struct host_link *all;
    unsigned count;
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
    uint32_t *index; /* [2 * cap, a power of two]: 1 + place in all; 0: empty */
};
#define ROUTE_CACHE 1024u
struct route_cache {
    struct route_asked {
        struct host_query query;
        struct host_route route;
        int result;
        uint64_t generation; /* an older one: empty */
    } * all;                 /* [ROUTE_CACHE] */
    uint64_t generation;
};

struct host {
    struct netlink ask;      /* requests */
    struct mnl_socket *news; /* notifications */
    char *bytes;             /* [NETLINK_BYTES], of a notification */
    struct links links;
    struct addresses addresses;
    struct own own;
    struct neighbours neighbours;
    struct route_cache routes;
    bool own_stale; /* own addresses are to be asked for again */
    bool all_stale; /* so is everything: notifications were lost */
};

/* Ask for all of a kind again. After an error what is there is not whole. */
int links_dump(struct host *h);
int addresses_dump(struct host *h);
int neighbours_dump(struct host *h);
int own_dump(struct host *h, bool *changed);

/* Take in one message: which enum host_change it is, 0 for none, or -ENOMEM. */
int links_learn(struct host *h, const struct nlmsghdr *nlh);
int addresses_learn(struct host *h, const struct nlmsghdr *nlh);
int neighbours_learn(struct host *h, const struct nlmsghdr *nlh);
int routes_learn(struct host *h, const struct nlmsghdr *nlh);

/* A link is gone, and so is all that hung on it. */
void addresses_forget(struct host *h, unsigned ifindex);
void neighbours_forget(struct host *h, unsigned ifindex);

int routes_init(struct host *h);
void routes_expire(struct host *h); /* ask the kernel anew */

void neighbours_fini(struct neighbours *n);
void routes_fini(struct route_cache *c);

typedef int learn_fn(struct host *h, const struct nlmsghdr *nlh);
/* Dump what messages of that type ask for and take each in; begin empties the table, again where the dump was changed
 * under the reader. fixed: the request's header behind nlmsghdr. */
int host_dump(struct host *h, uint16_t type, const void *fixed, size_t fixed_len, void (*begin)(struct host *),
              learn_fn *learn);

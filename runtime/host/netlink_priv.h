/* A netlink socket that asks and waits for the answer. */
#pragma once

#include <libmnl/libmnl.h>

#include "runtime/host/host.h"

/* The longest datagram: the kernel fills at most 32 KiB of a dump at once, one message may need more. */
#define NETLINK_BYTES 65536

struct netlink {
    struct mnl_socket *socket;
    uint32_t seq;
    char *answer; /* [NETLINK_BYTES] */
};
int netlink_open(struct netlink *n, int bus);
void netlink_close(struct netlink *n);

/* Send a request (its flags say whether it is a dump; else an acknowledgement is asked for) and hand each message of
 * the answer to cb. 0 or a negative errno: the kernel's, or -ETIMEDOUT after some seconds without an answer. -EINTR:
 * the dump was changed meanwhile; ask again from the start. */
int netlink_ask(struct netlink *n, struct nlmsghdr *request, mnl_cb_t cb, void *arg);
/* The same by a socket for routes that is opened for it alone. */
int netlink_once(struct nlmsghdr *request, mnl_cb_t cb, void *arg);
/* A request at those bytes, to be filled. */
struct nlmsghdr *netlink_begin(void *bytes, uint16_t type, uint16_t flags);

/* The attributes of a message whose fixed header has that size, by number: at[1 … most], NULL where absent. */
void netlink_attributes(const struct nlmsghdr *nlh, size_t header, const struct nlattr *at[], unsigned most);
/* Likewise of an attribute that nests them. */
void netlink_nested(const struct nlattr *nest, const struct nlattr *at[], unsigned most);

/* And those of `len` bytes that follow one another there. */
void netlink_attributes_of(const void *bytes, size_t len, const struct nlattr *at[], unsigned most);

uint8_t netlink_u8(const struct nlattr *a);            /* 0 where absent or of another length */
uint32_t netlink_u32(const struct nlattr *a);          /* likewise */
uint64_t netlink_mac(const struct nlattr *a);          /* likewise */
struct host_addr netlink_addr(const struct nlattr *a); /* the family follows from the length; 0: absent or neither */
/* What RTA_GATEWAY or RTA_VIA say; family 0: neither. */
struct host_addr netlink_gateway(const struct nlattr *gateway, const struct nlattr *via);
const char *netlink_text(const struct nlattr *a); /* NULL: absent, or without an end */
void netlink_put_addr(struct nlmsghdr *nlh, uint16_t type, const struct host_addr *a);

static inline uint8_t netlink_family(const struct host_addr *a) { return a->family == 4 ? AF_INET : AF_INET6; }

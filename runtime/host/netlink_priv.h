/* A netlink socket for requests that wait for their reply */
#pragma once

#include <libmnl/libmnl.h>

#include "runtime/host/host.h"

/* Longest datagram: the kernel fills at most 32 KiB of a dump at once, but one message may need more */
#define NETLINK_BYTES 65536

struct netlink {
    struct mnl_socket *socket;
    uint32_t seq;
    char *answer; /* [NETLINK_BYTES] */
};
int netlink_open(struct netlink *n, int bus);
void netlink_close(struct netlink *n);

/* Send a request and pass each message of the reply to cb. The request's flags show if it is a dump; if it isn't, an
 * acknowledgement is requested. Return 0 or a negative errno: the kernel's, or -ETIMEDOUT after some seconds.
 * -EINTR: the dump is inconsistent; ask again from the start. */
int netlink_ask(struct netlink *n, struct nlmsghdr *request, mnl_cb_t cb, void *arg);
/* The same on a temporary socket for routes */
int netlink_once(struct nlmsghdr *request, mnl_cb_t cb, void *arg);
/* Begin a request in `bytes`. fixed: the header of `len` bytes that follows nlmsghdr */
struct nlmsghdr *netlink_begin(void *bytes, uint16_t type, uint16_t flags, const void *fixed, size_t len);

/* Index the attributes of a message with a fixed header of that size, by number: at[1 … most], NULL if absent */
void netlink_attributes(const struct nlmsghdr *nlh, size_t header, const struct nlattr *at[], unsigned most);
/* The same for the attributes nested in an attribute */
void netlink_nested(const struct nlattr *nest, const struct nlattr *at[], unsigned most);

/* The same for attributes in `len` bytes */
void netlink_attributes_of(const void *bytes, size_t len, const struct nlattr *at[], unsigned most);

uint8_t netlink_u8(const struct nlattr *a);            /* 0 if absent or of another length */
uint16_t netlink_u16(const struct nlattr *a);          /* the same for 16 bits, in the message's byte order */
uint32_t netlink_u32(const struct nlattr *a);          /* 0 if absent or of another length */
uint64_t netlink_mac(const struct nlattr *a);          /* 0 if absent or of another length */
struct host_addr netlink_addr(const struct nlattr *a); /* the length gives the family; 0: absent or invalid */
/* Return the address of RTA_GATEWAY or RTA_VIA; family 0: neither */
struct host_addr netlink_gateway(const struct nlattr *gateway, const struct nlattr *via);
const char *netlink_text(const struct nlattr *a); /* NULL: absent, or not terminated */
void netlink_put_addr(struct nlmsghdr *nlh, uint16_t type, const struct host_addr *a);

static inline uint8_t netlink_family(const struct host_addr *a) { return a->family == 4 ? AF_INET : AF_INET6; }

/* Requests over netlink, and attributes read with their lengths checked */
#include "runtime/host/netlink_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "runtime/host/host_priv.h"

int netlink_open(struct netlink *n, int bus)
{
    const struct timeval patience = {.tv_sec = 5};
    *n = (struct netlink){.answer = malloc(NETLINK_BYTES)};
    if (!n->answer) return -ENOMEM;
    n->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
    if (!n->socket || mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID)) {
        const int failed = -errno;
        netlink_close(n);
        return failed;
    }
    setsockopt(mnl_socket_get_fd(n->socket), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return 0;
}

void netlink_close(struct netlink *n)
{
    if (n->socket) mnl_socket_close(n->socket);
    free(n->answer);
    *n = (struct netlink){0};
}

int netlink_ask(struct netlink *n, struct nlmsghdr *request, mnl_cb_t cb, void *arg)
{
    request->nlmsg_seq = ++n->seq;
    request->nlmsg_flags |= NLM_F_REQUEST;
    if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) request->nlmsg_flags |= NLM_F_ACK;
    if (mnl_socket_sendto(n->socket, request, request->nlmsg_len) < 0) return -errno;
    for (int going = MNL_CB_OK; going > MNL_CB_STOP;) {
        const ssize_t len = mnl_socket_recvfrom(n->socket, n->answer, NETLINK_BYTES);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0) return errno == EAGAIN ? -ETIMEDOUT : -errno;
        /* The rest of an earlier, abandoned reply has an older number. */
        const struct nlmsghdr *first = (const struct nlmsghdr *)(const void *)n->answer;
        if (!mnl_nlmsg_ok(first, (int)len) || first->nlmsg_seq != n->seq) continue;
        going = mnl_cb_run(n->answer, (size_t)len, n->seq, mnl_socket_get_portid(n->socket), cb, arg);
        if (going < MNL_CB_STOP) return errno ? -errno : -EPROTO;
    }
    return 0;
}

int netlink_once(struct nlmsghdr *request, mnl_cb_t cb, void *arg)
{
    struct netlink n;
    int failed = netlink_open(&n, NETLINK_ROUTE);
    if (!failed) failed = netlink_ask(&n, request, cb, arg);
    netlink_close(&n);
    return failed;
}

struct nlmsghdr *netlink_begin(void *bytes, uint16_t type, uint16_t flags, const void *fixed, size_t len)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = flags;
    memcpy(mnl_nlmsg_put_extra_header(nlh, len), fixed, len);
    return nlh;
}

struct dump {
    struct host *host;
    learn_fn *learn;
};

static int dumped(const struct nlmsghdr *nlh, void *arg)
{
    const struct dump *d = arg;
    const int learnt = d->learn(d->host, nlh);
    if (learnt >= 0) return MNL_CB_OK;
    errno = -learnt;
    return MNL_CB_ERROR;
}

int host_dump(struct host *h, uint16_t type, const void *fixed, size_t fixed_len, void (*begin)(struct host *),
              learn_fn *learn)
{
    char bytes[256];
    struct dump d = {h, learn};
    int failed = -EINTR;
    for (int i = 0; i < 16 && failed == -EINTR; i++) {
        struct nlmsghdr *nlh = netlink_begin(bytes, type, NLM_F_DUMP, fixed, fixed_len);
        begin(h);
        failed = netlink_ask(&h->ask, nlh, dumped, &d);
    }
    return failed;
}

struct attributes {
    const struct nlattr **at;
    unsigned most;
};

static int attribute_note(const struct nlattr *a, void *arg)
{
    const struct attributes *into = arg;
    const unsigned type = mnl_attr_get_type(a);
    if (type <= into->most) into->at[type] = a;
    return MNL_CB_OK;
}

void netlink_attributes(const struct nlmsghdr *nlh, size_t header, const struct nlattr *at[], unsigned most)
{
    struct attributes into = {at, most};
    memset(at, 0, (most + 1) * sizeof at[0]);
    if (mnl_nlmsg_get_payload_len(nlh) > (size_t)NLMSG_ALIGN((unsigned)header))
        mnl_attr_parse(nlh, (unsigned)header, attribute_note, &into);
}

void netlink_nested(const struct nlattr *nest, const struct nlattr *at[], unsigned most)
{
    struct attributes into = {at, most};
    memset(at, 0, (most + 1) * sizeof at[0]);
    if (nest) mnl_attr_parse_nested(nest, attribute_note, &into);
}

void netlink_attributes_of(const void *bytes, size_t len, const struct nlattr *at[], unsigned most)
{
    struct attributes into = {at, most};
    memset(at, 0, (most + 1) * sizeof at[0]);
    mnl_attr_parse_payload(bytes, len, attribute_note, &into);
}

uint8_t netlink_u8(const struct nlattr *a)
{
    return a && mnl_attr_get_payload_len(a) == sizeof(uint8_t) ? mnl_attr_get_u8(a) : 0;
}

const char *netlink_text(const struct nlattr *a)
{
    return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0 ? mnl_attr_get_str(a) : NULL;
}

uint16_t netlink_u16(const struct nlattr *a)
{
    return a && mnl_attr_get_payload_len(a) == sizeof(uint16_t) ? mnl_attr_get_u16(a) : 0;
}

uint32_t netlink_u32(const struct nlattr *a)
{
    return a && mnl_attr_get_payload_len(a) == sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
}

uint64_t netlink_mac(const struct nlattr *a)
{
    if (!a || mnl_attr_get_payload_len(a) != 6) return 0;
    uint64_t mac = 0;
    const uint8_t *byte = mnl_attr_get_payload(a);
    for (int i = 0; i < 6; i++) mac = mac << 8 | byte[i];
    return mac;
}

struct host_addr netlink_addr(const struct nlattr *a)
{
    struct host_addr addr = {0};
    const unsigned len = a ? mnl_attr_get_payload_len(a) : 0;
    if (len != 4 && len != 16) return addr;
    addr.family = len == 4 ? 4 : 6;
    memcpy(addr.word, mnl_attr_get_payload(a), len);
    for (unsigned i = 0; i < 4; i++) addr.word[i] = ntohl(addr.word[i]);
    return addr;
}

struct host_addr netlink_gateway(const struct nlattr *gateway, const struct nlattr *via)
{
    struct host_addr addr = netlink_addr(gateway);
    if (!via || mnl_attr_get_payload_len(via) != sizeof(struct rtvia) + 16) return addr;
    memcpy(addr.word, (const uint8_t *)mnl_attr_get_payload(via) + sizeof(struct rtvia), 16);
    for (unsigned i = 0; i < 4; i++) addr.word[i] = ntohl(addr.word[i]);
    addr.family = 6;
    return addr;
}

void netlink_put_addr(struct nlmsghdr *nlh, uint16_t type, const struct host_addr *a)
{
    uint32_t wire[4];
    for (unsigned i = 0; i < 4; i++) wire[i] = htonl(a->word[i]);
    mnl_attr_put(nlh, type, a->family == 4 ? 4 : 16, wire);
}

const char *host_addr_text(const struct host_addr *a, char buf[HOST_ADDR_TEXT])
{
    uint32_t wire[4];
    for (unsigned i = 0; i < 4; i++) wire[i] = htonl(a->word[i]);
    if (!a->family || !inet_ntop(netlink_family(a), wire, buf, HOST_ADDR_TEXT)) strcpy(buf, "-");
    return buf;
}

/* The kernel announces each part of a transaction, then the transaction's number and process */
#include "runtime/host/guard/guard_news.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/host/guard/guard.h"
#include "runtime/host/guard/peers.h"
#include "runtime/host/netlink_priv.h"

struct guard_news {
    struct mnl_socket *socket;
    char table[GUARD_TABLE_MOST];
    char *bytes;   /* [NETLINK_BYTES] */
    bool touched;  /* the current transaction changes one of the instance's tables */
    bool changed;  /* another program has changed such a table; not reported yet */
    bool lost;     /* some notifications were lost, perhaps of a table */
    uint32_t ours; /* the process that opened this, and changes guard rules */
    char who[40];
};

struct guard_news *guard_news_open(const char *instance, char *err, size_t err_len)
{
    struct guard_news *n = calloc(1, sizeof *n);
    int group = NFNLGRP_NFTABLES;
    if (n) n->bytes = malloc(NETLINK_BYTES);
    if (n && n->bytes) n->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (n && n->socket && !mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) &&
        !mnl_socket_setsockopt(n->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof group)) {
        guard_table_name(instance, n->table);
        n->ours = (uint32_t)getpid();
        return n;
    }
    snprintf(err, err_len, "prey can't notice when others change its guard rules: %s", strerror(errno));
    guard_news_close(n);
    return NULL;
}

void guard_news_close(struct guard_news *n)
{
    if (!n) return;
    if (n->socket) mnl_socket_close(n->socket);
    free(n->bytes);
    free(n);
}

int guard_news_fd(const struct guard_news *n) { return mnl_socket_get_fd(n->socket); }

/* True if the object belongs to one of the tables, which its first attribute names (NFTA_TABLE_NAME, NFTA_CHAIN_TABLE,
 * …) */
static bool is_of_table(const struct guard_news *n, const struct nlmsghdr *nlh)
{
    const struct nlattr *at[NFTA_TABLE_NAME + 1];
    netlink_attributes(nlh, sizeof(struct nfgenmsg), at, NFTA_TABLE_NAME);
    const struct nlattr *name = at[NFTA_TABLE_NAME];
    const size_t len = strlen(n->table), said = name ? mnl_attr_get_payload_len(name) : 0;
    const char *text = name ? mnl_attr_get_payload(name) : "";
    if (said <= len || text[said - 1] || memcmp(text, n->table, len)) return false;
    return !text[len] || !strcmp(text + len, PEERS_SUFFIX);
}

static void end_transaction(struct guard_news *n, const struct nlmsghdr *nlh)
{
    const struct nlattr *at[NFTA_GEN_PROC_NAME + 1];
    netlink_attributes(nlh, sizeof(struct nfgenmsg), at, NFTA_GEN_PROC_NAME);
    const struct nlattr *name = at[NFTA_GEN_PROC_NAME];
    const uint32_t pid = ntohl(netlink_u32(at[NFTA_GEN_PROC_PID]));
    if (n->touched && pid != n->ours) {
        n->changed = true;
        snprintf(n->who, sizeof n->who, "%.*s (pid %u)", name ? (int)mnl_attr_get_payload_len(name) : 0,
                 name ? (const char *)mnl_attr_get_payload(name) : "", pid);
    }
    n->touched = false;
}

static int take_one(const struct nlmsghdr *nlh, void *arg)
{
    struct guard_news *n = arg;
    const struct nfgenmsg *head = mnl_nlmsg_get_payload(nlh);
    if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES || mnl_nlmsg_get_payload_len(nlh) < sizeof *head)
        return MNL_CB_OK;
    if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_NEWGEN)
        end_transaction(n, nlh);
    else if (head->nfgen_family == NFPROTO_NETDEV || head->nfgen_family == NFPROTO_INET)
        n->touched |= is_of_table(n, nlh);
    return MNL_CB_OK;
}

/* Read one datagram; false if none waits */
static bool read_one(struct guard_news *n)
{
    const ssize_t len = mnl_socket_recvfrom(n->socket, n->bytes, NETLINK_BYTES);
    if (len > 0) mnl_cb_run(n->bytes, (size_t)len, 0, 0, take_one, n);
    if (len >= 0 || errno == EINTR) return true;
    if (errno == EAGAIN) return false;
    n->lost = true;
    return errno == ENOBUFS;
}

static void read_all(struct guard_news *n)
{
    for (unsigned i = 0; i < 4096 && read_one(n); i++) {}
}

bool guard_news_read(struct guard_news *n, char *who, size_t who_len)
{
    read_all(n);
    const bool changed = n->changed;
    snprintf(who, who_len, "%s", changed ? n->who : "");
    const bool any = changed || n->lost;
    n->changed = n->lost = false;
    return any;
}

bool guard_news_waits(const struct guard_news *n) { return n && n->changed; }

void guard_news_settle(struct guard_news *n)
{
    if (!n) return;
    read_all(n);
    n->lost = false;
}

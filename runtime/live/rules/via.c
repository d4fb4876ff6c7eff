#include "runtime/live/rules/via.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <netpacket/packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/host/device/aside.h"
#include "runtime/host/device/tun.h"
#include "runtime/live/rules/dress.h"
#include "runtime/live/rules/heard.h"
#include "runtime/live/world/world.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

enum { AT_ONCE = 64, SLOT_BYTES = 2048, HEARD_MOST = 65536, LINK = 14 };

struct via {
    int tun, ear;
    void *memory;
    struct pool *pool;         /* of one slot: a packet at a time */
    uint8_t heard[HEARD_MOST]; /* an answer, perhaps of several packets in one */
};

static bool goes_through(const struct program *p)
{
    struct check_way ways[CHECK_WAYS_MOST];
    const uint32_t count = p->past ? p->past->servers : p->servers_count;
    for (uint32_t s = 0; s < count; s++)
        if (program_check(p, s) != PBC_NONE && check_ways(p, s, true, ways) && ways[0].service != PBC_NONE) return true;
    return false;
}

static struct via *via_new(struct live *l, char *err, size_t err_len)
{
    const size_t bytes = (pool_bytes(1, SLOT_BYTES) + 63) / 64 * 64;
    int fds[2];
    struct via *v = calloc(1, sizeof *v);
    void *memory = aligned_alloc(64, bytes);
    snprintf(err, err_len, "out of memory");
    if (v && memory && !ask_aside(l->channel, fds, err, err_len)) {
        *v = (struct via){
            .tun = fds[0], .ear = fds[1], .memory = memory, .pool = pool_init(memory, bytes, 1, SLOT_BYTES)};
        return v;
    }
    free(memory);
    free(v);
    return NULL;
}

bool via_follow(struct live *l, const struct program *p, char *err, size_t err_len)
{
    if (!l->via && !goes_through(p)) return true;
    if (!l->via) l->via = via_new(l, err, err_len);
    if (!l->via) return false;
    const int failed = heard_filter(l->via->ear, p, l->ifindex, l->o->iface_count);
    if (failed) snprintf(err, err_len, "the filter of health checks: %s", strerror(-failed));
    return !failed;
}

void via_links(struct live *l)
{
    const int failed = l->via ? heard_filter(l->via->ear, l->now.program, l->ifindex, l->o->iface_count) : 0;
    if (failed) events_tell(&l->events, TOLD_FAULT, "the filter of health checks: %s", strerror(-failed));
}

void via_fini(struct live *l)
{
    if (!l->via) return;
    close(l->via->tun);
    close(l->via->ear);
    free(l->via->memory);
    free(l->via);
    l->via = NULL;
}

int via_said_fd(const struct live *l) { return l->via ? l->via->tun : -1; }
int via_heard_fd(const struct live *l) { return l->via ? l->via->ear : -1; }

static int way_out(const struct live *l, uint32_t server)
{
    const uint16_t iface = l->now.server_out[server];
    for (unsigned i = 0; i < l->o->iface_count; i++)
        if (iface != IFACE_NONE && l->now.iface[i] == iface) return (int)i;
    return -EHOSTUNREACH;
}

/* The port, and the MAC address by which the server is reached. */
struct next {
    unsigned port;
    uint64_t mac;
};

/* As the kernel's own packets would go there. NULL: nobody has answered yet. */
static const struct hop *way_to(struct live *l, const struct pbc_server *s)
{
    struct hop_ask ask = {.key = {.family = s->family, .port = PORT_ANY, .in = PORT_ANY, .kind = HOP_WAY}, .own = true};
    memcpy(ask.key.addr, s->addr, sizeof ask.key.addr);
    struct hop *hop = snapshot_hop(l->latest, &ask.key);
    if (hop) __atomic_store_n(&hop->used, 1, __ATOMIC_RELAXED);
    if (hop && hop->state != HOP_ASKED) return hop;
    if (hops_want(&l->hops, &ask, clock_ns(CLOCK_MONOTONIC))) world_publish(l, false);
    return NULL;
}

/* 0; -EAGAIN: that is being asked for; another: no way. */
static int hop_to(struct live *l, uint32_t server, struct next *to)
{
    const struct pbc_server *s = &l->now.program->servers[server];
    if (!l->latest) return -EAGAIN;
    if (s->flags & PBC_SERVER_HAS_MAC) {
        const int port = way_out(l, server);
        *to = (struct next){.port = (unsigned)port, .mac = s->mac};
        return port < 0 ? port : 0;
    }
    const struct hop *hop = way_to(l, s);
    if (!hop) return -EAGAIN;
    *to = (struct next){.port = hop->port, .mac = hop->mac};
    return hop->state == HOP_KNOWN ? 0 : -EHOSTUNREACH;
}

static int ready(void *with, uint32_t server, const struct check_way *way, struct host_addr *from)
{
    struct live *l = with;
    struct next to;
    const int failed = hop_to(l, server, &to);
    if (failed) return failed;
    *from = (struct host_addr){.family = way->family};
    const uint16_t out = l->now.server_out[server];
    return facts_address(&l->latest->facts, out, way->family == 6, from->word) ? 0 : -EADDRNOTAVAIL;
}

static int open_socket(void *with, const struct sockaddr *from, int type)
{
    struct live *l = with;
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;
    struct host_addr a = {.family = from->sa_family == AF_INET ? 4 : 6};
    if (a.family == 4) a.word[0] = ntohl(v4->sin_addr.s_addr);
    for (unsigned i = 0; a.family == 6 && i < 4; i++) a.word[i] = ntohl(v6->sin6_addr.s6_addr32[i]);
    return ask_aside_socket(l->channel, &a, type);
}

struct checks_aside via_aside(struct live *l)
{
    return (struct checks_aside){.ready = ready, .socket = open_socket, .with = l};
}

/* The number of the probe whose packet it is: its port, or the identifier of its echo request. */
static uint16_t number_of(const struct pkt *pkt, const struct key *key)
{
    if (key->kind & KIND_PORTS) return key->src_port;
    return key->kind & KIND_ICMP_HEADER && pkt->l4 + 6u <= pkt->head_len ? wire_get16(pkt->data + pkt->l4 + 4) : 0;
}

static void put_mac(uint8_t *to, uint64_t mac)
{
    for (unsigned i = 0; i < 6; i++) to[i] = (uint8_t)(mac >> (40 - 8 * i));
}

static void send_to(const struct live *l, const struct pkt *pkt, const struct next *to)
{
    struct virtio_net_hdr plain = {0};
    struct sockaddr_ll by = {.sll_family = AF_PACKET, .sll_halen = 6};
    uint8_t link[LINK];
    by.sll_ifindex = (int)l->ifindex[to->port % l->o->iface_count];
    put_mac(link, to->mac);
    put_mac(link + 6, l->latest->port_mac[to->port]);
    wire_put16(link + 12, pkt->data[0] >> 4 == 4 ? 0x0800 : 0x86dd);
    struct iovec parts[] = {{&plain, sizeof plain}, {link, sizeof link}, {pkt->data, pkt->head_len}};
    const struct msghdr m = {.msg_name = &by, .msg_namelen = sizeof by, .msg_iov = parts, .msg_iovlen = 3};
    (void)!sendmsg(l->via->ear, &m, MSG_DONTWAIT);
}

/* A packet that finds no way is lost, as on any link: its sender says it again. */
static void carry_said(struct live *l, struct pkt *pkt)
{
    struct key key;
    uint32_t server;
    struct next to;
    if (!l->now.checks || pkt_parse(pkt, NULL, &key) != REASON_NONE) return;
    const uint16_t number = number_of(pkt, &key);
    const struct check_way *way = checks_whose(l->now.checks, number, &server);
    if (!way || way->service == PBC_NONE || memcmp(way->addr, key.dst, sizeof way->addr)) return;
    if (hop_to(l, server, &to)) return;
    const struct dress d = {.program = l->now.program,
                            .facts = &l->latest->facts,
                            .server = server,
                            .service = way->service,
                            .out = l->now.server_out[server],
                            .number = number};
    if (!dress(&d, pkt, &key)) send_to(l, pkt, &to);
}

static bool hear_said(struct live *l)
{
    struct virtio_net_hdr how;
    struct pkt *pkt = pool_get(l->via->pool);
    if (!pkt) return false;
    const struct iovec parts[2] = {{&how, sizeof how}, {pkt->data, ASIDE_MTU}};
    const ssize_t n = readv(l->via->tun, parts, 2);
    if (n > (ssize_t)sizeof how) {
        pkt->link = LINK_RAW;
        pkt->head_len = pkt->cap_len = pkt->wire_len = (uint32_t)(n - (ssize_t)sizeof how);
        carry_said(l, pkt);
    }
    pool_put(pkt);
    return n > 0;
}

/* Partial checksums, and pieces that were joined, too: the other stack takes it as this one would. */
static bool carry_heard(struct via *v)
{
    struct virtio_net_hdr how;
    struct sockaddr_ll from;
    uint8_t link[LINK];
    struct iovec parts[] = {{&how, sizeof how}, {link, sizeof link}, {v->heard, sizeof v->heard}};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = parts, .msg_iovlen = 3};
    const ssize_t n = recvmsg(v->ear, &m, MSG_DONTWAIT);
    const ssize_t len = n - (ssize_t)(sizeof how + sizeof link);
    if (len <= 0 || from.sll_pkttype != PACKET_HOST) return n > 0;
    if (how.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) how.csum_start = (uint16_t)(how.csum_start - LINK);
    if (how.gso_type) how.hdr_len = (uint16_t)(how.hdr_len - LINK);
    (void)!tun_give(v->tun, &how, v->heard, (size_t)len);
    return true;
}

void via_carry(struct live *l)
{
    for (unsigned i = 0; l->via && i < AT_ONCE && hear_said(l); i++) continue;
    for (unsigned i = 0; l->via && i < AT_ONCE && carry_heard(l->via); i++) continue;
}

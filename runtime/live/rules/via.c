/* Packets of the check stack are read from its TUN device, wrapped, and sent; replies are written back to it */
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
#include "runtime/host/device/heard.h"
#include "runtime/host/device/tun.h"
#include "runtime/live/world/world.h"
#include "vm/forward/service.h"
#include "vm/packet/pkt.h"
#include "vm/packet/wire.h"

enum { AT_ONCE = 64, SLOT_BYTES = 2048, HEARD_MOST = 65536, LINK = 14 };

struct via {
    int tun, ear;
    struct pool *pool;         /* pool of one slot, on the heap: for one packet at a time */
    uint8_t heard[HEARD_MOST]; /* a reply, perhaps joined from several packets */
};

static bool goes_through(const struct program *p)
{
    struct check_way ways[CHECK_WAYS_MOST];
    const uint32_t count = p->past ? p->past->servers : p->servers_count;
    for (uint32_t s = 0; s < count; s++)
        if (program_check(p, s) != PBC_NONE && check_ways(p, s, true, ways) && ways[0].service != PBC_NONE) return true;
    return false;
}

static struct via *via_new(struct rules *rules, char *err, size_t err_len)
{
    int fds[2];
    struct via *v = calloc(1, sizeof *v);
    struct pool *pool = pool_new(1, SLOT_BYTES);
    snprintf(err, err_len, "out of memory");
    if (v && pool && !ask_CHECK_STACK(rules->tell->channel, fds, err, err_len)) {
        *v = (struct via){.tun = fds[0], .ear = fds[1], .pool = pool};
        return v;
    }
    free(pool);
    free(v);
    return NULL;
}

bool via_follow(struct rules *rules, const struct program *p, char *err, size_t err_len)
{
    if (!rules->via && !goes_through(p)) return true;
    if (!rules->via) rules->via = via_new(rules, err, err_len);
    if (!rules->via) return false;
    const int failed = heard_filter(rules->via->ear, p, rules->carry->ifindex, rules->o->iface_count);
    if (failed) snprintf(err, err_len, "the filter for health checks can't be set: %s", strerror(-failed));
    return !failed;
}

void via_links(struct rules *rules)
{
    const int failed = rules->via ? heard_filter(rules->via->ear, rules->carry->now.program, rules->carry->ifindex,
                                                 rules->o->iface_count)
                                  : 0;
    if (failed)
        events_tell(&rules->tell->events, TOLD_FAULT, "the filter for health checks can't be set: %s",
                    strerror(-failed));
}

void via_fini(struct rules *rules)
{
    if (!rules->via) return;
    close(rules->via->tun);
    close(rules->via->ear);
    free(rules->via->pool);
    free(rules->via);
    rules->via = NULL;
}

int via_said_fd(const struct rules *rules) { return rules->via ? rules->via->tun : -1; }
int via_heard_fd(const struct rules *rules) { return rules->via ? rules->via->ear : -1; }

static int way_out(const struct rules *rules, uint32_t server)
{
    const uint16_t iface = rules->carry->now.server_out[server];
    for (unsigned i = 0; i < rules->o->iface_count; i++)
        if (iface != IFACE_NONE && rules->carry->now.iface[i] == iface) return (int)i;
    return -EHOSTUNREACH;
}

/* The port and the MAC address by which a server is reached. */
struct next {
    unsigned port;
    uint64_t mac;
};

/* Return the next hop that the kernel's own packets to the server would take; NULL while it is being looked up. */
static const struct hop *way_hop(struct rules *rules, const struct pbc_server *s)
{
    struct hop_ask ask = {.key = {.family = s->family, .port = PORT_ANY, .in = PORT_ANY, .kind = HOP_WAY}, .own = true};
    memcpy(ask.key.addr, s->addr, sizeof ask.key.addr);
    struct hop *hop = snapshot_hop(rules->carry->latest, &ask.key);
    if (hop) __atomic_store_n(&hop->used, 1, __ATOMIC_RELAXED);
    if (hop && hop->state != HOP_ASKED) return hop;
    if (hops_want(&rules->world->hops, &ask, clock_ns(CLOCK_MONOTONIC))) world_publish(rules->world, false);
    return NULL;
}

/* Find the next hop to a server. Return 0, -EAGAIN while it is being looked up, or another negative errno if it has
 * none. */
static int hop_to(struct rules *rules, uint32_t server, struct next *to)
{
    const struct pbc_server *s = &rules->carry->now.program->servers[server];
    if (!rules->carry->latest) return -EAGAIN;
    if (s->flags & PBC_SERVER_HAS_MAC) {
        const int port = way_out(rules, server);
        *to = (struct next){.port = (unsigned)port, .mac = s->mac};
        return port < 0 ? port : 0;
    }
    const struct hop *hop = way_hop(rules, s);
    if (!hop) return -EAGAIN;
    *to = (struct next){.port = hop->port, .mac = hop->mac};
    return hop->state == HOP_KNOWN ? 0 : -EHOSTUNREACH;
}

static int ready(void *with, uint32_t server, const struct check_way *way, struct host_addr *from)
{
    struct rules *rules = with;
    struct next to;
    const int failed = hop_to(rules, server, &to);
    if (failed) return failed;
    *from = (struct host_addr){.family = way->family};
    const uint16_t out = rules->carry->now.server_out[server];
    return facts_address(&rules->carry->latest->facts, out, way->family == 6, from->word) ? 0 : -EADDRNOTAVAIL;
}

static int open_socket(void *with, const struct sockaddr *from, int type)
{
    struct rules *rules = with;
    const struct sockaddr_in *v4 = (const void *)from;
    const struct sockaddr_in6 *v6 = (const void *)from;
    struct request_check_socket asked = {.from.family = from->sa_family == AF_INET ? 4 : 6, .type = (uint32_t)type};
    struct host_addr *a = &asked.from;
    int fd;
    if (a->family == 4) a->word[0] = ntohl(v4->sin_addr.s_addr);
    for (unsigned i = 0; a->family == 6 && i < 4; i++) a->word[i] = ntohl(v6->sin6_addr.s6_addr32[i]);
    const int failed = ask_CHECK_SOCKET(rules->tell->channel, &asked, &fd, NULL, 0);
    return failed ? failed : fd;
}

struct check_stack via_stack(struct rules *rules)
{
    return (struct check_stack){.ready = ready, .socket = open_socket, .with = rules};
}

/* Return the number of the probe to which the packet belongs: its source port, or the identifier of its echo
 * request. */
static uint16_t probe_number(const struct pkt *pkt, const struct key *key)
{
    if (key->kind & KIND_PORTS) return key->src_port;
    return key->kind & KIND_ICMP_HEADER && pkt->l4 + 6u <= pkt->head_len ? wire_get16(pkt->data + pkt->l4 + 4) : 0;
}

static void send_to(const struct rules *rules, const struct pkt *pkt, const struct next *to)
{
    struct virtio_net_hdr plain = {0};
    struct sockaddr_ll by = {.sll_family = AF_PACKET, .sll_halen = 6};
    uint8_t link[LINK];
    by.sll_ifindex = (int)rules->carry->ifindex[to->port % rules->o->iface_count];
    const uint64_t own = rules->carry->latest->port_mac[to->port];
    wire_put16(link, (uint16_t)(to->mac >> 32));
    wire_put32(link + 2, (uint32_t)to->mac);
    wire_put16(link + 6, (uint16_t)(own >> 32));
    wire_put32(link + 8, (uint32_t)own);
    wire_put16(link + 12, pkt->data[0] >> 4 == 4 ? 0x0800 : 0x86dd);
    struct iovec parts[] = {{&plain, sizeof plain}, {link, sizeof link}, {pkt->data, pkt->head_len}};
    const struct msghdr m = {.msg_name = &by, .msg_namelen = sizeof by, .msg_iov = parts, .msg_iovlen = 3};
    (void)!sendmsg(rules->via->ear, &m, MSG_DONTWAIT);
}

/* Find the first address of that family in a pool's `source`. False if it has none. */
static bool written_source(const struct program *p, const struct pbc_pool *pool, bool v6, uint32_t addr[4])
{
    struct address_walk w = address_walk(p, pool->sources, pool->source_count, v6 ? 6 : 4);
    struct address_range r;
    if (!address_next(&w, &r)) return false;
    address_range_at(&r, 0, addr);
    return true;
}

/* Wrap the packet as the service's mode wraps clients' packets: tunnel modes add a header, others do nothing.
 * Packets of one probe take one path, because its number fills the tunnel's entropy fields (RFC 6438). Return 0 or a
 * negative errno; -EADDRNOTAVAIL: this machine has no address to send from. */
static int dress(const struct carry *carry, struct pkt *pkt, const struct key *key, uint32_t to, uint32_t service,
                 uint16_t number)
{
    const struct program *p = carry->now.program;
    const struct pbc_server *server = &p->servers[to];
    const struct pbc_service *s = &p->services[service];
    if (!mode_is(s->mode, MODE_TUNNELS)) return 0;
    struct tunnel t = {.kind = (uint8_t)tunnel_of(s), .port = s->gue_port, .v6 = server->family == 6};
    memcpy(t.dst, server->addr, sizeof t.dst);
    if (!written_source(p, &p->pools[server->pool], t.v6, t.src) &&
        !facts_address(&carry->latest->facts, carry->now.server_out[to], t.v6, t.src))
        return -EADDRNOTAVAIL;
    return tunnel_encap(pkt, key, &t, number * 2654435761u, 0);
}

/* Send a probe's packet to its server. A packet without a way is lost, as on any link, and its sender repeats it. */
static void carry_said(struct rules *rules, struct pkt *pkt)
{
    const struct carry *carry = rules->carry;
    struct key key;
    uint32_t server;
    struct next to;
    if (!carry->now.checks || pkt_parse(pkt, NULL, &key) != REASON_NONE) return;
    const uint16_t number = probe_number(pkt, &key);
    const struct check_way *way = checks_whose(carry->now.checks, number, &server);
    if (!way || way->service == PBC_NONE || memcmp(way->addr, key.dst, sizeof way->addr)) return;
    if (hop_to(rules, server, &to)) return;
    if (!dress(carry, pkt, &key, server, way->service, number)) send_to(rules, pkt, &to);
}

static bool hear_said(struct rules *rules)
{
    struct virtio_net_hdr how;
    struct pkt *pkt = pool_get(rules->via->pool);
    if (!pkt) return false;
    const struct iovec parts[2] = {{&how, sizeof how}, {pkt->data, ASIDE_MTU}};
    const ssize_t n = readv(rules->via->tun, parts, 2);
    if (n > (ssize_t)sizeof how) {
        pkt->link = LINK_RAW;
        pkt->head_len = pkt->cap_len = pkt->wire_len = (uint32_t)(n - (ssize_t)sizeof how);
        carry_said(rules, pkt);
    }
    pool_put(pkt);
    return n > 0;
}

/* Pass a reply to the check stack as it is, with partial checksums and joined segments. */
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

void via_carry(struct rules *rules)
{
    for (unsigned i = 0; rules->via && i < AT_ONCE && hear_said(rules); i++) continue;
    for (unsigned i = 0; rules->via && i < AT_ONCE && carry_heard(rules->via); i++) continue;
}

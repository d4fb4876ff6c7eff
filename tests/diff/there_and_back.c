/* There and back is the identity: a client's packet goes to a server, and the server sends it back. The client gets
 * its own packet turned around, byte for byte except for the hops.
 *
 *   there_and_back [SEED [PACKETS]]
 *
 * Packets of any protocol, family, tags, options, TOS, TTL and payload, drawn from the seed. The returned packet is
 * the same in passthrough, with and without the source kept. In DSR the server sends back directly: in `dsr l2` it
 * has the packet as the client sent it; after a tunnel it has the inner packet from a second program with `decap`;
 * `dsr rewrite` it undoes itself. Every packet must leave. LONG=1: ten times as many. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/compiled.h"
#include "tests/lib/note.h"
#include "tests/lib/one_kernel.h"
#include "tests/lib/rng.h"
#include "vm/packet/edit/edit.h"
#include "vm/packet/edit/translate.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"

enum { SLOTS = 64, SLOT_BYTES = 2048, ENTRIES = 32, MODES = 8, TEXT = 1200 };

static const char rules[] =
    "limits { flows 300_000 }\n"
    "pool pt { source 10.9.0.7, 10.9.0.8, 2001:db8:9::7 ports 1024-65535\n"
    "  server a 10.0.0.11:8080; server b 10.0.0.12:8081; server c [2001:db8:1::11]:8080 }\n"
    "pool ks { server a 10.0.1.11:8080; server b 10.0.1.12:80; server c [2001:db8:2::11]:8080 }\n"
    "pool raw { server a 10.0.2.11; server c 2001:db8:3::11 }\n"
    "pool four { source 10.9.0.1; server a 10.0.3.11; server b 10.0.3.12 }\n"
    "pool six { source 2001:db8:9::1; server a 2001:db8:4::11 }\n"
    "service s0 on 203.0.113.10, 2001:db8::10 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode passthrough; -> pt }\n"
    "service s1 on 203.0.113.11, 2001:db8::11 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode passthrough keep source; -> "
    "ks }\n"
    "service s2 on 203.0.113.12, 2001:db8::12 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode dsr l2; -> raw }\n"
    "service s3 on 203.0.113.13, 2001:db8::13 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode dsr rewrite; -> ks }\n"
    "service s4 on 203.0.113.14, 2001:db8::14 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode dsr ipip; -> four }\n"
    "service s5 on 203.0.113.15, 2001:db8::15 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode dsr ipip; -> six }\n"
    "service s6 on 203.0.113.16, 2001:db8::16 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode dsr gue 6080; -> four }\n"
    "service s7 on 203.0.113.17, 2001:db8::17 tcp/80, udp/80, sctp/80, icmp, icmp6 { mode dsr gue 6080 variant 1; -> "
    "six }\n";
static const char far_rules[] = "firewall far default drop {\n"
                                "  decap ipip from 10.9.0.1, 2001:db8:9::1\n"
                                "  decap gue 6080 from 10.9.0.1, 2001:db8:9::1\n"
                                "  accept to 203.0.113.0/24, 2001:db8::/64 as IN\n"
                                "}\n";

struct world {
    struct rng rng;
    struct pool *pool;
    void *memory;
    struct executor *near, *far; /* the balancer, and a server behind a tunnel */
    struct vm_in in;
    uint64_t at_near, back, opened;
    const char *fault;
};

static struct facts facts = {.addr4 = 0x0a090001, .addr6 = {0x20010db8, 0x90000, 0, 1}};

struct bytes {
    uint32_t len;
    uint8_t b[SLOT_BYTES];
};

/* ---- packets ---- */

static const char *draw_tags(struct rng *r, char *buf, size_t len)
{
    buf[0] = '\0';
    for (unsigned n = rng_one_in(r, 3) ? 1 + rng_below(r, 2) : 0; n; n--)
        snprintf(buf + strlen(buf), len - strlen(buf), "vlan %u pcp %u / ", 1 + rng_below(r, 4000), rng_below(r, 8));
    return buf;
}

static void draw_ip(struct rng *r, bool v6, unsigned mode, char *buf, size_t len)
{
    const unsigned ttl = 3 + rng_below(r, 253), tos = rng_below(r, 256);
    if (v6)
        snprintf(buf, len, "ip6 2001:db8:c::%x > 2001:db8::%x hop %u tclass %u flow %u / %s", 1 + rng_below(r, 65000),
                 0x10 + mode, ttl, tos, rng_below(r, 1 << 20), rng_one_in(r, 4) ? "dst / " : "");
    else
        snprintf(buf, len, "ip4 198.18.%u.%u > 203.0.113.%u ttl %u tos %u id %u %s %s/ ", rng_below(r, 256),
                 rng_below(r, 256), 10 + mode, ttl, tos, rng_below(r, 65536), rng_one_in(r, 2) ? "df" : "",
                 rng_one_in(r, 4) ? "opt x\"01010101\" " : "");
}

static void draw_l4(struct rng *r, bool v6, char *buf, size_t len)
{
    const unsigned port = 1 + rng_below(r, 65535);
    switch (rng_below(r, 5)) {
    case 0:
    case 1:
        snprintf(buf, len, "tcp %u > 80 ack psh seq %u ack %u win %u %s", port, (unsigned)rng_next(r) >> 1,
                 (unsigned)rng_next(r) >> 1, rng_below(r, 65536),
                 rng_one_in(r, 2) ? "opt x\"0101080a0000000100000002\" " : "");
        break;
    case 2: snprintf(buf, len, "udp %u > 80 %s", port, rng_one_in(r, 4) ? "csum 0 " : ""); break;
    case 3: snprintf(buf, len, "sctp %u > 80 tag 0 ", port); break;
    default:
        snprintf(buf, len, "%s type echo-request id %u seq %u ", v6 ? "icmp6" : "icmp", rng_below(r, 65536),
                 rng_below(r, 65536));
        break;
    }
}

/* Draw a payload. SCTP's is an INIT with parameters of any bytes, because only INIT opens an association. */
static void draw_payload(struct rng *r, bool sctp, char *buf, size_t len)
{
    unsigned n = rng_below(r, 200);
    int at = snprintf(buf, len, "/ payload x\"");
    if (n == 0 && !sctp) {
        buf[0] = '\0';
        return;
    }
    if (sctp) at += snprintf(buf + at, len - (size_t)at, "0100%04x", 20 + n);
    if (sctp) at += snprintf(buf + at, len - (size_t)at, "%08x0001000000010001%08x", 1u + rng_below(r, 1u << 30), n);
    for (; n; n--) at += snprintf(buf + at, len - (size_t)at, "%02x", rng_below(r, 256));
    snprintf(buf + at, len - (size_t)at, "\"");
}

static bool draw_packet(struct rng *r, unsigned mode, struct bytes *out, char text[TEXT])
{
    static struct note note;
    char tags[100], ip[200], l4[200], payload[600], err[200];
    const bool v6 = rng_one_in(r, 2);
    draw_tags(r, tags, sizeof tags);
    draw_ip(r, v6, mode, ip, sizeof ip);
    draw_l4(r, v6, l4, sizeof l4);
    draw_payload(r, strncmp(l4, "sctp", 4) == 0, payload, sizeof payload);
    snprintf(text, TEXT, "eth / %s%s%s%s", tags, ip, l4, payload);
    if (note_parse(text, &note, err, sizeof err)) {
        printf("# %s: %s\n", text, err);
        return false;
    }
    out->len = note.cap_len;
    memcpy(out->b, note.bytes, note.cap_len);
    return true;
}

/* ---- frames ---- */

static bool parsed(struct bytes *f, struct pkt *pkt, struct key *key)
{
    pkt_view(pkt, f->b, f->len, f->len, LINK_ETHER, IFACE_NONE);
    return pkt_parse(pkt, NULL, key) == REASON_NONE;
}

static void swap(uint8_t *a, uint8_t *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const uint8_t was = a[i];
        a[i] = b[i];
        b[i] = was;
    }
}

/* Recompute all checksums of the frame. */
static void fill(struct world *w, struct bytes *f)
{
    struct pkt view, *copy;
    struct key key;
    if (!parsed(f, &view, &key) || !(copy = pool_copy(w->pool, &view))) return;
    pkt_parse(copy, NULL, &key);
    checksum_fill(copy, &key);
    memcpy(f->b, copy->data, f->len);
    pool_put(copy);
}

/* Turn the packet around as its receiver would. Checksums over ports and addresses stay, but a CRC changes. An echo
 * request becomes a reply, or the reverse. */
static bool turn(struct world *w, struct bytes *f)
{
    struct pkt pkt;
    struct key key;
    if (!parsed(f, &pkt, &key)) return false;
    const bool v6 = key.kind & KIND_IP6;
    uint8_t *ip = f->b + pkt.l3, *l4 = f->b + pkt.l4;
    swap(f->b, f->b + 6, 6);
    swap(ip + (v6 ? 8 : 12), ip + (v6 ? 24 : 16), v6 ? 16 : 4);
    if (key.kind & KIND_PORTS) swap(l4, l4 + 2, 2);
    const bool echo = key.kind & (KIND_ICMP | KIND_ICMP6);
    if (echo) l4[0] = v6 ? l4[0] ^ 128 ^ 129 : l4[0] ^ 8;
    if (echo || key.kind & KIND_SCTP) fill(w, f);
    return true;
}

/* Set another TTL, and the IPv4 header's checksum for it. */
static void set_ttl(struct bytes *f, unsigned l3, bool v6, unsigned less)
{
    uint8_t *ip = f->b + l3;
    if (v6) {
        ip[7] = (uint8_t)(ip[7] - less);
        return;
    }
    ip[8] = (uint8_t)(ip[8] - less);
    ip[10] = ip[11] = 0;
    const uint16_t sum = csum_of(ip, (ip[0] & 15u) * 4);
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
}

/* True if the packets are equal except for the MAC addresses. */
static bool same_packet(const struct bytes *a, const struct bytes *b)
{
    return a->len == b->len && memcmp(a->b + 12, b->b + 12, a->len - 12) == 0;
}

/* ---- there ---- */

/* Run the packet through one worker and take the only packet that leaves; kind TX_SEND, or TX_HOST for the inner
 * packet. */
static bool through(struct world *w, struct executor *worker, enum tx_kind kind, struct bytes *f, struct bytes *out)
{
    struct pkt pkt, *pkts[1] = {&pkt};
    struct verdict v;
    struct tx_entry entries[ENTRIES];
    struct vm_tx tx = {.entries = entries, .cap = ENTRIES};
    bool found = false;
    pkt_view(&pkt, f->b, f->len, f->len, LINK_ETHER, IFACE_NONE);
    w->in.mono_ns += 1000000;
    executor_run(worker, &w->in, pkts, 1, &v, &tx);
    for (unsigned i = 0; i < tx.count; i++) {
        if (entries[i].kind == kind && tx.count == 1 && entries[i].pkt->cap_len <= sizeof out->b) {
            found = true;
            out->len = entries[i].pkt->cap_len;
            memcpy(out->b, entries[i].pkt->data, out->len);
        }
        if (entries[i].pkt) pool_put(entries[i].pkt);
    }
    if (!found) printf("# %s, %s\n", action_name((enum action)v.action), reason_name((enum pkt_reason)v.reason));
    return found;
}

/* ---- and back ---- */

static const char *back(struct world *w, struct bytes *sent, const struct bytes *got)
{
    static struct bytes reply, home;
    struct pkt pkt;
    struct key key;
    reply = *got;
    if (!turn(w, &reply) || !through(w, w->near, TX_SEND, &reply, &home)) return "the reply does not leave";
    if (!turn(w, &home) || !parsed(sent, &pkt, &key)) return "the reply is malformed";
    w->back++;
    set_ttl(sent, pkt.l3, key.kind & KIND_IP6, 2);
    return same_packet(sent, &home) ? NULL : "what comes back is another packet";
}

/* Undo `dsr rewrite`: the server puts the service's address back. */
static const char *undone(struct world *w, struct bytes *sent, struct bytes *got)
{
    struct pkt view, *copy;
    struct key key, was;
    if (!parsed(got, &view, &key) || !(copy = pool_copy(w->pool, &view))) return "what leaves is malformed";
    struct translation to = {.what = TRANSLATE_DST | (key.kind & KIND_PORTS ? TRANSLATE_DST_PORT : 0)};
    pkt_parse(copy, NULL, &key);
    if (!parsed(sent, &view, &was)) return "malformed";
    memcpy(to.dst, was.dst, sizeof to.dst);
    to.dst_port = was.dst_port;
    translate(copy, &key, &to);
    memcpy(got->b, copy->data, got->len);
    pool_put(copy);
    set_ttl(sent, view.l3, was.kind & KIND_IP6, 1);
    return same_packet(sent, got) ? NULL : "what was rewritten is another packet";
}

static const char *unwrapped(struct world *w, struct bytes *sent, struct bytes *got)
{
    static struct bytes inside;
    struct pkt pkt;
    struct key key;
    if (!through(w, w->far, TX_HOST, got, &inside)) return "the tunnel's end takes nothing out";
    w->opened++;
    if (!parsed(sent, &pkt, &key)) return "malformed";
    set_ttl(sent, pkt.l3, key.kind & KIND_IP6, 1);
    return same_packet(sent, &inside) ? NULL : "what was inside is another packet";
}

static const char *trip(struct world *w, unsigned mode, struct bytes *sent)
{
    static struct bytes got;
    if (!through(w, w->near, TX_SEND, sent, &got)) return "the packet does not leave";
    w->at_near++;
    switch (mode) {
    case 0:
    case 1: return back(w, sent, &got);
    case 2: return same_packet(sent, &got) ? NULL : "dsr l2 changes more than MAC addresses";
    case 3: return undone(w, sent, &got);
    default: return unwrapped(w, sent, &got);
    }
}

/* ---- runs ---- */

static struct executor *worker(const char *text, struct pool *pool)
{
    struct program *p = compiled_text(text);
    struct executor *made = p ? one_kernel_worker(p, &(struct vm_cfg){.pool = pool, .seed = 1}) : NULL;
    if (p) program_put(p);
    return made;
}

static bool sums_up(struct executor *worker, uint64_t packets)
{
    const struct vm_counters *c = executor_counters(worker);
    uint64_t sum = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) sum += c->verdicts[i].packets;
    return sum == packets;
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned packets = argc > 2                            ? (unsigned)strtoul(argv[2], NULL, 0)
                             : getenv("LONG") && *getenv("LONG") ? 200000
                                                                 : 20000;
    const size_t size = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    struct world w = {.rng = {seed}, .memory = aligned_alloc(64, size)};
    static struct bytes sent;
    char text[TEXT];
    w.pool = w.memory ? pool_init(w.memory, size, SLOTS, SLOT_BYTES) : NULL;
    w.near = w.pool ? worker(rules, w.pool) : NULL;
    w.far = w.pool ? worker(far_rules, w.pool) : NULL;
    w.in = (struct vm_in){.mono_ns = 1000000000, .facts = &facts};
    if (!w.near || !w.far) return 1;
    for (unsigned i = 0; i < packets && !w.fault; i++) {
        const unsigned mode = i % MODES;
        if (!draw_packet(&w.rng, mode, &sent, text)) return 1;
        w.fault = trip(&w, mode, &sent);
        if (!w.fault && w.pool->free_count != SLOTS) w.fault = "a slot is lost";
        if (w.fault) printf("# seed %" PRIu64 ", packet %u: %s\n# %s\n", seed, i, w.fault, text);
    }
    printf("%s - there and back is the identity: %u packets, %" PRIu64 " came back, %" PRIu64 " taken out of tunnels\n",
           w.fault ? "not ok" : "ok", packets, w.back, w.opened);
    const bool sums = w.fault || (sums_up(w.near, w.at_near + w.back) && sums_up(w.far, w.opened));
    printf("%s - each packet is in one verdict counter\n", sums ? "ok" : "not ok");
    one_kernel_free(w.near);
    one_kernel_free(w.far);
    free(w.memory);
    return w.fault || !sums;
}

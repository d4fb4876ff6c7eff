/* Differential and property test: packets dealt to several workers by vm_owner against one worker that gets all.
 *
 *   owners [SEED [FILES [PACKETS]]]
 *
 * Random conversations through every mode, family and protocol, through a nat (out, forwarded, strangers at a mapped
 * port) and past both; errors about either direction, from a host or a router; fragments of datagrams.
 *
 * Each packet of a conversation has the owner of its first packet, for 2, 3, 8 and 64 workers. Verdicts, packets
 * that leave and the sums of the counters equal those of the one worker. Ports that flows are translated to belong
 * to each worker, so they and the checksums over them aren't compared in packets that leave; the conversation
 * continues from the packet that the worker sent. In a second round, new workers, as many or another number,
 * repeatedly take over the complete state (vm_move). LONG=1: twenty times as many. */
#include <bpf/bpf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/io/steer/deal_priv.h"
#include "tests/lib/compiled.h"
#include "tests/lib/rng.h"
#include "tests/lib/sums.h"
#include "tests/lib/talk.h"
#include "vm/packet/parse/header.h"
#include "vm/packet/wire.h"
#include "vm/keyed/archive.h"
#include "vm/shared/shared.h"
#include "vm/vm.h"
#include "vm/worker/owner.h"

enum { TALKS = 12, MODES = 8, TEXT = 6000, WORKERS_MOST = 64, SLOTS = 32, SLOT_BYTES = 2048, ENTRIES = 64 };
enum { OUT = MODES, FORWARDED, STRANGER, PLAIN, TO_SELF, KINDS };
enum { VIP = 0xcb00710a, INSIDE = 0x0a050001, REMOTE = 0xc0000201, OWN = 0xcb007101 };
#define S UINT64_C(1000000000)

/* The eBPF program that deals out frames; NULL: this process may not load it. */
static struct deal *dealer;
static struct deal_tables *dealt;
static struct port_owners *owned_ports; /* ports of the several workers, which the eBPF program also reads */
static struct rng chains; /* a separate generator, so that conversations are the same with and without a dealer */
static struct {
    uint64_t packets, differ, failed, chained, fragments, inquiries;
} compared;

/* One worker, or several. */
struct side {
    unsigned workers;
    uint64_t seed;
    struct port_owners *ports; /* owned_ports, or after they have been moved, a copy */
    struct owners *owners;
    struct shared *shared;
    struct vm *vms[WORKERS_MOST];
    struct datagrams *datagrams[WORKERS_MOST];
    struct pool *pool;
    void *memory;
    struct tx_entry entries[ENTRIES];
    struct vm_tx tx;
    struct verdict verdict;
};

/* A conversation: its packet as the opener sends it, and each side's record of the peer's replies. */
struct conversation {
    struct talk talk, answer[2];
    uint32_t seq[2];
    unsigned step, kind;
    uint16_t iface, answer_iface;
    bool answered;
    unsigned owner; /* owner of its packets so far; WORKERS_MOST: none yet */
    uint16_t ip_id;
};

struct run {
    struct rng rng;
    struct program *program;
    char text[TEXT];
    bool moves; /* new workers repeatedly take over: no archive has a flow of an interface that isn't known */
    bool keyed; /* the file keeps state by source */
    bool maps;  /* the file's nat has a map */
    struct facts facts;
    uint32_t self4[1];
    struct pbc_range6 self6[1];
    struct facts_iface ifaces[3];
    struct vm_in in;
    struct side side[2]; /* [0] is the one worker */
    struct conversation talks[TALKS];
    struct vm_counters before; /* counters of workers that have ended */
    uint8_t bytes[2][TALK_FRAME_MAX + 16];
};

struct totals {
    uint64_t files, packets, sent, fragments, errors, elsewhere, borrowed;
};

/* ---- programs ---- */

static void put(struct run *r, const char *s)
{
    const size_t len = strlen(r->text);
    snprintf(r->text + len, sizeof r->text - len, "%s", s);
}

static const char pools[] =
    "limits { flows 4000; half_open 2000; maglev 251; rejects 1000000/s }\n"
    "interface wan = \"eth0\"\ninterface lan = \"eth1\"\n"
    "meter news = 6/h per source/%u\nmeter spoken = 2/s burst 40 per source\n"
    "pool pt { source 10.9.0.7, 2001:db8::a09:7 ports 1024-%u\n"
    "  server a 10.0.0.11:8080; server b 10.0.0.12; server c [2001:db8::a00:b]:8080 }\n"
    "pool own { on down keep; server a 10.0.4.11:8080; server b [2001:db8::a00:40b]:8080 }\n"
    "pool ks { balance source; server a 10.0.1.11:8080; server b 10.0.1.12 weight 3\n"
    "  server c [2001:db8::a00:10b]:8080 }\n"
    "pool raw { server a 10.0.2.11 mac 02:00:00:00:02:0b; server b 10.0.2.12\n  server c 2001:db8::a00:20b }\n"
    "pool four { source 10.9.0.1; server a 10.0.3.11; server b 10.0.3.12 mac 02:00:00:00:03:0c }\n"
    "pool both { server a 10.0.5.11; server b 2001:db8::a00:50b }\n";

static const char *const modes[MODES] = {
    "mode passthrough; -> pt",  "mode passthrough keep source; -> ks",
    "mode dsr l2; -> raw",      "mode dsr rewrite; -> ks",
    "mode dsr ipip; -> four",   "mode dsr gue 6080; -> both",
    "mode passthrough; -> own", "mode dsr gue 6080 variant 1; -> both",
};

static const char *const rules[] = {
    "accept state established, related as KNOWN",
    "drop state invalid as INVALID",
    "count tcp as TCP",
    "accept tcp, udp, sctp over spoken", /* a router's errors are counted with the flow that they quote */
    "drop udp from 0.0.0.0/0 over news",
    "accept tcp, udp, sctp, icmp, icmp6 state new, established",
    "reject tcp flags has psh",
    "accept state new flows over 3 per source",
};

static void draw_program(struct run *r)
{
    char line[2 * sizeof pools];
    static const unsigned prefixes[] = {32, 24, 28, 8};
    const bool keyed = r->keyed = rng_one_in(&r->rng, 2), named = rng_one_in(&r->rng, 2);
    r->text[0] = '\0';
    /* so few that flows to several servers share a port */
    const unsigned last = r->moves && rng_one_in(&chains, 2) ? 1024 + 31 : UINT16_MAX;
    snprintf(line, sizeof line, pools, prefixes[rng_below(&r->rng, 4)], last);
    put(r, line);
    for (unsigned m = 0; m < MODES; m++) {
        snprintf(line, sizeof line, "service s%u on 203.0.113.%u, 2001:db8::cb00:%x tcp/80, udp/80, sctp/80%s { ", m,
                 10 + m, 0x710a + m, rng_one_in(&r->rng, 2) ? ", icmp, icmp6" : "");
        put(r, line);
        if (keyed && rng_one_in(&r->rng, 4)) put(r, "affinity source 4s; ");
        if (keyed && rng_one_in(&r->rng, 4)) put(r, "max flows 5 per source; ");
        if (rng_one_in(&r->rng, 4)) put(r, "mss clamp auto; ");
        put(r, modes[m]);
        put(r, " }\n");
    }
    r->maps = rng_one_in(&r->rng, 3);
    put(r, "nat home {\n  forward 203.0.113.1 udp/80, tcp/80, sctp/80 -> 10.5.0.2:8080\n");
    if (r->maps) put(r, "  map 203.0.113.64/30 <-> 10.5.0.4/30 on wan\n");
    put(r, rng_one_in(&r->rng, 2) ? "  masquerade from 10.5.0.0/24 out on wan ports "
                                  : "  source from 10.5.0.0/24 out on wan to 203.0.113.1 ports ");
    put(r, rng_one_in(&r->rng, 2) ? "20000-59999\n}\n" : "20032-20159\n}\n"); /* some workers' slices have none */
    put(r, named ? "firewall edge default drop {\n" : "firewall edge default accept {\n");
    /* A forward target's late packets are its stranger's: by source they would be counted elsewhere. */
    if (keyed) put(r, "  drop from 10.5.0.2 source port 8080\n");
    for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (!rng_one_in(&r->rng, 4) || (!keyed && (strstr(rules[i], "over")))) continue;
        put(r, "  ");
        put(r, rules[i]);
        put(r, "\n");
    }
    put(r, "  accept to 203.0.113.0/24, 2001:db8::/64\n  accept from 10.5.0.0/24\n  accept from 192.0.2.0/24\n}\n");
}

/* ---- the workers ---- */

/* Make the workers, but not their owners, which are s->owners. */
static bool side_fill(struct side *s, struct program *p)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    s->memory = aligned_alloc(64, bytes);
    s->pool = s->memory ? pool_init(s->memory, bytes, SLOTS, SLOT_BYTES) : NULL;
    s->shared = shared_new(p, NULL, NULL, 0);
    bool good = s->pool && s->owners && s->shared;
    if (good) s->shared->ports = s->ports;
    for (unsigned i = 0; good && i < s->workers; i++) {
        const struct vm_cfg cfg = {.pool = s->pool,
                                   .seed = s->seed,
                                   .worker = i,
                                   .workers = s->workers,
                                   .share = {.all = s->workers > 1 ? s->shared : NULL}};
        s->vms[i] = vm_new(p, &cfg);
        s->datagrams[i] = datagrams_new(p, s->seed);
        good = s->vms[i] && s->datagrams[i];
    }
    return good;
}

static bool side_init(struct side *s, struct program *p, unsigned workers, uint64_t seed)
{
    *s = (struct side){.workers = workers, .seed = seed, .ports = owned_ports};
    s->owners = owners_new(p, &(struct owners_cfg){.workers = workers, .seed = seed, .ports = s->ports}, NULL, 0);
    return side_fill(s, p);
}

static void side_fini(struct side *s)
{
    for (unsigned i = 0; i < s->workers; i++) {
        vm_free(s->vms[i]);
        datagrams_free(s->datagrams[i]);
    }
    owners_free(s->owners);
    shared_free(s->shared);
    if (s->ports != owned_ports) free(s->ports);
    free(s->memory);
}

/* Check that the eBPF program chooses the same owner. It reads a frame that came by the loopback. */
static void compare_dealt(const struct run *r, const struct side *s, const struct pkt *pkt, unsigned o)
{
    const unsigned lo = 1;
    const struct deal_world w = {s->owners, &r->facts, &lo, &pkt->iface, 1, s->workers};
    if (!dealer || s->ports != owned_ports || s->workers == 1 || !owners_tables(s->owners)) return;
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = pkt->data, .data_size_in = pkt->head_len);
    if (!deal_fill(dealt, &w) || bpf_prog_test_run_opts(dealer->program, &opts)) {
        compared.failed++;
        return;
    }
    compared.packets++;
    if (opts.retval == (o & ~VM_OWNER_FRAGMENT) || pkt->reason) return;
    if (!compared.differ++) {
        char text[200];
        struct key key;
        struct pkt seen = *pkt;
        pkt_parse(&seen, &r->facts, &key);
        pkt_describe(&seen, &key, text, sizeof text);
        printf("# %s: the kernel says %u, the vm %u of %u\n%s", text, opts.retval, o & ~VM_OWNER_FRAGMENT, s->workers,
               r->text);
    }
}

/* Write an extension header of that kind, followed by `next`. fragment: a fragment header's offset field. Returns
 * its length. */
static uint32_t put_extension(uint8_t *at, uint8_t kind, uint8_t next, uint16_t fragment)
{
    const uint8_t units = kind == IPPROTO_NR_FRAGMENT ? 0 : (uint8_t)(rng_below(&chains, 3) + (kind == IPPROTO_NR_AH));
    const uint32_t len = ip6_extension_len(kind, units);
    memset(at, 0, len);
    at[0] = next;
    at[1] = units;
    if (kind == IPPROTO_NR_ROUTING) at[IP6_ROUTING_TYPE] = 4; /* segment routing with no segments left */
    if (kind == IPPROTO_NR_FRAGMENT) {
        wire_put16(at + IP6_FRAG_OFFSET, fragment);
        wire_put32(at + IP6_FRAG_ID, (uint32_t)rng_next(&chains));
    }
    return len;
}

/* Write up to four extension headers, the last of which may be a later fragment's. `*next` becomes the first
 * header's kind. */
static uint32_t put_chain(uint8_t *at, uint8_t *next, bool *fragment)
{
    static const uint8_t any[] = {IPPROTO_NR_ROUTING,  IPPROTO_NR_FRAGMENT, IPPROTO_NR_AH,   IPPROTO_NR_DSTOPTS,
                                  IPPROTO_NR_MOBILITY, IPPROTO_NR_HIP,      IPPROTO_NR_SHIM6};
    uint8_t kinds[5];
    const unsigned count = 1 + rng_below(&chains, 4);
    uint32_t len = 0;
    for (unsigned i = 0; i < count; i++) kinds[i] = any[rng_below(&chains, sizeof any)];
    if (rng_one_in(&chains, 3)) kinds[0] = IPPROTO_NR_HOPOPT; /* only allowed as the first */
    kinds[count] = *next;
    *next = kinds[0];
    *fragment = kinds[count - 1] == IPPROTO_NR_FRAGMENT && rng_one_in(&chains, 2);
    for (unsigned i = 0; i < count; i++)
        len += put_extension(at + len, kinds[i], kinds[i + 1], *fragment && i + 1 == count ? 800 : 0);
    return len;
}

/* Compare the same packet with extension headers. */
static void compare_chained(const struct run *r, const struct side *s, const struct pkt *pkt)
{
    enum { CHAIN_MOST = 4 * 28 };
    uint8_t frame[TALK_FRAME_MAX + CHAIN_MOST], *ip = frame + pkt->l3;
    struct pkt chained;
    bool fragment;
    if (!dealer || s->workers == 1 || pkt->reason || pkt->l3 < ETHER_LEN || pkt->data[pkt->l3] >> 4 != 6) return;
    const uint32_t head = pkt->l3 + (uint32_t)IP6_LEN;
    memcpy(frame, pkt->data, head);
    const uint32_t len = put_chain(frame + head, ip + IP6_NEXT, &fragment);
    memcpy(frame + head + len, pkt->data + head, pkt->head_len - head);
    wire_put16(ip + IP6_PAYLOAD, (uint16_t)(wire_get16(ip + IP6_PAYLOAD) + len));
    pkt_view(&chained, frame, pkt->head_len + len, pkt->head_len + len, LINK_ETHER, pkt->iface);
    const unsigned o = vm_owner(s->owners, &r->facts, &chained);
    compared.chained += !chained.reason;
    compared.fragments += fragment && !chained.reason;
    compare_dealt(r, s, &chained, o);
}

/* Compare a DHCP query, and an offer to an address that no host has yet: one worker gets both, regardless of other
 * draws. */
static void compare_inquiries(const struct run *r, const struct side *s)
{
    enum { FRAME = ETHER_LEN + IP4_LEN + UDP_LEN + 240 };
    static const uint32_t ends[][2] = {{0, 0xffffffff}, {REMOTE, 0xffffffff}, {REMOTE, OWN + 76}, {OWN, REMOTE}};
    for (unsigned i = 0; i < sizeof ends / sizeof *ends; i++) {
        const bool asks = i == 0 || i == 3;
        uint8_t frame[FRAME] = {0}, *ip = frame + ETHER_LEN, *udp = ip + IP4_LEN;
        struct pkt pkt;
        wire_put16(frame + ETHER_LEN - 2, ETHER_IP4);
        ip[0] = 0x45;
        wire_put16(ip + 2, FRAME - ETHER_LEN);
        ip[8] = 64;
        ip[9] = IPPROTO_NR_UDP;
        wire_put32(ip + 12, ends[i][0]);
        wire_put32(ip + 16, ends[i][1]);
        wire_put16(ip + 10, csum_fold(csum_add(0, ip, IP4_LEN)));
        wire_put16(udp, asks ? DHCP_CLIENT : DHCP_SERVER);
        wire_put16(udp + 2, asks ? DHCP_SERVER : DHCP_CLIENT);
        wire_put16(udp + 4, FRAME - ETHER_LEN - IP4_LEN);
        pkt_view(&pkt, frame, FRAME, FRAME, LINK_ETHER, 0);
        const unsigned o = vm_owner(s->owners, &r->facts, &pkt);
        compared.inquiries += !pkt.reason && !o;
        compare_dealt(r, s, &pkt, o);
    }
}

static unsigned owner(const struct run *r, struct side *s, struct pkt *pkt)
{
    const unsigned o = vm_owner(s->owners, &r->facts, pkt);
    compare_dealt(r, s, pkt, o);
    compare_chained(r, s, pkt);
    if (!(o & VM_OWNER_FRAGMENT)) return o;
    const unsigned at = o & ~VM_OWNER_FRAGMENT;
    const unsigned whose = datagram_owner(s->datagrams[at], s->owners, &r->facts, pkt, r->in.mono_ns);
    return whose == VM_OWNER_UNKNOWN ? at : whose;
}

static void put_back(struct side *s)
{
    for (unsigned i = 0; i < s->tx.count; i++) pool_put(s->entries[i].pkt);
    s->tx = (struct vm_tx){.entries = s->entries, .cap = ENTRIES};
}

static void judge(struct run *r, struct side *s, unsigned whose, struct pkt *pkt)
{
    put_back(s);
    vm_run(s->vms[whose], &r->in, &pkt, 1, &s->verdict, &s->tx);
}

static void note_sums(struct run *r, const struct side *s)
{
    for (unsigned i = 0; i < s->workers; i++) {
        const struct vm_counters *c = vm_counters(s->vms[i]);
        for (unsigned a = 0; a < ACTION_COUNT; a++) r->before.verdicts[a].packets += c->verdicts[a].packets;
        for (unsigned a = 0; a < REASON_COUNT; a++) r->before.reasons[a].packets += c->reasons[a].packets;
    }
}

/* ---- another number of workers ---- */

enum { ARCHIVE_MOST = 16 << 20 };
static struct {
    uint64_t times, flows, doubled, ended, shared;
} went;

/* Write one worker's state, and read it into another worker that is made alike. */
static bool pass_state(const struct run *r, struct vm *from, struct vm *to)
{
    uint8_t *bytes = malloc(ARCHIVE_MOST);
    struct archive a = {.at = bytes, .left = ARCHIVE_MOST}, b = {.at = bytes, .reads = true, .cookies = 1};
    bool good = bytes && vm_rests(from) && vm_archive(from, &r->in, &a);
    b.left = ARCHIVE_MOST - a.left;
    good = good && vm_archive(to, &r->in, &b) && !b.left;
    free(bytes);
    return good;
}

static struct owners *pass_owners(const struct run *r, const struct side *from, const struct owners_cfg *cfg)
{
    uint8_t *bytes = malloc(ARCHIVE_MOST);
    struct archive a = {.at = bytes, .left = ARCHIVE_MOST}, b = {.at = bytes, .reads = true, .cookies = 1};
    owners_write(from->owners, &a);
    b.left = ARCHIVE_MOST - a.left;
    struct owners *o = a.bad ? NULL : owners_read(r->program, cfg, &b);
    free(bytes);
    return o;
}

/* Move all state to as many workers as `s` has, through workers like the old ones, as a takeover does. */
static bool pass_workers(struct run *r, struct side *from, struct side *s)
{
    struct side like = {.workers = from->workers, .seed = from->seed};
    struct vm_move m = {.owners = s->workers > 1 ? s->owners : NULL, .to = s->vms, .workers = s->workers};
    like.owners = owners_new(r->program, &(struct owners_cfg){.workers = from->workers, .seed = from->seed}, NULL, 0);
    bool good = side_fill(&like, r->program);
    for (unsigned i = 0; good && i < like.workers; i++) good = pass_state(r, from->vms[i], like.vms[i]);
    good = good && vm_move(&m, like.vms, like.workers, &r->in);
    went.flows += m.moved;
    went.doubled += m.doubled;
    went.ended += m.ended;
    side_fini(&like);
    return good;
}

/* Replace the several workers by `workers` new ones. */
static bool go_over(struct run *r, unsigned workers)
{
    struct side *from = &r->side[1], *s = calloc(1, sizeof *s);
    if (!s) return false;
    *s = (struct side){.workers = workers, .seed = from->seed, .ports = calloc(1, sizeof *s->ports)};
    const struct owners_cfg cfg = {.workers = workers, .seed = from->seed, .ports = s->ports};
    if (s->ports)
        s->owners = workers == from->workers ? pass_owners(r, from, &cfg) : owners_new(r->program, &cfg, NULL, 0);
    bool good = s->owners && side_fill(s, r->program);
    if (good && workers != from->workers) good = pass_workers(r, from, s);
    for (unsigned i = 0; good && workers == from->workers && i < workers; i++)
        good = pass_state(r, from->vms[i], s->vms[i]);
    for (uint32_t i = 0; s->ports && i < PORT_OWNERS; i++) went.shared += port_is_shared(s->ports->of[i]);
    note_sums(r, from);
    put_back(from);
    side_fini(from);
    *from = *s;
    free(s);
    put_back(from);
    for (unsigned i = 0; i < TALKS; i++) r->talks[i].owner = WORKERS_MOST;
    went.times++;
    if (!good) printf("# the state does not pass to %u workers\n", workers);
    return good;
}

/* ---- packets ---- */

/* Begin a conversation with a mapped host, from outside or inside. */
static void begin_mapped(struct run *r, struct conversation *c)
{
    c->talk.dst = 0xcb007140 + rng_below(&r->rng, 4);
    c->answer_iface = 1;
    if (rng_one_in(&r->rng, 2)) return;
    c->talk.src = REMOTE + rng_below(&r->rng, 3);
    c->iface = 0;
}

static void begin_talk(struct run *r, struct conversation *c)
{
    static const uint8_t protos[] = {IPPROTO_NR_TCP, IPPROTO_NR_TCP,  IPPROTO_NR_TCP, IPPROTO_NR_UDP,
                                     IPPROTO_NR_UDP, IPPROTO_NR_ICMP, IPPROTO_NR_SCTP};
    struct rng *g = &r->rng;
    const struct conversation *other = &r->talks[rng_below(g, TALKS)];
    *c = (struct conversation){.seq = {1000, 5000}, .kind = rng_below(g, KINDS), .owner = WORKERS_MOST};
    struct talk *t = &c->talk;
    *t = (struct talk){.proto = protos[rng_below(g, sizeof protos)], .ttl = 64, .window = 65535};
    t->src_port = (uint16_t)(1024 + rng_below(g, 60000));
    t->dst_port = 80;
    t->id = (uint16_t)rng_next(g);
    t->src = 0xc6120001 + rng_below(g, 300);
    c->iface = rng_one_in(g, 3) ? IFACE_NONE : t->id % 3 || r->moves ? 0 : IFACE_OTHER;
    c->answer_iface = 1;
    c->ip_id = (uint16_t)rng_next(g);
    if (c->kind < MODES) {
        t->v6 = rng_one_in(g, 3);
        t->dst = VIP + c->kind;
    } else if (c->kind == OUT) {
        t->src = INSIDE + rng_below(g, 9);
        t->dst = REMOTE + rng_below(g, 3);
        if (r->keyed && t->proto == IPPROTO_NR_SCTP)
            t->proto = IPPROTO_NR_UDP; /* otherwise the peer would be the owner */
        c->iface = 1;
        c->answer_iface = 0;
        if (r->maps && !r->keyed && rng_one_in(g, 2)) begin_mapped(r, c);
    } else if (c->kind == FORWARDED) {
        t->dst = OWN;
        if (t->proto == IPPROTO_NR_ICMP) t->proto = IPPROTO_NR_UDP;
        c->iface = 0;
    } else if (c->kind == STRANGER && !r->keyed && other->kind == OUT && other->answered &&
               other->talk.proto == IPPROTO_NR_UDP) {
        c->iface = 0; /* at the port that it was mapped to (see go_on) */
        t->proto = IPPROTO_NR_UDP;
        t->src = REMOTE + 9;
        c->answer[0] = c->answer[1] = *t;
        for (unsigned k = 0; k < 2; k++) c->answer[k].src_port = other->answer[k].dst_port;
        t->dst = OWN;
    } else {
        /* Forwarded packets have no client: their state by source isn't kept in one place. */
        c->kind = c->kind == TO_SELF || r->keyed ? TO_SELF : PLAIN;
        t->v6 = rng_one_in(g, 3);
        t->dst = c->kind == TO_SELF ? OWN : REMOTE + 100 + rng_below(g, 5);
        t->dst_port = (uint16_t)(1 + rng_below(g, 1000));
        if (t->dst_port == 80) t->dst_port = 81;
        c->answer_iface = c->iface;
    }
    if (t->v6 && t->proto == IPPROTO_NR_ICMP) t->proto = IPPROTO_NR_ICMP6;
    if (rng_one_in(g, 4)) {
        t->tag_count = 1;
        t->tags[0].tpid = 0x8100;
        t->tags[0].vid = (uint16_t)(5 + rng_below(g, 2));
    }
}

static bool is_one_sided(unsigned kind) { return kind == 2 || kind == 3 || kind == 4 || kind == 5 || kind == 7; }

/* Draw the next packet, for each of both sides. */
static unsigned go_on(struct run *r, struct conversation *c, struct talk t[2])
{
    struct rng *g = &r->rng;
    const bool plain = c->kind == PLAIN || c->kind == TO_SELF;
    const unsigned dir = !c->answered && !plain ? 0 : c->step < 3 ? c->step & 1 : rng_below(g, 2);
    for (unsigned k = 0; k < 2; k++) {
        t[k] = dir ? c->answer[k] : c->talk;
        if (dir && plain) {
            t[k] = c->talk;
            t[k].src = c->talk.dst, t[k].dst = c->talk.src;
            t[k].src_port = c->talk.dst_port, t[k].dst_port = c->talk.src_port;
        }
        if (!dir && c->kind == STRANGER) t[k].dst_port = c->answer[k].src_port;
        t[k].seq = c->seq[dir];
        t[k].ack = c->seq[!dir];
        t[k].flags = c->step == 0 ? TCP_SYN : c->step == 1 && dir ? TCP_SYN | TCP_ACK : TCP_ACK;
        t[k].type = t[k].v6 ? (uint8_t)(128 + dir) : dir ? 0 : 8;
        t[k].chunk = talk_chunk(c->step);
        t[k].tag_src = dir ? c->talk.dst_port : c->talk.src_port; /* because no translator changes tags */
        t[k].tag_dst = dir ? c->talk.src_port : c->talk.dst_port;
    }
    if (c->step > 2 && rng_one_in(g, 40)) t[0].flags |= rng_one_in(g, 3) ? TCP_RST : TCP_FIN;
    if (c->step > 2 && rng_one_in(g, 10)) t[0].flags |= TCP_PSH;
    t[0].payload = c->step > 2 ? (uint8_t)(8 * rng_below(g, 9)) : 0;
    if (t[0].proto == IPPROTO_NR_SCTP) t[0].payload = 20;
    t[1].flags = t[0].flags;
    t[1].payload = t[0].payload;
    c->seq[dir] += t[0].payload + (t[0].flags & (TCP_SYN | TCP_FIN) ? 1u : 0u);
    c->step++;
    return dir;
}

/* Write an error about the packet from its receiver, or from a router on the path. */
static void quote(struct run *r, struct talk *t, struct talk *about, bool router)
{
    (void)r;
    *about = *t;
    t->proto = t->v6 ? IPPROTO_NR_ICMP6 : IPPROTO_NR_ICMP;
    t->type = t->v6 ? 1 : 3;
    t->src = router ? 0xc0a80909 : about->dst;
    t->dst = about->src;
    t->payload = 0;
    t->quoted = about;
}

/* ---- what left ---- */

/* Let the receiver of the opener's packet reply to the packet as received. */
static void learn(struct run *r, struct conversation *c, unsigned k)
{
    const struct side *s = &r->side[k];
    struct pkt pkt;
    struct key key;
    if (is_one_sided(c->kind) || c->kind == PLAIN || c->kind == TO_SELF || !s->tx.count) return;
    if (s->entries[0].cause != TX_CAUSE_PACKET) return;
    const struct pkt *sent = s->entries[0].pkt;
    pkt_view(&pkt, sent->data, sent->cap_len, sent->wire_len, LINK_ETHER, IFACE_NONE);
    if (pkt_parse(&pkt, &r->facts, &key) != REASON_NONE || key.proto != c->talk.proto) return;
    if (key.kind & KIND_FRAG_LATER) return;
    const unsigned word = c->talk.v6 ? 3 : 0;
    const uint16_t asked = c->answer[k].src_port;
    c->answer[k] = c->talk;
    c->answer[k].src = key.dst[word];
    c->answer[k].dst = key.src[word];
    if (key.kind & KIND_PORTS) {
        c->answer[k].src_port = c->kind == STRANGER ? asked : key.dst_port;
        c->answer[k].dst_port = key.src_port;
    } else if (key.kind & KIND_ICMP_HEADER) {
        c->answer[k].id = wire_get16(sent->data + pkt.l4 + ICMP_REST);
    }
    c->answered = c->kind != STRANGER;
}

static bool differ(const char *what, const struct run *r, const struct conversation *c, uint64_t a, uint64_t b)
{
    char text[200];
    printf("# %s: %" PRIu64 " by one worker, %" PRIu64 " by %u; kind %u, step %u, %s\n", what, a, b, r->side[1].workers,
           c->kind, c->step, talk_text(&c->talk, text, sizeof text));
    return false;
}

/* True if the packet that leaves for the other side has a port chosen by the worker. That includes replies to that
 * side's packets, and packets that a forward's target sends after its flow's end, which begin a new flow. */
static bool has_own_port(const struct conversation *c, unsigned dir, const struct tx_entry *e)
{
    const struct pkt *sent = e->pkt;
    const bool answer = e->cause == TX_CAUSE_RST || e->cause == TX_CAUSE_UNREACHABLE;
    const uint32_t l4 = ETHER_LEN + (uint32_t)VLAN_LEN * c->talk.tag_count + IP4_LEN;
    if (c->kind == FORWARDED) return dir == 1 && wire_get16(sent->data + l4) != c->talk.dst_port;
    return (dir == 0 || answer) && (c->kind == 0 || c->kind == 6 || c->kind == OUT);
}

static bool same_sent(const struct run *r, const struct conversation *c, unsigned dir, bool error)
{
    const struct side *a = &r->side[0], *b = &r->side[1];
    if (a->tx.count != b->tx.count) return differ("packets that leave", r, c, a->tx.count, b->tx.count);
    for (unsigned i = 0; i < a->tx.count; i++) {
        const struct tx_entry *x = &a->entries[i], *y = &b->entries[i];
        if (x->kind != y->kind || x->cause != y->cause || x->out_if != y->out_if || x->family != y->family)
            return differ("how it leaves", r, c, x->out_if, y->out_if);
        if (x->pkt->wire_len != y->pkt->wire_len) return differ("length", r, c, x->pkt->wire_len, y->pkt->wire_len);
        if (x->family && memcmp(x->next_hop, y->next_hop, sizeof x->next_hop) != 0)
            return differ("next hop", r, c, x->next_hop[0], y->next_hop[0]);
        const bool tunnelled =
            c->kind == 4 || c->kind == 5 ||
            c->kind == 7; /* an outer header has a number that the worker chose, and a checksum over it */
        if (has_own_port(c, error ? 0 : dir, x) || c->kind == STRANGER) continue;
        const uint32_t ip = ETHER_LEN + (uint32_t)VLAN_LEN * c->talk.tag_count;
        for (uint32_t n = tunnelled ? ip + IP4_LEN : 0; n < x->pkt->head_len; n++)
            if (x->pkt->data[n] != y->pkt->data[n]) return differ("byte", r, c, x->pkt->data[n], y->pkt->data[n]);
    }
    return true;
}

static bool same_verdict(const struct run *r, const struct conversation *c)
{
    const struct verdict *a = &r->side[0].verdict, *b = &r->side[1].verdict;
    if (a->action != b->action) return differ("verdict", r, c, a->action, b->action);
    if (a->reason != b->reason) return differ("reason", r, c, a->reason, b->reason);
    if (a->rule != b->rule || a->firewall != b->firewall) return differ("rule", r, c, a->rule, b->rule);
    if (a->service != b->service || a->server != b->server) return differ("server", r, c, a->server, b->server);
    return true;
}

/* ---- running ---- */

/* True if all packets of the conversation have one owner, including errors and fragments. */
static bool same_owner(const struct run *r, struct conversation *c, unsigned whose)
{
    if (c->owner == WORKERS_MOST) c->owner = whose;
    if (r->moves) return true; /* a port without a flow may belong to another worker by then */
    return c->owner == whose || differ("owner", r, c, c->owner, whose);
}

static bool pass(struct run *r, struct conversation *c, struct talk t[2], unsigned dir, bool error,
                 struct totals *totals)
{
    for (unsigned k = 0; k < 2; k++) {
        struct pkt pkt;
        const uint32_t len = talk_build(&t[k], r->bytes[k]), l3 = ETHER_LEN + (uint32_t)VLAN_LEN * t[k].tag_count;
        if (!t[k].fragment) sums_fill(r->bytes[k] + l3, len - l3);
        if (t[k].fragment == 2) memset(r->bytes[k] + l3 + IP4_LEN, 0, len - l3 - IP4_LEN); /* no ports */
        if (t[k].fragment == 1) wire_put16(r->bytes[k] + l3 + IP4_LEN + UDP_SUM, 0);
        pkt_view(&pkt, r->bytes[k], len, len, LINK_ETHER, dir != error ? c->answer_iface : c->iface);
        const unsigned whose = owner(r, &r->side[k], &pkt);
        if (whose >= r->side[k].workers) return differ("no worker", r, c, 0, whose);
        if (k == 1 && !same_owner(r, c, whose)) return false;
        totals->elsewhere += k == 1 && whose != 0;
        judge(r, &r->side[k], whose, &pkt);
        if (dir == 0 && !error) learn(r, c, k);
    }
    totals->packets++;
    totals->sent += r->side[1].tx.count;
    totals->errors += error;
    return same_verdict(r, c) && same_sent(r, c, dir, error);
}

/* Judge the same datagram in two fragments. */
static bool pass_fragments(struct run *r, struct conversation *c, struct talk t[2], unsigned dir, struct totals *totals)
{
    c->ip_id++;
    for (unsigned fragment = 1; fragment <= 2; fragment++) {
        for (unsigned k = 0; k < 2; k++) {
            t[k].fragment = (uint8_t)fragment;
            t[k].ip_id = c->ip_id;
            t[k].payload = 32;
        }
        if (!pass(r, c, t, dir, false, totals)) return false;
    }
    totals->fragments += 2;
    return true;
}

static bool step(struct run *r, struct totals *totals)
{
    struct rng *g = &r->rng;
    struct conversation *c = &r->talks[rng_below(g, TALKS)];
    struct talk t[2], about[2];
    if (c->step == 0 || rng_one_in(g, 40)) begin_talk(r, c);
    const unsigned dir = go_on(r, c, t);
    const bool error = c->step > 1 && rng_one_in(g, 12), router = rng_one_in(g, 2);
    const bool fragments = !error && !t[0].v6 && rng_one_in(g, 12) && t[0].proto == IPPROTO_NR_UDP;
    if (fragments) return pass_fragments(r, c, t, dir, totals);
    for (unsigned k = 0; error && k < 2; k++) quote(r, &t[k], &about[k], router);
    return pass(r, c, t, dir, error, totals);
}

static void tick(struct run *r)
{
    for (unsigned k = 0; k < 2; k++)
        for (unsigned i = 0; i < r->side[k].workers; i++) {
            put_back(&r->side[k]);
            vm_tick(r->side[k].vms[i], &r->in, &r->side[k].tx);
        }
    r->in.mono_ns += rng_one_in(&r->rng, 20) ? 20 * S : 1 + rng_below(&r->rng, 2000000);
}

static bool same_sums(struct run *r)
{
    const struct vm_counters *one = vm_counters(r->side[0].vms[0]);
    note_sums(r, &r->side[1]);
    const struct vm_counters sum = r->before;
    for (unsigned a = 0; a < ACTION_COUNT; a++)
        if (sum.verdicts[a].packets != one->verdicts[a].packets)
            return differ("sum of verdicts", r, &r->talks[0], one->verdicts[a].packets, sum.verdicts[a].packets);
    for (unsigned a = 0; a < REASON_COUNT; a++)
        if (sum.reasons[a].packets != one->reasons[a].packets)
            return differ("sum of reasons", r, &r->talks[0], one->reasons[a].packets, sum.reasons[a].packets);
    return true;
}

static bool start(struct run *r, uint64_t seed)
{
    static const unsigned workers[] = {2, 3, 8, 64};
    r->rng.state = chains.state = seed;
    draw_program(r);
    r->program = compiled_text(r->text);
    r->self4[0] = OWN;
    r->self6[0] = (struct pbc_range6){0x20010db800000000, 0xcb007101, 0x20010db800000000, 0xcb007101};
    r->ifaces[0] = (struct facts_iface){.addr4 = OWN};
    r->facts = (struct facts){.generation = 1,
                              .self4 = r->self4,
                              .self4_count = 1,
                              .self6 = r->self6,
                              .self6_count = 1,
                              .addr4 = OWN,
                              .addr6 = {0x20010db8, 0, 0, 0xcb007101},
                              .ifaces = r->ifaces,
                              .ifaces_count = 3};
    r->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &r->facts};
    return r->program && side_init(&r->side[0], r->program, 1, seed) &&
           side_init(&r->side[1], r->program, workers[seed % 4], seed);
}

/* Count the ports that are lent now. */
static unsigned lent(unsigned workers)
{
    unsigned count = 0;
    for (uint32_t port = 0; port < PORT_OWNERS; port++)
        count += port_owner(owned_ports->of[port], (uint16_t)port, workers) != port_slice((uint16_t)port, workers);
    return count;
}

/* Check a file. every: number of packets until new workers take over; 0: never. */
static bool check_file(uint64_t seed, unsigned packets, unsigned every, struct totals *totals)
{
    static const unsigned numbers[] = {1, 4, 1, 2, 3, 2, 2, 8, 3, 3, 1, 64, 5};
    static struct run r;
    memset(&r, 0, sizeof r);
    r.moves = every != 0;
    bool good = start(&r, seed);
    if (good) compare_inquiries(&r, &r.side[1]);
    for (unsigned i = 0; good && i < packets; i++) {
        good = step(&r, totals);
        if (rng_one_in(&r.rng, 8)) tick(&r);
        if (good && every && i % every == every - 1) good = go_over(&r, numbers[(i / every + seed) % 13]);
        if (i % 512 == 511) totals->borrowed += lent(r.side[1].workers);
    }
    good = good && same_sums(&r);
    totals->files++;
    if (!good) printf("# seed %" PRIu64 ", rules:\n%s\n", seed, r.text);
    for (unsigned k = 0; k < 2; k++) put_back(&r.side[k]), side_fini(&r.side[k]);
    program_put(r.program);
    return good;
}

int main(int argc, char **argv)
{
    const char *wanted = getenv("LONG");
    const unsigned times = wanted && *wanted ? 20 : 1;
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    const unsigned files = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 40 * times;
    const unsigned packets = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 4000;
    struct totals totals = {0};
    bool good = true;
    owned_ports = mmap(NULL, sizeof *owned_ports, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (owned_ports == MAP_FAILED) return 2;
    dealer = deal_open();
    dealt = dealer ? deal_map(deal_memory(dealer), owned_ports) : NULL;
    if (!dealt) {
        deal_close(dealer);
        dealer = NULL;
    }
    for (unsigned i = 0; good && i < files; i++) good = check_file(seed + i, packets, 0, &totals);
    printf("# %" PRIu64 " programs, %" PRIu64 " packets, %" PRIu64 " elsewhere than worker 0, %" PRIu64
           " sent, %" PRIu64 " fragments, %" PRIu64 " errors, %" PRIu64 " ports of others\n",
           totals.files, totals.packets, totals.elsewhere, totals.sent, totals.fragments, totals.errors,
           totals.borrowed);
    if (good && totals.elsewhere < totals.packets / 4) good = false; /* too little was dealt */
    if (good && !totals.borrowed) good = false;
    for (uint32_t i = 0; good && i < PORT_OWNERS; i++) good = !owned_ports->of[i]; /* all were returned */
    printf("%sok 1 - workers that packets are dealt to by owner do what one does\n1..3\n", good ? "" : "not ");
    const bool same = !compared.differ && !compared.failed &&
                      (!dealer || (compared.chained && compared.fragments && compared.inquiries));
    printf("# %" PRIu64 " packets dealt by the kernel's program, %" PRIu64 " elsewhere, %" PRIu64 " not; %" PRIu64
           " behind extension headers, %" PRIu64 " of them fragments\n",
           compared.packets, compared.differ, compared.failed, compared.chained, compared.fragments);
    printf("%sok 2 - the kernel's program names the same owners%s\n", same ? "" : "not ",
           dealer ? "" : " # SKIP this process may not load it");
    struct totals more = {0};
    bool moved = true;
    for (unsigned i = 0; moved && i < files; i += 3) moved = check_file(seed + i, packets, 200, &more);
    printf("# %" PRIu64 " times others go on: %" PRIu64 " flows, %" PRIu64 " of them twice, %" PRIu64
           " end; ports that several have %" PRIu64 "\n",
           went.times, went.flows, went.doubled, went.ended, went.shared);
    printf("%sok 3 - others, of another number, go on as if nothing had been\n", moved ? "" : "not ");
    deal_unmap(dealt);
    deal_close(dealer);
    return !good || !same || !moved;
}

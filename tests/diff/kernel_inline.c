/* Differential test: wire connections in both executors. Drawn are endpoints that open and close them, other packets
 * on the same ports, errors that quote any of them, tags, and the inline stack. Both executors do the same with each
 * packet and send the same bytes. Marks exist for the tuples of open connections, and for no others.
 *
 *   kernel_inline [PACKETS [SEED]]
 *
 * Skipped if eBPF programs may not be loaded. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/kernel/executor_priv.h"
#include "tests/lib/compiled.h"
#include "tests/lib/rng.h"
#include "tests/lib/talk.h"
#include "vm/flow/inline_addr.h"
#include "vm/flow/marks.h"
#include "vm/packet/key.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/wire.h"

enum { SLOTS = 64, SLOT_BYTES = 2048, ENTRIES = 64, NUMBERS = 16, CLIENTS = 3, PORTS = 4 };
#define S UINT64_C(1000000000)

static const char rules[] = "limits { flows 512; proxy_sessions 16 }\n"
                            "pool p { server a 10.9.9.9:81; server b 10.9.9.8 }\n"
                            "service wire on any tcp/80 { mode proxy inline; on overload pass }\n"
                            "service bytes on any tcp/443 { mode proxy inline; bytes first; else -> p }\n"
                            "service other on 10.9.9.7 tcp/80 { mode passthrough; -> p }\n"
                            "firewall f default drop {\n"
                            "  drop tcp from 10.1.0.3 to port 80\n"
                            "  accept state established, related\n"
                            "  accept tcp port 80, 81, 443\n"
                            "  reject tcp port 113\n"
                            "}\n";

/* An executor and its results for the last packet */
struct side {
    struct executor *e;
    struct pool *pool;
    void *memory;
    struct facts facts;
    struct vm_in in;
    struct tx_entry entries[ENTRIES];
    struct vm_tx tx;
    struct verdict v;
};

static bool side_init(struct side *s, struct program *p, bool in_kernel, char *err, size_t err_len)
{
    static const uint32_t own[1] = {0x0a09090a};
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    s->memory = aligned_alloc(64, bytes);
    s->pool = pool_init(s->memory, bytes, SLOTS, SLOT_BYTES);
    const struct vm_cfg cfg = {.pool = s->pool, .seed = 3, .live = true};
    s->facts = (struct facts){.generation = 1, .self4 = own, .self4_count = 1};
    s->in = (struct vm_in){.mono_ns = 1000 * S, .facts = &s->facts};
    s->tx = (struct vm_tx){.entries = s->entries, .cap = ENTRIES};
    s->e = executor_new(p, &cfg, in_kernel ? KERNEL_XDP : 0, err, err_len);
    return s->e;
}

static void side_clear(struct side *s)
{
    for (unsigned i = 0; i < s->tx.count; i++) pool_put(s->entries[i].pkt);
    s->tx.count = 0;
}

static void side_fini(struct side *s)
{
    side_clear(s);
    executor_free(s->e);
    free(s->memory);
}

/* A packet of the wire or of the inline stack */
struct packet {
    uint8_t bytes[TALK_FRAME_MAX];
    uint32_t len;
    bool from_stack;
};

static void take(struct side *s, struct packet *p)
{
    struct pkt view, *pkt = &view;
    side_clear(s);
    pkt_view(&view, p->bytes, p->len, p->len, p->from_stack ? LINK_RAW : LINK_ETHER, p->from_stack ? IFACE_NONE : 0);
    if (!p->from_stack) {
        executor_run(s->e, &s->in, &pkt, 1, &s->v, &s->tx);
        return;
    }
    s->v = (struct verdict){0};
    pkt = pool_copy(s->pool, &view);
    vm_inline_sent(executor_vm(s->e), &s->in, &pkt, 1, &s->tx);
    bool left = false;
    for (unsigned i = 0; i < s->tx.count; i++) left |= s->entries[i].pkt == pkt;
    if (!left) pool_put(pkt);
}

/* ---- drawing ---- */

static const uint32_t servers[] = {0x0a020001, 0x0a020002, 0x0a090907, 0x0a090909};
static const uint16_t to_ports[PORTS] = {80, 443, 81, 113};
static const uint8_t all_flags[] = {TCP_SYN,           TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK,           TCP_ACK, TCP_ACK,
                                    TCP_ACK | TCP_FIN, TCP_RST, TCP_RST | TCP_ACK, TCP_ACK | TCP_PSH, 0};

static struct talk of_the_wire(struct rng *r)
{
    struct talk t = {.v6 = rng_one_in(r, 4),
                     .src = 0x0a010001 + (uint32_t)rng_below(r, CLIENTS),
                     .dst = servers[rng_below(r, 4)],
                     .proto = 6,
                     .ttl = rng_below(r, 21) ? 64 : 1,
                     .src_port = (uint16_t)(40000 + rng_below(r, 3)),
                     .dst_port = to_ports[rng_below(r, PORTS)],
                     .flags = all_flags[rng_below(r, sizeof all_flags)],
                     .seq = 1000 + (uint32_t)rng_below(r, 3),
                     .ack = 1000 + (uint32_t)rng_below(r, 3),
                     .window = 500,
                     .payload = (uint8_t)(rng_below(r, 2) * 8),
                     .ip_id = (uint16_t)rng_below(r, 4),
                     .fragment = (uint8_t)(rng_below(r, 16) ? 0 : 1 + rng_below(r, 2))};
    if (rng_below(r, 2)) {
        const struct talk back = t;
        t.src = back.dst, t.dst = back.src;
        t.src_port = back.dst_port, t.dst_port = back.src_port;
    }
    if (rng_one_in(r, 10)) t.tag_count = 1, t.tags[0].tpid = 0x8100, t.tags[0].vid = 5;
    if (t.v6) t.fragment = 0;
    return t;
}

static void put_address(uint8_t *at, const uint32_t addr[4], bool v6)
{
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) wire_put32(at + 4 * i, addr[i]);
}

/* Draw a packet of the listener's sockets, or of the sockets that connect to servers */
static struct talk of_the_stack(struct rng *r, uint32_t src[4], uint32_t dst[4])
{
    struct talk t = of_the_wire(r);
    struct inline_name n = {.end = INLINE_CLIENT, .number = (uint32_t)rng_below(r, NUMBERS)};
    const bool listens = rng_below(r, 2);
    t.tag_count = t.fragment = 0;
    t.src_port = listens ? INLINE_LISTENS : 5555;
    t.dst_port = (uint16_t)(listens ? 1024 + rng_below(r, 4) : INLINE_ORIGINAL + rng_below(r, 3));
    t.ttl = inline_ttl(0);
    if (listens) {
        inline_listener(src, t.v6, 0);
        inline_address(dst, t.v6, n);
        return t;
    }
    n.end = INLINE_OWN;
    inline_address(src, t.v6, n);
    n.end = INLINE_SERVER;
    inline_address(dst, t.v6, n);
    return t;
}

static void draw(struct rng *r, struct packet *p)
{
    const unsigned what = rng_below(r, 10);
    uint32_t src[4], dst[4];
    *p = (struct packet){.from_stack = what < 4};
    struct talk t = p->from_stack ? of_the_stack(r, src, dst) : of_the_wire(r), about = t;
    if (what == 9) {
        about.fragment = about.tag_count = 0;
        t = (struct talk){.v6 = t.v6, .src = rng_below(r, 2) ? t.dst : 0x0a050505, .dst = t.src, .ttl = 64};
        t.proto = t.v6 ? 58 : 1;
        t.type = t.v6 ? 1 : 3;
        t.quoted = &about;
    }
    p->len = talk_build(&t, p->bytes);
    if (!p->from_stack) return;
    enum { LINK = 14, SRC4 = 12, SRC6 = 8 };
    const uint32_t at = LINK + (t.v6 ? SRC6 : SRC4);
    put_address(p->bytes + at, src, t.v6);
    put_address(p->bytes + at + (t.v6 ? 16 : 4), dst, t.v6);
    p->len -= LINK;
    memmove(p->bytes, p->bytes + LINK, p->len);
}

/* ---- comparing ---- */

static const char *differ_left(const struct side *a, const struct side *b)
{
    if (a->tx.count != b->tx.count) return "not as many packets leave";
    for (unsigned i = 0; i < a->tx.count; i++) {
        const struct tx_entry *x = &a->entries[i], *y = &b->entries[i];
        if (x->kind != y->kind || x->cause != y->cause || x->out_if != y->out_if) return "another way out";
        const uint32_t from = x->kind == TX_INLINE_STACK ? x->pkt->l3 : 0, len = x->pkt->head_len - from;
        if (y->pkt->head_len - (x->kind == TX_INLINE_STACK ? y->pkt->l3 : 0) != len) return "another length leaves";
        if (memcmp(x->pkt->data + from, y->pkt->data + (x->kind == TX_INLINE_STACK ? y->pkt->l3 : 0), len))
            return "other bytes leave";
    }
    return NULL;
}

static const char *differ(const struct side *a, const struct side *b)
{
    const struct verdict *x = &a->v, *y = &b->v;
    if (x->action != y->action || x->reason != y->reason) return "another verdict";
    if (x->rule != y->rule || x->firewall != y->firewall) return "another rule";
    if (x->service != y->service || x->server != y->server || x->flags != y->flags) return "another service";
    return differ_left(a, b);
}

static void say(uint64_t at, const struct packet *p, const struct side *user, const struct side *kernel)
{
    const struct verdict *a = &user->v, *b = &kernel->v;
    printf("# packet %" PRIu64 "%s:", at, p->from_stack ? " of the inline stack" : "");
    for (uint32_t i = 0; i < p->len; i++) printf(" %02x", p->bytes[i]);
    printf(
        "\n# action %u and %u, reason %u and %u, rule %u and %u, service %u and %u, flags %x and %x, %u and %u leave\n",
        a->action, b->action, a->reason, b->reason, a->rule, b->rule, a->service, b->service, a->flags, b->flags,
        user->tx.count, kernel->tx.count);
}

/* Check that the marks are those of the worker's connections. */
static const char *differ_marks(const struct side *kernel)
{
    const struct inline_marks *m = kernel_map(kernel->e->kernel, KERNEL_MAP_marks)->memory;
    uint64_t connections = 0, sum = 0;
    struct inline_open o;
    for (uint32_t n = 0; n < NUMBERS; n++) {
        if (!vm_inline_open(executor_vm(kernel->e), n, &o)) continue;
        connections++;
        if (!m->at[mark_of(m, o.client, o.client_port, o.server, o.server_port)]) return "a connection has no mark";
    }
    for (uint32_t i = 0; i < INLINE_MARKS; i++) sum += m->at[i];
    if (sum != m->live || sum < connections || sum > 2 * connections) return "other marks than connections have";
    return NULL;
}

struct told {
    uint64_t up, inlines, begun;
};

static const char *run(struct side *user, struct side *kernel, uint64_t packets, struct rng *r, struct told *told)
{
    enum { LOOK = 200 };
    struct packet p;
    for (uint64_t i = 0; i < packets; i++) {
        const uint64_t goes_by = rng_next(r) % (rng_one_in(r, 100) ? 30 * S : S / 100);
        draw(r, &p);
        struct packet same = p;
        user->in.mono_ns = kernel->in.mono_ns = user->in.mono_ns + goes_by;
        take(user, &p);
        take(kernel, &same);
        const char *wrong = differ(user, kernel);
        if (!wrong && i % LOOK == 0) wrong = differ_marks(kernel);
        if (wrong) say(i, &p, user, kernel);
        if (wrong) return wrong;
        told->inlines += !p.from_stack && user->v.flags & VERDICT_REPLY;
        for (unsigned k = 0; k < user->tx.count; k++) told->begun += user->entries[k].cause == TX_CAUSE_INLINE;
        if (i % 50) continue;
        side_clear(user);
        side_clear(kernel);
        executor_tick(user->e, &user->in, &user->tx);
        executor_tick(kernel->e, &kernel->in, &kernel->tx);
        if ((wrong = differ_left(user, kernel))) return wrong;
    }
    told->up = kernel_counters(kernel->e->kernel).ups[KERNEL_UP_INLINE].packets;
    return told->begun && told->inlines && told->up ? NULL : "nothing was drawn that matters";
}

int main(int argc, char **argv)
{
    char err[600] = "out of memory";
    const uint64_t packets = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000,
                   seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
    struct side user = {0}, kernel = {0};
    struct told told = {0};
    struct rng r = {seed};
    struct program *p = compiled_text(rules);
    if (!p || !side_init(&user, p, false, err, sizeof err)) return 1;
    if (!side_init(&kernel, p, true, err, sizeof err)) {
        const bool skipped = errno == EPERM || errno == ENOTSUP;
        printf("%s%s\n", skipped ? "ok - # SKIP " : "not ok - ", err);
        return !skipped;
    }
    const char *wrong = run(&user, &kernel, packets, &r, &told);
    if (!wrong && executor_fault(kernel.e)) wrong = "the kernel did not answer";
    if (wrong) printf("# %s, seed %" PRIu64 "\n", wrong, seed);
    printf("# %" PRIu64 " begun, %" PRIu64 " of them later, %" PRIu64 " came up\n", told.begun, told.inlines, told.up);
    printf("%s - connections in the wire are the same by both executors\n", wrong ? "not ok" : "ok");
    side_fini(&user);
    side_fini(&kernel);
    program_put(p);
    return wrong != NULL;
}

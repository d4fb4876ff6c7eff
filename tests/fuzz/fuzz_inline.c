/* Fuzzes a worker with inline connections, some of which leave the inline stack, with any packets of wire ends and
 * of the inline stack, and any requests of a proxy loop. With any numbers, flags, tags, fragments and quotes,
 * packets leave complete, no slot is lost, nothing is read outside, and the state survives as bytes.
 *
 * Input: for each packet eight bytes of choices (struct step), then bytes that overwrite it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "vm/flow/inline_addr.h"
#include "vm/flow/spliced.h"
#include "vm/packet/pool_priv.h"
#include "vm/packet/wire.h"
#include "vm/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOTS = 64, SLOT_BYTES = 2048, STEPS_MOST = 64, ENTRIES = 64, PACKET_MOST = 160, PORTS = 2 };

#define HOLD(truth)                                                                                                    \
    do {                                                                                                               \
        if (!(truth)) __builtin_trap();                                                                                \
    } while (0)

static const char rules[] =
    "limits { proxy_sessions 16; flows 64; half_open 16; fragments 16; maglev 127 }\n"
    "pool p { server a 10.1.0.9:81 mac 02:00:00:00:00:09 vlan 7; server b 10.1.0.8 }\n"
    "service one on any tcp/80 { mode proxy inline }\n"
    "service three on any tcp/8080 { mode proxy inline; splice packets }\n"
    "service two on any tcp/any { mode proxy inline; bytes first; on overload pass; splice packets; else -> p }\n"
    "firewall f default accept { reject port 113 as IDENT }\n";

/* One packet: its sender, its connection and its content */
struct step {
    uint8_t who; /* bit 0: from the inline stack; 1: from the other end; 2: IPv6; 3, 4: tags, 3: no Ethernet; 5: arrives
                    by the other port; 6: an ICMP error about it, or from the inline stack, a request of the loop; 7: a
                    fragment */
    uint8_t number; /* number of the connection: its ports and made-up addresses */
    uint8_t flags;  /* TCP */
    uint8_t seq, ack;
    uint8_t time;  /* time before the packet, in eighths of a second; from 250 on: the state as bytes, and a tick */
    uint8_t over;  /* number of bytes that overwrite the packet, */
    uint8_t place; /* from this place on */
};

static struct program *program;
static struct inline_carried carried[16];

static void compile_rules(void)
{
    struct compile c;
    char why[256] = "";
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, "fuzz.prey", rules, strlen(rules)) != 0) diags_print_text(c.diags, stderr, false);
    program = program_load(c.pbc, c.pbc_len, why, sizeof why);
    compile_fini(&c);
    HOLD(program);
}

struct worker {
    struct vm *vm;
    struct vm_cfg cfg;
    struct pool *pool;
    void *memory;
    struct tx_entry entries[ENTRIES];
    struct vm_tx tx;
    uint32_t left; /* a hash of the frames that left */
};

static void worker_init(struct worker *w)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    memset(w, 0, sizeof *w);
    w->memory = aligned_alloc(64, bytes);
    w->pool = pool_init(w->memory, bytes, SLOTS, SLOT_BYTES);
    w->cfg = (struct vm_cfg){.pool = w->pool, .seed = 3, .live = true, .inline_carried = carried};
    w->vm = vm_new(program, &w->cfg);
    HOLD(w->pool && w->vm);
    w->tx = (struct vm_tx){.entries = w->entries, .cap = ENTRIES};
}

/* Read every byte of packets that leave, so that a sanitizer finds unwritten ones. */
static void worker_clear(struct worker *w)
{
    HOLD(w->tx.count <= w->tx.cap);
    for (unsigned i = 0; i < w->tx.count; i++) {
        const struct tx_entry *e = &w->entries[i];
        struct pkt *pkt = e->pkt;
        HOLD(pkt && pkt->pool == w->pool && pkt->head_len <= SLOT_BYTES && pkt->l3 <= pkt->head_len);
        HOLD(e->kind != TX_INLINE_STACK || e->out_if == IFACE_NONE);
        for (uint32_t b = 0; b < pkt->head_len; b++) w->left = w->left * 31 + pkt->data[b];
        pool_put(pkt);
    }
    w->tx.count = 0;
}

static void worker_fini(struct worker *w)
{
    worker_clear(w);
    vm_free(w->vm);
    HOLD(w->pool->free_count == SLOTS);
    free(w->memory);
}

/* Write the worker's state into bytes, from which another worker continues. */
static void archive(struct worker *w, const struct vm_in *in)
{
    static uint8_t bytes[1 << 20];
    struct archive a = {.at = bytes, .left = sizeof bytes};
    if (!vm_rests(w->vm) || !vm_archive(w->vm, in, &a)) return;
    const size_t len = sizeof bytes - a.left;
    struct vm *vm = vm_new(program, &w->cfg);
    HOLD(vm);
    a = (struct archive){.at = bytes, .left = len, .reads = true, .cookies = UINT64_MAX};
    HOLD(vm_archive(vm, in, &a) && a.left == 0);
    vm_free(w->vm);
    w->vm = vm;
}

static uint32_t put(uint8_t *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    return bytes;
}

/* Ends of a packet as its sender writes them */
struct ends {
    uint32_t src[4], dst[4];
    uint16_t sport, dport;
};

static struct ends on_the_wire(const struct step *s, bool v6)
{
    struct ends e = {.src = {v6 ? 0x20010db8 : 0x0a010001, 0, 0, 1},
                     .dst = {v6 ? 0x20010db8 : 0x0a010002, 0, 0, 2},
                     .sport = (uint16_t)(40000 + s->number % 32),
                     .dport = s->number & 64 ? s->number & 32 ? 8080 : 80 : 443};
    if (!(s->who & 2)) return e;
    struct ends back = {.sport = e.dport, .dport = e.sport};
    memcpy(back.src, e.dst, sizeof e.dst);
    memcpy(back.dst, e.src, sizeof e.src);
    if (s->number & 128 && !v6) back.src[0] = 0x0a010009, back.sport = 81;
    return back;
}

static struct ends of_the_stack(const struct step *s, bool v6)
{
    const struct inline_name n = {.number = s->number % 32};
    struct inline_name to = n, from = n;
    struct ends e = {.sport = INLINE_LISTENS, .dport = (uint16_t)(1024 + (s->number >> 6))};
    to.end = s->who & 2 ? INLINE_SERVER : INLINE_CLIENT;
    from.end = INLINE_OWN;
    inline_address(e.dst, v6, to);
    if (s->who & 2) {
        inline_address(e.src, v6, from);
        e.sport = (uint16_t)(5000 + (s->number >> 7));
        e.dport = (uint16_t)(INLINE_ORIGINAL + (s->number >> 5 & 3));
    } else {
        inline_listener(e.src, v6, 0);
    }
    return e;
}

static uint32_t put_ip(uint8_t *at, const struct ends *e, bool v6, unsigned proto, uint32_t len, bool piece)
{
    uint32_t n = put(at, v6 ? 6u << 28 : 0x45u << 24 | (20 + len), 4);
    n += put(at + n, v6 ? len << 16 | proto << 8 | 64 : piece ? 0x12342000 : 0x12340000, 4);
    if (!v6) n += put(at + n, 64u << 24 | proto << 16, 4);
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) n += put(at + n, e->src[i], 4);
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) n += put(at + n, e->dst[i], 4);
    return n;
}

static uint16_t sum_of(const struct ends *e, bool v6, const uint8_t *tcp, uint32_t len)
{
    uint32_t sum = 6 + len;
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++)
        sum += (e->src[i] >> 16) + (e->src[i] & 0xffff) + (e->dst[i] >> 16) + (e->dst[i] & 0xffff);
    for (uint32_t i = 0; i < len; i += 2) sum += (uint32_t)tcp[i] << 8 | tcp[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Write a TCP segment; half of them announce an MSS, all are multiples of eight bytes long and have right checksums. */
static uint32_t put_packet(uint8_t *at, const struct step *s, const struct ends *e, bool v6)
{
    uint8_t tcp[32];
    uint32_t n = put(tcp, (uint32_t)e->sport << 16 | e->dport, 4);
    n += put(tcp + n, s->seq, 4);
    n += put(tcp + n, s->ack, 4);
    n += put(tcp + n, 6u << 28 | (uint32_t)(s->flags & 63) << 16 | 500, 4);
    n += put(tcp + n, 0, 4);
    n += put(tcp + n, s->flags & 64 ? 0x02040500 : 0x01010101, 4);
    if (s->flags & 128) n += put(tcp + n, 0x68616c6c, 4) + put(tcp + n + 4, 0x6f210a0d, 4);
    put(tcp + 16, sum_of(e, v6, tcp, n), 2);
    const uint32_t ip = put_ip(at, e, v6, 6, n, s->who & 128);
    memcpy(at + ip, tcp, n);
    return ip + n;
}

/* Write an error to the sender that quotes the packet */
static uint32_t put_error(uint8_t *at, const uint8_t *quotes, uint32_t len, const struct ends *e, const struct step *s,
                          bool v6)
{
    struct ends back = {.sport = 0};
    memcpy(back.dst, e->src, sizeof back.dst);
    back.src[0] = v6 ? 0x20010db8 : 0x0a0100fe;
    back.src[3] = 0xfe;
    uint32_t n = put_ip(at, &back, v6, v6 ? 58 : 1, 8 + len, false);
    n += put(at + n, (v6 ? 1 + (s->flags & 1u) : 3) << 24 | (uint32_t)(s->flags & 7) << 16, 4);
    n += put(at + n, 1280, 4);
    memcpy(at + n, quotes, len);
    return n + len;
}

static bool is_bare(const struct step *s) { return s->who & 1 || (s->who >> 3 & 3) == 3; }

static uint32_t put_link(uint8_t *at, const struct step *s, bool v6)
{
    const unsigned tags = s->who >> 3 & 3;
    uint32_t n = put(at, 0x02000000, 4) + put(at + 4, s->who & 2 ? 1 : 2, 2);
    n += put(at + n, 0x02000000, 4);
    n += put(at + n, s->who & 2 ? 2 : 1, 2);
    for (unsigned i = 0; i < tags; i++) n += put(at + n, (i ? 0x8100u : 0x88a8u) << 16 | (5 + i), 4);
    return n + put(at + n, v6 ? 0x86dd : 0x0800, 2);
}

static uint32_t put_step(uint8_t at[2 * PACKET_MOST], const struct step *s)
{
    uint8_t quoted[PACKET_MOST];
    const bool from_stack = s->who & 1, v6 = s->who & 4;
    const struct ends e = (from_stack ? of_the_stack : on_the_wire)(s, v6);
    const uint32_t link = is_bare(s) ? 0 : put_link(at, s, v6);
    if (!(s->who & 64)) return link + put_packet(at + link, s, &e, v6);
    const uint32_t len = put_packet(quoted, s, &e, v6);
    return link + put_error(at + link, quoted, len, &e, s, v6);
}

static void send_inline(struct worker *w, const struct vm_in *in, const uint8_t *bytes, uint32_t len)
{
    struct pkt view;
    pkt_view(&view, bytes, len, len, LINK_RAW, IFACE_NONE);
    struct pkt *pkt = pool_copy(w->pool, &view);
    HOLD(pkt);
    vm_inline_sent(w->vm, in, &pkt, 1, &w->tx);
    for (unsigned i = 0; i < w->tx.count; i++)
        if (w->entries[i].pkt == pkt) return;
    pool_put(pkt);
}

static void send_on_the_wire(struct worker *w, const struct vm_in *in, const uint8_t *bytes, uint32_t len, bool second,
                             bool bare)
{
    uint8_t *exact = malloc(len);
    struct verdict v;
    struct pkt pkt, *const pkts[] = {&pkt};
    HOLD(exact);
    memcpy(exact, bytes, len);
    pkt_view(&pkt, exact, len, len, bare ? LINK_RAW : LINK_ETHER, second);
    vm_run(w->vm, in, pkts, 1, &v, &w->tx);
    worker_clear(w);
    free(exact);
}

/* Make a request of the loop. */
static void ask(struct worker *w, const struct vm_in *in, const struct step *s)
{
    struct inline_ask a = {.kind = s->flags & 3, .number = s->number % 32, .port = (uint16_t)(1024 + (s->number >> 6))};
    if (a.kind > INLINE_TARGET) return;
    if (a.kind == INLINE_LEAVE) {
        a.of.moved.read[AT_CLIENT] = s->seq;
        a.of.moved.read[AT_SERVER] = s->ack;
        a.of.moved.wrote[AT_CLIENT] = s->flags >> 2;
        a.of.moved.wrote[AT_SERVER] = s->place;
    } else {
        a.of.target.addr[0] = s->who & 4 ? 0x20010db8 : 0x0a010000 | s->seq;
        a.of.target.addr[3] = s->who & 4 ? s->seq : 0;
        a.of.target.port = s->ack;
    }
    vm_inline_ask(w->vm, in, &a, &w->tx);
}

static void hear(struct worker *w)
{
    struct inline_told t;
    while (vm_inline_told(w->vm, &t)) HOLD(t.kind <= INLINE_OVER && (t.kind != INLINE_OVER || t.why));
}

static void run_step(struct worker *w, struct vm_in *in, const struct step *s, const uint8_t *over)
{
    uint8_t bytes[2 * PACKET_MOST] = {0};
    const uint32_t len = put_step(bytes, s);
    for (uint32_t i = 0; i < s->over && s->place + i < len; i++) bytes[s->place + i] ^= over[i];
    in->mono_ns += (uint64_t)s->time * 125000000;
    if ((s->who & 65) == 65)
        ask(w, in, s);
    else if (s->who & 1)
        send_inline(w, in, bytes, len);
    else
        send_on_the_wire(w, in, bytes, len, !(s->who & 2) == !!(s->who & 32), is_bare(s));
    worker_clear(w);
    hear(w);
    if (s->time < 250) return;
    archive(w, in);
    vm_tick(w->vm, in, &w->tx);
    worker_clear(w);
    hear(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct facts_iface ifaces[PORTS] = {{.peer = 1}, {.peer = 0}};
    const struct facts facts = {.generation = 1, .ifaces = ifaces, .ifaces_count = PORTS, .bridges = true};
    struct vm_in in = {.mono_ns = 1000000000, .facts = &facts};
    struct worker w;
    struct step s;
    if (!program) compile_rules();
    worker_init(&w);
    for (unsigned n = 0; n < STEPS_MOST && size >= sizeof s; n++) {
        memcpy(&s, data, sizeof s);
        data += sizeof s;
        size -= sizeof s;
        s.over &= 15;
        if (s.over > size) s.over = (uint8_t)size;
        run_step(&w, &in, &s, data);
        data += s.over;
        size -= s.over;
    }
    worker_fini(&w);
    return 0;
}

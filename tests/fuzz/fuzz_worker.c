/* Fuzzes workers with any bytes as a few frames, one after the other. Their rules have every action: every mode,
 * translation, opened tunnels, announced addresses, meters, states. The code and the rule list agree, every packet
 * is in one counter, no slot is lost, nothing is read outside.
 *
 * Input, for each frame: a byte of choices (link, cut by the capture, time that goes by), its length less one, its
 * bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "vm/packet/pool_priv.h"
#include "vm/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOTS = 64, SLOT_BYTES = 2048, FRAMES_MOST = 24, HELD_MOST = 64 };

#define HOLD(truth)                                                                                                    \
    do {                                                                                                               \
        if (!(truth)) __builtin_trap();                                                                                \
    } while (0)

static const char rules[] =
    "limits { flows 64; half_open 16; fragments 16; maglev 127 }\n"
    "interface wan = \"eth0\"\n"
    "meter slow = 2/s burst 2 per source entries 16\n"
    "meter rare = 2/s burst 2 per source entries 16\n"
    "pool web { source 10.9.0.1, 2001:db8:9::1 ports 2000-2015; server a 10.0.0.11:8080; server six 2001:db8:a::11 }\n"
    "pool old { source 10.9.0.7; balance least_conn; server a 10.0.0.12; server b 10.0.0.13 weight 3 }\n"
    "service pass on 203.0.113.1, 2001:db8::1 tcp/80, udp/53, icmp, icmp6 { mode passthrough; announce; mss clamp "
    "1200; -> web }\n"
    "service keep on 203.0.113.2, 2001:db8::2 tcp/any, udp/any, sctp/any { mode passthrough keep source; -> web }\n"
    "service l2 on 203.0.113.3 tcp/any, udp/any { mode dsr l2; max flows 3; -> old }\n"
    "service bent on 203.0.113.4 tcp/any, udp/any { mode dsr rewrite; affinity source 1m; -> old }\n"
    "service wrapped on 203.0.113.5, 2001:db8::5 tcp/any, udp/any { mode dsr ipip; -> old }\n"
    "service gued on 203.0.113.6, 2001:db8::6 tcp/any, udp/any { mode dsr gue 6080; rate rare; -> old }\n"
    "service asks on 203.0.113.7, 2001:db8::7 tcp/any { mode passthrough; syn cookies; -> web }\n"
    "nat home { source from 192.168.0.0/16 out on wan to 203.0.113.100; forward 203.0.113.101 tcp/80 -> 192.168.0.5 }\n"
    "firewall f default drop {\n"
    "  decap ipip from 192.0.2.0/24, 2001:db8:1::/48 as IPIP\n"
    "  decap gue 6080 from 192.0.2.0/24, 2001:db8:1::/48 as GUE\n"
    "  drop state invalid ttl 3 as INVALID\n"
    "  count over slow as OVER\n"
    "  reject port 113 as IDENT\n"
    "  accept as ALL\n"
    "}\n";

static struct program *program;
static const uint32_t self4[] = {0x0a000009};

static void compile_rules(void)
{
    struct compile c;
    char why[256] = "";
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, "fuzz.prey", rules, strlen(rules)) != 0) diags_print_text(c.diags, stderr, false);
    program = program_load(c.pbc, c.pbc_len, why, sizeof(why));
    compile_fini(&c);
    HOLD(program);
}

struct way {
    struct vm *vm;
    struct pool *pool;
    void *memory;
    struct tx_entry entries[HELD_MOST + 4 * VM_TX_PER_PACKET];
    struct vm_tx tx;
    struct verdict v;
    uint64_t packets, bytes;
    uint32_t left; /* a hash of the number and lengths of packets that left */
};

static void way_init(struct way *w, bool naive)
{
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) / 64 * 64;
    memset(w, 0, sizeof(*w));
    w->memory = aligned_alloc(64, bytes);
    w->pool = pool_init(w->memory, bytes, SLOTS, SLOT_BYTES);
    w->vm = vm_new(program, &(struct vm_cfg){.pool = w->pool, .seed = 3, .naive = naive});
    HOLD(w->pool && w->vm);
    w->tx = (struct vm_tx){.entries = w->entries, .cap = sizeof(w->entries) / sizeof(*w->entries)};
}

/* Read every byte of packets that leave, so that a sanitizer finds unwritten ones. */
static void way_clear(struct way *w)
{
    HOLD(w->tx.count <= w->tx.cap);
    for (unsigned i = 0; i < w->tx.count; i++) {
        struct pkt *pkt = w->entries[i].pkt;
        HOLD(pkt && pkt->pool == w->pool && pkt->head_len <= SLOT_BYTES);
        w->left = w->left * 31 + pkt->wire_len + w->entries[i].kind;
        for (uint32_t b = 0; b < pkt->head_len; b++) w->left = w->left * 31 + pkt->data[b];
        pool_put(pkt);
    }
    w->tx.count = 0;
}

static void way_adds_up(const struct way *w)
{
    const struct vm_counters *c = vm_counters(w->vm);
    uint64_t packets = 0, reasons = 0;
    for (unsigned i = 0; i < ACTION_COUNT; i++) packets += c->verdicts[i].packets;
    for (unsigned i = 0; i < REASON_COUNT; i++) reasons += c->reasons[i].packets;
    HOLD(packets == w->packets && reasons == c->verdicts[ACTION_DROP].packets);
}

static void way_fini(struct way *w)
{
    vm_free(w->vm);
    HOLD(w->pool->free_count == SLOTS);
    free(w->memory);
}

static void run_frame(struct way ways[2], const struct vm_in *in, const uint8_t *bytes, uint32_t len, uint8_t choices)
{
    static const enum pkt_link links[] = {LINK_ETHER, LINK_ETHER, LINK_RAW, LINK_SLL};
    uint8_t *exact = malloc(len);
    HOLD(exact);
    memcpy(exact, bytes, len);
    for (unsigned i = 0; i < 2; i++) {
        struct pkt pkt, *const pkts[] = {&pkt};
        pkt_view(&pkt, exact, len, len + (choices & 4 ? 300 : 0), links[choices & 3], IFACE_NONE);
        pkt.cookie = ways[i].packets++;
        vm_run(ways[i].vm, in, pkts, 1, &ways[i].v, &ways[i].tx);
        way_clear(&ways[i]);
        way_adds_up(&ways[i]);
    }
    free(exact);
    HOLD(memcmp(&ways[0].v, &ways[1].v, sizeof(ways[0].v)) == 0 && ways[0].left == ways[1].left);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct facts facts = {.generation = 1, .self4 = self4, .self4_count = 1, .addr4 = 0x0a000009, .mtu = 128};
    struct vm_in in = {.mono_ns = 1, .facts = &facts};
    struct way ways[2];
    if (!program) compile_rules();
    for (unsigned i = 0; i < 2; i++) way_init(&ways[i], i);
    for (unsigned n = 0; n < FRAMES_MOST && size > 2; n++) {
        const uint8_t choices = data[0];
        uint32_t len = data[1] + 1u;
        data += 2;
        size -= 2;
        if (len > size) len = (uint32_t)size;
        in.mono_ns += (uint64_t)(choices >> 3) * 40000000;
        run_frame(ways, &in, data, len, choices);
        data += len;
        size -= len;
    }
    for (unsigned i = 0; i < 2; i++) {
        vm_tick(ways[i].vm, &in, &ways[i].tx);
        way_clear(&ways[i]);
        way_fini(&ways[i]);
    }
    return 0;
}

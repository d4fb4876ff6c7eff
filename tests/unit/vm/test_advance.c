/* Flows that are handed over in advance, in parts, while packets change them: at the end both ways lead to the same
 * state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compiler/compiler.h"
#include "tests/lib/known_routes.h"
#include "tests/lib/note.h"
#include "vm/flow/flow.h"
#include "vm/keyed/archive.h"
#include "vm/vm.h"

enum { SLOTS = 32, SLOT_BYTES = 2048, ENTRIES = 64, BYTES = 1 << 22 };

static const char rules[] =
    "limits { flows 200; half_open 40 }\n"
    "interface wan = \"eth0\"\n"
    "pool web { source 10.9.0.8 ports 6000-6063; server a 10.0.0.11:8080; server b 10.0.0.12:8080 }\n"
    "service www on 203.0.113.10 tcp/80, udp/80 { mode passthrough; -> web }\n"
    "nat n { source from 198.18.0.0/24 out on wan -> 10.9.0.7 ports 5000-5063 }\n"
    "firewall f forward default drop {\n"
    "  accept state established, related\n"
    "  drop flows over 20 per source\n"
    "  accept\n"
    "}\n";

struct world {
    struct program *program;
    struct pool *pool;
    void *memory;
    struct facts facts;
    struct known_routes routes;
    uint8_t down[4];
    uint64_t now_ns;
    struct tx_entry entries[ENTRIES];
    struct event events[ENTRIES];
    struct vm_tx tx;
    uint64_t random;
};

static uint8_t first[BYTES], second[BYTES], third[BYTES];

static void world_init(struct world *w, uint64_t seed)
{
    struct compile c;
    char why[256] = "";
    const size_t bytes = (pool_bytes(SLOTS, SLOT_BYTES) + 63) & ~(size_t)63;
    *w = (struct world){.now_ns = 1000, .random = seed * 2 + 1};
    compile_init(&c);
    assert_int_equal(compile_text(&c, "rules", rules, strlen(rules)), 0);
    w->program = program_load(c.pbc, c.pbc_len, why, sizeof why);
    compile_fini(&c);
    assert_non_null(w->program);
    w->memory = aligned_alloc(64, bytes);
    w->pool = pool_init(w->memory, bytes, SLOTS, SLOT_BYTES);
    w->facts = (struct facts){.generation = 1, .down = w->down, .addr4 = 0x0a090001};
    assert_true(know_routes(&w->routes, "default=eth0", w->program, &w->facts, why, sizeof why));
    w->tx = (struct vm_tx){.entries = w->entries, .cap = ENTRIES, .events = w->events, .event_cap = ENTRIES};
}

static void drop_sent(struct world *w)
{
    for (unsigned i = 0; i < w->tx.count; i++) pool_put(w->entries[i].pkt);
    w->tx.count = w->tx.event_count = 0;
}

static void world_fini(struct world *w)
{
    drop_sent(w);
    known_routes_fini(&w->routes);
    program_put(w->program);
    free(w->memory);
}

static struct vm *vm_made(const struct world *w, bool live)
{
    struct vm *vm =
        vm_new(w->program, &(struct vm_cfg){.pool = w->pool, .seed = 5, .flow_events = !live, .live = live});
    assert_non_null(vm);
    return vm;
}

static unsigned draw(struct world *w, unsigned below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (unsigned)(w->random >> 20) % below;
}

static void one_packet(struct world *w, struct vm *vm)
{
    static const char *const flags[] = {"syn", "syn ack", "ack", "ack", "ack", "fin ack", "rst"};
    static struct note note;
    char text[200], err[200], transport[100];
    struct pkt pkt, *pkts[1] = {&pkt};
    struct verdict v;
    const unsigned kind = draw(w, 5), host = 1 + draw(w, 6), port = draw(w, 64);
    const bool back = draw(w, 2), tcp = draw(w, 2);
    if (tcp)
        snprintf(transport, sizeof transport, "tcp %%u > %%u %s seq %u ack %u", flags[draw(w, 7)], 1 + draw(w, 3),
                 draw(w, 3));
    else
        snprintf(transport, sizeof transport, "udp %%u > %%u");
    static const char *const ways[5][2] = {
        {"198.51.100.%u > 203.0.113.77", "203.0.113.77 > 198.51.100.%u"},
        {"198.51.100.%u > 203.0.113.10", "203.0.113.10 > 198.51.100.%u"},
        {"198.18.0.%u > 192.0.2.9", "192.0.2.9 > 198.18.0.%u"},
        {"192.0.2.9 > 10.9.0.7", "192.0.2.9 > 10.9.0.7"},
        {"10.0.0.11 > 10.9.0.8", "10.0.0.12 > 10.9.0.8"},
    };
    static const unsigned at[5] = {1000, 1000, 2000, 5000, 6000}, other[5] = {80, 80, 53, 53, 8080};
    const unsigned here = at[kind] + port, there = other[kind];
    const bool turned = kind >= 3 || back;
    char ends[80], ports[100];
    snprintf(ends, sizeof ends, ways[kind][back], host);
    snprintf(ports, sizeof ports, transport, turned ? there : here, turned ? here : there);
    snprintf(text, sizeof text, "eth / ip4 %s / %s", ends, ports);
    drop_sent(w);
    assert_int_equal(note_parse(text, &note, err, sizeof err), 0);
    note_view(&note, IFACE_NONE, &pkt);
    w->now_ns += draw(w, 300000000);
    const struct vm_in in = {.mono_ns = w->now_ns, .facts = &w->facts};
    vm_run(vm, &in, pkts, 1, &v, &w->tx);
    drop_sent(w);
    if (!draw(w, 8)) vm_tick(vm, &in, &w->tx);
    drop_sent(w);
}

static size_t archived(const struct world *w, struct vm *vm, uint8_t *bytes, bool rest)
{
    const struct vm_in in = {.mono_ns = w->now_ns, .facts = &w->facts};
    struct archive a = {.at = bytes, .left = BYTES, .rest = rest};
    assert_true(vm_archive(vm, &in, &a));
    return BYTES - a.left;
}

static bool restored(const struct world *w, struct vm *vm, uint8_t *bytes, size_t len, bool rest)
{
    const struct vm_in in = {.mono_ns = w->now_ns, .facts = &w->facts};
    struct archive a = {.at = bytes, .left = len, .reads = true, .rest = rest, .cookies = 1};
    return vm_archive(vm, &in, &a) && !a.left;
}

/* Write a part of some slots, and read it on the other side. */
static bool part_goes(struct world *w, struct vm *from, struct vm *to, uint32_t *hand, uint8_t damage)
{
    struct archive a = {.at = first, .left = BYTES};
    const bool goes_on = vm_advance_write(from, &a, hand, 1 + draw(w, 30));
    struct archive b = {.at = first, .left = BYTES - a.left, .reads = true};
    for (unsigned i = 0; i < damage; i++) first[draw(w, (unsigned)b.left)] ^= (uint8_t)(1u << draw(w, 8));
    if (!vm_advance_read(to, &b)) {
        assert_true(damage);
        return false;
    }
    if (!goes_on) *hand = 0;
    if (!goes_on) vm_advance_check(to);
    return true;
}

static void both_ways_lead_to_the_same(void **state)
{
    (void)state;
    uint64_t begun = 0, ended = 0;
    for (unsigned seed = 0; seed < 24; seed++) {
        struct world w;
        world_init(&w, seed + 100);
        struct vm *vm = vm_made(&w, seed & 1), *whole = vm_made(&w, seed & 1), *parts = vm_made(&w, seed & 1);
        uint32_t hand = 0;
        for (unsigned i = 0; i < 1500; i++) one_packet(&w, vm);
        assert_true(vm_advance_begin(vm));
        for (unsigned i = 0; i < 1500; i++) {
            one_packet(&w, vm);
            if (!draw(&w, 8)) assert_true(part_goes(&w, vm, parts, &hand, 0));
        }
        size_t len = archived(&w, vm, first, true);
        const struct flow_counters *c = vm_counters(vm)->flows;
        assert_true(restored(&w, parts, first, len, true));
        len = archived(&w, vm, first, false);
        vm_advance_end(vm);
        assert_true(restored(&w, whole, first, len, false));
        assert_memory_equal(vm_counters(parts)->flows, vm_counters(whole)->flows, sizeof *c);
        const size_t wanted = archived(&w, whole, second, false);
        assert_int_equal(archived(&w, parts, third, false), wanted);
        assert_memory_equal(third, second, wanted);
        begun += c->added;
        for (unsigned i = 0; i < FLOW_ENDS; i++) ended += c->ended[i];
        for (unsigned i = 0; i < 500; i++) one_packet(&w, parts); /* and the handover continues */
        vm_free(vm);
        vm_free(whole);
        vm_free(parts);
        world_fini(&w);
    }
    assert_true(begun > 5000 && ended > 2000);
}

/* For any contents, a part is read or rejected, without other effects. */
static void damaged_parts_are_refused(void **state)
{
    (void)state;
    unsigned refused = 0;
    for (unsigned seed = 0; seed < 150; seed++) {
        struct world w;
        world_init(&w, seed + 1000);
        struct vm *vm = vm_made(&w, true), *parts = vm_made(&w, true);
        uint32_t hand = 0;
        bool good = true;
        for (unsigned i = 0; i < 200; i++) one_packet(&w, vm);
        assert_true(vm_advance_begin(vm));
        for (unsigned i = 0; i < 40 && good; i++) {
            one_packet(&w, vm);
            good = part_goes(&w, vm, parts, &hand, i > 5 ? (uint8_t)draw(&w, 2) : 0);
        }
        if (good) {
            const size_t len = archived(&w, vm, first, true);
            if (seed & 1) first[draw(&w, (unsigned)len)] ^= (uint8_t)(1u << draw(&w, 8));
            good = restored(&w, parts, first, len, true);
        }
        refused += !good;
        for (unsigned i = 0; i < 100 && good; i++) one_packet(&w, parts);
        vm_free(vm);
        vm_free(parts);
        world_fini(&w);
    }
    assert_true(refused > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_lead_to_the_same),
        cmocka_unit_test(damaged_parts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

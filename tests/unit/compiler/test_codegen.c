/* Straight code at its bounds: blocks, relays, deep chains, limits. What the code means is compared with the rule list;
 * how it is laid out, with what the verifier accepts and the kernel executor allows (docs/kernel.md). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "compiler/code/asm.h"
#include "compiler/code/split.h"
#include "tests/lib/rng.h"
#include "tests/unit/compiler/made.h"
#include "vm/packet/key.h"
#include "vm/vm.h"

static void make(struct made *m, const char *text) { make_as(m, text, CLASSIFY_NONE); }

/* Make the key of a complete arriving TCP packet, IPv4. */
static struct key tcp4(uint32_t src, uint32_t dst, unsigned src_port, unsigned dst_port)
{
    return (struct key){.src = {src},
                        .dst = {dst},
                        .src_port = (uint16_t)src_port,
                        .dst_port = (uint16_t)dst_port,
                        .kind = KIND_IP4 | KIND_TCP | KIND_PROTO | KIND_PORTS | KIND_TCP_FLAGS | KIND_FRAG_NO | KIND_IN,
                        .proto = 6,
                        .iface = IFACE_NONE,
                        .length = 40,
                        .ttl = 64};
}

static void agree(const struct made *m, const struct key *key)
{
    const struct pkt pkt = {0};
    const struct decision code = program_decide(m->p, key, &pkt), list = program_decide_naive(m->p, key, &pkt);

    if (code.rule != list.rule || code.action != list.action || code.firewall != list.firewall)
        fail_msg("%08x:%u > %08x:%u: code says rule %u, list says %u", key->src[0], key->src_port, key->dst[0],
                 key->dst_port, code.rule, list.rule);
}

static char *text_from(void (*write)(FILE *))
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    write(f);
    fclose(f);
    return text;
}

/* Write a chain of three blocks, with rules that leave it in the first and the second. */
static void write_blocks(FILE *f)
{
    fputs("chain c {\n return tcp to 10.0.0.1\n", f);
    for (unsigned i = 0; i < 2500; i++) {
        if (i == 1500) fputs(" return tcp to 10.0.0.2\n", f);
        fprintf(f, " drop tcp to 10.0.0.0/8 port %u source port 7\n", i);
    }
    fputs("}\nfirewall f default reject { do c; accept tcp to 10.0.0.1 source port 7; do c; drop }\n", f);
}

static void blocks(void **state)
{
    char *text = text_from(write_blocks);
    struct made m;
    unsigned functions = 0;

    make(&m, text);
    for (uint32_t i = 0; i < m.p->funcs_count; i++) {
        unsigned rules = 0;
        const struct pbc_func *f = &m.p->funcs[i];

        for (uint32_t k = f->first; k < f->first + f->count; k++) rules += m.p->code[k].op == OP_RETK;
        functions += rules > 0;
        assert_true(rules <= 2 * PBC_BLOCK_RULES); /* a tree may write a rule twice */
    }
    assert_int_equal(functions, 3);
    for (uint32_t dst = 0x0a000000; dst < 0x0a000004; dst++)
        for (unsigned port = 0; port < 2600; port += 7)
            for (unsigned source = 7; source < 9; source++) {
                const struct key k = tcp4(1, dst, source, port);
                agree(&m, &k);
            }
    const struct key left = tcp4(1, 0x0a000001, 7, 2400);
    assert_int_equal(program_decide(m.p, &left, &(struct pkt){0}).action, ACTION_ACCEPT);
    unmake(&m);
    free(text);
    (void)state;
}

/* Write a `return` at the top of an inlined chain, over more code than a branch may skip. */
static void write_relays(FILE *f)
{
    fputs("chain c {\n return tcp to 10.0.0.1\n return udp to 10.0.0.9\n", f);
    for (unsigned i = 0; i < 190; i++)
        fprintf(f, " count tcp flags has syn length %u, %u, %u, %u, %u dscp %u, 30, %u ttl %u, %u, 250\n", i, i + 300,
                i + 600, i + 900, i + 1200, i % 29, 32 + i % 31, i % 50, i % 40 + 60);
    fputs(" drop tcp\n}\nfirewall f default accept { do c; reject tcp to 10.0.0.1 }\n", f);
}

static void relays(void **state)
{
    char *text = text_from(write_relays);
    struct made m;

    make(&m, text);
    assert_int_equal(m.p->funcs_count, 2);
    assert_true(m.p->funcs[1].count > PBC_BRANCH_MAX + 100);
    const struct key back = tcp4(1, 0x0a000001, 5, 6), stays = tcp4(1, 0x0a000002, 5, 6);
    agree(&m, &back);
    agree(&m, &stays);
    assert_int_equal(program_decide(m.p, &back, &(struct pkt){0}).action, ACTION_REJECT);
    assert_int_equal(program_decide(m.p, &stays, &(struct pkt){0}).action, ACTION_DROP);
    unmake(&m);
    free(text);
    (void)state;
}

/* Write sixteen chains, each of which calls the one before twice: too deep for calls only. */
static void write_deep(FILE *f)
{
    fputs("chain c0 { drop tcp to port 80 }\n", f);
    for (unsigned i = 1; i < 16; i++)
        fprintf(
            f, "chain c%u { do c%u to 10.0.0.%u; return to 10.1.0.0/16; do c%u from 10.0.0.%u; accept to 10.2.0.%u }\n",
            i, i - 1, i, i - 1, i, i);
    fputs("firewall f default reject { do c15; do c15 tcp }\n", f);
}

static void deep_chains(void **state)
{
    char *text = text_from(write_deep);
    struct rng r = {1};
    struct made m;

    make(&m, text);
    assert_true(m.p->funcs_count > 2 && m.p->funcs_count < 12);
    for (unsigned i = 0; i < 20000; i++) {
        const struct key k = tcp4(0x0a000000 + rng_below(&r, 18),
                                  0x0a000000 + (rng_below(&r, 3) << 16) + rng_below(&r, 18), 5, 79 + rng_below(&r, 3));
        agree(&m, &k);
    }
    unmake(&m);
    free(text);
    (void)state;
}

/* Write chains as deep as the language allows, each too long to be inlined by choice. */
static void write_deep_and_long(FILE *f, unsigned rules)
{
    for (unsigned c = 0; c < PBC_CHAIN_DEPTH; c++) {
        fprintf(f, "chain c%u {\n", c);
        for (unsigned i = 0; i < rules; i++) {
            if (c && i == rules / 2) fprintf(f, " do c%u\n", c - 1);
            fprintf(f, " %s tcp to 10.%u.%u.%u port %u\n",
                    i % 50 == 7 ? "return"
                    : i % 3     ? "drop"
                                : "accept",
                    i % 16, i >> 8, i & 255, 79 + (i + c) % 5);
        }
        fputs("}\n", f);
    }
    fprintf(f, "firewall f default reject { do c%u; accept tcp to port 80 }\n", PBC_CHAIN_DEPTH - 1);
}

static void deep_and_long_as(unsigned rules, enum classify_when when)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    struct rng r = {rules};
    struct made m;

    write_deep_and_long(f, rules);
    fclose(f);
    make_as(&m, text, when);
    assert_true(m.p->funcs_count > 2);
    for (unsigned i = 0; i < 3000; i++) {
        const uint32_t rule = rng_below(&r, rules), high = rng_below(&r, 9) ? rule % 16 : rng_below(&r, 16);
        const struct key k = tcp4(1, 0x0a000000 + (high << 16) + rule, 5, 78 + rng_below(&r, 7));
        agree(&m, &k);
    }
    unmake(&m);
    free(text);
}

static void deep_and_long(void **state)
{
    deep_and_long_as(300, CLASSIFY_NONE);
    deep_and_long_as(300, CLASSIFY_BY_COST);
    deep_and_long_as(300, CLASSIFY_ALL);
    deep_and_long_as(1001, CLASSIFY_NONE);
    (void)state;
}

/* Write rules that a tree divides by address bits of all lengths, in both families. */
static void write_tree(FILE *f)
{
    fputs("firewall f default reject {\n", f);
    for (unsigned i = 32; i > 1; i--) fprintf(f, " drop ip to 128.0.0.0/%u\n", i);
    for (unsigned i = 0; i < 64; i++)
        fprintf(f, " accept ip tcp to 0.0.%u.0/%u source port %u-\n", i * 4, 22 + i % 9, i * 1000);
    for (unsigned i = 0; i < 64; i++) fprintf(f, " accept ip6 to 2001:db8:%x::/%u\n", i, 48 + i);
    fputs("}\n", f);
}

static void trees_as(enum classify_when when)
{
    char *text = text_from(write_tree);
    struct made m;

    make_as(&m, text, when);
    assert_int_equal(m.p->classifiers_count, when != CLASSIFY_NONE);
    for (unsigned bit = 0; bit < 32; bit++)
        for (int step = -1; step <= 1; step++)
            for (unsigned port = 0; port < 65000; port += 999) {
                const struct key a = tcp4(1, (1u << bit) + (uint32_t)step, port, 1);
                const struct key b = tcp4(1, 0x80000000u + (1u << bit) + (uint32_t)step, port, 1);
                agree(&m, &a);
                agree(&m, &b);
            }
    for (unsigned i = 0; i < 65; i++)
        for (unsigned bit = 0; bit < 96; bit++) {
            struct key k = tcp4(0, 0, 1, 1);

            k.kind = (k.kind & ~(uint32_t)KIND_IP4) | KIND_IP6;
            k.dst[0] = 0x20010db8;
            k.dst[1] = i << 16;
            k.dst[1 + bit / 32] ^= 1u << bit % 32;
            agree(&m, &k);
        }
    unmake(&m);
    free(text);
}

static void trees(void **state)
{
    trees_as(CLASSIFY_NONE);
    trees_as(CLASSIFY_BY_COST);
    (void)state;
}

/* Write entries with code: counting, logging and setting on the path, tests that boxes can't express, a `return`, an
 * inlined chain. */
static void write_coded(FILE *f)
{
    fputs("meter m = 1/h\nchain c { return tcp to 10.0.0.3; count tcp; drop tcp to 10.0.0.2 }\n"
          "chain d {\n",
          f);
    for (unsigned i = 0; i < 90; i++) fprintf(f, " %s tcp to 10.0.0.%u port %u\n", i % 5 ? "drop" : "return", i % 7, i);
    fputs("}\nfirewall f default reject {\n count tcp port -50\n do c\n log tcp to 10.0.0.4\n do d\n"
          " drop tcp to 10.0.0.5 ether from 02:00:00:00:00:01\n drop tcp over m to 10.0.0.6\n",
          f);
    for (unsigned i = 0; i < 90; i++) fprintf(f, " accept tcp to 10.0.0.%u port %u log\n", i % 7, i + 50);
    fputs("}\n", f);
}

static void coded_entries(void **state)
{
    char *text = text_from(write_coded);
    struct made m;

    make_as(&m, text, CLASSIFY_ALL);
    assert_int_equal(m.p->classifiers_count, 4); /* `do c` is tried on ARP, too */
    for (uint32_t dst = 0x0a000000; dst < 0x0a000009; dst++)
        for (unsigned port = 0; port < 120; port++) {
            const struct key k = tcp4(1, dst, 7, port);
            agree(&m, &k);
        }
    unmake(&m);
    free(text);
    (void)state;
}

/* Tests that would be repeated, each after a search, become straight code. */
#ifdef __SANITIZE_ADDRESS__ /* comparing 90,000 rules with their list is slow then */
enum { RESISTING = 300 };
#else
enum { RESISTING = 900 };
#endif

static void write_resisting(FILE *f)
{
    fputs("chain c {\n", f);
    for (unsigned i = 0; i < RESISTING; i++)
        fprintf(f, " count tcp ether from 02:00:00:00:%02x:%02x\n", i >> 8, i & 255);
    fputs("}\nfirewall f default accept {\n", f);
    for (unsigned i = 0; i < 100; i++) fprintf(f, " do c to 10.0.0.%u/31\n", i * 2);
    for (unsigned i = 0; i < 100; i++) fprintf(f, " do c ttl %u-\n", i);
    fputs("}\n", f);
}

static void long_chains_are_straight(void **state)
{
    char *text = text_from(write_resisting);
    struct made m;

    make_as(&m, text, CLASSIFY_BY_COST);
    assert_true(m.p->meta->longest_path <= PBC_PATH_MAX);
    const struct key k = tcp4(1, 0x0a000004, 5, 6);
    agree(&m, &k);
    unmake(&m);
    free(text);
    (void)state;
}

/* Return the number of functions besides function 0 that a chain of these rules makes, called from `sites` places of
 * a list. */
static uint32_t functions(const char *rules, unsigned sites, enum classify_when when)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    struct made m;

    if (!f) abort();
    fprintf(f, "chain c {\n%s}\nfirewall f default drop {\n", rules);
    for (unsigned i = 0; i < sites; i++) fprintf(f, " do c tcp to 10.0.0.%u\n", i);
    fputs("}\n", f);
    fclose(f);
    make_as(&m, text, when);
    for (unsigned i = 0; i < 20; i++) {
        const struct key k = tcp4(0x0b000000 + i, 0x0a000000 + i % 5, 7, 20 + i);
        agree(&m, &k);
    }
    const uint32_t n = m.p->funcs_count - 1;
    unmake(&m);
    free(text);
    return n;
}

static void write_many(FILE *f)
{
    for (unsigned i = 0; i < 700; i++) fprintf(f, " drop tcp from 11.0.%u.%u/31\n", i / 100, i % 100 * 2);
}

/* Chains are copied if the copies are smaller than a function and its calls: a copy of one rule takes two
 * instructions here, like a call; one of two rules takes more. */
static void chains_by_size(void **state)
{
    static const char one[] = " drop udp\n", two[] = " drop from 11.0.0.1\n drop to port 33\n";
    char *many = text_from(write_many);

    assert_int_equal(functions(one, 1, CLASSIFY_NONE), 0);
    assert_int_equal(functions(one, 5, CLASSIFY_NONE), 0);
    assert_int_equal(functions(two, 1, CLASSIFY_NONE), 0);
    assert_int_equal(functions(two, 5, CLASSIFY_NONE), 1);
    assert_int_equal(functions(many, 1, CLASSIFY_NONE), 1); /* the list itself, too long for function 0 */
    assert_int_equal(functions(many, 1, CLASSIFY_BY_COST), 1);
    assert_int_equal(functions(many, 2, CLASSIFY_NONE), 1);
    free(many);
    (void)state;
}

/* A demand is exactly the prefix, of any length. */
static void demands(void **state)
{
    for (unsigned len = 1; len <= 128; len++) {
        char text[256];
        struct made m;

        snprintf(text, sizeof(text),
                 "firewall f default accept { drop ip6 from 8000::/%u; drop ip to 128.0.0.0/%u port 5-9 }\n", len,
                 len % 32 + 1);
        make(&m, text);
        const struct demand six = demand_of(m.c.ir, &m.c.ir->rules[0].product);
        const struct demand four = demand_of(m.c.ir, &m.c.ir->rules[1].product);
        for (unsigned bit = 0; bit < 128; bit++) assert_int_equal(six.care[bit / 32] >> (31 - bit % 32) & 1, bit < len);
        assert_int_equal(six.value[0], 0x80000000);
        assert_int_equal(six.care[4], 0);
        assert_int_equal(four.care[4], UINT32_MAX << (31 - len % 32));
        assert_int_equal(four.value[4], 0x80000000);
        assert_int_equal(four.care[0] | four.care[5], 0);
        assert_int_equal(four.port[1].lo * 100 + four.port[1].hi, 509);
        assert_int_equal(four.port[0].hi, 65535);
        unmake(&m);
    }
    (void)state;
}

static void splits(void **state)
{
    struct demand d[16], *p[16];

    for (unsigned i = 0; i < 16; i++) {
        d[i] = (struct demand){.care = {[4] = 0xf0}, .value = {[4] = i << 4}, .port = {{0, 65535}, {0, 65535}}};
        p[i] = &d[i];
    }
    const struct split bit = find_split((const struct demand *const *)p, 16);
    assert_int_equal(bit.kind, SPLIT_BIT);
    assert_int_equal(bit.slot, 4);
    assert_in_range(bit.bit, 4, 7);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(goes_right(&bit, &d[i]), i << 4 >> bit.bit & 1);
        assert_int_equal(goes_left(&bit, &d[i]), !(i << 4 >> bit.bit & 1));
        d[i] = (struct demand){.port = {{0, 65535}, {(uint16_t)(i * 10), (uint16_t)(i * 10 + 9)}}};
    }
    const struct split port = find_split((const struct demand *const *)p, 16);
    assert_int_equal(port.kind, SPLIT_PORT);
    assert_int_equal(port.side, 1);
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(goes_left(&port, &d[i]), i * 10 <= port.pivot);
        assert_int_equal(goes_right(&port, &d[i]), i * 10 + 9 > port.pivot);
    }
    assert_int_equal(find_split((const struct demand *const *)p, SPLIT_MIN - 1).kind, SPLIT_NONE);
    for (unsigned i = 0; i < 16; i++) d[i] = (struct demand){.port = {{0, 65535}, {0, 65535}}};
    assert_int_equal(find_split((const struct demand *const *)p, 16).kind, SPLIT_NONE);
    (void)state;
}

/* Write rules that nothing divides, in a chain that is called very often. */
static void write_long_path(FILE *f)
{
    fputs("chain c {\n", f);
    for (unsigned i = 0; i < 3000; i++) fprintf(f, " count length %u, %u, %u\n", i, i + 5000, i + 10000);
    fputs("}\nfirewall f default accept {\n", f);
    for (unsigned i = 0; i < 300; i++) fprintf(f, " do c ttl %u, %u\n", i % 200, i % 200 + 30);
    fputs("}\n", f);
}

/* Write the same in chains that nest too deep for calls. */
static void write_many_copies(FILE *f)
{
    for (unsigned c = 0; c < 10; c++) {
        fprintf(f, "chain c%u {\n", c);
        for (unsigned i = 0; i < 1001; i++) fprintf(f, " count length %u\n", 40 + i);
        for (unsigned i = 0; c && i < 2; i++) fprintf(f, " do c%u ttl %u\n", c - 1, i);
        fputs("}\n", f);
    }
    fputs("firewall f default accept { do c9; do c9 }\n", f);
}

static void limits(void **state)
{
    static const struct {
        void (*write)(FILE *);
        const char *code;
    } cases[] = {
        {write_long_path, "E0591"},
        {write_many_copies, "E0591"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = text_from(cases[i].write);
        struct compile c;

        assert_int_not_equal(compile_as(&c, text, CLASSIFY_NONE), 0);
        if (times_said(&c, cases[i].code) != 1) {
            char *said = what_it_said(&c);
            print_error("%.2000s\n", said);
            free(said);
            fail();
        }
        compile_fini(&c);
        free(text);
    }
    (void)state;
}

/* Write networks of at most `bits` bits and ranges of ports on both sides, and of hop limits if asked, so that many
 * rules match at a point. */
static void write_crossing(FILE *f, unsigned rules, unsigned bits, unsigned ports, bool hops)
{
    struct rng r = {.state = 3};
    fputs("firewall f default drop {\n", f);
    for (unsigned i = 0; i < rules; i++) {
        fputs(" drop tcp", f);
        for (unsigned side = 0; side < 2; side++) {
            const unsigned len = 1 + rng_below(&r, bits), net = rng_below(&r, 1u << len) << (8 - len);
            const unsigned port = rng_below(&r, ports), end = port + rng_below(&r, ports);
            fprintf(f, " %s %u.0.0.0/%u %sport %u-%u", side ? "to" : "from", net, len, side ? "" : "source ", port,
                    end);
        }
        const unsigned ttl = hops ? rng_below(&r, 128) : 0;
        if (hops) fprintf(f, " ttl %u-%u", ttl, ttl + rng_below(&r, 127));
        fputs("\n", f);
    }
    fputs("}\n", f);
}

static void write_long_ways(FILE *f) { write_crossing(f, 4000, 4, 30000, true); }
static void write_large(FILE *f) { write_crossing(f, 3000, 8, 30000, true); }
static void write_ordinary(FILE *f) { write_crossing(f, 1000, 8, 100, false); }

/* A list is reported if its search reads more lines than nearly all do, or its tables take more bytes. */
static void tells_what_is_far(void **state)
{
    static const struct {
        void (*write)(FILE *);
        const char *says;
    } cases[] = {{write_long_ways, "cache lines, more than the expected 64"},
                 {write_large, "bytes per rule, more than the expected 400"},
                 {write_ordinary, NULL}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = text_from(cases[i].write);
        struct compile c;
        assert_int_equal(compile_as(&c, text, CLASSIFY_BY_COST), 0);
        assert_int_equal(times_said(&c, "W0517"), cases[i].says != NULL);
        char *said = what_it_said(&c);
        if (cases[i].says) assert_non_null(strstr(said, cases[i].says));
        free(said);
        compile_fini(&c);
        free(text);
    }
    (void)state;
}

/* Firewalls are chosen by interface first, then by direction; ARP passes unless a rule decides it. */
static void dispatch(void **state)
{
    struct made m;
    const uint32_t directions[] = {KIND_IN, KIND_OUT, KIND_FORWARD};

    make(&m, "interface a = \"eth0\"\ninterface b = \"eth1\"\n"
             "firewall fa on a default drop { accept arp vlan none; accept icmp6 type nd }\n"
             "firewall fb on b in default reject other frames pass { accept icmp6 type nd }\n"
             "firewall gi in default accept { drop tcp }\nfirewall go out default drop { accept tcp }\n");
    for (unsigned d = 0; d < 3; d++)
        for (unsigned iface = 0; iface < 4; iface++)
            for (unsigned kind = 0; kind < 3; kind++) {
                static const uint16_t ifaces[] = {0, 1, IFACE_OTHER, IFACE_NONE};
                static const uint32_t kinds[] = {KIND_ARP, 0, KIND_IP4 | KIND_PROTO | KIND_FRAG_NO};
                struct key k = {.kind = kinds[kind] | directions[d], .iface = ifaces[iface]};
                agree(&m, &k);
            }
    unmake(&m);
    make(&m, "chain unused { drop tcp }\n");
    const struct key k = tcp4(1, 2, 3, 4), arp = {.kind = KIND_ARP | KIND_IN, .iface = IFACE_NONE};
    agree(&m, &k);
    agree(&m, &arp);
    assert_int_equal(program_decide(m.p, &arp, &(struct pkt){0}).action, ACTION_PASS);
    assert_int_equal(program_decide(m.p, &k, &(struct pkt){0}).rule, RULE_NONE);
    unmake(&m);
    (void)state;
}

/* Bytes at the greatest distance allowed, of every layer: the reach that the program states stays below any frame's
 * end. */
static void far_bytes(void **state)
{
    static const char *const layers[] = {"l2", "l3", "l4", "payload"};

    (void)state;
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
        struct made m;
        char text[128];

        snprintf(text, sizeof(text), "firewall f default accept { drop bytes %s at 65533 is x\"00 01\" }\n", layers[i]);
        make(&m, text);
        assert_int_equal(m.p->meta->reach, 65535);
        unmake(&m);
    }
}

/* Return how many entries at the list's end to skip: they take long with sanitizers, without testing anything new.
 * LONG=1 includes them. */
static size_t left_out(void)
{
#ifdef __SANITIZE_ADDRESS__
    const char *longer = getenv("LONG");
    return longer && *longer ? 0 : 3;
#else
    return 0;
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks),        cmocka_unit_test(relays),
        cmocka_unit_test(deep_chains),   cmocka_unit_test(trees),
        cmocka_unit_test(coded_entries), cmocka_unit_test(chains_by_size),
        cmocka_unit_test(demands),       cmocka_unit_test(splits),
        cmocka_unit_test(limits),        cmocka_unit_test(dispatch),
        cmocka_unit_test(far_bytes),     cmocka_unit_test(long_chains_are_straight),
        cmocka_unit_test(deep_and_long), cmocka_unit_test(tells_what_is_far),
    };

    return _cmocka_run_group_tests("tests", tests, sizeof(tests) / sizeof(tests[0]) - left_out(), NULL, NULL);
}

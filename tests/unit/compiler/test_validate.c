/* Validation: each program that is changed in one place behind the loader, where only frames show it, must be
 * reported; intact ones never. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/analysis/trial/trial.h"
#include "tests/unit/compiler/made.h"
#include "vm/packet/key.h"
#include "vm/vm.h"

/* A program whose classifier, code and entries are writable. */
struct breakable {
    struct made whole;
    struct program broken;
    struct pbc_line *blocks;
    struct pbc_entry *entries;
    struct insn *code;
    uint64_t *tree;
};

static void *copy(const void *from, size_t bytes)
{
    void *to = aligned_alloc(64, (bytes + 127) / 64 * 64); /* as the loader does, because walks read complete lines */

    if (!to) abort();
    return memcpy(to, from, bytes);
}

static void make(struct breakable *m, const char *text, enum classify_when when)
{
    make_as(&m->whole, text, when);
    const struct program *const p = m->whole.p;
    m->broken = *p;
    m->broken.blocks = m->blocks = copy(p->blocks, p->blocks_count * sizeof(*m->blocks));
    m->broken.entries = m->entries = copy(p->entries, p->entries_count * sizeof(*m->entries));
    m->broken.code = m->code = copy(p->code, p->code_count * sizeof(*m->code));
    m->broken.tree = m->tree = copy(p->tree, p->tree_count * sizeof(*m->tree));
}

static void unbreak(struct breakable *m)
{
    free(m->blocks);
    free(m->entries);
    free(m->code);
    free(m->tree);
    unmake(&m->whole);
}

static bool is_found_out(struct breakable *m)
{
    struct diags *const kept = m->whole.c.diags; /* the same diagnostics aren't printed twice */

    m->whole.c.diags = diags_new(&m->whole.c.sources);
    validate_program(&m->whole.c, &m->broken);
    const bool found = diags_errors(m->whole.c.diags);
    diags_free(m->whole.c.diags);
    m->whole.c.diags = kept;
    return found;
}

/* Rules on addresses, ports, protocols, flags, tags and states, of both families. */
static const char mixed[] = "edition 1\n"
                            "firewall f in default drop {\n"
                            "  accept state established, related\n"
                            "  accept tcp from 192.0.2.0/24 to 198.51.100.0/28 port 80, 443\n"
                            "  drop tcp flags has syn, fin\n"
                            "  accept udp to 203.0.113.0/26 port 1000-1999\n"
                            "  drop ip from 10.0.0.0/8 vlan 7\n"
                            "  accept icmp type 8\n"
                            "  accept tcp to 2001:db8::/48 port 22\n"
                            "  accept udp from 2001:db8:1::/64 source port 53\n"
                            "  drop ttl 0-5\n"
                            "  accept icmp6 type nd\n"
                            "  accept to 224.0.0.0/4\n"
                            "  drop fragment any from 172.16.0.0/12\n"
                            "  accept sctp to 192.0.2.77 port 9\n"
                            "  accept arp\n"
                            "}\n";

static void whole_programs_pass(void **state)
{
    (void)state;
    for (enum classify_when when = CLASSIFY_BY_COST; when <= CLASSIFY_NONE; when++) {
        struct breakable m;

        make(&m, mixed, when);
        assert_false(is_found_out(&m));
        assert_true(validate_program(&m.whole.c, m.whole.p) > DOUBTS / 2);
        unbreak(&m);
    }
}

static uint32_t *column(struct breakable *m, uint32_t block, unsigned at)
{
    return m->blocks[block + at / 2].col[at % 2];
}

static bool lane_used(struct breakable *m, uint32_t block, unsigned lane)
{
    return (column(m, block, 0)[lane] & ~PBC_LANE_MORE) != PBC_LANE_NONE;
}

typedef bool damage_fn(struct breakable *m, uint32_t block, const struct pbc_format *f, unsigned lane);

/* Damage every lane in turn. Counts the damages, and those that were found. */
static void each_lane(const char *text, damage_fn *damage, unsigned tally[2])
{
    struct breakable m;

    tally[0] = tally[1] = 0;
    make(&m, text, CLASSIFY_ALL);
    const struct pbc_format *const f = m.whole.p->formats;
    assert_int_equal(m.whole.p->formats_count, 1);
    for (uint32_t b = 0; b + f->lines <= m.whole.p->blocks_count; b += f->lines)
        for (unsigned lane = 0; lane < 8; lane++) {
            if (!lane_used(&m, b, lane) || !damage(&m, b, f, lane)) continue;
            tally[0]++;
            tally[1] += is_found_out(&m);
            memcpy(m.blocks, m.whole.p->blocks, m.whole.p->blocks_count * sizeof(*m.blocks));
        }
    unbreak(&m);
}

static unsigned column_of(const struct pbc_format *f, unsigned half)
{
    for (unsigned i = 0; i < pbc_columns(f->lines); i++)
        if (PBC_HALF(f->half[i]) == half) return i + 1;
    return 0;
}

/* Return a half of an address that the lane tests, a lower one if there is one. */
static uint32_t *address_asked(struct breakable *m, uint32_t b, const struct pbc_format *f, unsigned lane)
{
    uint32_t *found = NULL;

    for (unsigned i = 0; i < pbc_columns(f->lines); i++) {
        uint32_t *const word = &column(m, b, i + 1)[lane];

        if (PBC_HALF(f->half[i]) >= 2 * KEY_SLOT(kind) || !*word) continue;
        if (!found || f->half[i] % 2 == 0) found = word;
    }
    return found;
}

/* Change a range to another prefix of the same length, moved by its own size. */
static bool move_range(struct breakable *m, uint32_t b, const struct pbc_format *f, unsigned lane)
{
    uint32_t *const word = address_asked(m, b, f, lane);

    if (!word) return false;
    const uint32_t lo = *word & 0xffff, hi = 65535 - (*word >> 16), size = hi - lo + 1, to = lo ^ size;
    *word = to | (65535 - (to + size - 1)) << 16;
    return true;
}

/* Remove one bit of an address from a lane's test, so that it matches too much. */
static bool ask_less(struct breakable *m, uint32_t b, const struct pbc_format *f, unsigned lane)
{
    uint32_t *const word = address_asked(m, b, f, lane);

    if (!word) return false;
    const uint32_t lo = *word & 0xffff, hi = 65535 - (*word >> 16), size = hi - lo + 1;
    *word = (lo & ~size) | (65535 - (hi | size)) << 16;
    return true;
}

static bool drop_lane(struct breakable *m, uint32_t b, const struct pbc_format *f, unsigned lane)
{
    column(m, b, 1)[lane] = UINT32_MAX;
    return true;
}

static bool swap_ports(struct breakable *m, uint32_t b, const struct pbc_format *f, unsigned lane)
{
    uint32_t *const sport = &column(m, b, column_of(f, KEY_HALF(src_port)))[lane],
                    *const dport = &column(m, b, column_of(f, KEY_HALF(dst_port)))[lane], kept = *sport;

    *sport = *dport;
    *dport = kept;
    return *sport != *dport;
}

static bool narrow_port(struct breakable *m, uint32_t b, const struct pbc_format *f, unsigned lane)
{
    uint32_t *const port = &column(m, b, column_of(f, KEY_HALF(dst_port)))[lane];

    if (*port == 0) return false;
    *port += 1; /* the lowest port no longer matches */
    return true;
}

/* Rules that the leaves represent completely, so only damage to what two rules share isn't seen. */
static const char apart[] = "edition 1\n"
                            "firewall f in default drop {\n"
                            "  accept tcp from 192.0.2.0/24 to 198.51.100.0/28 port 80\n"
                            "  accept tcp from 192.0.3.0/24 to 198.51.100.0/28 port 443\n"
                            "  drop udp from 10.0.0.0/8 to port 1000-1999\n"
                            "  accept tcp from 10.0.0.0/9 to 203.0.113.64/26 source port 20 to port 1024-65535\n"
                            "  accept udp to 203.0.113.9 port 53\n"
                            "}\n";

static void broken_leaves(void **state)
{
    static damage_fn *const damages[] = {move_range, ask_less, drop_lane, swap_ports, narrow_port};
    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        unsigned tally[2];

        each_lane(apart, damages[i], tally);
        assert_true(tally[0] >= 5);
        if (tally[1] != tally[0]) fail_msg("damage %zu: %u of %u were found out", i, tally[1], tally[0]);
    }
}

static void swapped_entries(void **state)
{
    struct breakable m;
    (void)state;

    make(&m, apart, CLASSIFY_ALL);
    for (uint32_t i = 0; i + 1 < m.whole.p->entries_count; i++) {
        const struct pbc_entry e = m.entries[i];

        m.entries[i] = m.entries[i + 1];
        m.entries[i + 1] = e;
        assert_true(is_found_out(&m));
        memcpy(m.entries, m.whole.p->entries, m.whole.p->entries_count * sizeof(*m.entries));
    }
    unbreak(&m);
}

/* Change a cut to another bit. */
static void broken_tree(void **state)
{
    struct breakable m;
    char *text = NULL;
    size_t len = 0;
    unsigned cuts = 0, found = 0;
    FILE *f = open_memstream(&text, &len);
    (void)state;

    fputs("edition 1\nfirewall f in default drop {\n", f);
    for (unsigned i = 0; i < 100; i++) fprintf(f, "  accept tcp from 10.%u.0.0/16 to port %u\n", i, 1000 + i);
    fputs("}\n", f);
    fclose(f);
    make(&m, text, CLASSIFY_ALL);
    for (uint32_t i = 0; i < m.whole.p->tree_count; i++) {
        if (TREE_KIND(m.tree[i]) != TREE_CUT) continue;
        cuts++;
        m.tree[i] ^= UINT64_C(1) << TREE_WINDOW;
        found += is_found_out(&m);
        m.tree[i] = m.whole.p->tree[i];
    }
    assert_true(cuts > 0);
    assert_int_equal(found, cuts);
    unbreak(&m);
    free(text);
}

static bool asks(uint8_t op) { return op >= OP_JEQ && op <= OP_JNPAT; }

/* Return the opposite test of straight code: the even opcode of a pair is the odd one's opposite. */
static uint8_t opposite(uint8_t op) { return (uint8_t)((op - OP_JEQ) % 2 ? op - 1 : op + 1); }

static void broken_tests(const char *text, enum classify_when when)
{
    struct breakable m;
    unsigned tests = 0, found = 0;

    make(&m, text, when);
    for (uint32_t i = 0; i < m.whole.p->code_count; i++) {
        if (!asks(m.code[i].op)) continue;
        tests++;
        m.code[i].op = opposite(m.code[i].op);
        found += is_found_out(&m);
        m.code[i] = m.whole.p->code[i];
    }
    assert_true(tests > 0);
    if (found != tests) fail_msg("%u of %u tests, the other way round, were found out", found, tests);
    unbreak(&m);
}

static void broken_straight_code(void **state)
{
    (void)state;
    broken_tests(apart, CLASSIFY_NONE);
    broken_tests(mixed, CLASSIFY_NONE);
}

/* Damage the tests that boxes leave to code: MACs, bytes, long lists of ports. */
static void broken_residues(void **state)
{
    static const char text[] = "edition 1\n"
                               "firewall f in default drop {\n"
                               "  accept tcp to 192.0.2.0/24 ether from 02:00:00:00:00:07\n"
                               "  accept udp to 192.0.2.0/24 port 9 bytes payload at 4 is x\"cafe\"\n"
                               "  drop from 10.0.0.0/8 ether to not multicast\n"
                               "}\n";
    (void)state;
    broken_tests(text, CLASSIFY_ALL);
    broken_tests(text, CLASSIFY_NONE);
}

/* Damage ARP's separate lists. */
static void broken_arp(void **state)
{
    static const char text[] = "edition 1\n"
                               "firewall f in default drop {\n"
                               "  accept arp vlan 3\n"
                               "  drop arp vlan 4-9\n"
                               "}\n";
    struct breakable m;
    (void)state;

    make(&m, text, CLASSIFY_ALL);
    for (uint32_t i = 0; i < m.whole.p->entries_count; i++) {
        m.entries[i].rule ^= 1;
        assert_true(is_found_out(&m));
        m.entries[i] = m.whole.p->entries[i];
    }
    unbreak(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_programs_pass),  cmocka_unit_test(broken_leaves),
        cmocka_unit_test(swapped_entries),      cmocka_unit_test(broken_tree),
        cmocka_unit_test(broken_straight_code), cmocka_unit_test(broken_residues),
        cmocka_unit_test(broken_arp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

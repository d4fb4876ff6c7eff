/* One rule as tests: the questions that its product asks of a packet, in the order that costs least. The first
 * instruction should reject a packet that does not match. So rare and cheap questions come first (an address, then a
 * port), and properties of most packets last. All bits of key.kind that must be set are one question. */
#include <stdlib.h>
#include <string.h>

#include "compiler/code/gen_priv.h"
#include "compiler/normal/flows_over.h"
#include "vm/packet/key.h"

struct collect {
    struct gen *g;
    const struct ir_product *p;
    enum variant v;
    struct test *t;
    uint32_t count;
    uint32_t all, none; /* bits of key.kind that are set; bits that are clear */
};

static void test_add(struct collect *k, enum test_type type, uint32_t a, uint32_t b, double cost, double fails)
{
    if (fails < 0.01) fails = 0.01;
    k->t[k->count++] =
        (struct test){.type = (uint8_t)type, .a = a, .b = b, .rank = (float)(cost / fails), .fails = (float)fails};
}

/* Guess the chance that a packet has the bits; only the order of such guesses matters. */
static double bits_chance(uint32_t bits, bool all)
{
    static const struct {
        uint32_t bit;
        double chance;
    } guess[] = {
        {KIND_TCP, .6},         {KIND_UDP, .35},      {KIND_SCTP, .01},        {KIND_ICMP, .04},
        {KIND_ICMP6, .02},      {KIND_IP4, .8},       {KIND_IP6, .2},          {KIND_OPTIONS, .01},
        {KIND_VLAN, .2},        {KIND_VLAN2, .05},    {KIND_ND, .01},          {KIND_FRAG_FIRST, .01},
        {KIND_FRAG_LATER, .01}, {KIND_SRC_SELF, .3},  {KIND_DST_SELF, .5},     {KIND_FRAG_NO, .99},
        {KIND_PORTS, .95},      {KIND_TCP_FLAGS, .6}, {KIND_ICMP_HEADER, .06},
    };
    double chance = all ? 1 : 0;
    for (size_t i = 0; i < sizeof(guess) / sizeof(guess[0]); i++)
        if (bits & guess[i].bit) {
            if (all ? guess[i].chance < chance : guess[i].chance > chance) chance = guess[i].chance;
        }
    return chance;
}

/* Add an address test, with its guessed chance and its cost: prefixes compare fast, a set is searched. */
static void add_address(struct collect *k, enum test_type type, enum ir_field f, enum ir_field f_self, uint32_t self)
{
    struct ir *ir = k->g->ir;
    const uint32_t other = k->p->field[f], own = k->p->field[f_self];
    const unsigned families = ir_families(ir, k->p);
    if (other == IR_ALL && own == IR_ALL) return;
    if (other == IR_EMPTY) k->all |= self;
    if (own == IR_EMPTY) k->none |= self;
    if ((other == IR_EMPTY && own == IR_ALL) || (own == IR_EMPTY && other == IR_ALL)) return;
    const struct address_cost cost = address_cost(k->g, other == IR_EMPTY || other == IR_ALL ? own : other, families);
    test_add(k, type, other, own, cost.instructions, 1 - cost.chance - (other == own ? 0 : .2));
    k->t[k->count - 1].families = (uint8_t)families;
}

static double ranges_chance(struct gen *g, enum ir_field f, uint32_t id)
{
    const struct ir_ranges r = ir_ranges(g->ir, id);
    uint64_t values = 0;
    for (uint32_t i = 0; i < r.count; i++) values += (uint64_t)r.r[i].hi - r.r[i].lo + 1;
    /* the square root of the share, because a field of few values is asked for if these are common */
    const unsigned missing = (unsigned)(__builtin_clzll(values) - __builtin_clzll(ir_fields[f].most + 1ull));
    return values > ir_fields[f].most ? 1 : 1.0 / (1u << missing / 2);
}

/* Add the test of a field that is one number. Values for "none" (VLAN, ETHER) are a bit of key.kind. */
static void test_number(struct collect *k, enum ir_field f)
{
    const uint32_t id = k->p->field[f], bit = ir_there(f), absent = ir_fields[f].most;
    if (id == IR_ALL) return;
    const struct ir_ranges r = ir_ranges(k->g->ir, id);
    if (bit && !ir_ranges_have(k->g->ir, id, absent)) {
        k->all |= bit;
        if (r.count == 1 && r.r[0].lo == 0 && r.r[0].hi == absent - 1) return;
    } else if (bit && r.r[0].lo == absent) {
        k->none |= bit;
        return;
    }
    const bool far = ir_beside_key(f);
    test_add(k, far ? TEST_HEADER : TEST_HALF, f, id, 1 + (r.count > 1) + 2 * far, 1 - ranges_chance(k->g, f, id));
}

static void add_bits(struct collect *k)
{
    const struct kind_masks *m = kind_masks(k->g, k->p, k->v);
    k->all |= m->all;
    k->none |= m->none;
    if (k->all & KIND_ND) /* this bit implies them */
        k->all &= ~(uint32_t)(KIND_IP6 | KIND_PROTO | KIND_ICMP6 | KIND_ICMP_HEADER);
    if (k->all) test_add(k, TEST_ALL, k->all, 0, 1, 1 - bits_chance(k->all, true));
    if (k->none) test_add(k, TEST_NONE, k->none, 0, 1, bits_chance(k->none, false));
    for (unsigned i = 0; i < 3; i++)
        if (m->any[i]) test_add(k, TEST_ANY, m->any[i], 0, 1, 1 - bits_chance(m->any[i], false));
    if (m->numbers) test_add(k, TEST_NUMBERS, k->p->field[IR_WHAT], 0, 2, .9);
}

static void add_numbers(struct collect *k)
{
    const bool nd = ir_ranges_have(k->g->ir, k->p->field[IR_ND], 0) == false;
    const struct ir_ranges types =
        k->p->field[IR_TYPE] == IR_ALL ? (struct ir_ranges){0} : ir_ranges(k->g->ir, k->p->field[IR_TYPE]);
    const bool nd_types = nd && types.count == 1 && types.r[0].lo == 133 && types.r[0].hi == 136;
    for (enum ir_field f = 0; f < IR_FIELDS; f++)
        if (ir_numbers[f].half && !(f == IR_TTL && nd) && !(f == IR_TYPE && nd_types)) test_number(k, f);
}

/* Add the test of a one-bit field. */
static void add_flag(struct collect *k, enum ir_field f, uint32_t bit)
{
    if (k->p->field[f] == IR_ALL) return;
    if (ir_ranges_have(k->g->ir, k->p->field[f], 1))
        k->all |= bit;
    else
        k->none |= bit;
}

/* Add the test of the flow state: most packets belong to known connections. */
static void add_state(struct collect *k)
{
    static const double chance[] = {.1, .85, .01, .04};
    const unsigned states = states_asked(k->g->ir, k->p);
    double some = 0;
    struct flows_demand flows[PBC_GRAINS_MAX];
    const uint32_t demands = flows_demands(k->g->ir, k->p->field[IR_FLOWS], flows);
    for (uint32_t i = 0; i < demands; i++) test_add(k, TEST_FLOWS, flows[i].over, flows[i].grain, 20, .95);
    if (!asks_state(k->g->ir, k->p)) return;
    for (unsigned s = STATE_IS_NEW; s < STATE_IS_ABSENT; s++) some += states >> s & 1 ? chance[s] : 0;
    test_add(k, TEST_STATE, states * MARK_NEW, 0, 1, 1 - some);
}

static void add_residue(struct collect *k)
{
    const struct ir_patterns bytes = ir_patterns(k->g->ir, k->p->field[IR_BYTES]);
    const uint32_t from = k->p->field[IR_SRC_MAC], to = k->p->field[IR_DST_MAC];
    if (k->p->field[IR_HAS]) test_add(k, TEST_FLAGS_SET, k->p->field[IR_HAS], 0, 1, .6);
    if (k->p->field[IR_LACKS]) test_add(k, TEST_FLAGS_CLEAR, k->p->field[IR_LACKS], 0, 1, .5);
    if (from != IR_ALL) test_add(k, TEST_SRC_MAC, from, 0, 6, .8);
    if (to != IR_ALL) test_add(k, TEST_DST_MAC, to, 0, 6, .7);
    if (from != IR_ALL || to != IR_ALL) k->all |= KIND_ETHER;
    if (k->p->field[IR_DURING]) test_add(k, TEST_DURING, k->p->field[IR_DURING], 0, 1, .6);
    if (k->p->field[IR_NOT_DURING]) test_add(k, TEST_NOT_DURING, k->p->field[IR_NOT_DURING], 0, 1, .4);
    for (uint32_t i = 0; i < bytes.count; i++) test_add(k, TEST_PATTERN, bytes.pattern[i], 0, 8, .9);
}

/* Add the meters last, in the order of the source: a token is taken only when all else holds. */
static void add_meters(struct collect *k)
{
    const struct ir_patterns meters = ir_patterns(k->g->ir, k->p->field[IR_METERS]);
    for (uint32_t i = 0; i < meters.count; i++)
        test_add(k, meters.pattern[i] & 1 ? TEST_WITHIN : TEST_OVER, meters.pattern[i] / 2, 0, 20, .5);
}

static int by_rank(const void *a, const void *b)
{
    const struct test *x = a, *y = b;
    if (x->rank < y->rank || x->rank > y->rank) return x->rank < y->rank ? -1 : 1;
    if (x->type != y->type) return x->type < y->type ? -1 : 1;
    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

struct tests tests_of(struct gen *g, const struct ir_product *p, enum variant v)
{
    const uint32_t patterns =
        ir_patterns(g->ir, p->field[IR_BYTES]).count + ir_patterns(g->ir, p->field[IR_METERS]).count;
    struct collect k = {.g = g, .p = p, .v = v};
    k.t = arena_alloc(g->c->arena, (IR_FIELDS + 8 + (size_t)patterns) * sizeof(*k.t));
    add_address(&k, TEST_DST, IR_DST, IR_DST_SELF, KIND_DST_SELF);
    add_address(&k, TEST_SRC, IR_SRC, IR_SRC_SELF, KIND_SRC_SELF);
    add_numbers(&k);
    add_flag(&k, IR_OPTIONS, KIND_OPTIONS);
    add_flag(&k, IR_ND, KIND_ND);
    add_state(&k);
    add_residue(&k);
    add_bits(&k);
    qsort(k.t, k.count, sizeof(*k.t), by_rank);
    add_meters(&k);
    return (struct tests){k.t, k.count};
}

bool same_test(const struct test *a, const struct test *b)
{
    return a->type == b->type && a->families == b->families && a->a == b->a && a->b == b->b;
}

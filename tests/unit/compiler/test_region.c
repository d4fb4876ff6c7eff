/* Regions: the intersection and the difference of two products, for random rules and random frames, each frame
 * tested field by field; and regions that must be found empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/normal/normal.h"
#include "compiler/normal/region.h"
#include "tests/lib/draw.h"
#include "tests/lib/in_product.h"
#include "tests/unit/compiler/back.h"
#include "vm/judge/effects.h"
#include "vm/vm.h"
#include "vm/forward/service.h"

enum { MOMENTS = 48, STATES_MAX = 4 };

/* One drawn rule file and frames that meet it. */
struct drawn {
    struct compile c;
    struct program *program;
    struct stock stock;
    struct pbc_range6 self6[2];
    struct facts facts;
    uint8_t bytes[MOMENTS][DRAWN_FRAME_MAX];
    struct pkt pkts[MOMENTS];
    struct key keys[MOMENTS * STATES_MAX];
    struct moment moments[MOMENTS * STATES_MAX];
    unsigned count;
};

static void know_self(struct drawn *d)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t hi = 0, lo = 0;

        for (unsigned b = 0; b < 8; b++) {
            hi = hi << 8 | d->stock.self6[i][b];
            lo = lo << 8 | d->stock.self6[i][8 + b];
        }
        d->self6[i] = (struct pbc_range6){hi, lo, hi, lo};
    }
    d->facts = (struct facts){.self4 = d->stock.self4, .self4_count = STOCK_SELF, .self6 = d->self6, .self6_count = 2};
}

static void draw_frames(struct drawn *d, struct rng *r)
{
    d->count = 0;
    for (unsigned i = 0; i < MOMENTS; i++) {
        struct key key;
        uint32_t states[STATES_MAX] = {MARK_NONE};

        frame_draw(d->bytes[i], &d->pkts[i], &d->stock, r, d->program->ifaces_count);
        ways_draw(&d->pkts[i], r, d->program->ifaces_count);
        d->facts.schedules = rng_below(r, 8);
        if (pkt_parse(&d->pkts[i], &d->facts, &key) != REASON_NONE) continue;
        key_settle(d->program, &key);
        key.marks = (key.marks & ((1u << MARK_SCHEDULES) - 1)) | d->facts.schedules << MARK_SCHEDULES;
        for (unsigned n = d->c.ir->keeps_flows ? states_of(&key, states) : 1; n-- > 0;) {
            key.marks = (key.marks & ~(uint32_t)MARK_STATES) | states[n];
            d->keys[d->count] = key;
            d->moments[d->count] = (struct moment){
                .key = &d->keys[d->count], .pkt = &d->pkts[i], .over = rng_next(r), .flows = 1 + rng_below(r, 5)};
            d->count++;
        }
    }
}

static bool draw(struct drawn *d, uint64_t seed)
{
    struct rng r = {seed};
    struct text t = {0};
    char err[256];

    stock_draw(&d->stock, &r);
    know_self(d);
    rules_draw(&t, &d->stock, &r, 12);
    for (size_t i = 0; i < t.len; i++)
        if (t.s[i] == DRAW_SPLIT || t.s[i] == DRAW_LINE) t.s[i] = ' ';
    compile_init(&d->c);
    const bool good = compile_text(&d->c, "random.prey", t.s, t.len) == 0;
    text_free(&t);
    if (!good) return false;
    d->program = program_load(d->c.pbc, d->c.pbc_len, err, sizeof(err));
    assert_non_null(d->program);
    draw_frames(d, &r);
    return true;
}

static void undraw(struct drawn *d)
{
    program_put(d->program);
    compile_fini(&d->c);
}

/* True if the firewall judges packets of that interface, in its direction. A rule may rely on it: in a firewall
 * `out`, `out on` is the interface. */
static bool judged_there(const struct program *p, const struct pbc_rule *r, const struct key *key)
{
    if (r->list & PBC_LIST_CHAIN) return true;
    const struct pbc_firewall *f = &p->firewalls[r->list];
    if ((f->direction == PBC_DIR_OUT) != !!(key->kind & KIND_OUT)) return false;
    return f->iface == PBC_NONE || f->iface == key->iface;
}

/* Check a frame by the rule's conditions, unless they test facts that only a running vm has. */
static void check_membership(const struct drawn *d, uint32_t rule)
{
    const struct pbc_rule *r = &d->program->rules[rule];

    for (unsigned m = 0; m < d->count; m++) {
        const struct moment *at = &d->moments[m];
        const bool arp = at->key->kind & KIND_ARP;
        bool match = arp ? r->flags & PBC_RULE_ARP : !(r->flags & PBC_RULE_NOT_FRAMES), knows = true;

        for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++) {
            const struct pbc_cond *c = &d->program->conds[i];

            if (c->kind == COND_OVER || c->kind == COND_WITHIN || c->kind == COND_FLOWS_OVER)
                knows = false;
            else
                match = match && cond_match(d->program, c, at->key, at->pkt);
        }
        if (knows && judged_there(d->program, r, at->key))
            assert_int_equal(in_product(&d->c, &d->c.ir->rules[rule].product, at), match);
    }
}

static void check_common(const struct drawn *d, const struct ir_product *a, const struct ir_product *b)
{
    struct ir_product both;
    bool loose = false;
    const bool some = product_and(d->c.ir, a, b, &both, &loose);

    for (unsigned m = 0; m < d->count; m++) {
        const bool in_both = in_product(&d->c, a, &d->moments[m]) && in_product(&d->c, b, &d->moments[m]);
        const bool said = some && in_product(&d->c, &both, &d->moments[m]);

        if (in_both ? !said : said && !loose) fail_msg("frame %u is %sin both", m, in_both ? "" : "not ");
    }
}

/* Check that each frame of the region that isn't in b is in one piece, and no other frame is in any. */
static void check_left(const struct drawn *d, const struct region *before, const struct ir_product *b,
                       const struct region *after)
{
    for (unsigned m = 0; m < d->count; m++) {
        unsigned was = 0, is = 0;

        for (uint32_t i = 0; i < before->count; i++) was += in_product(&d->c, &before->p[i], &d->moments[m]);
        for (uint32_t i = 0; i < after->count; i++) is += in_product(&d->c, &after->p[i], &d->moments[m]);
        const bool gone = in_product(&d->c, b, &d->moments[m]);
        if (is != (was && !gone)) fail_msg("frame %u stands in %u pieces, was in %u, taken: %d", m, is, was, gone);
    }
}

static void minus_checked(const struct drawn *d, struct region *r, const struct ir_product *b)
{
    struct region before;
    struct region_budget budget = {.work = 1 << 20, .parts = 1 << 12};

    region_init(&before);
    for (uint32_t i = 0; i < r->count; i++) region_add(&before, &r->p[i]);
    region_minus(d->c.ir, r, b, &budget);
    if (!budget.spent) check_left(d, &before, b, r);
    if (!budget.spent) {
        region_fini(&before);
        return;
    }
    region_fini(r);
    *r = before;
}

/* Check all rules of the file, each on the frames that the earlier ones left. */
static void check_rules(const struct drawn *d)
{
    const struct ir *ir = d->c.ir;
    struct ir_product everything, plain;
    struct region left;

    region_init(&left);
    product_all(&everything);
    region_add(&left, &everything);
    for (uint32_t i = 0; i < ir->rule_count; i++) {
        const struct ir_product *p = &ir->rules[i].product;
        struct region alone;

        check_membership(d, i);
        if (product_is_plain(ir, p)) minus_checked(d, &left, p);
        for (uint32_t k = 0; k < ir->rule_count; k++) {
            check_common(d, p, &ir->rules[k].product);
            if (k == i || ir_is_empty(p) || !product_plain_beside(ir, &ir->rules[k].product, p, &plain)) continue;
            region_init(&alone);
            region_add(&alone, p);
            minus_checked(d, &alone, &plain);
            region_fini(&alone);
        }
    }
    region_fini(&left);
}

static void random_rules(void **state)
{
    static struct drawn d;
    const unsigned files = getenv("LONG") && *getenv("LONG") ? 3000 : 150;

    for (uint64_t seed = 1; seed <= files; seed++) {
        if (!draw(&d, seed)) fail_msg("seed %u does not compile", (unsigned)seed);
        check_rules(&d);
        undraw(&d);
    }
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

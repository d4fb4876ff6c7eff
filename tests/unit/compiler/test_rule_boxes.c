/* Rules as boxes: the boxes' results for a header key against those of the rule's conditions, over random rules and
 * frames, and for each kind of condition that is rare there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "compiler/classify/boxes/rule_boxes.h"
#include "compiler/normal/kinds.h"
#include "tests/lib/draw.h"
#include "tests/unit/compiler/made.h"
#include "vm/judge/effects.h"
#include "vm/program/program.h"
#include "vm/vm.h"
#include "vm/forward/service.h"

static bool box_holds(const struct boxes *b, uint32_t box, const struct key *key)
{
    for (unsigned i = 0; i < b->slots; i++)
        if ((key->slot[b->slot[i]] & b->mask[i][box]) != b->value[i][box]) return false;
    return b->sport[box].lo <= key->src_port && key->src_port <= b->sport[box].hi &&
           b->dport[box].lo <= key->dst_port && key->dst_port <= b->dport[box].hi;
}

static bool boxes_hold(const struct boxes *b, const struct key *key)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (box_holds(b, i, key)) return true;
    return false;
}

static void make(struct made *m, const char *text) { make_as(m, text, CLASSIFY_NONE); }

static uint32_t boxes_of(struct made *m, uint32_t rule, enum variant v, struct boxes *b)
{
    boxes_init(b);
    return rule_boxes_add(rule_boxes_new(m->c.ir), &m->c.ir->rules[rule].product, v, RULE_BOXES_MAX, b, 0);
}

static bool rule_holds(const struct made *m, uint32_t rule, const struct key *key, const struct pkt *pkt)
{
    const struct pbc_rule *r = &m->p->rules[rule];

    for (uint32_t i = 0; i < r->cond_count; i++)
        if (!cond_match(m->p, &m->p->conds[r->conds + i], key, pkt)) return false;
    return true;
}

/* True if the firewall judges the packet. A rule of a firewall `out` judges packets that this machine sends, and may
 * rely on it: `out on` is the interface. */
static bool judged_there(const struct program *p, uint32_t rule, const struct key *key)
{
    const uint32_t list = p->rules[rule].list;

    return list & PBC_LIST_CHAIN || (p->firewalls[list].direction == PBC_DIR_OUT) == !!(key->kind & KIND_OUT);
}

/* Compare all rules on one key: no frame of a rule lies outside its boxes, and if the boxes are exact, no other lies
 * inside. */
static unsigned compare(struct made *m, const struct boxes *b, const uint32_t *left, const struct key *key,
                        const struct pkt *pkt)
{
    unsigned held = 0;

    for (uint32_t r = 0; r < m->p->rules_count; r++) {
        const struct ir_product *p = &m->c.ir->rules[r].product;
        const bool arp = key->kind & KIND_ARP;

        if (m->c.ir->rules[r].state != IR_LIVE || !product_judges(m->c.ir, p, arp ? ARP : FRAMES)) continue;
        if (!judged_there(m->p, r, key)) continue;
        const bool boxed = boxes_hold(&b[r * VARIANTS + arp], key), holds = rule_holds(m, r, key, pkt);

        held += holds;
        if (holds && !boxed) fail_msg("rule %u holds outside its boxes: kind %x marks %x", r, key->kind, key->marks);
        if (!left[r * VARIANTS + arp] && boxed && !holds)
            fail_msg("rule %u: a box holds what the rule does not: kind %x marks %x", r, key->kind, key->marks);
    }
    return held;
}

struct drawn {
    struct stock stock;
    struct facts facts;
    struct pbc_range6 self6[2];
};

static void draw_world(struct drawn *w, struct rng *r)
{
    stock_draw(&w->stock, r);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t hi = 0, lo = 0;

        for (unsigned b = 0; b < 8; b++) {
            hi = hi << 8 | w->stock.self6[i][b];
            lo = lo << 8 | w->stock.self6[i][8 + b];
        }
        w->self6[i] = (struct pbc_range6){hi, lo, hi, lo};
    }
    w->facts = (struct facts){.self4 = w->stock.self4,
                              .self4_count = w->stock.has_self ? STOCK_SELF : 0,
                              .self6 = w->self6,
                              .self6_count = w->stock.has_self ? 2 : 0};
}

/* Compare one frame, in each state that it can have, at some time of the day. */
static unsigned one_frame(struct made *m, struct drawn *w, struct rng *r, const struct boxes *b, const uint32_t *left)
{
    uint8_t frame[DRAWN_FRAME_MAX];
    uint32_t states[4] = {MARK_NONE};
    struct pkt pkt = {0};
    struct key key;
    unsigned held = 0;

    frame_draw(frame, &pkt, &w->stock, r, m->p->ifaces_count);
    ways_draw(&pkt, r, m->p->ifaces_count);
    w->facts.schedules = rng_next(r) & 7u;
    if (pkt_parse(&pkt, &w->facts, &key) != REASON_NONE) return 0;
    key_settle(m->p, &key);
    for (unsigned n = m->p->meta->flags & PBC_KEEPS_FLOWS ? states_of(&key, states) : 1; n-- > 0;) {
        key.marks = (key.marks & ~(uint32_t)MARK_STATES) | states[n];
        held += compare(m, b, left, &key, &pkt);
    }
    return held;
}

static char *plain(const struct text *t)
{
    char *s = strndup(t->s, t->len);

    for (size_t i = 0; i < t->len; i++)
        if (s[i] == DRAW_SPLIT || s[i] == DRAW_LINE) s[i] = ' ';
    return s;
}

static unsigned one_file(struct rng *r, unsigned frames)
{
    struct drawn w;
    struct text t = {0};
    struct made m;
    unsigned held = 0;

    draw_world(&w, r);
    rules_draw(&t, &w.stock, r, 20);
    char *text = plain(&t);
    make(&m, text);
    struct boxes *b = calloc((size_t)m.p->rules_count * VARIANTS + 1, sizeof(*b));
    uint32_t *left = calloc((size_t)m.p->rules_count * VARIANTS + 1, sizeof(*left));
    for (uint32_t i = 0; i < m.p->rules_count * VARIANTS; i++)
        left[i] = boxes_of(&m, i / VARIANTS, i % VARIANTS ? ARP : FRAMES, &b[i]);
    for (unsigned i = 0; i < frames; i++) held += one_frame(&m, &w, r, b, left);
    for (uint32_t i = 0; i < m.p->rules_count * VARIANTS; i++) boxes_fini(&b[i]);
    free(b);
    free(left);
    free(text);
    text_free(&t);
    unmake(&m);
    return held;
}

static void boxes_say_what_rules_say(void **state)
{
    const bool many = getenv("LONG") && *getenv("LONG");
    struct rng r = {20261107};
    unsigned held = 0;

    (void)state;
    for (unsigned i = 0; i < (many ? 2000u : 60u); i++) held += one_file(&r, 300);
    assert_true(held > 1000);
}

static void few_boxes(void **state)
{
    static const struct {
        const char *rule;
        uint32_t boxes, left; /* left: 1 + a field; 0: none */
    } cases[] = {
        {"accept", 1, 0},
        {"accept tcp", 1, 0},
        {"accept tcp port 80", 1, 0},
        {"accept port 53", 1, 0},
        {"accept tcp, udp port 53", 1, 0},
        {"accept tcp, udp port 53, 853, 5353", 3, 0},
        {"accept ip", 1, 0},
        {"accept ip6", 1, 0},
        {"accept from 10.0.0.0/8 to 192.0.2.1 tcp port 1024-65535", 1, 0},
        {"accept from 2001:db8::/32", 1, 0},
        {"accept from 10.0.0.0/8, 2001:db8::/32", 2, 0},
        {"accept from 10.0.0.0/8, 2001:db8::/32 to 10.1.0.0/16, 10.2.0.0/16, 2001:db8:1::/48", 3, 0},
        {"accept from self", 2, 0},
        {"accept from not self", 2, 0},
        {"accept from self, 10.0.0.0/8", 3, 0},
        {"accept icmp type echo-request", 1, 0},
        {"accept tcp flags has syn lacks ack", 1, 0},
        {"accept proto 47", 1, 0},
        {"accept vlan 100", 1, 0},
        {"accept vlan none", 1, 0},
        {"accept vlan 100-103, 200", 2, 0},
        {"accept fragment first", 1, 0},
        {"accept state new", 1, 0},
        {"accept state established, related", 2, 0},
        {"accept dscp ef", 2, 0},
        {"accept ip ttl 255", 1, 0},
        {"accept ip6 length -1023", 1, 0},
        {"accept ether from 02:00:00:00:00:01", 1, 1 + IR_SRC_MAC},
        {"accept from 10.0.0.1-10.0.0.254", 14, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made m;
        struct boxes b;
        char text[300];

        snprintf(text, sizeof(text), "firewall f default drop {\n %s\n}\n", cases[i].rule);
        make(&m, text);
        const uint32_t left = boxes_of(&m, 0, FRAMES, &b);

        if (b.count != cases[i].boxes) fail_msg("`%s` is %u boxes, not %u", cases[i].rule, b.count, cases[i].boxes);
        assert_int_equal(left, cases[i].left ? 1u << (cases[i].left - 1) : 0);
        boxes_fini(&b);
        unmake(&m);
    }
}

/* A set that is too large becomes few boxes around it, and is tested afterwards; so does a rule with several lists. */
static void what_is_too_much_is_widened(void **state)
{
    struct made m;
    struct boxes b;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    (void)state;
    fputs("set many = 10.9.9.9", f);
    for (unsigned i = 0; i < 1000; i++) fprintf(f, ", 10.%u.%u.1", i / 250, i % 250);
    fputs("\nfirewall f default drop {\n accept tcp from many to port 80, 90\n"
          " accept from 10.0.0.1-10.0.0.254 to 10.0.0.1-10.0.0.254\n}\n",
          f);
    fclose(f);
    make(&m, text);
    assert_int_equal(boxes_of(&m, 0, FRAMES, &b), 1u << IR_SRC);
    assert_true(b.count <= 2 * RULE_BOXES_WIDE);
    boxes_fini(&b);
    assert_true(boxes_of(&m, 1, FRAMES, &b) != 0);
    assert_true(b.count <= RULE_BOXES_MAX);
    boxes_fini(&b);
    unmake(&m);
    free(text);
}

static void kinds_that_can_be(void **state)
{
    (void)state;
    assert_true(kind_possible(0, 0));
    assert_true(kind_possible(KIND_TCP | KIND_PORTS, KIND_TCP | KIND_PORTS));
    assert_true(kind_possible(KIND_TCP | KIND_PORTS, KIND_TCP));
    assert_true(kind_possible(KIND_TCP | KIND_UDP, 0));
    assert_true(kind_possible(KIND_IP | KIND_ARP, 0));
    assert_true(kind_possible(KIND_ND, KIND_ND));
    assert_false(kind_possible(KIND_ND | KIND_IP4, KIND_ND | KIND_IP4));
    assert_false(kind_possible(KIND_IP, KIND_IP));
    assert_false(kind_possible(KIND_TCP | KIND_UDP, KIND_TCP | KIND_UDP));
    assert_false(kind_possible(KIND_TCP | KIND_IP, KIND_TCP));
    assert_false(kind_possible(KIND_ICMP | KIND_IP6, KIND_ICMP | KIND_IP6));
    assert_false(kind_possible(KIND_VLAN | KIND_VLAN2, KIND_VLAN2));
    assert_false(kind_possible(KIND_IN | KIND_OUT | KIND_FORWARD, 0));
    assert_false(kind_possible(KIND_IN | KIND_OUT, KIND_IN | KIND_OUT));
    assert_false(kind_possible(KIND_OPTIONS | KIND_IP6, KIND_OPTIONS | KIND_IP6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_say_what_rules_say),
        cmocka_unit_test(few_boxes),
        cmocka_unit_test(what_is_too_much_is_widened),
        cmocka_unit_test(kinds_that_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Kernel mode of a worker: decisions that came with packets are taken without a judge, others come from the kernel's
 * judge, which a judge of this process replaces; the kernel's counts are added. */
#include "tests/unit/vm/sender.h"

#include "vm/judge/effects.h"

#define RULES                                                                                                          \
    "firewall f default drop {\n"                                                                                      \
    "  decap ipip from 192.0.2.1 as IPIP\n"                                                                            \
    "  count udp as COUNTED\n"                                                                                         \
    "  accept udp port 53 as DNS\n"                                                                                    \
    "  reject tcp port 80 as NO\n"                                                                                     \
    "  log udp port 7 as LOGGED\n"                                                                                     \
    "  accept tcp port 443 as WEB\n"                                                                                   \
    "}\n"

struct stand_in {
    struct program *program;
    unsigned asked;
};

static uint64_t ask(void *arg, const struct key *key, const struct pkt *pkt, const struct effects *e, uint64_t *mirrors)
{
    struct stand_in *s = arg;
    struct pkt *const pkts[] = {(struct pkt *)(uintptr_t)pkt};
    decided d;
    s->asked++;
    run_code(s->program, 0, key, pkts, 1, NULL, e, &d);
    return d;
}

struct two {
    struct sender user, kernel;
    struct stand_in judge;
    struct vm_kernel ops;
    struct event events[8];
};

static void two_init(struct two *t, const char *rules)
{
    memset(t, 0, sizeof *t);
    sender_init(&t->user, rules, false);
    sender_init(&t->kernel, rules, false);
    vm_free(t->kernel.vm);
    t->judge.program = t->kernel.program;
    t->ops = (struct vm_kernel){.arg = &t->judge, .judge = ask};
    t->kernel.vm = vm_new(t->kernel.program, &(struct vm_cfg){.pool = t->kernel.pool, .seed = 7, .kernel = &t->ops});
    assert_non_null(t->kernel.vm);
    t->kernel.tx.events = t->events;
    t->kernel.tx.event_cap = 8;
}

static void two_fini(struct two *t)
{
    sender_adds_up(&t->kernel);
    sender_fini(&t->user);
    sender_fini(&t->kernel);
}

static void same(const struct two *t)
{
    const struct sender *a = &t->user, *b = &t->kernel;
    assert_memory_equal(&a->v, &b->v, sizeof a->v);
    assert_int_equal(a->tx.count, b->tx.count);
    for (unsigned i = 0; i < a->tx.count; i++) {
        assert_int_equal(a->entries[i].cause, b->entries[i].cause);
        assert_int_equal(a->entries[i].pkt->cap_len, b->entries[i].pkt->cap_len);
        assert_memory_equal(a->entries[i].pkt->data, b->entries[i].pkt->data, a->entries[i].pkt->cap_len);
    }
    const struct vm_counters *x = vm_counters(a->vm), *y = vm_counters(b->vm);
    assert_memory_equal(x->verdicts, y->verdicts, sizeof x->verdicts);
    assert_memory_equal(x->reasons, y->reasons, sizeof x->reasons);
    assert_memory_equal(x->rules, y->rules, a->program->rules_count * sizeof *x->rules);
    assert_memory_equal(x->defaults, y->defaults, a->program->firewalls_count * sizeof *x->defaults);
}

/* Judge with both; the kernel's judge is called `asked` times. */
static void both(struct two *t, const char *notation, unsigned asked)
{
    const unsigned before = t->judge.asked;
    sender_judge(&t->user, notation);
    sender_judge(&t->kernel, notation);
    same(t);
    assert_int_equal(t->judge.asked - before, asked);
}

static void asks_the_kernels_judge(void **state)
{
    (void)state;
    struct two t;
    two_init(&t, RULES);
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 / udp 1000 > 53", 1);
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 80 syn", 1);
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 443 syn", 1);
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 443 off 4", 0);
    both(&t, "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 / udp 1000 > 53", 2);
    two_fini(&t);
}

static void asks_with_state(void **state)
{
    (void)state;
    struct two t;
    two_init(&t, "firewall f default drop { accept state established as OLD; accept tcp port 443 as WEB }\n");
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 443 syn", 1);
    both(&t, "eth / ip4 10.0.0.9 > 198.51.100.7 / tcp 443 > 1000 syn ack seq 5 ack 1", 1);
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 443 ack seq 1 ack 6", 1);
    assert_string_equal(sender_said(&t.kernel), "accept OLD -");
    two_fini(&t);
}

/* A waiting fragment has no decision when it leaves: it takes the first's. */
static void holds_fragments(void **state)
{
    (void)state;
    struct two t;
    two_init(&t, RULES);
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 id 1 frag 16 proto udp / zeros 8", 0);
    assert_int_equal(t.kernel.v.action, ACTION_HELD);
    both(&t, "eth / ip4 198.51.100.7 > 10.0.0.9 id 1 more / udp 1000 > 53 / zeros 8", 1);
    two_fini(&t);
}

static const struct verdict *judge_up(struct sender *s, const char *notation, struct vm_up up)
{
    struct packet *p = packet_facts(notation, &s->facts);
    struct pkt *const pkts[] = {&p->pkt};
    sender_clear(s);
    p->pkt.iface = IFACE_NONE;
    s->packets++;
    s->bytes += p->pkt.wire_len;
    vm_run_up(s->vm, &s->in, pkts, 1, &up, &s->v, &s->tx);
    return &s->v;
}

static void takes_what_came_along(void **state)
{
    (void)state;
    struct two t;
    two_init(&t, RULES);
    const char *refused = "eth / ip4 198.51.100.7 > 10.0.0.9 / tcp 1000 > 80 syn";
    sender_judge(&t.user, refused);
    judge_up(&t.kernel, refused, (struct vm_up){.decision = decided_as(3, ACTION_REJECT, 0), .judged = true});
    same(&t);
    assert_int_equal(t.judge.asked, 0);
    assert_int_equal(t.kernel.tx.count, 1); /* the reply */
    judge_up(&t.kernel, refused, (struct vm_up){.judged = false});
    assert_int_equal(t.judge.asked, 1);

    /* The tunnel's packet was judged there, but the inner one wasn't. */
    const char *wrapped = "eth / ip4 192.0.2.1 > 10.0.0.9 / ip4 198.51.100.7 > 10.0.0.9 / udp 1000 > 53";
    judge_up(&t.kernel, wrapped, (struct vm_up){.decision = decided_as(0, ACTION_DROP, 0), .judged = true});
    assert_string_equal(sender_said(&t.kernel), "accept DNS -");
    assert_int_equal(t.judge.asked, 2);
    two_fini(&t);
}

static void adds_what_was_counted(void **state)
{
    (void)state;
    struct two t;
    two_init(&t, RULES);
    sender_judge(&t.kernel, "eth / ip4 198.51.100.7 > 10.0.0.9 / udp 1000 > 9");
    const struct counter rules[6] = {[2] = {3, 300}}, defaults[1] = {{5, 500}}, none[1] = {{0, 0}};
    struct vm_counters more = {
        .rules = rules, .defaults = defaults, .services = none, .unserved = none, .servers = none};
    more.verdicts[ACTION_ACCEPT] = (struct counter){3, 300};
    more.verdicts[ACTION_DROP] = (struct counter){6, 600};
    more.reasons[REASON_SHORT_IP] = (struct counter){1, 100};
    more.snapped = 2;
    vm_count(t.kernel.vm, &more);
    const struct vm_counters *c = vm_counters(t.kernel.vm);
    assert_int_equal(c->rules[2].packets, 3);
    assert_int_equal(c->defaults[0].packets, 6);
    assert_int_equal(c->verdicts[ACTION_DROP].packets, 7);
    assert_int_equal(c->reasons[REASON_NONE].packets, 6);
    assert_int_equal(c->reasons[REASON_SHORT_IP].packets, 1);
    assert_int_equal(c->snapped, 2);
    t.kernel.packets += 9;
    t.kernel.bytes += 900;
    two_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_the_kernels_judge), cmocka_unit_test(asks_with_state),
        cmocka_unit_test(holds_fragments),        cmocka_unit_test(takes_what_came_along),
        cmocka_unit_test(adds_what_was_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

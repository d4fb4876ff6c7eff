/* What a failed test says. It answers, in this order: what was expected and what happened; which packet; what decided;
 * and why the rule that was expected to did not, or which rule came closest.
 *
 *     edge.prey:12:3: error: test "admins may ssh": expected accept by SSH, but found drop by default [E0701]
 *        12 |   expect accept by SSH: tcp 198.18.0.1:50000 -> self:22 syn
 *           |   ^^^^^^^^^^^^^^^^^^^^
 *     note: the packet: tcp 198.18.0.1:50000 > 192.0.0.8:22 SYN, 54 bytes
 *     edge.prey:4:10: note: no rule of `edge` decided; its default did
 *     edge.prey:7:14: note: `SSH` does not match: source is not in admins */
#include <string.h>

#include "compiler/test_priv.h"

static const char *const reason_doc[REASON_COUNT] = {
#define REASON(ident, name, doc) [REASON_##ident] = doc,
#include "vm/reason.def"
#undef REASON
};

enum { NAME_MOST = 200 };

static const char *rule_text(const struct test_run *r, uint32_t rule, char buf[NAME_MOST])
{
    if (rule == RULE_DEFAULT) return "default";
    return rule == RULE_NONE ? "" : rule_name(r->program, rule, buf, NAME_MOST);
}

static const char *by_text(const struct test_run *r, uint32_t rule, char buf[NAME_MOST + 4])
{
    char name[NAME_MOST];

    snprintf(buf, NAME_MOST + 4, "%s%s", rule == RULE_NONE ? "" : " by ", rule_text(r, rule, name));
    return buf;
}

/* The packet, what decided ------------------------------------------------------------------------------------------
 */

/* " 1.5 s into the test", or nothing at its begin. */
static const char *when_text(const struct test_run *r, char buf[40])
{
    const uint64_t ms = (r->now_ns - r->began_ns) / 1000000;

    buf[0] = '\0';
    if (ms) snprintf(buf, 40, ", %llu.%03llu", (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000));
    while (ms && buf[strlen(buf) - 1] == '0') buf[strlen(buf) - 1] = '\0';
    if (ms && buf[strlen(buf) - 1] == '.') buf[strlen(buf) - 1] = '\0';
    return ms ? strcat(buf, " s into the test") : buf;
}

void test_note_packet(struct test_run *r, const char *what, const struct pkt *pkt, const struct key *key)
{
    char text[300], device[40] = "", when[40];

    pkt_describe(pkt, key, text, sizeof(text));
    if (pkt->iface < r->program->ifaces_count)
        snprintf(device, sizeof(device), " on %.20s", program_str(r->program, r->program->ifaces[pkt->iface].device));
    diag_note(r->c->diags, SPAN_NONE, "%s%s: %s%s, %u bytes", what, when_text(r, when), text, device, pkt->wire_len);
    if (key->kind & KIND_TCP_FLAGS && !(key->marks & 0xff))
        diag_note(r->c->diags, SPAN_NONE, "it has no TCP flags; what opens a connection is written with `syn`");
}

static const char *way_of(const struct key *key)
{
    return key->kind & KIND_OUT  ? "sent by this machine"
           : key->kind & KIND_IN ? "for this machine"
                                 : "for another machine";
}

/* Nobody judged: most often because the packet is not addressed to `self`. */
static void note_nobody(struct test_run *r, const struct verdict *v, const struct key *key)
{
    struct diags *d = r->c->diags;

    if (v->action == ACTION_PASS) {
        diag_note(d, SPAN_NONE, "no rule decides about ARP here, so it passes");
        return;
    }
    diag_note(d, SPAN_NONE, "no firewall judges it: it is %s", way_of(key));
    if (key->kind & KIND_FORWARD)
        diag_note(d, SPAN_NONE, "`self ADDRESS` in the test says which addresses this machine has");
}

void test_note_decider(struct test_run *r, const struct verdict *v, const struct key *key)
{
    const struct image *img = r->c->image;
    struct diags *d = r->c->diags;
    char name[NAME_MOST];

    if (v->reason != REASON_NONE)
        diag_note(d, SPAN_NONE, "before any rule: %s: %s", reason_name(v->reason), reason_doc[v->reason]);
    else if (v->rule < img->rules_count)
        diag_note(d, img->rule_span[v->rule], "`%s` decided", rule_text(r, v->rule, name));
    else if (v->rule == RULE_DEFAULT && v->firewall < img->firewalls_count)
        diag_note(d, img->firewall_span[v->firewall], "no rule of `%s` decided; its default did",
                  image_str(img, img->firewalls[v->firewall].name));
    else
        note_nobody(r, v, key);
}

/* Why a rule did not ------------------------------------------------------------------------------------------------
 */

/* What the rules before the decision did with the packet. */
struct search {
    struct test_run *r;
    const struct pkt *pkt;
    const struct key *key;
    uint32_t wanted;  /* the rule that was expected */
    bool tried;       /* it was reached */
    uint32_t failed;  /* its first failed condition */
    uint32_t closed;  /* first failed condition of the `do` that leads to its chain */
    uint8_t action;   /* what was expected, where no rule was named */
    uint32_t closest; /* of the rules with that verdict, the one of which a single condition failed */
    uint32_t closest_cond;
    unsigned closest_count;
};

static uint32_t first_failed(const struct search *s, uint32_t rule, unsigned *count)
{
    const struct program *p = s->r->program;
    const struct pbc_rule *r = &p->rules[rule];
    uint32_t first = PBC_NONE;

    *count = 0;
    for (uint32_t i = r->conds; i < r->conds + r->cond_count; i++)
        if (!cond_match(p, &p->conds[i], s->key, s->pkt)) {
            if (first == PBC_NONE) first = i;
            ++*count;
        }
    return first;
}

static bool gives(const struct pbc_rule *r, uint8_t action)
{
    return action == ACTION_DROP     ? r->verdict == PBC_V_DROP
           : action == ACTION_REJECT ? r->verdict == PBC_V_REJECT
                                     : r->verdict == PBC_V_ACCEPT && action != ACTION_PASS;
}

static void look(void *arg, const struct trace_step *t)
{
    struct search *s = arg;
    const struct program *p = s->r->program;
    const struct pbc_rule *r = &p->rules[t->rule];
    unsigned count;

    if (t->matched) return;
    if (t->rule == s->wanted) {
        s->tried = true;
        s->failed = t->failed_cond;
    }
    if (s->wanted < p->rules_count && r->verdict == PBC_V_DO &&
        p->rules[s->wanted].list == (r->chain | PBC_LIST_CHAIN) && s->closed == PBC_NONE)
        s->closed = t->failed_cond;
    if (s->wanted != RULE_NONE || !gives(r, s->action)) return;
    const uint32_t cond = first_failed(s, t->rule, &count);
    if (count != 1) return;
    s->closest = t->rule;
    s->closest_cond = cond;
    s->closest_count++;
}

static void note_condition(const struct search *s, uint32_t cond, const char *before, uint32_t rule)
{
    const struct program *p = s->r->program;
    char why[300], name[NAME_MOST];

    cond_explain(p, &p->conds[cond], s->key, s->pkt, why, sizeof(why));
    diag_note(s->r->c->diags, s->r->c->image->cond_span[cond], "`%s` %s: %s", rule_text(s->r, rule, name), before, why);
}

/* The rule was never reached: its own conditions, the way to it, or what stands before it. */
static void note_unreached(const struct search *s, const struct verdict *v)
{
    struct test_run *r = s->r;
    const struct image *img = r->c->image;
    const struct pbc_rule *wanted = &r->program->rules[s->wanted];
    char name[NAME_MOST];
    unsigned count;
    const uint32_t cond = first_failed(s, s->wanted, &count);
    const struct span at = img->rule_span[s->wanted];
    const bool chain = wanted->list & PBC_LIST_CHAIN;

    if (cond != PBC_NONE)
        note_condition(s, cond, "does not match", s->wanted);
    else if (s->closed != PBC_NONE)
        note_condition(s, s->closed, "stands in a chain that was not entered", s->wanted);
    else if (!chain && v->firewall != wanted->list)
        diag_note(r->c->diags, at, "`%s` stands in another firewall, `%s`", rule_text(r, s->wanted, name),
                  image_str(img, img->firewalls[wanted->list].name));
    else if (v->rule < img->rules_count)
        diag_note(r->c->diags, at, "`%s` would match, but the other rule decided before it",
                  rule_text(r, s->wanted, name));
    else
        diag_note(r->c->diags, at, "`%s` would match, but no `do` of `%s` led to its chain",
                  rule_text(r, s->wanted, name), image_str(img, img->firewalls[v->firewall].name));
}

static void note_expected(const struct search *s, const struct verdict *v)
{
    if (s->wanted >= s->r->program->rules_count || s->wanted == v->rule) return;
    if (s->tried && s->failed != PBC_NONE)
        note_condition(s, s->failed, "does not match", s->wanted);
    else
        note_unreached(s, v);
}

void test_report(struct test_run *r, const struct test_step *step, const struct pkt *pkt, const struct verdict *v)
{
    struct pkt again = *pkt;
    struct key key;
    char expected[NAME_MOST + 4], found[NAME_MOST + 4];
    struct search s = {.r = r,
                       .pkt = &again,
                       .key = &key,
                       .wanted = step->rule,
                       .failed = PBC_NONE,
                       .closed = PBC_NONE,
                       .action = step->action};

    pkt_parse(&again, &r->facts, &key);
    diag(r->c->diags, E_TEST_FAILED, step->span, "test \"%s\": expected %s%s, but found %s%s", r->test->name.s,
         action_name(step->action), by_text(r, step->rule, expected), action_name(v->action),
         by_text(r, v->rule, found));
    test_note_packet(r, "the packet", &again, &key);
    test_note_decider(r, v, &key);
    if (v->reason != REASON_NONE || (v->rule == RULE_NONE && v->firewall == PBC_NONE)) return;
    program_explain(r->program, &key, &again, look, &s);
    note_expected(&s, v);
    if (s.closest_count == 1) note_condition(&s, s.closest_cond, "came closest", s.closest);
}

/* All tests together ------------------------------------------------------------------------------------------------
 */

bool tests_any(const struct compile *c) { return c->tests && c->tests->ran; }

bool tests_passed(const struct compile *c) { return !c->tests || !c->tests->failed; }

void tests_summary(const struct compile *c, FILE *out)
{
    const struct tests *t = c->tests;
    const char *before = ": ";
    unsigned shown = 0;

    if (!tests_any(c)) return;
    if (!t->failed) {
        fprintf(out, "%u test%s passed", t->ran, t->ran == 1 ? "" : "s");
        return;
    }
    fprintf(out, "%u of %u test%s failed", t->failed, t->ran, t->ran == 1 ? "" : "s");
    for (const struct test *test = t->first; test; test = test->next) {
        if (!test->failed || shown++ == 5) continue;
        fprintf(out, "%s\"%s\"", before, test->name.s);
        before = ", ";
    }
    if (t->failed > 5) fputs(", ...", out);
}

void tests_print_json(struct compile *c, FILE *out)
{
    const char *between = "";
    unsigned line, col;

    fputc('[', out);
    for (const struct test *t = c->tests && c->tests->ran ? c->tests->first : NULL; t; t = t->next) {
        source_place(&c->sources, t->span.file, t->span.start, &line, &col);
        fprintf(out, "%s\n{\"name\":", between);
        diag_json_string(t->name.s, out);
        fputs(",\"file\":", out);
        diag_json_string(c->sources.files[t->span.file].path, out);
        fprintf(out, ",\"line\":%u,\"passed\":%s}", line, t->failed ? "false" : "true");
        between = ",";
    }
    fputs("\n]", out);
}

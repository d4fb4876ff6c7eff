/* Report a claim that does not hold, or that can't be decided.
 *
 *     edge.prey:9:3: error: test "nobody else": `never accept` is refuted: `WEB` accepts one [E0715]
 *         9 |   never accept: tcp not admins -> self port 22
 *           |   ^^^^^^^^^^^^
 *     note: the packet: tcp 198.51.100.1:50000 -> self:22 syn
 *     edge.prey:5:3: note: `WEB` decides */
#include <stdlib.h>

#include "compiler/analysis/claim/claim.h"
#include "compiler/analysis/sample/sample.h"
#include "compiler/resolve/resolve.h"
#include "lang/heap.h"
#include "vm/judge/decide.h"
#include "vm/words/words.h"

enum { CLAIM_TEXT = 120 };
static const char *claim_text(const struct claims *r, const struct claim *c, char buf[CLAIM_TEXT])
{
    if (c->reaches)
        snprintf(buf, CLAIM_TEXT, "never reach");
    else if (c->pool != PBC_NONE)
        snprintf(buf, CLAIM_TEXT, "never pool %.90s", program_str(r->program, r->program->pools[c->pool].name));
    else
        snprintf(buf, CLAIM_TEXT, "%s %s", c->always ? "always" : "never", action_name(c->action));
    return buf;
}

enum { RULE_TEXT = 200 };
static const char *rule_text(const struct claims *r, uint32_t rule, char buf[RULE_TEXT])
{
    if (rule == RULE_DEFAULT) return "default";
    return rule == RULE_NONE ? "" : rule_name(r->program, rule, buf, RULE_TEXT);
}

static void note_packet(struct claims *r, const struct claim_found *f, const char *what)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    frame_print(r->c, &f->packet, out);
    heap_stream_end(out);
    diag_note(r->c->diags, SPAN_NONE, "%s: %s", what, text);
    free(text);
}

/* True if the verdict on the packet depends on the time. */
static bool depends_on_time(const struct claims *r, const struct claim_found *f)
{
    const struct decision now = sample_decide(r->program, &f->packet, f->own, f->schedules, f->state);
    bool differs = false;
    for (uint32_t i = 0; i < r->times->count && !differs; i++)
        differs =
            sample_decide(r->program, &f->packet, f->own, times_active(r->times, i, 0), f->state).action != now.action;
    return differs;
}

/* Note the address of this machine that the packet assumes, if the test does not name its addresses. */
static void note_self(struct claims *r, const struct claim *claim, const struct claim_found *f)
{
    char text[64];
    if (f->own == own_default() || f->own == claim->own) return;
    address_text(f->packet.family, f->direction == PBC_DIR_OUT ? f->packet.src : f->packet.dst, text);
    diag_note(r->c->diags, SPAN_NONE,
              "the packet uses %s as an address of this machine; to set this machine's addresses, write `self ADDRESS, "
              "...` in the test",
              text);
}

static void note_time(struct claims *r, const struct claim_found *f)
{
    const struct program *p = r->program;
    const char *between = "";
    char list[400] = "";
    size_t len = 0;
    if (!p->schedules_count || !depends_on_time(r, f)) return;
    for (uint32_t i = 0; i < p->schedules_count && len < sizeof(list) - 80; i++) {
        if (!(f->schedules >> i & 1)) continue;
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s`%.60s`", between,
                                program_str(p, p->schedules[i].name));
        between = ", ";
    }
    diag_note(r->c->diags, SPAN_NONE, len ? "while these schedules are active: %s" : "while no schedule is active",
              list);
}

/* Note the rule or default that decides, or that no firewall judges the packet. */
static void note_rule(struct claims *r, uint32_t rule, uint32_t firewall, enum pbc_direction direction,
                      const char *decides)
{
    static const char *const ways[] = {[PBC_DIR_IN] = "for this machine",
                                       [PBC_DIR_OUT] = "sent by this machine",
                                       [PBC_DIR_FORWARD] = "for another machine"};
    const struct image *img = r->c->image;
    char name[RULE_TEXT];
    if (rule < img->rules_count)
        diag_note(r->c->diags, img->rule_span[rule], "`%s` %s", rule_text(r, rule, name), decides);
    else if (rule == RULE_DEFAULT && firewall < img->firewalls_count)
        diag_note(r->c->diags, img->firewall_span[firewall], "no rule of `%s` decides; its default does",
                  image_str(img, img->firewalls[firewall].name));
    else
        diag_note(r->c->diags, SPAN_NONE, "no firewall judges a packet %s", ways[direction]);
}

static const char *verdict_text(const struct claims *r, const struct claim_found *f)
{
    const struct program *p = r->program;
    const uint32_t rule = f->verdict.rule;
    const bool let = rule < p->rules_count && p->rules[rule].verdict == PBC_V_ACCEPT;
    return action_name(let || f->verdict.reason >= REASON_NO_SERVER ? ACTION_ACCEPT : f->verdict.action);
}

static void note_branch(struct claims *r, const struct pbc_branch *b)
{
    const struct image *img = r->c->image;
    bool asks = false;
    for (uint32_t i = b->conds; i < b->conds + b->cond_count && img->services[b->service].proxy; i++)
        asks |= stream_asks(&img->conds[i]);
    diag_note(r->c->diags, span_at(r->c, &b->place),
              "this branch of the service `%s` sends the packet to the claim's destination%s",
              image_str(img, img->services[b->service].name), asks ? ", depending on the client's data" : "");
}

/* Note another rule or default that breaks the claim, with its packet. */
static void note_other(struct claims *r, const struct claim_found *f)
{
    const struct image *img = r->c->image;
    const uint32_t rule = f->verdict.rule, firewall = f->verdict.firewall;
    char *text = NULL, name[RULE_TEXT];
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    frame_print(r->c, &f->packet, out);
    heap_stream_end(out);
    if (rule < img->rules_count)
        diag_note(r->c->diags, img->rule_span[rule], "`%s` also breaks the claim: %s", rule_text(r, rule, name), text);
    else if (rule == RULE_DEFAULT && firewall < img->firewalls_count)
        diag_note(r->c->diags, img->firewall_span[firewall], "the default of `%s` also breaks the claim: %s",
                  image_str(img, img->firewalls[firewall].name), text);
    else
        diag_note(r->c->diags, SPAN_NONE, "a packet that no firewall judges also breaks the claim: %s", text);
    free(text);
}

static void note_others(struct claims *r, const struct claim_others *o)
{
    for (uint32_t i = 0; i < o->count; i++) note_other(r, &o->of[i]);
    if (o->left_out)
        diag_note(r->c->diags, SPAN_NONE, "and %s%u more rule%s or default%s break%s the claim",
                  o->unfinished ? "at least " : "", o->left_out, text_plural(o->left_out), text_plural(o->left_out),
                  o->left_out == 1 ? "s" : "");
    else if (o->unfinished)
        diag_note(r->c->diags, SPAN_NONE,
                  "more rules may break the claim: the compiler stopped the search, which takes too long");
}

/* Note the branch or statement that leads the packet to the claim's target. */
static void note_gone(struct claims *r, const struct claim_found *f)
{
    const struct image *img = r->c->image;
    if (f->gone.branch != PBC_NONE) note_branch(r, &img->branches[f->gone.branch]);
    if (f->gone.nat == PBC_NONE) return;
    const struct pbc_nat *n = &r->program->nats[f->gone.nat];
    diag_note(r->c->diags, span_at(r->c, &n->place), "this %s of `%s` sends the packet to its target",
              n->kind == PBC_NAT_MAP ? "`map`" : "`forward`", program_str(r->program, n->name));
}

void claim_report_led(struct claims *r, const struct claim *beyond, const struct claim_found *f)
{
    diag(r->c->diags, W_CLAIM_LED, beyond->span,
         "test \"%s\": the claim holds for the addresses of arriving packets, but a nat sends a packet to the claim's "
         "destination",
         beyond->test);
    diag_advise(r->c->diags, "to claim something about the final destination, write `never reach ADDRS: …`");
    note_packet(r, f, "the packet");
    note_self(r, beyond, f);
    note_rule(r, f->verdict.rule, f->verdict.firewall, f->direction, "accepts the packet");
    note_gone(r, f);
}

static void report_refuted(struct claims *r, const struct claim *claim, const struct claim_found *f,
                           const struct claim_others *others)
{
    char text[CLAIM_TEXT], name[RULE_TEXT];
    const char *rule = rule_text(r, f->verdict.rule, name);
    diag(r->c->diags, E_CLAIM_REFUTED, claim->span, "test \"%s\": `%s` is refuted: found %s%s%s%s", claim->test,
         claim_text(r, claim, text), verdict_text(r, f), rule[0] ? " by " : "", rule,
         claim->reaches            ? ", and the packet reaches these addresses"
         : claim->pool != PBC_NONE ? ", and a service sends the packet to this pool"
                                   : "");
    note_packet(r, f, "the packet");
    note_self(r, claim, f);
    note_time(r, f);
    struct diags *d = r->c->diags;
    if (f->proof == PROOF_DECIDED)
        diag_note(d, SPAN_NONE, "preyc assumes that the packet's state is %s, without trying earlier packets",
                  state_name(f->state));
    else if (f->proof == PROOF_WALKED)
        diag_note(d, SPAN_NONE,
                  "preyc assumes that the meter is exceeded, without trying the many packets that this would take");
    else if (f->before)
        diag_note(d, SPAN_NONE, "after %u such packet%s", f->before, text_plural(f->before));
    note_rule(r, f->verdict.rule, f->verdict.firewall, f->direction,
              claim->pool == PBC_NONE && !claim->reaches ? "decides" : "accepts the packet");
    if (claim->reaches) note_gone(r, f);
    if (claim->pool != PBC_NONE) note_branch(r, &r->c->image->branches[f->branch]);
    note_others(r, others);
}

/* Report a claim that depends on a condition that isn't a set of values, in the rule itself or an earlier one. */
static void report_unknown(struct claims *r, const struct claim *claim, const struct claim_found *f)
{
    const struct image *img = r->c->image;
    const uint32_t asks = f->part.maybe ? f->part.asks : f->part.before;
    char text[CLAIM_TEXT], name[RULE_TEXT];
    const char *rule = rule_text(r, f->part.rule, name);
    diag(r->c->diags, E_CLAIM_UNKNOWN, claim->span, "test \"%s\": `%s` is undecided: %s may %s some packets%s",
         claim->test, claim_text(r, claim, text), rule[0] ? rule : "prey, without a firewall,",
         action_name(f->part.action),
         claim->pool != PBC_NONE || claim->reaches ? " that go to the claim's destination" : "");
    if (asks < img->conds_count)
        diag_note(r->c->diags, img->cond_span[asks],
                  "the result depends on this condition, which preyc can't compute for every packet");
    else if (!f->made)
        diag_note(r->c->diags, SPAN_NONE, "preyc couldn't build an example packet");
    if (f->made) note_packet(r, f, "preyc tried a packet, and the program judged it differently");
    note_rule(r, f->part.rule, f->part.firewall, f->direction, "may decide");
}

static void report_fault(struct claims *r, const struct claim *claim, const struct claim_found *f)
{
    char name[RULE_TEXT];
    diag(r->c->diags, E_PROGRAM_REFUSED, SPAN_NONE,
         "test \"%s\": internal error: rules and compiled program disagree; please report this with the rules",
         claim->test);
    note_packet(r, f, "the packet");
    diag_note(r->c->diags, SPAN_NONE, "the rules: %s%s%s", action_name(f->part.action),
              f->part.rule == RULE_NONE ? "" : " by ", rule_text(r, f->part.rule, name));
    diag_note(r->c->diags, SPAN_NONE, "the program: %s%s%s, %s", action_name(f->verdict.action),
              f->verdict.rule == RULE_NONE ? "" : " by ", rule_text(r, f->verdict.rule, name),
              reason_name(f->verdict.reason));
}

void claim_report(struct claims *r, const struct claim *claim, const struct claim_found *f,
                  const struct claim_others *others)
{
    char text[CLAIM_TEXT];
    switch (f->outcome) {
    case CLAIM_PROVED: return;
    case CLAIM_REFUTED: report_refuted(r, claim, f, others); return;
    case CLAIM_UNKNOWN: report_unknown(r, claim, f); return;
    case CLAIM_FAULT: report_fault(r, claim, f); return;
    case CLAIM_EMPTY:
        if (claim->told) return;
        diag(r->c->diags, W_CLAIM_EMPTY, claim->span, "test \"%s\": `%s` claims nothing: no packet fits the claim",
             claim->test, claim_text(r, claim, text));
        return;
    case CLAIM_SPENT:
        diag(r->c->diags, E_CLAIM_UNKNOWN, claim->span,
             "test \"%s\": `%s` is undecided: the computation takes too long", claim->test, claim_text(r, claim, text));
        diag_advise(r->c->diags, "write narrower claims: for one protocol, one port or one network");
        return;
    }
}

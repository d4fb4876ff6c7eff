/* Find one packet for each change, judged by both finished programs: computed and real outcomes must agree. If a meter
 * or a byte pattern is involved, such a packet makes a possible change certain. */
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/diff/diff_priv.h"
#include "compiler/analysis/sample/sample.h"
#include "compiler/progress.h"
#include "lang/heap.h"
#include "vm/words/words.h"

enum { PRODUCTS_TRIED = 16, SAMPLES_TRIED = 4 };

/* Return the packet's state, as enum flow_mark; *tell: true if rules ask for it. */
static uint32_t example_mark(const struct ir *ir, const struct ir_product *p, bool *tell)
{
    const unsigned states = states_asked(ir, p) & states_possible(ir, p);
    *tell = asks_state(ir, p);
    for (unsigned s = 0; s < STATE_IS_ABSENT; s++)
        if (states >> s & 1) return (uint32_t)MARK_NEW << s;
    return MARK_NONE;
}

/* Choose a segment of an established connection, if the product has one. */
static void as_established(struct ir *ir, struct ir_product *p)
{
    struct ir_product ack, both;
    bool loose = false;
    product_all(&ack);
    ack.field[IR_HAS] = TCP_ACK;
    ack.field[IR_LACKS] = TCP_SYN;
    if (product_and(ir, p, &ack, &both, &loose)) *p = both;
}

struct shown {
    struct frame_spec packet; /* the packet; its interface is numbered as in the image of both */
    const struct facts *self;
    uint32_t schedules, mark;
    bool tell_state, tell_self; /* shown beside the packet: its state, this machine's address */
    uint8_t dir;
};

/* Return the action of a verdict; a rule that opens tunnels drops packets that it can't open. */
static enum action action_of(uint8_t verdict)
{
    if (verdict == OUT_PASS) return ACTION_PASS;
    return verdict <= PBC_V_REJECT ? (enum action)verdict : ACTION_DROP;
}

static bool judged_so(const struct diff *d, unsigned side, const struct shown *shown, const struct decider *by)
{
    const struct side *s = &d->side[side];
    const struct frame_spec packet = side_packet(d->c.image, s, &shown->packet);
    const bool keeps = s->program->meta->flags & PBC_KEEPS_FLOWS;
    const struct decision found = sample_decide(s->program, &packet, shown->self, side_schedules(s, shown->schedules),
                                                keeps ? shown->mark : (uint32_t)MARK_NONE);
    if (found.action != action_of(by->outcome.verdict)) return false;
    return by->rule >= RULE_DEFAULT ? found.rule >= RULE_DEFAULT : found.rule == by->rule - s->rules;
}

static char *shown_text(struct diff *d, const struct shown *shown)
{
    struct words w;
    char own[64];
    FILE *out = words_begin(&w);
    frame_print(&d->c, &shown->packet, out);
    if (shown->tell_self) {
        const bool sent = shown->dir == PBC_DIR_OUT;
        address_text(shown->packet.family, sent ? shown->packet.src : shown->packet.dst, own);
        fprintf(out, ", self %s", own);
    }
    if (shown->tell_state && shown->mark != MARK_NEW) fprintf(out, ", state %s", state_name(shown->mark));
    return words_kept(d, &w);
}

enum tried { TRIED_NONE, TRIED_OTHERWISE, TRIED_GOOD };

/* Try packets of the product in the direction `dir`. */
static enum tried try_product(struct diff *d, struct change *c, const struct ir_product *product, uint8_t dir,
                              const struct facts *self)
{
    struct ir_product p = *product;
    struct shown shown = {0};
    enum tried best = TRIED_NONE;
    shown.mark = example_mark(d->c.ir, &p, &shown.tell_state);
    if (shown.mark & (MARK_ESTABLISHED | MARK_INVALID)) as_established(d->c.ir, &p);
    time_of(d, &p, &shown.schedules);
    shown.self = sample_self(&d->c, &p, dir, self);
    shown.tell_self = shown.self != self;
    shown.dir = dir;
    for (unsigned i = 0; shown.self && i < SAMPLES_TRIED; i++) {
        if (!sample_packet(&d->c, &p, dir, shown.self, i, &shown.packet)) break;
        /* a pattern inside a header is met only by chance */
        if (product_is_plain(d->c.ir, &p)) best = TRIED_OTHERWISE;
        c->example = shown_text(d, &shown);
        if (!judged_so(d, OLD, &shown, &c->by[OLD]) || !judged_so(d, NEW, &shown, &c->by[NEW])) continue;
        c->has_example = c->example != NULL;
        return TRIED_GOOD;
    }
    return best;
}

/* Try packets of the region: later fragments, or all others. */
static enum tried find_among(struct diff *d, struct change *c, const struct facts *self, bool later)
{
    const struct ir *ir = d->c.ir;
    enum tried best = TRIED_NONE;
    uint32_t tries = 0;
    for (uint32_t i = 0; i < c->region.count && tries < PRODUCTS_TRIED; i++) {
        const uint32_t fragment = c->region.p[i].field[IR_FRAGMENT];
        const bool begins = ir_ranges_have(ir, fragment, FRAGMENT_NO) || ir_ranges_have(ir, fragment, FRAGMENT_FIRST);
        if (begins == later) continue;
        tries++;
        for (uint8_t dir = PBC_DIR_IN; dir <= PBC_DIR_FORWARD; dir++) {
            if (!(c->dirs >> dir & 1)) continue;
            const enum tried t = try_product(d, c, &c->region.p[i], dir, self);
            if (t == TRIED_GOOD) return t;
            if (t > best) best = t;
        }
    }
    return best;
}

/* Report an internal fault: no result is better than a wrong one. */
static bool otherwise(struct diff *d, const struct change *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = heap_stream(&text, &len);
    fprintf(out,
            "internal error: the judgement of `%s` differs from the computed one; please report this with both rule "
            "files: ",
            c->example);
    for (unsigned s = 0; s < SIDES; s++) {
        print_outcome(&c->by[s].outcome, out);
        fputs(" by ", out);
        print_decider(d, s, &c->by[s], out);
        fputs(s == OLD ? ", now " : "", out);
    }
    heap_stream_end(out);
    diff_fail(d, "%s", text);
    free(text);
    return false;
}

bool find_examples(struct diff *d)
{
    const struct facts *self = own_default();
    progress_at("examples");
    for (uint32_t i = 0; i < d->change_count; i++) {
        struct change *c = &d->changes[i];
        progress_done(i, d->change_count);
        /* Whole packets come first, since a later fragment has fewer fields. */
        const enum tried whole = find_among(d, c, self, false);
        const enum tried later = whole == TRIED_GOOD ? TRIED_NONE : find_among(d, c, self, true);
        const enum tried t = later > whole ? later : whole;
        if (t == TRIED_GOOD) c->maybe = false;
        if (t == TRIED_OTHERWISE && !c->maybe && !c->behind) return otherwise(d, c);
    }
    return true;
}

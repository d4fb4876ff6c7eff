/* Choose the frames for the trial of a program: first some of each rule, then random ones. */
#include "compiler/analysis/trial/trial.h"
#include "compiler/analysis/trial/trial_priv.h"

#include <string.h>

#include "lang/heap.h"
#include "vm/forward/service.h"
#include "vm/keyed/keyed.h"
#include "vm/packet/reply/frame.h"
#include "vm/program/program.h"

enum {
    /* most rules tried for all frames together, before the clock is read: */
    VISITS_MAX = 1 << 22,        /* with straight code only, */
    VISITS_CLASSIFIED = 1 << 17, /* with classifiers, which have a separate trial */
    FRAMES_LEAST = 32,           /* least frames, for lists of any length */
    CONDS_BESIDE = 16,           /* most conditions of a rule that corners miss, one at a time */
    CLOCK_EVERY = 16,            /* frames between two looks at the clock */
    TRIES_A_FRAME = 4,           /* wishes for each frame, on average, before giving up */
};

static struct span doubt_span(const struct doubt *d, const struct decision *a, const struct decision *b)
{
    const uint32_t rule = a->rule < b->rule ? a->rule : b->rule;
    const struct image *img = d->c->image;
    if (rule < d->draw.program->rules_count) return img->rule_span[rule];
    return img->firewalls_count ? img->firewall_span[0] : SPAN_NONE;
}

static const char *decider(const struct doubt *d, const struct decision *a, char *buf, size_t len)
{
    if (a->rule == RULE_NONE) return "nobody";
    return a->rule == RULE_DEFAULT ? "the default" : rule_name(d->draw.program, a->rule, buf, len);
}

/* Let each live set that may have an address of the frame hold it or not, by chance. */
static void members_by_chance(struct doubt *d)
{
    const struct key *k = &d->draw.key;
    struct live_net net = {.len = k->kind & KIND_IP6 ? 128 : 32, .v6 = k->kind & KIND_IP6};
    const uint64_t chance = random_next(&d->chance);
    for (uint32_t i = 0; d->members && i < 2 * d->members->count && k->kind & KIND_IP; i++) {
        memcpy(net.addr, i % 2 ? k->dst : k->src, sizeof(net.addr));
        if (lives_refuse(d->draw.program, i / 2, &net) != LIVE_MAY) continue;
        if (chance >> i % 64 & 1)
            live_add(d->members->sets[i / 2], 0, &net, LIVE_FOREVER, LIVE_SET);
        else
            live_remove(d->members->sets[i / 2], 0, &net);
    }
}

/* Compare code and rule list on the current frame. Both see unused meters and no flows, so conditions on these have
 * the same result. False after a report. */
static bool agree_whole(struct doubt *d)
{
    members_by_chance(d);
    const struct decision code = program_decide(d->draw.program, &d->draw.key, &d->draw.pkt);
    const struct decision list = program_decide_naive(d->draw.program, &d->draw.key, &d->draw.pkt);
    char names[2][256], frame[256];
    if (code.rule == list.rule && code.firewall == list.firewall && code.action == list.action &&
        program_serve(d->draw.program, &d->draw.key, &d->draw.pkt) ==
            program_serve_naive(d->draw.program, &d->draw.key, &d->draw.pkt))
        return true;
    pkt_describe(&d->draw.pkt, &d->draw.key, frame, sizeof(frame));
    diag(d->c->diags, E_PROGRAM_REFUSED, doubt_span(d, &code, &list),
         "internal error: in the program, %s decides `%s`, but in the rules, %s decides; please report this with the "
         "rules",
         decider(d, &code, names[0], sizeof(names[0])), frame, decider(d, &list, names[1], sizeof(names[1])));
    return false;
}

static uint64_t spent_ns(const struct compile *c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < COMPILE_STAGES; i++) sum += c->stage_ns[i];
    return sum;
}

bool wish_build(struct doubt *d, const struct frame_wish *w)
{
    if (!draw_frame(&d->draw, w)) return false;
    key_settle(d->draw.program, &d->draw.key);
    return true;
}

/* Try corners of every `step`-th rule: frames for which all conditions hold, or one just fails. False: a difference. */
static bool corners_of(struct doubt *d, uint32_t beside, uint32_t step)
{
    struct frame_wish w;
    for (uint32_t rule = 0; rule < d->draw.program->rules_count; rule += step) {
        if (beside != PBC_NONE && beside >= d->draw.program->rules[rule].cond_count) continue;
        for (enum corner which = CORNER_LOW; which <= CORNER_HIGH; which++) {
            draw_rule(&d->draw, rule, beside, which, &w);
            if (wish_build(d, &w) && !agree_whole(d)) return false;
        }
    }
    return true;
}

/* Try corners, about `most` frames. */
static bool corners(struct doubt *d, uint32_t most)
{
    const uint32_t rules = d->draw.program->rules_count, step = rules / (most / 2 + 1) + 1,
                   a_turn = 2 * (rules / step + 1);
    bool good = corners_of(d, PBC_NONE, step);
    for (uint32_t beside = 0; good && beside < CONDS_BESIDE && (beside + 2) * a_turn <= most; beside++)
        good = corners_of(d, beside, step);
    return good;
}

/* Try random frames, up to `frames` of them, as long as most wishes can be built. */
static bool by_chance(struct doubt *d, uint64_t frames)
{
    const uint64_t most = d->draw.frames + frames;
    struct frame_wish w;
    for (uint64_t i = 0; i < TRIES_A_FRAME * frames && d->draw.frames < most; i++) {
        draw_any(&d->draw, &w);
        if (wish_build(d, &w) && !agree_whole(d)) return false;
    }
    return true;
}

/* Try random frames for an eighth of the total time. Time decides only the number of frames. */
static bool while_it_lasts(struct doubt *d, uint64_t began)
{
    const uint64_t most_ns = spent_ns(d->c) / 7;
    while (compile_now_ns() - began < most_ns)
        if (!by_chance(d, CLOCK_EVERY)) return false;
    return true;
}

/* Return the number of frames that the whole list can be tried on. */
static uint32_t affordable(const struct doubt *d)
{
    const uint32_t visits = d->draw.program->classifiers_count ? VISITS_CLASSIFIED : VISITS_MAX;
    const uint32_t frames = visits / d->draw.program->rules_count;
    if (frames >= d->c->doubts) return d->c->doubts;
    return frames > FRAMES_LEAST ? frames : FRAMES_LEAST;
}

uint64_t validate_program(struct compile *c, struct program *p)
{
    struct doubt d = {.c = c, .draw = {.program = p, .seed = 1}};
    const uint64_t began = compile_now_ns();
    if (!p->rules_count || !c->doubts) return 0;
    d.draw.bytes = arena_alloc(c->arena, FRAME_MOST);
    if (p->lives_count && !(d.members = lives_new(p, 1))) out_of_memory();
    program_members(p, d.members);
    const uint32_t frames = affordable(&d);
    /* frames that are too many for the whole list are tried on classifiers only */
    const bool found = p->root || agree_searches(&d, c->doubts - frames);
    const bool good = found && corners(&d, frames) && by_chance(&d, frames);
    if (good && c->doubts >= DOUBTS) while_it_lasts(&d, began);
    program_members(p, NULL);
    lives_free(d.members);
    return d.draw.frames;
}

/* The first frames are at the corners of each rule (or of rules evenly spread), with each condition narrowly missed;
 * random frames follow. Time decides the number of frames, but not their content. */
#include "runtime/kernel/prove.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/clock.h"
#include "vm/forward/service.h"
#include "vm/judge/draw.h"
#include "vm/judge/effects.h"
#include "vm/packet/reply/frame.h"
#include "vm/vm.h"

#define PROOF_NS_MOST UINT64_C(450000000)
enum {
    FRAMES = 4096,     /* half from corners, half random */
    CONDS_BESIDE = 8,  /* conditions of a rule that its corners miss, one at a time */
    TRIES_A_FRAME = 4, /* tries per frame, on average, before the proof gives up */
};

struct prover {
    struct asker *asker;
    const struct program *program;
    struct frame_draw draw;
    uint64_t began_ns, asked;
    int failed; /* nonzero: reason why the proof ends */
    char *err;
    size_t err_len;
};

static const char *decision_text(const struct program *p, decided d, uint32_t branch, char *buf, size_t len)
{
    char rule[120] = "no rule";
    if (decided_rule(d) == RULE_DEFAULT) snprintf(rule, sizeof rule, "default");
    if (decided_rule(d) < p->rules_count) rule_name(p, decided_rule(d), rule, sizeof rule);
    if (branch == PBC_NONE || branch >= p->branches_count)
        snprintf(buf, len, "%s by %s", action_name(decided_action(d)), rule);
    else
        snprintf(buf, len, "%s by %s, for %s", action_name(decided_action(d)), rule,
                 program_str(p, p->services[p->branches[branch].service].name));
    return buf;
}

static void differ(struct prover *v, const struct program *p, decided here, uint32_t branch, decided there,
                   uint32_t branch_there)
{
    char frame[200], a[300], b[300];
    pkt_describe(&v->draw.pkt, &v->draw.key, frame, sizeof frame);
    v->failed = -EILSEQ;
    snprintf(v->err, v->err_len,
             "internal error: the two executors disagree about %s: %s in user space, %s in the kernel; use --exec "
             "user, and please report this with the rules",
             frame, decision_text(p, here, branch, a, sizeof a), decision_text(p, there, branch_there, b, sizeof b));
}

static uint32_t branch_of(const struct prover *v, decided d)
{
    if (decided_action(d) != ACTION_ACCEPT || !v->program->services_count) return PBC_NONE;
    return service_branch(v->program, &v->draw.key, &v->draw.pkt);
}

static bool is_asked(struct prover *v, int failed)
{
    v->asked++;
    v->failed = failed;
    if (failed) snprintf(v->err, v->err_len, "the kernel rejects test runs of eBPF programs: %s", strerror(-failed));
    return !failed;
}

/* Ask both about the same frame, as it would be decided without `audit`. */
static void ask_both_would(struct prover *v)
{
    const struct program *would = v->program->would;
    uint64_t there;
    const struct decision d = program_decide(would, &v->draw.key, &v->draw.pkt);
    const decided here = decided_as(d.rule, (enum action)d.action, d.firewall);
    if (!is_asked(v, ask_would(v->asker, &v->draw.key, &v->draw.pkt, &there))) return;
    if (here != there) differ(v, would, here, PBC_NONE, there, PBC_NONE);
}

/* Ask both executors about the wish's frame. */
static void ask_both(struct prover *v, const struct frame_wish *w)
{
    const struct program *p = v->program;
    uint64_t there;
    if (v->failed || !draw_frame(&v->draw, w)) return;
    key_settle(p, &v->draw.key);
    const struct decision d = program_decide(p, &v->draw.key, &v->draw.pkt);
    const decided here = decided_as(d.rule, (enum action)d.action, d.firewall);
    if (!is_asked(v, ask_judge(v->asker, &v->draw.key, &v->draw.pkt, NULL, 0, &there))) return;
    const uint32_t branch = branch_of(v, here), branch_there = branch == PBC_NONE ? PBC_NONE : v->asker->k->branch;
    if (here != there || branch != branch_there) differ(v, p, here, branch, there, branch_there);
    if (!v->failed && p->would) ask_both_would(v);
}

static bool proof_goes_on(const struct prover *v)
{
    return !v->failed && clock_ns(CLOCK_MONOTONIC) - v->began_ns < PROOF_NS_MOST;
}

static void corners_of(struct prover *v, uint32_t beside, uint32_t step)
{
    const struct program *p = v->draw.program;
    struct frame_wish w;
    for (uint32_t rule = 0; rule < p->rules_count && proof_goes_on(v); rule += step) {
        if (beside != PBC_NONE && beside >= p->rules[rule].cond_count) continue;
        for (enum corner which = CORNER_LOW; which <= CORNER_HIGH; which++) {
            draw_rule(&v->draw, rule, beside, which, &w);
            ask_both(v, &w);
        }
    }
}

static void corners(struct prover *v, uint32_t most)
{
    const uint32_t rules = v->draw.program->rules_count, step = rules / (most / 2 + 1) + 1,
                   a_turn = 2 * (rules / step + 1);
    corners_of(v, PBC_NONE, step);
    for (uint32_t beside = 0; beside < CONDS_BESIDE && (beside + 2) * a_turn <= most; beside++)
        corners_of(v, beside, step);
}

static void by_chance(struct prover *v, uint32_t frames)
{
    const uint64_t most = v->asked + frames;
    struct frame_wish w;
    for (uint32_t i = 0; i < TRIES_A_FRAME * frames && v->asked < most && proof_goes_on(v); i++) {
        draw_any(&v->draw, &w);
        ask_both(v, &w);
    }
}

int kernel_prove(struct asker *asker, const struct program *p, struct proof *proof, char *err, size_t err_len)
{
    struct prover v = {.asker = asker,
                       .program = p,
                       .draw = {.program = p->would ? p->would : p, .seed = 1}, /* the rules in audit, too */
                       .began_ns = clock_ns(CLOCK_MONOTONIC),
                       .err = err,
                       .err_len = err_len};
    *proof = (struct proof){0};
    v.draw.bytes = malloc(FRAME_MOST);
    if (!v.draw.bytes) {
        snprintf(err, err_len, "out of memory");
        return -ENOMEM;
    }
    if (v.draw.program->rules_count) {
        corners(&v, FRAMES / 2);
        by_chance(&v, FRAMES / 2);
    }
    free(v.draw.bytes);
    *proof = (struct proof){.frames = v.asked, .ns = clock_ns(CLOCK_MONOTONIC) - v.began_ns};
    return v.failed;
}

int kernel_prove_prepared(struct kernel *k, const struct judge *j, const struct program *p, struct proof *proof,
                          char *err, size_t err_len)
{
    struct asker asker;
    asker_init(&asker, k, kernel_prover(k));
    asker.judge = j;
    return kernel_prove(&asker, p, proof, err, err_len);
}

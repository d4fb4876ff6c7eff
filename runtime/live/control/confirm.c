#include "runtime/live/control/confirm.h"

#include <stdlib.h>

#include "runtime/base/clock.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/control/saved.h"
#include "runtime/live/control/watch.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/reload.h"

#define AGAIN_NS UINT64_C(1000000000)

void confirm_begin(struct live *l)
{
    char text[TEXT_NUMBER];
    if (!l->o->confirm_ns) return;
    l->rules.on_trial = true;
    l->control.confirm.until_ns = clock_ns(CLOCK_MONOTONIC) + l->o->confirm_ns;
    events_tell(&l->tell.events, TOLD_CONFIRM, "it ends in %s, unless `preyctl confirm` comes before",
                text_duration(l->o->confirm_ns, text));
}

void confirm_load(struct live *l, uint64_t ns, struct program *back, char *back_name, bool saves)
{
    char text[TEXT_NUMBER];
    l->rules.on_trial = true;
    l->control.confirm = (struct confirm){
        .until_ns = clock_ns(CLOCK_MONOTONIC) + ns, .back = back, .back_name = back_name, .saves = saves};
    events_tell(&l->tell.events, TOLD_CONFIRM, "%s comes back in %s, unless `preyctl confirm` comes before", back_name,
                text_duration(ns, text));
}

bool confirm_waits(const struct live *l) { return l->control.confirm.until_ns; }

static bool is_due(const struct live *l, uint64_t now_ns)
{
    return confirm_waits(l) && now_ns >= l->control.confirm.until_ns;
}

bool confirm_is_over(const struct live *l, uint64_t now_ns) { return is_due(l, now_ns) && !l->control.confirm.back; }

/* Nothing waits any more. */
static void settle(struct live *l)
{
    program_put(l->control.confirm.back);
    free(l->control.confirm.back_name);
    l->control.confirm = (struct confirm){0};
    l->rules.on_trial = false;
    l->tell.changes++;
    watch_again(l);
}

void confirm_fini(struct live *l) { settle(l); }

/* What stands in the way now may not in a second. */
static void gone_back(void *with, const char *why)
{
    struct live *l = with;
    l->control.confirm.goes_back = false;
    if (why)
        l->control.confirm.until_ns = clock_ns(CLOCK_MONOTONIC) + AGAIN_NS;
    else
        settle(l);
}

static void go_back(struct live *l)
{
    const struct reload_wish w = {.program = l->control.confirm.back,
                                  .name = l->control.confirm.back_name,
                                  .what = "back to the program before",
                                  .unjudged = true,
                                  .again = true,
                                  .by = ", since nobody has confirmed what was loaded",
                                  .over = gone_back,
                                  .with = l};
    l->control.confirm.goes_back = true;
    reload_to(&l->rules, &w);
}

bool confirm_step(struct live *l, uint64_t now_ns)
{
    if (!is_due(l, now_ns) || l->control.confirm.goes_back) return true;
    if (confirm_is_over(l, now_ns)) {
        events_tell(&l->tell.events, TOLD_CONFIRM, "nobody has confirmed it: it ends");
        return false;
    }
    if (!l->rules.reload) go_back(l);
    return true;
}

void asked_CONFIRM(void *with, struct call *c)
{
    struct live *l = with;
    char err[500];
    if (!confirm_waits(l)) {
        call_end(c, 2, "nothing waits to be confirmed");
        return;
    }
    if (l->control.confirm.goes_back) {
        call_end(c, 2, "its time is up: %.200s takes its place again", l->control.confirm.back_name);
        return;
    }
    const bool saves = l->control.confirm.saves;
    settle(l);
    by_hand_forget(&l->rules);
    events_tell(&l->tell.events, TOLD_CONFIRM, "user %u has confirmed it", (unsigned)call_uid(c));
    if (saves && saved_write(l, err, sizeof err))
        call_end(c, 2, "confirmed: %.200s goes on, but is not saved: %s", l->carry.now.name, err);
    else
        call_end(c, 0, "confirmed: %.200s goes on%s%.200s", l->carry.now.name, saves ? ", and is saved as " : "",
                 saves ? l->o->program : "");
}

/* A word, a time, and the program to go back to; one that could not be put back is tried again */
#include "runtime/live/control/programs/confirm.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "runtime/base/clock.h"
#include "runtime/live/control/programs/history.h"
#include "runtime/live/control/programs/onfile.h"
#include "runtime/live/control/programs/watch.h"
#include "runtime/live/control/questions.h"
#include "runtime/live/rules/byhand.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/tell/notified.h"

#define AGAIN_NS UINT64_C(1000000000)

/* Draw a word that can be spoken, one of 24 million: `kotabimu`. Whoever began a trial knows it, and nobody confirms
 * another's by mistake. */
static void word_draw(char word[WORD_LEN])
{
    static const char first[] = "bdfgklmnprstvz", second[] = "aeiou"; /* 14 and 5 letters */
    uint8_t drawn[WORD_LEN - 1] = {0};
    (void)!getrandom(drawn, sizeof drawn, 0);
    for (size_t i = 0; i < sizeof drawn; i++)
        word[i] = i % 2 ? second[drawn[i] % (sizeof second - 1)] : first[drawn[i] % (sizeof first - 1)];
    word[sizeof drawn] = 0;
}

void confirm_begin(struct control *control)
{
    if (!control->o->confirm_ns) return;
    control->rules->on_trial = true;
    control->confirm.until_ns = clock_ns(CLOCK_MONOTONIC) + control->o->confirm_ns;
    word_draw(control->confirm.word);
}

const char *confirm_text(const struct control *control, char text[CONFIRM_TEXT])
{
    char left[TEXT_NUMBER];
    *text = 0;
    if (confirm_waits(control))
        snprintf(text, CONFIRM_TEXT, "; it ends in %s, unless it is confirmed: preyctl confirm %s",
                 text_duration(control->o->confirm_ns, left), control->confirm.word);
    return text;
}

void confirm_load(struct control *control, uint64_t ns, const struct confirm *how)
{
    char text[TEXT_NUMBER];
    control->rules->on_trial = true;
    control->confirm = *how;
    control->confirm.until_ns = clock_ns(CLOCK_MONOTONIC) + ns;
    word_draw(control->confirm.word);
    events_tell(&control->tell->events, TOLD_CONFIRM, "%s comes back in %s, unless `preyctl confirm` comes first",
                confirm_back(control), text_duration(ns, text));
}

bool confirm_waits(const struct control *control) { return control->confirm.until_ns; }

const char *confirm_back(const struct control *control)
{
    const char *name = control->confirm.back_name;
    return strcmp(name, control->carry->now.name) ? name : "the program before";
}

static bool is_due(const struct control *control, uint64_t now_ns)
{
    return confirm_waits(control) && now_ns >= control->confirm.until_ns;
}

bool confirm_is_over(const struct control *control, uint64_t now_ns)
{
    return is_due(control, now_ns) && !control->confirm.back;
}

void confirm_settle(struct control *control)
{
    program_put(control->confirm.back);
    free(control->confirm.back_name);
    free(control->confirm.back_allows);
    control->confirm = (struct confirm){0};
    control->rules->on_trial = false;
    control->tell->changes++;
    watch_again(control);
}

/* Finish the return to the old program. After a failure it is tried again in a second. */
static void gone_back(void *with, const char *why)
{
    struct control *control = with;
    control->confirm.goes_back = false;
    if (why)
        control->confirm.until_ns = clock_ns(CLOCK_MONOTONIC) + AGAIN_NS;
    else
        confirm_settle(control);
}

static void go_back(struct control *control)
{
    const struct reload_wish w = {.program = control->confirm.back,
                                  .name = control->confirm.back_name,
                                  .what = "back to the program before",
                                  .allows = control->confirm.back_allows,
                                  .unjudged = true,
                                  .again = true,
                                  .by = ", because nobody has confirmed the loaded program",
                                  .began.way = BEGAN_BACK,
                                  .over = gone_back,
                                  .with = control};
    control->confirm.goes_back = true;
    notified_reloading(control->tell);
    reload_to(control->rules, &w);
}

bool confirm_step(struct control *control, uint64_t now_ns)
{
    if (!is_due(control, now_ns) || control->confirm.goes_back) return true;
    if (confirm_is_over(control, now_ns)) {
        events_tell(&control->tell->events, TOLD_CONFIRM, "nobody has confirmed the start: preyrun ends");
        return false;
    }
    if (!control->rules->reload) go_back(control);
    return true;
}

/* Return the reason not to confirm; NULL: none. */
static const char *confirm_refusal(const struct control *control, const struct call *c, char *err, size_t err_len)
{
    const char *word = call_text_of(c, "word");
    if (!confirm_waits(control)) return "nothing waits to be confirmed";
    if (control->confirm.goes_back)
        snprintf(err, err_len, "the time to confirm is up: %.200s comes back", confirm_back(control));
    else if (call_is_true(c, "force") || (word && !strcmp(word, control->confirm.word)))
        return NULL;
    else if (word)
        snprintf(err, err_len, "not confirmed: `%.40s` is not the word that was printed when this trial began", word);
    else
        snprintf(err, err_len,
                 "not confirmed: preyctl confirm WORD takes the word that was printed when this trial began; --force "
                 "goes without");
    return err;
}

void asked_CONFIRM(void *with, struct call *c)
{
    struct control *control = with;
    char err[500];
    const char *why = confirm_refusal(control, c, err, sizeof err);
    if (why) {
        call_end(c, 2, "%s", why);
        return;
    }
    const bool saves = control->confirm.saves;
    confirm_settle(control);
    history_confirmed(control);
    by_hand_forget(control->rules);
    drained_forget(control->rules);
    events_tell(&control->tell->events, TOLD_CONFIRM, "user %u has confirmed it%s", (unsigned)call_uid(c),
                call_is_true(c, "force") ? " by force" : "");
    if (saves && onfile_save(control, err, sizeof err))
        call_end(c, 2, "confirmed: %.200s goes on, but is not saved: %s", control->carry->now.name, err);
    else
        call_end(c, 0, "confirmed: %.200s goes on%s%.200s", control->carry->now.name, saves ? ", and is saved as " : "",
                 saves ? control->o->program : "");
}

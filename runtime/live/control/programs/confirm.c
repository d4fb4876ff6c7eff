/* A word, a time, and the program to go back to. If it can't be put in force, that is tried again */
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
#include "runtime/live/rules/members/members.h"
#include "runtime/live/rules/reload.h"
#include "runtime/live/tell/notified.h"
#include "vm/keyed/keyed.h"

#define AGAIN_NS UINT64_C(1000000000)

/* Draw a word that can be spoken, one of 24 million, such as `kotabimu`. The user who began a trial knows it, so no
 * one confirms another's trial by mistake. */
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
    if (!control->o->confirm_ns || confirm_waits(control)) return;
    control->rules->on_trial = true;
    control->confirm.until_ns = clock_ns(CLOCK_MONOTONIC) + control->o->confirm_ns;
    word_draw(control->confirm.word);
}

const char *confirm_text(const struct control *control, char text[CONFIRM_TEXT])
{
    char left[TEXT_NUMBER];
    *text = 0;
    if (!confirm_waits(control)) return text;
    const uint64_t now = clock_ns(CLOCK_MONOTONIC), until = control->confirm.until_ns;
    const bool given = control->o->confirm_ns && !control->confirm.back; /* the duration as given on the command line */
    snprintf(text, CONFIRM_TEXT, "; %s in %s unless you run: preyctl confirm %s",
             control->confirm.back ? "the previous program comes back" : "preyrun stops",
             text_duration(given         ? control->o->confirm_ns
                           : until > now ? until - now
                                         : 0,
                           left),
             control->confirm.word);
    return text;
}

void confirm_load(struct control *control, uint64_t ns, const struct confirm *how)
{
    char text[TEXT_NUMBER];
    control->rules->on_trial = true;
    control->confirm = *how;
    control->confirm.until_ns = clock_ns(CLOCK_MONOTONIC) + ns;
    word_draw(control->confirm.word);
    events_tell(&control->tell->events, TOLD_CONFIRM, "%s comes back in %s, unless you run `preyctl confirm` before",
                confirm_back(control), text_duration(ns, text));
}

bool confirm_waits(const struct control *control) { return control->confirm.until_ns; }

const char *confirm_back(const struct control *control)
{
    const char *name = control->confirm.back_name;
    return strcmp(name, control->carry->now.name) ? name : "the previous program";
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
                                  .what = "return to the previous program",
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
        events_tell(&control->tell->events, TOLD_CONFIRM, "nobody has confirmed the start: preyrun stops");
        return false;
    }
    if (!control->rules->reload) go_back(control);
    return true;
}

/* ---- as bytes, for another process ---- */

enum { TEXT_MOST = 4096, NO_TEXT = TEXT_MOST + 1 };

/* Write or read a text on the heap, which may be NULL. */
static void text_archive(char **text, struct archive *a)
{
    uint32_t len = *text ? (uint32_t)strlen(*text) : NO_TEXT;
    if (!ARCHIVE(a, len) || !archive_sound(a, len <= NO_TEXT) || len == NO_TEXT) return;
    if (a->reads && !(*text = calloc(1, len + 1u))) a->bad = true;
    if (!a->bad) archive_part(a, *text, len);
}

void confirm_back_write(const struct control *control, struct archive *a)
{
    const struct program *p = control->confirm.back;
    char *name = control->confirm.back_name, *allows = control->confirm.back_allows;
    size_t len = 0;
    uint8_t there = p != NULL, *file = p ? program_file(p, &len) : NULL;
    uint64_t says[3] = {len, p ? p->flows : 0, p ? p->half_open : 0};
    a->bad |= p && !file;
    if (!ARCHIVE(a, there) || !there) return;
    text_archive(&name, a);
    text_archive(&allows, a);
    ARCHIVE(a, says);
    archive_part(a, file, len);
    free(file);
}

bool confirm_back_read(struct control *control, struct archive *a)
{
    struct confirm *c = &control->confirm;
    uint8_t there = 0;
    uint64_t says[3];
    char err[600];
    if (!ARCHIVE(a, there) || !archive_sound(a, there < 2)) return false;
    if (!there) return true;
    text_archive(&c->back_name, a);
    text_archive(&c->back_allows, a);
    if (!ARCHIVE(a, says) || !archive_sound(a, says[0] <= a->left && program_bounds_fit(says[1], says[2])))
        return false;
    uint8_t *file = malloc(says[0] + 1); /* a copy, because the bytes may change while they are read */
    if (file && archive_part(a, file, says[0])) c->back = program_load(file, says[0], err, sizeof err);
    free(file);
    if (!archive_sound(a, c->back && c->back_name)) return false;
    program_bound(c->back, says[1], says[2]);
    return true;
}

void confirm_archive(struct control *control, struct archive *a)
{
    struct confirm *c = &control->confirm;
    uint8_t saves = c->saves, back = c->back != NULL;
    ARCHIVE(a, c->until_ns);
    ARCHIVE(a, saves);
    ARCHIVE(a, back);
    ARCHIVE(a, c->word);
    if (!a->reads || a->bad) return;
    c->saves = saves;
    archive_sound(a, saves < 2 && memchr(c->word, 0, sizeof c->word) && (back == (c->back != NULL) || !c->until_ns));
    control->rules->on_trial = c->until_ns;
    if (!c->until_ns) confirm_settle(control); /* a user has confirmed it meanwhile */
}

/* Return the reason not to confirm; NULL: none. */
static const char *confirm_refusal(const struct control *control, const struct call *c, char *err, size_t err_len)
{
    const char *word = call_text_of(c, "word");
    if (!confirm_waits(control)) {
        if (control->rules->began.way != BEGAN_BACK) return "nothing needs to be confirmed";
        snprintf(err, err_len, "the trial is over: nobody confirmed it in time, and %.200s came back",
                 control->carry->now.name);
        return err;
    }
    if (control->confirm.goes_back)
        snprintf(err, err_len, "the time to confirm is up: %.200s comes back", confirm_back(control));
    else if (call_is_true(c, "force") || (word && !strcmp(word, control->confirm.word)))
        return NULL;
    else if (word)
        snprintf(err, err_len,
                 "not confirmed: `%.40s` isn't the word that the log, or preyctl load, printed when this trial began; "
                 "--force confirms without the word",
                 word);
    else
        snprintf(err, err_len,
                 "not confirmed: run preyctl confirm WORD with the word printed when this trial began, or preyctl "
                 "confirm --force");
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
    const bool elsewhere = saves && strcmp(control->carry->now.name, control->o->program) != 0;
    confirm_settle(control);
    history_confirmed(control);
    by_hand_forget(control->rules);
    drained_forget(control->rules);
    members_forget(control->rules);
    events_tell(&control->tell->events, TOLD_CONFIRM, "confirmed by user %u%s", (unsigned)call_uid(c),
                call_is_true(c, "force") ? " by force" : "");
    if (saves && onfile_save(control, err, sizeof err))
        call_end(c, 2, "confirmed: %.200s keeps running, but isn't saved: %s", control->carry->now.name, err);
    else
        call_end(c, 0, "confirmed: %.200s keeps running%s%s%.200s", control->carry->now.name,
                 saves ? ", and is saved" : "", elsewhere ? " as " : "", elsewhere ? control->o->program : "");
}

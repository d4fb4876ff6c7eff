/* Words are distinguished as by preyrun's own command line (runtime/preyrun/read_options.c) */
#include "runtime/preyctl/command/takeover_words.h"

#include <string.h>

#include "runtime/base/grown.h"
#include "runtime/preyctl/talk.h"

/* Options of preyrun, as far as needed to distinguish a value from a separate word */
static const struct run_option {
    const char *name, *argument; /* argument: NULL if the option has none */
    char letter;
    enum { REPLAY, LIVE, BOTH } way;
} run_options[] = {
#define OPTION(name, letter, takes, argument, way, doc) {name, argument, letter, way},
#include "runtime/base/options/options.def"
};
enum { RUN_OPTIONS = sizeof run_options / sizeof *run_options };

/* Options of preyrun that make no sense in a takeover, with the reason or the alternative */
static const struct senseless {
    const char *name, *instead;
} senseless[] = {
    {"takeover", "this command starts a takeover itself"},
    {"preflight", "a takeover makes these checks itself, and changes nothing if they fail"},
    {"cleanup", "run preyrun --cleanup to undo changes of ended instances"},
    {"name", "preyctl --name chooses the instance, and the new process has the same name"},
    {"control", "preyctl --control chooses the instance, and the new process listens there"},
    {"help", "to see preyrun's options, run preyrun --help"},
    {"version", "to see preyrun's version, run preyrun --version"},
};

bool word_add(struct words *w, const char *word)
{
    if (!grow(&w->all, w->count + 1, &w->room, 16, sizeof *w->all)) return !talk_complain("out of memory");
    w->all[w->count++] = (char *)(uintptr_t)word;
    w->all[w->count] = NULL;
    return true;
}

/* Return the option that a word names; *whole: its value, if any, is in the same word. NULL: none. */
static const struct run_option *run_option(const char *word, bool *whole)
{
    const bool is_long = !strncmp(word, "--", 2), is_short = !is_long && *word == '-' && word[1];
    const size_t len = is_long ? strcspn(word + 2, "=") : 0;
    for (size_t i = 0; i < RUN_OPTIONS; i++) {
        const struct run_option *o = &run_options[i];
        if (is_short ? !o->letter || o->letter != word[1]
                     : !len || strlen(o->name) != len || strncmp(o->name, word + 2, len) != 0)
            continue;
        *whole = !o->argument || word[is_short ? 2 : 2 + len];
        return o;
    }
    return NULL;
}

/* Return the number of words that an option takes of [left]: itself, and a value */
static unsigned option_words(bool whole, unsigned left) { return whole || left < 2 ? 1 : 2; }

static bool refuse_option(const struct run_option *o, const char *word)
{
    for (size_t i = 0; i < sizeof senseless / sizeof *senseless; i++)
        if (!strcmp(o->name, senseless[i].name))
            return !talk_complain("takeover doesn't accept %.60s: %s", word, senseless[i].instead);
    return o->way != REPLAY || !talk_complain("takeover doesn't accept %.60s, which is for a replay", word);
}

bool words_are_options(const char *const given[], unsigned count)
{
    for (unsigned i = 0; i < count;) {
        bool whole;
        const char *word = given[i];
        const struct run_option *o = run_option(word, &whole);
        if (!o && *word != '-')
            return !talk_complain("`%.60s` isn't an option of preyrun: a takeover keeps the program; to change it, "
                                  "use preyctl load or reload",
                                  word);
        if (!o)
            return !talk_complain("`%.60s` isn't an option of preyrun: to see preyrun's options, run preyrun --help",
                                  word);
        if (!refuse_option(o, word)) return false;
        const unsigned words = option_words(whole, count - i);
        if (!whole && words == 1) return !talk_complain("%.60s needs a value: %s", word, o->argument);
        i += words;
    }
    return true;
}

/* True if a word of the command line is given again, or is only for the former start. */
static bool is_replaced(const struct run_option *o, const char *const given[], unsigned count)
{
    if (!strcmp(o->name, "takeover") || !strcmp(o->name, "confirm")) return true;
    for (unsigned i = 0; i < count;) {
        bool whole;
        const struct run_option *g = run_option(given[i], &whole);
        if (g == o) return true;
        i += g ? option_words(whole, count - i) : 1;
    }
    return false;
}

bool command_line_make(struct words *w, const char *preyrun, const char *const given[], unsigned count, char *before,
                       size_t len)
{
    const char *end = before + len;
    bool made = word_add(w, preyrun) && word_add(w, "--takeover"), only_words = false;
    for (unsigned i = 0; i < count && made; i++) made = word_add(w, given[i]);
    for (char *word = before + strlen(before) + 1; word < end && made;) {
        bool whole;
        const struct run_option *o = only_words ? NULL : run_option(word, &whole);
        const char *next = word + strlen(word) + 1;
        only_words |= !strcmp(word, "--");
        unsigned words = o ? option_words(whole, next < end ? 2 : 1) : 1;
        const bool kept = !o || !is_replaced(o, given, count);
        for (; words && word < end && made; words--, word += strlen(word) + 1)
            if (kept) made = word_add(w, word);
    }
    return made;
}

/* The manager's watchdog waits for the process that it started, and from now on for any process of the unit. The
 * variables for the start of that process are meant for that process only. */
bool environment_make(struct words *w, char *before, size_t len)
{
    /* Variables of a manager, or of the parent of a crashed service (parent/between/starter.h), that are for that
     * process only */
    static const char *const left_out[] = {
        "WATCHDOG_PID=", "LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "PREYRUN_AFTER_A_CRASH="};
    bool made = true;
    for (char *word = before; word < before + len && made; word += strlen(word) + 1) {
        bool kept = true;
        for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
            kept &= strncmp(word, left_out[i], strlen(left_out[i])) != 0;
        if (kept) made = word_add(w, word);
    }
    return made && (w->count || word_add(w, "PATH=/usr/sbin:/usr/bin:/sbin:/bin"));
}

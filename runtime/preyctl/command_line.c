/* Parser of preyctl's command line. Names are written in full, as for preyrun. */
#include "runtime/preyctl/command_line.h"

#include <string.h>

static const char *const commands[COMMANDS] = {
#define COMMAND(ident, word, arguments, doc) [COMMAND_##ident] = word,
#include "runtime/preyctl/command.def"
};

static void help(FILE *out);

static bool opt_name(struct command_line *l, const char *v) { return *(l->name = v); }
static bool opt_control(struct command_line *l, const char *v) { return *(l->control = v); }
static bool opt_format(struct command_line *l, const char *v)
{
    l->json = !strcmp(v, "json");
    return l->json || !strcmp(v, "text");
}

static const struct option_row {
    const char *name, *argument;
    bool (*take)(struct command_line *l, const char *v); /* false: not a valid value */
    enum { PLAIN, JSON, HELP, VERSION } what;
    const char *doc;
} options[] = {
    {"--name", "NAME", opt_name, PLAIN, "name of the instance, if several run"},
    {"--control", "PATH", opt_control, PLAIN, "socket of the instance, as given to preyrun --control"},
    {"--format", "text|json", opt_format, PLAIN, "print tables for people, or JSON"},
    {"--json", NULL, NULL, JSON, "the same as --format json"},
    {"--help", NULL, NULL, HELP, "print this help; also -h"},
    {"--version", NULL, NULL, VERSION, "print the version; also -V"},
};
enum { OPTIONS = sizeof options / sizeof *options };

static void help_row(FILE *out, const char *name, const char *argument, const char *doc)
{
    char left[160];
    snprintf(left, sizeof left, "%s%s%s", name, argument && *argument ? " " : "", argument ? argument : "");
    if (strlen(left) > 22) /* at least two spaces, because completion (editors/bash/) depends on them */
        fprintf(out, "  %s\n  %-22s  %s\n", left, "", doc);
    else
        fprintf(out, "  %-22s  %s\n", left, doc);
}

static void help(FILE *out)
{
    fprintf(out, "usage: preyctl [OPTION]... COMMAND [ARGUMENT]...\n"
                 "Show and change the state of a running preyrun.\n");
#define GROUP(heading)                       fprintf(out, "\n%s:\n", heading);
#define COMMAND(ident, word, arguments, doc) help_row(out, word, arguments, doc);
#include "runtime/preyctl/command.def"
    fprintf(out, "\nOptions:\n");
    for (unsigned i = 0; i < OPTIONS; i++) help_row(out, options[i].name, options[i].argument, options[i].doc);
    fprintf(out,
            "\nExit status: 0 success; 1 a live set refused a change, `has` found no member, or `impact` an obstacle;\n"
            "2 wrong usage, a rejected request, no running preyrun, no privileges, or a fault of this machine.\n");
}

struct reading {
    struct command_line *l;
    FILE *out;
    char *err;
    size_t err_len;
    bool chosen, done;
};

/* Read an option. Return the number of words: 1, 2, or 0 if preyctl has no such option; -1 with one line in err. */
static int option_take(struct reading *r, int left, const char *argv[])
{
    const char *equals = strchr(argv[0], '=');
    const size_t len = equals ? (size_t)(equals - argv[0]) : strlen(argv[0]);
    for (unsigned i = 0; i < OPTIONS; i++) {
        const struct option_row *o = &options[i];
        const bool letter =
            (o->what == HELP && !strcmp(argv[0], "-h")) || (o->what == VERSION && !strcmp(argv[0], "-V"));
        if (!letter && (strlen(o->name) != len || strncmp(argv[0], o->name, len))) continue;
        const char *v = equals ? equals + 1 : o->argument && left > 1 ? argv[1] : NULL;
        if (!o->argument != !v || (v && !o->take(r->l, v))) {
            snprintf(r->err, r->err_len, o->argument ? "%s takes %s" : "%s takes no value", o->name, o->argument);
            return -1;
        }
        if (o->what == JSON) r->l->json = true;
        if (o->what == HELP) help(r->out);
        if (o->what == VERSION) fprintf(r->out, "preyctl %s\n", PREY_VERSION);
        r->done |= o->what == HELP || o->what == VERSION;
        return v && !equals ? 2 : 1;
    }
    return 0;
}

static bool command_take(struct reading *r, const char *word)
{
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (strcmp(word, commands[i]) != 0) continue;
        r->l->command = i;
        r->l->word = commands[i];
        return r->chosen = true;
    }
    snprintf(r->err, r->err_len, "`%.60s` isn't %s of preyctl: try --help", word,
             *word == '-' ? "an option" : "a command");
    return false;
}

enum command_line_result command_line_read(int argc, const char *argv[], struct command_line *line, FILE *out,
                                           char *err, size_t err_len)
{
    struct reading r = {line, out, err, err_len, false, false};
    bool only_words = false;
    *line = (struct command_line){.arguments = argv};
    for (int i = 1; i < argc && !r.done;) {
        const bool dashes = !only_words && !strcmp(argv[i], "--");
        const int words = only_words || dashes || *argv[i] != '-' ? 0 : option_take(&r, argc - i, argv + i);
        if (words < 0) return LINE_WRONG;
        only_words |= dashes;
        if (!words && !dashes && r.chosen) argv[line->count++] = argv[i];
        if (!words && !dashes && !r.chosen && !command_take(&r, argv[i])) return LINE_WRONG;
        i += words ? words : 1;
    }
    if (r.done) return LINE_DONE;
    if (r.chosen) return LINE_RUN;
    snprintf(err, err_len, "the command is missing: try --help");
    return LINE_WRONG;
}

static void words_take(struct command_line *l, unsigned at, unsigned words)
{
    l->count -= words;
    for (unsigned i = at; i < l->count; i++) l->arguments[i] = l->arguments[i + words];
}

bool argument_flag(struct command_line *l, const char *name)
{
    for (unsigned i = 0; i < l->count; i++) {
        if (strcmp(l->arguments[i], name) != 0) continue;
        words_take(l, i, 1);
        return true;
    }
    return false;
}

const char *argument_value(struct command_line *l, const char *name)
{
    const size_t len = strlen(name);
    for (unsigned i = 0; i < l->count; i++) {
        const char *word = l->arguments[i];
        if (strncmp(word, name, len) != 0 || (word[len] && word[len] != '=')) continue;
        const bool next = !word[len] && i + 1 < l->count;
        const char *value = word[len] ? word + len + 1 : next ? l->arguments[i + 1] : "";
        words_take(l, i, next ? 2 : 1);
        return value;
    }
    return NULL;
}

const char *argument_unknown(const struct command_line *l)
{
    for (unsigned i = 0; i < l->count; i++)
        if (*l->arguments[i] == '-' && l->arguments[i][1]) return l->arguments[i];
    return NULL;
}

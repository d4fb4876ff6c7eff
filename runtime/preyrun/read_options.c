/* The command line: long options as `--name value` or `--name=value`, in any order, with one program. Names are written
 * in full: an abbreviation that works today would mean something else with the next option. */
#include <stdarg.h>
#include <stddef.h>

#include "runtime/preyrun/options_priv.h"

bool wrong(struct reading *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->err, r->err_len, fmt, ap);
    va_end(ap);
    return false;
}

/* Return the end of a path that fits on a line, because the end distinguishes files. */
static const char *path_end(const char *path)
{
    enum { SHOWN = 240 };
    const size_t len = strlen(path);
    return len > SHOWN ? path + len - SHOWN : path;
}

static bool opt_pcap(struct reading *r, const char *n, const char *v)
{
    struct options *o = r->o;
    if (!*v) return wrong(r, "--%s needs a file", n);
    for (unsigned i = 0; i < o->pcap_count; i++)
        if (!strcmp(o->pcaps[i], v)) return wrong(r, "--%s: `%s` is given twice", n, path_end(v));
    if (o->pcap_count == OPTIONS_PCAPS) return wrong(r, "--%s: more than 32 captures", n);
    o->pcaps[o->pcap_count++] = v;
    return true;
}
/* Read NAME=IF. The last `=` ends the name, because file names may contain some. */
static bool opt_map(struct reading *r, const char *n, const char *v)
{
    const char *is = strrchr(v, '=');
    if (!is || is == v || !is[1]) return wrong(r, "--%s: `%s` must be written NAME=IF", n, path_end(v));
    if (r->o->map_count == OPTIONS_MAPS) return wrong(r, "--%s: more than 64 names", n);
    r->o->maps[r->o->map_count++] = v;
    return true;
}

static bool opt_tap(struct reading *r, const char *n, const char *v)
{
    const char *is = strchr(v, '=');
    if (!is || is == v || !is[1]) return wrong(r, "--%s: `%s` must be written NAME=PATH", n, path_end(v));
    if (r->o->tap_count == OPTIONS_MAPS) return wrong(r, "--%s: more than 64 names", n);
    r->o->taps[r->o->tap_count++] = v;
    return true;
}

static bool opt_format(struct reading *r, const char *n, const char *v)
{
    r->o->json = !strcmp(v, "json");
    return r->o->json || !strcmp(v, "text") || wrong(r, "--%s takes text or json, not `%s`", n, v);
}

static bool opt_json(struct reading *r, const char *n, const char *v) { return opt_format(r, n, "json"); }

static bool opt_log(struct reading *r, const char *n, const char *v)
{
    const char *colon = strchr(v, ':'), *to = colon ? colon + 1 : NULL;
    const size_t len = colon ? (size_t)(colon - v) : strlen(v);
    const bool json = len == 4 && !memcmp(v, "json", len);
    if (!json && (len != 4 || memcmp(v, "text", len)))
        return wrong(r, "--%s: `%.60s` must be text or json, perhaps with :syslog or :FILE", n, v);
    if (to && !*to) return wrong(r, "--%s %.60s needs a file after the colon", n, v);
    r->o->log = json ? LOG_JSON : LOG_TEXT;
    r->o->log_to = to && strcmp(to, "stderr") != 0 ? to : NULL;
    return true;
}

/* Read N or N-N, which ends at a comma or at the end of the text. */
static bool span_read(const char **at, struct options_span *s)
{
    char *end;
    errno = 0;
    if (**at < '0' || **at > '9') return false;
    s->first = s->last = strtoull(*at, &end, 10);
    if (*end == '-' && end[1] >= '0' && end[1] <= '9') s->last = strtoull(end + 1, &end, 10);
    *at = end;
    return !errno && s->first && s->first <= s->last && (!*end || *end == ',');
}

static bool opt_explain(struct reading *r, const char *n, const char *v)
{
    struct options *o = r->o;
    for (const char *at = v;; at++) {
        if (o->explained_count == OPTIONS_SPANS) return wrong(r, "--%s: more than 64 frames or ranges", n);
        if (!span_read(&at, &o->explained[o->explained_count++]))
            return wrong(r, "--%s: `%.60s` isn't a list of frames such as 3 or 3,7,20-25", n, v);
        if (!*at) return true;
    }
}

/* Read a number, or, for a recording, a time. */
static bool frame_or_time_read(struct reading *r, const char *n, const char *v, uint64_t *at, struct options_when *time)
{
    time->said = when_read(v, &time->when);
    return time->said || number(r, n, v, 1, UINT64_MAX, at);
}
static bool opt_from(struct reading *r, const char *n, const char *v)
{
    return frame_or_time_read(r, n, v, &r->o->from, &r->o->from_at);
}
static bool opt_to(struct reading *r, const char *n, const char *v)
{
    return frame_or_time_read(r, n, v, &r->o->to, &r->o->to_at);
}
static bool opt_route(struct reading *r, const char *n, const char *v)
{
    if (r->o->route_count == OPTIONS_ROUTES) return wrong(r, "--%s: more than 256 routes: use a file with --routes", n);
    r->o->routes[r->o->route_count++] = v;
    return true;
}

static bool opt_routes(struct reading *r, const char *n, const char *v)
{
    if (!*v) return wrong(r, "--%s needs a file", n);
    if (r->o->route_file_count == OPTIONS_ROUTE_FILES) return wrong(r, "--%s: more than 8 files", n);
    r->o->route_files[r->o->route_file_count++] = v;
    return true;
}

static bool opt_self(struct reading *r, const char *n, const char *v)
{
    char err[160];
    return !self_add(&r->o->self, v, err, sizeof err) || wrong(r, "--%s: %s", n, err);
}

static bool opt_down(struct reading *r, const char *n, const char *v)
{
    const char **more = realloc(r->o->down, (r->o->down_count + 1) * sizeof *more);
    if (!more) return wrong(r, "--%s: out of memory", n);
    r->o->down = more;
    const char *slash = strchr(v, '/');
    if (!slash || slash == v || !slash[1] || strchr(slash + 1, '/'))
        return wrong(r, "--%s: `%.60s` must be written POOL/SERVER", n, v);
    r->o->down[r->o->down_count++] = v;
    return true;
}

static bool opt_exec(struct reading *r, const char *n, const char *v)
{
    static_assert(OPTIONS_EXEC_AUTO == 1 && OPTIONS_EXEC_KERNEL == 3, "in the order of the words");
    return (r->o->exec = word(r, n, v, (const char *const[]){"auto", "user", "kernel"})) != 0;
}

enum { HELP_BYTES = 1 << 15 };
static bool opt_help(struct reading *r, const char *n, const char *v)
{
    static char all[HELP_BYTES]; /* a single write, so that a failure gives a single error */
    if (r->out == stdout) setvbuf(stdout, all, _IOFBF, sizeof all);
    options_help(r->out);
    return r->done = true;
}

static bool opt_version(struct reading *r, const char *n, const char *v)
{
    fprintf(r->out, "preyrun %s\n", PREY_VERSION);
    return r->done = true;
}

struct option_row {
    const char *name, *argument;
    char letter;
    uint8_t way;       /* enum way */
    opt_fn *read;      /* otherwise one of: */
    uint16_t at, size; /* member of struct options; a flag, or */
    const char *wants; /* a text, described here; or */
    uint64_t lo, hi;   /* a number with these bounds: a size, if `wants` describes them */
};
#define MEMBER(field)                 .at = offsetof(struct options, field), .size = sizeof((struct options *)NULL)->field
#define FLAG(field)                   MEMBER(field)
#define NUMBER(field, lo_, hi_)       MEMBER(field), .lo = lo_, .hi = hi_
#define TEXT(field, wants_)           MEMBER(field), .wants = wants_
#define SIZE(field, lo_, hi_, wants_) NUMBER(field, lo_, hi_), .wants = wants_
#define READ(name)                    .read = opt_##name
#define OPTION(name_, letter_, takes, argument_, way_, doc_)                                                           \
    {.name = name_, .argument = argument_, .letter = letter_, .way = way_, takes},
static const struct option_row rows[] = {
#include "runtime/base/options/options.def"
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static bool row_take(struct reading *r, const struct option_row *row, const char *v)
{
    void *to = (char *)r->o + row->at;
    uint64_t n;
    if (row->read) return row->read(r, row->name, v);
    if (row->wants && row->hi)
        return size_read(v, row->lo, row->hi, to) ||
               wrong(r, "--%s: `%.60s` isn't a size %s", row->name, v, row->wants);
    if (row->wants) {
        const char **text = to;
        if (*text) return wrong(r, "--%s is given twice", row->name);
        *text = v;
        return *v || wrong(r, "--%s needs %s", row->name, row->wants);
    }
    if (!row->hi) return *(bool *)to = true;
    if (!number(r, row->name, v, row->lo, row->hi, &n)) return false;
    if (row->size == sizeof n)
        *(uint64_t *)to = n;
    else
        *(uint32_t *)to = (uint32_t)n;
    return true;
}

/* Return the option that `arg` names. *value: the text after a `=` or a letter, or NULL. */
static const struct option_row *option_find(const char *arg, const char **value)
{
    *value = NULL;
    for (unsigned i = 0; i < ROWS; i++) {
        const size_t len = strlen(rows[i].name);
        if (arg[1] != '-') {
            if (!rows[i].letter || arg[1] != rows[i].letter) continue;
            if (arg[2]) *value = arg + 2;
            return &rows[i];
        }
        if (!len || strncmp(arg + 2, rows[i].name, len) || (arg[2 + len] && arg[2 + len] != '=')) continue;
        if (arg[2 + len] == '=') *value = arg + 3 + len;
        return &rows[i];
    }
    return NULL;
}

/* Read argv[0] and its value. Return the number of words used, 0 on an error. */
static int option_take(struct reading *r, int left, char *const argv[])
{
    const char *value;
    const struct option_row *row = option_find(argv[0], &value);
    if (row && !r->way[row->way]) r->way[row->way] = argv[0];
    if (!row) return wrong(r, "`%.60s` isn't an option; try --help", argv[0]);
    if (!row->argument && value) return wrong(r, "--%s takes no value", row->name);
    int words = 1;
    if (row->read == opt_allow_unjudged && !value && (left < 2 || !are_devices(argv[1]))) {
        value = ""; /* without names, the start lists them */
    } else if (row->argument && !value) {
        if (left < 2) return wrong(r, "%s needs a value: %s", argv[0], row->argument);
        value = argv[words++];
    }
    return row_take(r, row, value) ? words : 0;
}

static bool program_take(struct reading *r, const char *arg)
{
    if (r->o->program)
        return wrong(r, "preyrun runs one program, but the command names two: `%.60s` and `%.60s`", r->o->program, arg);
    r->o->program = arg;
    return true;
}

static bool is_standard(const char *to) { return to && !strcmp(to, "-"); }

/* Check that no two outputs share a place. */
static bool settle_outputs(struct reading *r)
{
    struct options *o = r->o;
    /* Options that choose or extend lines turn them on. */
    if ((o->only || o->describe) && !o->verdicts && !o->write_seen && !o->explained_count) o->verdicts = "-";
    if (o->only && o->explained_count) return wrong(r, "--only chooses lines, but --explain doesn't print lines");
    if (o->verdicts && o->write && !strcmp(o->verdicts, o->write))
        return wrong(r, "--verdicts and --write can't both be `%.60s`", o->write);
    if (o->log_to) return wrong(r, "--log: a replay logs only to standard error, not to `%.60s`", o->log_to);
    if (o->write_seen &&
        ((o->verdicts && !strcmp(o->verdicts, o->write_seen)) || (o->write && !strcmp(o->write, o->write_seen))))
        return wrong(r, "--write-seen and another option can't both be `%.60s`", o->write_seen);
    if (o->explained_count && (o->verdicts || o->write || o->write_seen || o->repeat > 1 || o->log != LOG_NONE ||
                               o->flows || o->coverage || o->observed || o->copies))
        return wrong(r, "--explain prints only frames: leave out %s",
                     o->verdicts          ? "--verdicts"
                     : o->write           ? "--write"
                     : o->write_seen      ? "--write-seen"
                     : o->log != LOG_NONE ? "--log"
                     : o->flows           ? "--flows"
                     : o->coverage        ? "--coverage"
                     : o->observed        ? "--observed"
                     : o->copies          ? "--copies"
                                          : "--repeat");
    const char *taken = is_standard(o->verdicts)     ? "--verdicts"
                        : is_standard(o->write)      ? "--write"
                        : is_standard(o->write_seen) ? "--write-seen"
                                                     : NULL;
    if (o->flows && taken)
        return wrong(r, "--flows prints after the summary, and %s - replaces the summary: name a file", taken);
    if (o->coverage && (taken || o->flows || o->repeat > 1))
        return wrong(r,
                     taken ? "--coverage prints instead of the summary, and %s - uses the same output: name a file"
                           : "--coverage replaces the summary, so leave out %s",
                     taken      ? taken
                     : o->flows ? "--flows"
                                : "--repeat");
    return true;
}

/* Check the options of --replay. A recording holds everything but the choice of output. */
static bool settle_recording(struct reading *r)
{
    const struct options *o = r->o;
    const char *other = o->pcap_count                          ? "--pcap"
                        : o->map_count                         ? "--map"
                        : o->on                                ? "--on"
                        : o->route_count                       ? "--route"
                        : o->route_file_count                  ? "--routes"
                        : o->self.v4_count || o->self.v6_count ? "--self"
                        : o->seed                              ? "--seed"
                        : o->down_count                        ? "--down"
                        : o->strict_checksum                   ? "--strict-checksum"
                        : o->mtu != 1500                       ? "--mtu"
                        : o->repeat > 1                        ? "--repeat"
                                                               : NULL;
    if (other) return wrong(r, "--replay repeats a recording as it was: leave out %s", other);
    return settle_outputs(r);
}

static bool pcap_is_standard(const struct options *o)
{
    for (unsigned i = 0; i < o->pcap_count; i++)
        if (is_standard(o->pcaps[i])) return true;
    return false;
}

/* Check for options that exclude one another, and for missing ones. */
static bool settle_replay(struct reading *r)
{
    const struct options *o = r->o;
    if (o->exec == OPTIONS_EXEC_KERNEL && o->replay)
        return wrong(r, "--replay repeats a recording as it was: leave out --exec kernel");
    if (o->hook && o->exec == OPTIONS_EXEC_USER)
        return wrong(r, "--hook configures the kernel executor, but --exec user was given");
    if (r->way[LIVE]) return options_settle_live(r);
    if (o->hook && o->exec != OPTIONS_EXEC_KERNEL) return wrong(r, "--hook needs --exec kernel in a replay");
    if (o->replay) return settle_recording(r);
    if (!o->pcap_count)
        return wrong(r, "nothing to do: use --pcap FILE to replay a capture, or -i IF for live traffic; try --help");
    if (!o->program) return wrong(r, "the program is missing: preyrun --pcap FILE RULES.pbc");
    if (!*o->program) return wrong(r, "the name of the program is empty: preyrun --pcap FILE RULES.pbc");
    if (pcap_is_standard(o) && !strcmp(o->program, "-"))
        return wrong(r, "capture and program can't both be standard input");
    if (o->from_at.said || o->to_at.said)
        return wrong(r, "%s: a capture needs a frame number; a time is only for --replay",
                     o->from_at.said ? "--from" : "--to");
    if (o->on && o->map_count) return wrong(r, "--on sets the interface of all frames: leave out --map");
    if (o->to && o->from > o->to) return wrong(r, "--from is after --to");
    return settle_outputs(r);
}

static bool words_read(struct reading *r, int argc, char *const argv[])
{
    bool only_words = false;
    for (int i = 1; i < argc && !r->done;) {
        if (!only_words && !strcmp(argv[i], "--")) {
            only_words = true;
            i++;
            continue;
        }
        const bool is_option = !only_words && argv[i][0] == '-' && argv[i][1];
        const int words = is_option ? option_take(r, argc - i, argv + i) : program_take(r, argv[i]);
        if (!words) return false;
        i += words;
    }
    return r->done || settle_replay(r);
}

/* True if an option names interfaces for a closed end, or turns enforcement off. */
static bool says_closed(const struct option_row *row)
{
    static const char *const all[] = {"", "bridge", "name", "on-exit", "monitor", "preflight", "cleanup"};
    for (unsigned i = 0; row && i < sizeof all / sizeof all[0]; i++)
        if (!strcmp(row->name, all[i])) return true;
    return false;
}

/* From a wrong command line, read again only the interfaces that a closed end shuts. */
static void closed_read(struct options *o, int argc, char *const argv[])
{
    char err[400];
    struct reading r = {.o = o, .err = err, .err_len = sizeof err};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *value;
        const struct option_row *row = argv[i][0] == '-' && argv[i][1] ? option_find(argv[i], &value) : NULL;
        if (!says_closed(row) || (row->argument && !value && i + 1 == argc)) continue;
        row_take(&r, row, row->argument && !value ? argv[++i] : value);
    }
    if (!o->iface_count || o->monitor || o->preflight || o->cleanup) o->on_exit = OPTIONS_END_OPEN;
    if (!o->name && o->iface_count) o->name = o->ifaces[0];
}

enum options_result options_parse(int argc, char *const argv[], struct options *o, FILE *out, char *err, size_t err_len)
{
    *o = (struct options){.repeat = 1,
                          .from = 1,
                          .mtu = 1500,
                          .ring = OPTIONS_RING,
                          .record_size = OPTIONS_RECORD,
                          .record_snap = UINT32_MAX};
    struct reading r = {.o = o, .out = out, .err = err, .err_len = err_len};
    if (!words_read(&r, argc, argv)) {
        options_fini(o);
        *o = (struct options){.program = "-"}; /* a wrong command line has no file */
        closed_read(o, argc, argv);
        return OPTIONS_WRONG;
    }
    return r.done ? OPTIONS_DONE : OPTIONS_RUN;
}

void options_fini(struct options *o)
{
    self_fini(&o->self);
    for (unsigned i = 0; i < o->bridge_count; i++) free(o->bridges[i]);
    o->bridge_count = 0;
    free(o->down);
    o->down = NULL;
}

/* Print "  --name VALUE  doc". Completion (editors/bash/) depends on the two spaces before the doc. */
static void help_row(FILE *out, const char *name, char of_letter, const char *argument, const char *doc)
{
    char left[64], letter[] = {'-', of_letter, ',', ' ', 0};
    if (!name[0]) letter[2] = 0;
    snprintf(left, sizeof left, "%s%s%s%s%s", of_letter ? letter : "", name[0] ? "--" : "", name, argument ? " " : "",
             argument ? argument : "");
    fprintf(out, "  %-26s  %s\n", left, doc);
}

void options_help(FILE *out)
{
    fprintf(out, "usage: preyrun -r FILE|- [OPTION]... RULES.pbc            replay a capture\n"
                 "       preyrun --replay DIR [OPTION]... [RULES.pbc]       replay a recording\n"
                 "       preyrun -i IF [-i IF]... [OPTION]... RULES.pbc     run live\n"
                 "       preyrun --bridge IF:IF [OPTION]... RULES.pbc       run live, as a bridge\n"
                 "       preyrun --cleanup [--name NAME]                    undo what killed instances left\n");
#define GROUP(heading)                                   fprintf(out, "\n%s:\n", heading);
#define OPTION(name, letter, takes, argument, way, doc_) help_row(out, name, letter, argument, doc_);
#include "runtime/base/options/options.def"
    fprintf(out, "\nExit status: 0 success; 1 a replay differs from its recording, or nobody confirmed the start;\n"
                 "2 wrong usage, unreadable input, unwritable output, or an obstacle on this machine.\n");
}

/* preyc: rule files to programs. Exit status: 0 good; 1 the rules are at fault; 2 usage, unreadable input,
 * environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/analysis/diff/diff.h"
#include "compiler/command/command_priv.h"
#include "compiler/progress.h"
#include "compiler/resolve/resolve.h"
#include "compiler/say.h"
#include "compiler/setup/setup.h"
#include "compiler/traffic/traffic.h"
#include "vm/program/program.h"

enum { EXIT_GOOD = 0, EXIT_RULES = 1, EXIT_USAGE = 2 };

static int explain_code(const char *code)
{
    if (diag_explain(code, stdout) == 0) return EXIT_GOOD;
    say(stderr, "preyc: no error or warning has the code `%s`; each message ends with its code, such as E0201", code);
    return EXIT_USAGE;
}

static void print_test_results(void *arg, FILE *out)
{
    struct compile *c = arg;
    if (!c || !tests_any(c)) return;
    fputs(",\"tests\":", out);
    tests_print_json(c, out);
}

static bool wants_colour(const struct options *o)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    if (o->colour != COLOUR_AUTO) return o->colour == COLOUR_ALWAYS;
    return isatty(STDERR_FILENO) && !(no_colour && no_colour[0]) && !(term && strcmp(term, "dumb") == 0);
}

/* Print diagnostics. `c` NULL: nothing was compiled. */
static void print_diagnostics(const struct options *o, struct diags *d, struct compile *c)
{
    switch (o->format) {
    case FORMAT_TEXT: diags_print_text(d, stderr, wants_colour(o)); break;
    case FORMAT_JSON: diags_print_json_with(d, stdout, print_test_results, c); break;
    case FORMAT_SARIF: diags_print_sarif(d, "preyc", PREY_VERSION, stdout); break;
    }
}

static void print_count(uint32_t n, const char *noun) { printf("%u %s%s", n, noun, n == 1 ? "" : "s"); }

/* Print which tests failed, after the details of each. */
static void print_failed(const struct options *o, const struct compile *c)
{
    if (o->format != FORMAT_TEXT || !tests_any(c) || tests_passed(c)) return;
    diag_put_text(o->input, stderr);
    fputs(": ", stderr);
    tests_summary(c, stderr);
    fputc('\n', stderr);
}

static int dump_program(const struct compile *c)
{
    char err[256];
    struct program *p = program_load(c->pbc, c->pbc_len, err, sizeof(err));
    if (!p) {
        say(stderr, "preyc: %s", err);
        return EXIT_USAGE;
    }
    program_disasm(p, stdout);
    program_put(p);
    return EXIT_GOOD;
}

static void allow(const struct options *o, struct diags *d)
{
    for (enum diag_code code = 0; code < DIAG_COUNT; code++)
        if (o->allow[code]) diags_allow_everywhere(d, code);
}

/* Show progress, unless a person types the rules. */
static void show_progress(const char *path)
{
    if (strcmp(path, "-") || !isatty(STDIN_FILENO)) progress_show();
}

/* True if the program is written to a file that is not standard output by another name. */
static bool writes_file(const struct options *o)
{
    struct stat to, out;
    if (!o->output || !strcmp(o->output, "-")) return false;
    return stat(o->output, &to) || fstat(STDOUT_FILENO, &out) || to.st_dev != out.st_dev || to.st_ino != out.st_ino;
}

/* True if standard output is for people: no figures, listing or program go there. */
static bool says_good(const struct options *o)
{
    const bool alone = o->dump == DUMP_NONE && !o->stats && !o->setup;
    return o->format == FORMAT_TEXT && (o->check || (alone && writes_file(o)));
}

/* Print "edge.prey: good: 6 rules, 1 set, 1 test passed"; services are counted if there are any. */
static void print_good(const struct options *o, const struct compile *c)
{
    diag_put_text(o->input, stdout);
    fputs(": good: ", stdout);
    print_count(c->image->rules_count, "rule");
    fputs(", ", stdout);
    print_count(c->symbols->sets, "set");
    if (c->image->services_count) fputs(", ", stdout);
    if (c->image->services_count) print_count(c->image->services_count, "service");
    if (tests_any(c)) fputs(", ", stdout);
    tests_summary(c, stdout);
    putchar('\n');
}

static int command_run(const struct options *o, struct compile *c)
{
    allow(o, c->diags);
    if (o->output && output_allowed(o->output, o->input, NULL) < 0) return EXIT_USAGE;
    c->keep_text = o->with_text;
    c->keep_tree = o->dump == DUMP_AST;
    show_progress(o->input);
    const int rc = compile_file(c, o->input);
    if (o->werror) diags_werror(c->diags, true);
    if (rc == 0 && !diags_errors(c->diags)) interfaces_check(o, c);
    if (rc == 0 && !diags_errors(c->diags) && (o->check || o->output || o->dump == DUMP_FILES)) compile_test(c);
    progress_hide();
    if (!c->read) {
        say(stderr, "preyc: can't read `%s`: %s", o->input, strerror(-rc));
        return EXIT_USAGE;
    }
    struct options told = *o;
    if (o->stats && !diags_errors(c->diags)) told.format = FORMAT_TEXT; /* standard output has only the figures */
    print_diagnostics(&told, c->diags, c);
    print_failed(o, c);
    if (o->dump == DUMP_AST) lang_dump(c->tree, &c->sources, stdout);
    if (rc < 0 || diags_errors(c->diags)) return EXIT_RULES;
    /* The program compiled: print the requested output. */
    if (o->output && (output_allowed(o->output, o->input, c) < 0 || output_write(o->output, c->pbc, c->pbc_len) < 0))
        return EXIT_USAGE;
    if (o->dump == DUMP_IR) ir_dump(c, stdout);
    if (o->dump == DUMP_BYTECODE && dump_program(c) != EXIT_GOOD) return EXIT_USAGE;
    if (o->dump == DUMP_FILES) output_files_read(c, stdout);
    if (o->stats) stats_print(c, stdout, o->format == FORMAT_JSON);
    if (o->setup && setup_print(c, o->setup, stdout) < 0) return EXIT_USAGE;
    if (says_good(o)) print_good(o, c);
    return EXIT_GOOD;
}

static int fmt(const struct options *o)
{
    struct sources sources;
    sources_init(&sources);
    struct diags *d = diags_new(&sources);
    const int status = format_files(o, &sources, d);
    /* Standard output has only the formatted text. */
    if (diags_errors(d) || (o->format != FORMAT_TEXT && (o->check || o->write))) print_diagnostics(o, d, NULL);
    diags_free(d);
    sources_fini(&sources);
    return status;
}

/* Compile a rule file; NULL after the faults were printed. */
static struct program *program_of_rules(const struct options *o, const char *path)
{
    struct options as_input = *o;
    struct program *p = NULL;
    struct compile c;
    char err[256];
    as_input.input = path;
    as_input.format = FORMAT_TEXT;
    compile_init(&c);
    allow(o, c.diags);
    show_progress(path);
    const int rc = compile_file(&c, path);
    progress_hide();
    if (o->werror) diags_werror(c.diags, true);
    if (!c.read)
        say(stderr, "preyc: can't read `%s`: %s", path, strerror(-rc));
    else if (rc < 0 || diags_errors(c.diags))
        print_diagnostics(&as_input, c.diags, &c);
    else if (!(p = program_load(c.pbc, c.pbc_len, err, sizeof(err))))
        say(stderr, "preyc: %s: %s", path, err);
    compile_fini(&c);
    return p;
}

static struct program *program_of(const struct options *o, const char *path)
{
    char err[600];
    if (!diff_is_program(path)) return program_of_rules(o, path);
    struct program *p = program_load_file(path, err, sizeof(err));
    if (!p) say(stderr, "preyc: %s", err);
    return p;
}

/* Compare two rule files. Status 1 means "lets more through"; status 2: faulty rules can't be compared. */
static int diff(const struct options *o)
{
    const struct diff_options how = {.json = o->format == FORMAT_JSON};
    struct program *old = program_of(o, o->inputs[0]), *new = program_of(o, o->inputs[1]);
    int result = -EINVAL;
    char err[256];
    progress_show();
    if (old && new && (result = diff_print(old, new, &how, stdout, err, sizeof(err))) < 0)
        say(stderr, "preyc: can't compare `%s` and `%s`: %s", o->inputs[0], o->inputs[1], err);
    program_put(old);
    program_put(new);
    return result < 0 ? EXIT_USAGE : result;
}

static struct route_options routes_of(const struct options *o)
{
    return (struct route_options){o->routes, o->route_files, o->route_count, o->route_file_count};
}

static struct traffic traffic_of(const struct options *o)
{
    return (struct traffic){.pcaps = o->pcaps,
                            .pcap_count = o->pcap_count,
                            .maps = o->maps,
                            .map_count = o->map_count,
                            .selves = o->selves,
                            .self_count = o->self_count,
                            .routes = routes_of(o),
                            .on = o->on,
                            .json = o->format == FORMAT_JSON};
}

static int suggest_rules(const struct options *o)
{
    const struct traffic t = traffic_of(o);
    return suggest(&t, (uint8_t)o->width4, (uint8_t)o->width6, stdout) < 0 ? EXIT_USAGE : EXIT_GOOD;
}

/* Import rules. Status 1 means that something could not be imported. */
static int import_rules(const struct options *o)
{
    const int result = import(o->import_from, o->inputs[0], stdout);
    return result < 0 ? EXIT_USAGE : result;
}

/* Compare by captures. Status 1 means that something differs, as with --diff. */
static int compare_by_captures(const struct options *o)
{
    const struct traffic t = traffic_of(o);
    struct program *old = program_of(o, o->inputs[0]), *new = old ? program_of(o, o->inputs[1]) : NULL;
    const char *const names[2] = {o->inputs[0], o->inputs[1]};
    const int result = new ? against(old, new, names, &t, stdout) : -1;
    program_put(old);
    program_put(new);
    return result < 0 ? EXIT_USAGE : result;
}

/* Join names with commas. Return buf, or NULL if there are none. */
static const char *options_joined(const struct options *o, char *buf, size_t len)
{
    size_t used = 0;
    for (unsigned i = 0; i < o->served_count && used < len; i++)
        used += (size_t)snprintf(buf + used, len - used, "%s%s", i ? "," : "", o->served[i]);
    return o->served_count ? buf : NULL;
}

/* Explain each packet by each file. */
static int ask_files(const struct options *o)
{
    char serves[OPTIONS_SERVED * (DEVICE_MOST + 1)];
    const struct asked asked = {.packets = o->asked,
                                .count = o->asked_count,
                                .selves = o->selves,
                                .self_count = o->self_count,
                                .at = o->at,
                                .routes = routes_of(o),
                                .serves = options_joined(o, serves, sizeof(serves)),
                                .allows = o->allows,
                                .allow_count = o->allow_count,
                                .json = o->format == FORMAT_JSON};
    int status = EXIT_GOOD;
    for (int i = 0; i < o->input_count; i++) {
        struct program *p = program_of(o, o->inputs[i]);
        if (!p) return EXIT_USAGE;
        if (o->input_count > 1 && !asked.json) {
            if (i) putchar('\n');
            diag_put_text(o->inputs[i], stdout);
            puts(":");
        }
        if (ask(p, &asked, stdout) < 0) status = EXIT_USAGE;
        program_put(p);
    }
    return status;
}

static int compile_one(const struct options *o, const char *path)
{
    struct options one = *o;
    struct compile c;
    one.input = path;
    compile_init(&c);
    const int status = command_run(&one, &c);
    compile_fini(&c);
    return status;
}

/* Check each file by itself; JSON is one list. Return the worst status. */
static int check_several(const struct options *o)
{
    const bool list = o->format == FORMAT_JSON;
    struct inputs in;
    if (o->format == FORMAT_SARIF) {
        say(stderr, "preyc: --format=sarif takes one rule file; for several files, use --format=json");
        return EXIT_USAGE;
    }
    int status = inputs_expand(&in, o->inputs, o->input_count) < 0 ? EXIT_USAGE : EXIT_GOOD;
    if (list) puts("[");
    for (uint32_t i = 0; i < in.count; i++) {
        const int one = compile_one(o, in.names[i]);
        if (one > status) status = one;
        if (list && i + 1 < in.count) puts(",");
    }
    if (list) puts("]");
    inputs_free(&in);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Return the status, or a fault if standard output could not be written. */
static int command_finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    fprintf(stderr, "preyc: can't write to standard output: %s\n", strerror(errno));
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct options o;
    if (options_read(&o, argc, argv) < 0) return EXIT_USAGE;
    if (o.help)
        options_print_help(stdout);
    else if (o.version)
        puts("preyc " PREY_VERSION);
    if (o.help || o.version) return command_finish(EXIT_GOOD);
    if (o.explain) return command_finish(explain_code(o.explain));
    if (o.fmt) return command_finish(fmt(&o));
    if (o.diff) return command_finish(diff(&o));
    if (o.asked_count) return command_finish(ask_files(&o));
    if (o.import) return command_finish(import_rules(&o));
    if (o.suggest) return command_finish(suggest_rules(&o));
    if (o.against) return command_finish(compare_by_captures(&o));
    if (o.check && (o.input_count > 1 || is_folder(o.input))) return command_finish(check_several(&o));
    return command_finish(compile_one(&o, o.input));
}

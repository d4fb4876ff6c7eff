/* Command line options, once: the table feeds the reader, `--help` and the suggestions for misspelt ones. Names are
 * written in full: an abbreviation that works today would change its meaning with the next option. */
#include "compiler/command/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "compiler/say.h"
#include "lang/diag.h"

enum option_id {
    OPT_OUTPUT = 'o',
    OPT_HELP = 'h',
    OPT_WRITE = 'w',
    OPT_CHECK = 256,
    OPT_DUMP,
    OPT_STATS,
    OPT_EXPLAIN,
    OPT_FORMAT,
    OPT_JSON,
    OPT_WERROR,
    OPT_VERSION,
    OPT_FMT,
    OPT_DIFF,
    OPT_SETUP,
};

static const struct option_row {
    const char *name;
    int id;
    int argument;      /* as getopt.h has it */
    const char *shown; /* in --help */
    const char *does;
} rows[] = {
    {"output", OPT_OUTPUT, required_argument, "-o, --output FILE",
     "write the program to FILE; an old one is replaced only when all is good"},
    {"check", OPT_CHECK, no_argument, "--check",
     "compile and run the tests, write nothing; one line says that all is good"},
    {"dump", OPT_DUMP, required_argument, "--dump=ast|ir|bytecode",
     "print the syntax tree, the rules in normal form or the program"},
    {"stats", OPT_STATS, no_argument, "--stats", "print the program's sizes and what a packet can cost at most"},
    {"explain", OPT_EXPLAIN, required_argument, "--explain CODE",
     "explain an error or a warning, with a wrong and a right example"},
    {"format", OPT_FORMAT, required_argument, "--format=text|json|sarif",
     "how errors and warnings are printed; json and sarif go to standard output"},
    {"json", OPT_JSON, no_argument, "--json", "the same as --format=json"},
    {"server-setup", OPT_SETUP, required_argument, "--server-setup POOL/SERVER",
     "print the commands that prepare this server for its services"},
    {"werror", OPT_WERROR, no_argument, "--werror", "treat warnings as errors"},
    {"fmt", OPT_FMT, no_argument, "--fmt", "print the file formatted; with --check list the files that are not"},
    {"write", OPT_WRITE, no_argument, "-w, --write", "with --fmt: rewrite the files in place"},
    {"diff", OPT_DIFF, no_argument, "--diff", "compare two rule files or programs; status 1 if NEW lets more through"},
    {"help", OPT_HELP, no_argument, "-h, --help", "print this help"},
    {"version", OPT_VERSION, no_argument, "--version", "print the version"},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

void options_print_help(FILE *out)
{
    fputs("usage: preyc RULES -o FILE        compile a rule file into a program for preyrun\n"
          "       preyc --check RULES        check it and run its tests, write nothing\n"
          "       preyc --fmt [-w] RULES     format it; `-` is standard input\n"
          "       preyc --diff OLD NEW       say which packets NEW treats differently\n"
          "       preyc --server-setup POOL/SERVER RULES\n"
          "       preyc --explain CODE       explain an error or a warning, such as E0201\n\n",
          out);
    for (size_t i = 0; i < ROWS; i++) fprintf(out, "  %-24s %s\n", rows[i].shown, rows[i].does);
    fputs("\nExit status: 0 all is good; 1 the rules have errors; 2 wrong usage, or a file could not be read or "
          "written.\n",
          out);
}

static int fault(const char *what, const char *value, const char *hint)
{
    say(stderr, "preyc: %s%s%s%s%s%s", what, value ? " `" : "", value ? value : "", value ? "`" : "", hint ? "; " : "",
        hint ? hint : "");
    return -EINVAL;
}

/* The one option that begins so, or the one that is spelt most like it. */
static const char *nearest_option(const char *name)
{
    const char *names[ROWS], *longer = NULL;
    size_t n = 0, begin_so = 0;

    for (size_t i = 0; i < ROWS; i++) {
        names[n++] = rows[i].name;
        if (name[0] && strncmp(rows[i].name, name, strlen(name)) == 0) {
            longer = rows[i].name;
            begin_so++;
        }
    }
    return begin_so == 1 ? longer : diag_nearest(name, names, n);
}

static int unknown_option(const char *arg)
{
    char name[64], hint[128] = "`preyc --help` lists them";

    snprintf(name, sizeof(name), "%s", arg + strspn(arg, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = nearest_option(name);
    if (nearest) snprintf(hint, sizeof(hint), "did you mean `--%s`?", nearest);
    return fault("there is no option", arg, hint);
}

static bool abbreviated(const char *word)
{
    const size_t len = strcspn(word, "=");

    if (strncmp(word, "--", 2) != 0) return false;
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].name) + 2 == len && strncmp(rows[i].name, word + 2, len - 2) == 0) return false;
    return true;
}

static int missing_argument(int id)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].id == id)
            return fault("a value is missing after", rows[i].shown, "`preyc --help` lists the options");
    return -EINVAL;
}

static int take_dump(struct options *o, const char *value)
{
    static const char *const kinds[] = {[DUMP_AST] = "ast", [DUMP_IR] = "ir", [DUMP_BYTECODE] = "bytecode"};

    if (o->dump != DUMP_NONE) return fault("--dump is given twice", NULL, "ask for one dump at a time");
    for (enum dump_kind k = DUMP_AST; k <= DUMP_BYTECODE; k++)
        if (strcmp(value, kinds[k]) == 0) {
            o->dump = k;
            return 0;
        }
    return fault("--dump takes ast, ir or bytecode, not", value, NULL);
}

static int take_format(struct options *o, const char *value)
{
    static const char *const formats[] = {[FORMAT_TEXT] = "text", [FORMAT_JSON] = "json", [FORMAT_SARIF] = "sarif"};

    for (enum print_format f = FORMAT_TEXT; f <= FORMAT_SARIF; f++)
        if (strcmp(value, formats[f]) == 0) {
            o->format = f;
            return 0;
        }
    return fault("--format takes text, json or sarif, not", value, NULL);
}

static int take_setup(struct options *o, const char *value)
{
    const char *slash = strchr(value, '/');

    if (o->setup) return fault("--server-setup is given twice", NULL, "ask for one server at a time");
    o->setup = value;
    return slash && slash > value && slash[1] ? 0 : fault("--server-setup takes POOL/SERVER, not", value, NULL);
}

static int take(struct options *o, int id, const char *value)
{
    switch (id) {
    case OPT_OUTPUT:
        if (o->output) return fault("-o is given twice", NULL, "a compile writes one file");
        o->output = value;
        return value[0] ? 0 : fault("the name after -o is empty", NULL, NULL);
    case OPT_CHECK: o->check = true; return 0;
    case OPT_DUMP: return take_dump(o, value);
    case OPT_STATS: o->stats = true; return 0;
    case OPT_EXPLAIN: o->explain = value; return 0;
    case OPT_FORMAT: return take_format(o, value);
    case OPT_JSON: return take_format(o, "json");
    case OPT_SETUP: return take_setup(o, value);
    case OPT_WERROR: o->werror = true; return 0;
    case OPT_FMT: o->fmt = true; return 0;
    case OPT_DIFF: o->diff = true; return 0;
    case OPT_WRITE: o->write = true; return 0;
    case OPT_HELP: o->help = true; return 0;
    case OPT_VERSION: o->version = true; return 0;
    default: return -EINVAL;
    }
}

static int check_fmt(const struct options *o)
{
    if (o->output)
        return fault("--fmt prints the file and does not compile it, so -o has no use", NULL,
                     "`-w` rewrites the rule file itself");
    if (o->stats || o->dump != DUMP_NONE || o->setup)
        return fault("--fmt can be combined with no options but -w, --check and --format", NULL, NULL);
    if (o->check && o->write) return fault("--check writes no file and -w does", NULL, "leave out one of them");
    if (o->input_count > 1 && !o->check && !o->write)
        return fault("--fmt prints one file, and a second is given:", o->inputs[1], "-w and --check take several");
    for (int i = 0; i < o->input_count; i++) {
        if (!o->inputs[i][0])
            return fault("the name of the rule file is empty", NULL, "try `preyc --check rules.prey`");
        if (o->write && strcmp(o->inputs[i], "-") == 0) return fault("-w can't rewrite standard input", NULL, NULL);
    }
    return 0;
}

static int check_diff(const struct options *o)
{
    if (o->output || o->check || o->stats || o->dump != DUMP_NONE || o->setup || o->fmt || o->write)
        return fault("--diff can be combined with no option but --format=text or json", NULL, NULL);
    if (o->format == FORMAT_SARIF) return fault("--diff prints text or json, not", "sarif", NULL);
    if (o->input_count != 2)
        return fault("--diff compares two files", NULL,
                     "write `preyc --diff OLD NEW`; each is a rule file or a compiled program");
    for (int i = 0; i < 2; i++)
        if (!o->inputs[i][0]) return fault("the name of a file is empty", NULL, NULL);
    return 0;
}

static int check_whole(const struct options *o, int inputs)
{
    if (o->help || o->version) return 0;
    if (o->explain)
        return inputs
                   ? fault("--explain takes a code and no rule file such as", o->input, "try `preyc --explain E0201`")
                   : 0;
    if (o->diff) return check_diff(o);
    if (inputs == 0) return fault("no rule file is given", NULL, "try `preyc --check rules.prey`");
    if (o->fmt) return check_fmt(o);
    if (o->write) return fault("-w works with --fmt alone", NULL, "`-o FILE` names the file that a compile writes");
    if (inputs > 1)
        return fault("a compile takes one rule file, and a second is given:", o->inputs[1],
                     "`include` in the first takes in others");
    if (!o->input[0]) return fault("the name of the rule file is empty", NULL, "try `preyc --check rules.prey`");
    if (o->format != FORMAT_TEXT && (o->dump != DUMP_NONE || o->stats || o->setup))
        return fault("--dump, --stats and --server-setup print text, and --format asks for another form", NULL,
                     "ask for one at a time");
    if (o->check && o->output) return fault("--check writes no file and -o does", NULL, "leave out one of them");
    if (!o->check && !o->output && !o->stats && !o->setup && o->dump == DUMP_NONE)
        return fault("nothing is asked for", o->input,
                     "add `-o FILE` to compile, `--check`, `--dump=...` or `--stats`");
    return 0;
}

/* What getopt_long returned for the word it read last; `is_long` if that named an option of the table. */
static int take_found(struct options *o, int id, bool is_long, char *const *read_last)
{
    const char *word = read_last[is_long && optarg == read_last[0] ? -1 : 0];

    if ((is_long || id == ':') && abbreviated(word)) return unknown_option(word);
    if (id == ':') return missing_argument(optopt);
    if (id != '?') return take(o, id, optarg);
    if (optopt > 255 || (optopt && strchr("ohw", optopt)))
        return abbreviated(word) ? unknown_option(word)
                                 : fault("this option takes no value:", word, "leave out what follows `=`");
    if (optopt) {
        const char letter[] = {'-', (char)optopt, '\0'};
        return unknown_option(letter);
    }
    return unknown_option(word);
}

int options_read(struct options *o, int argc, char **argv)
{
    struct option longs[ROWS + 1] = {0};
    int id, row = -1;

    *o = (struct options){0};
    for (size_t i = 0; i < ROWS; i++)
        longs[i] = (struct option){.name = rows[i].name, .has_arg = rows[i].argument, .val = rows[i].id};
    opterr = 0;
    for (; (id = getopt_long(argc, argv, ":o:hw", longs, &row)) != -1; row = -1)
        if (take_found(o, id, row >= 0, argv + optind - 1) < 0) return -EINVAL;
    o->inputs = argv + optind;
    o->input_count = argc - optind;
    o->input = optind < argc ? argv[argc - 1] : NULL;
    if (optind + 1 < argc) o->input = argv[optind + 1];
    return check_whole(o, argc - optind);
}

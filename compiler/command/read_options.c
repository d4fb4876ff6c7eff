/* Reader of the command line, by the table of options.def. Names are written in full: an abbreviation that works today
 * would change its meaning with the next option. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "compiler/command/command_priv.h"
#include "compiler/say.h"

enum option_id {
    OPT_NONE = 255, /* numbers of options without a letter are above all letters */
#define OPTION(ident, name, letter, argument, shown, does) OPT_##ident,
#include "compiler/command/options.def"
};

static const struct option_row {
    const char *name;
    int id;
    char letter;       /* 0: no letter */
    int argument;      /* as in getopt.h */
    const char *shown; /* text in --help */
} rows[] = {
#define OPTION(ident, name, letter, argument, shown, does) {name, OPT_##ident, letter, argument, shown},
#include "compiler/command/options.def"
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

void options_print_help(FILE *out)
{
    fputs("usage: preyc RULES -o FILE                compile a rule file into a program for preyrun\n"
          "       preyc --check RULES...             check rule files and folders, and run their tests\n"
          "       preyc --check -i IF,... RULES      also check that firewalls judge these interfaces\n"
          "       preyc --fmt [-w] RULES             format a rule file\n"
          "       preyc --ask PACKET RULES...        print what happens to a packet, and why\n"
          "       preyc --stats RULES                print sizes and costs; see also --dump and --server-setup\n"
          "       preyc --diff OLD NEW               list the packets that NEW treats differently\n"
          "       preyc --against OLD NEW -r FILE    list the frames of a capture that NEW treats differently\n"
          "       preyc --suggest -r FILE            write rules for the traffic of a capture\n"
          "       preyc --import nft|iptables FILE   translate the rules of another tool\n"
          "       preyc --explain CODE               explain an error or a warning, such as E0201\n\n"
          "RULES is a file, a pipe, or - for standard input; --check also takes folders.\n",
          out);
#define GROUP(heading)                                     fprintf(out, "\n%s:\n", heading);
#define OPTION(ident, name, letter, argument, shown, does) fprintf(out, "  %-28s  %s\n", shown, does);
#include "compiler/command/options.def"
    fputs("\nExit status: 0 success; 1 faulty rules, a failed test, or a difference (--diff, --against, --import);\n"
          "2 wrong usage, unreadable input, or unwritable output.\n",
          out);
}

int options_fault(const char *what, const char *value, const char *hint)
{
    say(stderr, "preyc: %s%s%s%s%s%s", what, value ? " `" : "", value ? value : "", value ? "`" : "", hint ? "; " : "",
        hint ? hint : "");
    return -EINVAL;
}

/* Return the only option with that beginning, or the option of nearest spelling. */
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
    char name[64], hint[128] = "`preyc --help` lists all options";
    snprintf(name, sizeof(name), "%s", arg + strspn(arg, "-"));
    name[strcspn(name, "=")] = '\0';
    const char *nearest = nearest_option(name);
    if (nearest) snprintf(hint, sizeof(hint), "did you mean `--%s`?", nearest);
    return options_fault("there is no option", arg, hint);
}

static bool abbreviated(const char *word)
{
    const size_t len = strcspn(word, "=");
    if (strncmp(word, "--", 2) != 0) return false;
    for (size_t i = 0; i < ROWS; i++)
        if (strlen(rows[i].name) + 2 == len && strncmp(rows[i].name, word + 2, len - 2) == 0) return false;
    return true;
}

/* Return the row of an option. getopt gives its number, or the letter that was written. NULL: none. */
static const struct option_row *row_of(int told)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].id == told || (told && rows[i].letter == told)) return &rows[i];
    return NULL;
}

static int missing_argument(int told)
{
    const struct option_row *row = row_of(told);
    return row ? options_fault("a value is missing after", row->shown, "`preyc --help` lists the options") : -EINVAL;
}

/* Return the word's place in the list, which ends with NULL; -1: not in it. */
static int word_among(const char *word, const char *const *list)
{
    for (int i = 0; list[i]; i++)
        if (strcmp(word, list[i]) == 0) return i;
    return -1;
}

static int take_dump(struct options *o, const char *value)
{
    static const char *const kinds[] = {"ast", "ir", "bytecode", "files", NULL}; /* in the order from DUMP_AST on */
    const int k = word_among(value, kinds);
    if (o->dump != DUMP_NONE)
        return options_fault("the command has --dump twice", NULL, "write one --dump per command");
    if (k < 0) return options_fault("--dump takes ast, ir, bytecode or files, not", value, NULL);
    o->dump = (enum dump_kind)(DUMP_AST + k);
    return 0;
}

static int take_format(struct options *o, const char *value)
{
    static const char *const formats[] = {"text", "json", "sarif", NULL};
    const int f = word_among(value, formats);
    if (f < 0) return options_fault("--format takes text, json or sarif, not", value, NULL);
    o->format = (enum print_format)f;
    return 0;
}

static int take_colour(struct options *o, const char *value)
{
    static const char *const whens[] = {"auto", "always", "never", NULL};
    const int c = word_among(value, whens);
    if (c < 0) return options_fault("--color takes auto, always or never, not", value, NULL);
    o->colour = (enum colour)c;
    return 0;
}

static int take_import(struct options *o, const char *value)
{
    static const char *const tools[] = {"nft", "iptables", NULL};
    const int t = word_among(value, tools);
    if (o->import) return options_fault("the command has --import twice", NULL, "import one file per command");
    if (t < 0)
        return options_fault("--import takes nft or iptables, not", value, "write `preyc --import nft ruleset.json`");
    o->import = true;
    o->import_from = (enum import_from)t;
    return 0;
}

static int take_setup(struct options *o, const char *value)
{
    const char *slash = strchr(value, '/');
    if (o->setup)
        return options_fault("the command has --server-setup twice", NULL, "write one --server-setup per command");
    o->setup = value;
    return slash && slash > value && slash[1] ? 0 : options_fault("--server-setup takes POOL/SERVER, not", value, NULL);
}

/* Read codes with commas or blanks between them. */
static int take_allow(struct options *o, const char *value)
{
    const char *at = value;
    do {
        char name[16];
        const size_t len = strcspn(at, ", ");
        snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : (int)sizeof(name), at);
        const enum diag_code code = diag_of_code(name);
        if (code == DIAG_COUNT)
            return options_fault("--allow takes codes of warnings, and no warning has the code", name,
                                 "each warning ends with its code, such as W0303");
        if (!diag_is_warning(code))
            return options_fault("--allow takes codes of warnings, and this is an error's code:", name, NULL);
        o->allow[code] = true;
        at += len;
        at += strspn(at, ", ");
    } while (*at);
    return 0;
}

static int take_asked(struct options *o, const char *value)
{
    if (o->asked_count == OPTIONS_ASKED)
        return options_fault("--ask can be repeated up to 64 times", NULL,
                             "for more packets, use `--ask -`, which reads one packet per line");
    o->asked[o->asked_count++] = value;
    return value[0] ? 0 : options_fault("--ask needs a packet", NULL, NULL);
}

static int take_one_more(const char *option, const char *list[OPTIONS_PCAPS], unsigned *count, const char *value)
{
    if (*count == OPTIONS_PCAPS) return options_fault("this option can be repeated up to 32 times:", option, NULL);
    if (!value[0]) return options_fault("the value is empty after", option, NULL);
    for (unsigned i = 0; i < *count; i++)
        if (strcmp(list[i], value) == 0) return options_fault("the command has this value twice:", value, NULL);
    list[(*count)++] = value;
    return 0;
}

/* Read a map. The last `=` ends the name, since a file's name may contain `=`. */
static int take_map(struct options *o, const char *value)
{
    const char *is = strrchr(value, '=');
    if (!is || is == value || !is[1]) return options_fault("--map takes NAME=IF, not", value, NULL);
    return take_one_more("--map", o->maps, &o->map_count, value);
}

/* Read the name of a device, valid for the kernel. */
static int take_device(struct options *o, const char *at, size_t len, bool bridged)
{
    char name[40];
    snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : (int)sizeof(name) - 1, at);
    if (!len || len > DEVICE_MOST || strcspn(name, " \t\n\v\f\r/:*") < len || !strcmp(name, ".") || !strcmp(name, ".."))
        return options_fault("-i takes names of devices, not", name,
                             strchr(name, '*')
                                 ? "name each device: -i takes no patterns"
                                 : "write names of 1 to 15 characters, separated by commas: -i eth0,eth1");
    for (unsigned i = 0; i < o->served_count; i++)
        if (strcmp(o->served[i], name) == 0) return options_fault("-i lists an interface twice:", name, NULL);
    if (o->served_count == OPTIONS_SERVED) return options_fault("-i lists more than 64 interfaces", NULL, NULL);
    o->bridged[o->served_count] = bridged;
    memcpy(o->served[o->served_count++], name, len + 1);
    return 0;
}

/* Read names of devices with commas between them; two with a colon between are a bridge. */
static int take_served(struct options *o, const char *value)
{
    const char *at = value;
    int failed;
    do {
        const size_t len = strcspn(at, ","), first = strcspn(at, ",:");
        failed = take_device(o, at, first, first < len);
        if (!failed && first < len) failed = take_device(o, at + first + 1, len - first - 1, true);
        at += len;
    } while (!failed && *at++);
    return failed;
}

/* Read N, or N/N for both families. */
static int take_width(struct options *o, const char *value)
{
    unsigned v4, v6 = o->width6;
    char rest;
    const int got = sscanf(value, "%3u/%3u%c", &v4, &v6, &rest);
    const bool one = got == 1 && strspn(value, "0123456789") == strlen(value);
    if ((got != 2 && !one) || v4 > 32 || v6 > 128 || value[0] < '0' || value[0] > '9')
        return options_fault("--suggest-width takes prefix lengths such as 24 or 24/64, not", value, NULL);
    o->width4 = v4;
    o->width6 = v6;
    return 0;
}

static int option_take(struct options *o, int id, const char *value)
{
    switch (id) {
    case OPT_OUTPUT:
        if (o->output) return options_fault("the command has -o twice", NULL, "preyc writes one program per command");
        o->output = value;
        return value[0] ? 0 : options_fault("the name after -o is empty", NULL, NULL);
    case OPT_TEXT: o->with_text = true; return 0;
    case OPT_CHECK: o->check = true; return 0;
    case OPT_SERVED: return take_served(o, value);
    case OPT_UNJUDGED: return take_one_more("--allow-unjudged", o->allows, &o->allow_count, value);
    case OPT_DUMP: return take_dump(o, value);
    case OPT_STATS: o->stats = true; return 0;
    case OPT_EXPLAIN: o->explain = value; return 0;
    case OPT_FORMAT: return take_format(o, value);
    case OPT_JSON: return take_format(o, "json");
    case OPT_COLOR: return take_colour(o, value);
    case OPT_SETUP: return take_setup(o, value);
    case OPT_ALLOW: return take_allow(o, value);
    case OPT_WERROR: o->werror = true; return 0;
    case OPT_FMT: o->fmt = true; return 0;
    case OPT_DIFF: o->diff = true; return 0;
    case OPT_WRITE: o->write = true; return 0;
    case OPT_ASK: return take_asked(o, value);
    case OPT_AGAINST: o->against = true; return 0;
    case OPT_SUGGEST: o->suggest = true; return 0;
    case OPT_IMPORT: return take_import(o, value);
    case OPT_WIDTH: return take_width(o, value);
    case OPT_PCAP: return take_one_more("--pcap", o->pcaps, &o->pcap_count, value);
    case OPT_MAP: return take_map(o, value);
    case OPT_ROUTE: return take_one_more("--route", o->routes, &o->route_count, value);
    case OPT_ROUTES: return take_one_more("--routes", o->route_files, &o->route_file_count, value);
    case OPT_SELF: return take_one_more("--self", o->selves, &o->self_count, value);
    case OPT_ON: o->on = value; return value[0] ? 0 : options_fault("the name after --on is empty", NULL, NULL);
    case OPT_AT: o->at = value; return value[0] ? 0 : options_fault("the time after --at is empty", NULL, NULL);
    case OPT_HELP: o->help = true; return 0;
    case OPT_VERSION: o->version = true; return 0;
    default: return -EINVAL;
    }
}

/* Apply what getopt_long returned for the last word; `is_long` if that named an option of the table. */
static int take_found(struct options *o, int id, bool is_long, char *const *read_last)
{
    const char *word = read_last[is_long && optarg == read_last[0] ? -1 : 0];
    if ((is_long || id == ':') && abbreviated(word)) return unknown_option(word);
    if (id == ':') return missing_argument(optopt);
    if (id != '?') return option_take(o, row_of(id)->id, optarg);
    if (row_of(optopt))
        return abbreviated(word)
                   ? unknown_option(word)
                   : options_fault("this option takes no value:", word, "remove `=` and the text after it");
    if (optopt) {
        const char letter[] = {'-', (char)optopt, '\0'};
        return unknown_option(letter);
    }
    return unknown_option(word);
}

int options_read(struct options *o, int argc, char **argv)
{
    struct option longs[ROWS + 1] = {0};
    char letters[2 * ROWS + 2] = ":", *end = letters + 1;
    int id, row = -1;
    *o = (struct options){.width4 = 24, .width6 = 64};
    for (size_t i = 0; i < ROWS; i++) {
        longs[i] = (struct option){.name = rows[i].name, .has_arg = rows[i].argument, .val = rows[i].id};
        if (rows[i].letter) *end++ = rows[i].letter;
        if (rows[i].letter && rows[i].argument) *end++ = ':';
    }
    opterr = 0;
    for (; (id = getopt_long(argc, argv, letters, longs, &row)) != -1; row = -1)
        if (take_found(o, id, row >= 0, argv + optind - 1) < 0) return -EINVAL;
    o->inputs = argv + optind;
    o->input_count = argc - optind;
    o->input = optind < argc ? argv[argc - 1] : NULL;
    if (optind + 1 < argc) o->input = argv[optind + 1];
    return options_check(o);
}

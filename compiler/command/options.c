/* The command line, read by the table of options.def. Names are written in full: an abbreviation that works today would
 * change its meaning with the next option. */
#include "compiler/command/options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "compiler/say.h"

enum option_id {
    OPT_NONE = 255, /* the rest stand above all letters */
#define OPTION(ident, name, letter, argument, shown, does) OPT_##ident,
#include "compiler/command/options.def"
};

static const struct option_row {
    const char *name;
    int id;
    char letter;       /* 0: it has none */
    int argument;      /* as getopt.h has it */
    const char *shown; /* in --help */
    const char *does;
} rows[] = {
#define OPTION(ident, name, letter, argument, shown, does) {name, OPT_##ident, letter, argument, shown, does},
#include "compiler/command/options.def"
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

void options_print_help(FILE *out)
{
    fputs("usage: preyc RULES -o FILE        compile a rule file into a program for preyrun\n"
          "       preyc --check RULES...     check them and run their tests, write nothing; of a folder all *.prey\n"
          "       preyc --check -i IF,... RULES\n"
          "                                  the same, and whether firewalls judge these interfaces\n"
          "       preyc --fmt [-w] RULES     format it\n"
          "       preyc --diff OLD NEW       say which packets NEW treats differently\n"
          "       preyc --suggest -r FILE    write rules that let in what a capture shows to begin\n"
          "       preyc --against OLD NEW -r FILE\n"
          "                                  say what NEW would do otherwise with a capture's frames\n"
          "       preyc --import nft|iptables FILE\n"
          "                                  write rules that say what another tool's do\n"
          "       preyc --ask PACKET RULES   say what becomes of a packet, and why\n"
          "       preyc --server-setup POOL/SERVER RULES\n"
          "       preyc --explain CODE       explain an error or a warning, such as E0201\n\n",
          out);
    fputs("RULES may be `-`, which is standard input, or a pipe.\n\n", out);
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

/* getopt tells an option by its number, or by the letter that was written. NULL: there is none. */
static const struct option_row *row_of(int told)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].id == told || (told && rows[i].letter == told)) return &rows[i];
    return NULL;
}

static int missing_argument(int told)
{
    const struct option_row *row = row_of(told);
    return row ? fault("a value is missing after", row->shown, "`preyc --help` lists the options") : -EINVAL;
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

static int take_colour(struct options *o, const char *value)
{
    static const char *const whens[] = {[COLOUR_AUTO] = "auto", [COLOUR_ALWAYS] = "always", [COLOUR_NEVER] = "never"};
    for (enum colour c = COLOUR_AUTO; c <= COLOUR_NEVER; c++)
        if (strcmp(value, whens[c]) == 0) {
            o->colour = c;
            return 0;
        }
    return fault("--color takes auto, always or never, not", value, NULL);
}

static int take_import(struct options *o, const char *value)
{
    static const char *const tools[] = {[IMPORT_NFT] = "nft", [IMPORT_IPTABLES] = "iptables"};
    if (o->import) return fault("--import is given twice", NULL, "one file is read at a time");
    o->import = true;
    for (enum import_from t = IMPORT_NFT; t <= IMPORT_IPTABLES; t++)
        if (strcmp(value, tools[t]) == 0) {
            o->import_from = t;
            return 0;
        }
    return fault("--import takes nft or iptables, not", value, "write `preyc --import nft ruleset.json`");
}

static int take_setup(struct options *o, const char *value)
{
    const char *slash = strchr(value, '/');
    if (o->setup) return fault("--server-setup is given twice", NULL, "ask for one server at a time");
    o->setup = value;
    return slash && slash > value && slash[1] ? 0 : fault("--server-setup takes POOL/SERVER, not", value, NULL);
}

/* Codes with commas or blanks between them. */
static int take_allow(struct options *o, const char *value)
{
    const char *at = value;
    do {
        char name[16];
        const size_t len = strcspn(at, ", ");
        snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : (int)sizeof(name), at);
        const enum diag_code code = diag_of_code(name);
        if (code == DIAG_COUNT)
            return fault("--allow: no warning has the code", name,
                         "codes look like W0303 and stand behind each message");
        if (!diag_is_warning(code))
            return fault("--allow: only warnings can be allowed, and this is an error:", name, NULL);
        o->allow[code] = true;
        at += len;
        at += strspn(at, ", ");
    } while (*at);
    return 0;
}

static int take_asked(struct options *o, const char *value)
{
    if (o->asked_count == OPTIONS_ASKED)
        return fault("--ask is given more than 64 times", NULL, "`--ask -` reads packets, a line each");
    o->asked[o->asked_count++] = value;
    return value[0] ? 0 : fault("the packet after --ask is empty", NULL, NULL);
}

static int take_one_more(const char *option, const char *list[OPTIONS_PCAPS], unsigned *count, const char *value)
{
    if (*count == OPTIONS_PCAPS) return fault("more than 32 times it is given:", option, NULL);
    if (!value[0]) return fault("nothing stands behind", option, NULL);
    for (unsigned i = 0; i < *count; i++)
        if (strcmp(list[i], value) == 0) return fault("it is given twice:", value, NULL);
    list[(*count)++] = value;
    return 0;
}

/* The last `=` ends the name, for a file's may have some. */
static int take_map(struct options *o, const char *value)
{
    const char *is = strrchr(value, '=');
    if (!is || is == value || !is[1]) return fault("--map takes NAME=IF, not", value, NULL);
    return take_one_more("--map", o->maps, &o->map_count, value);
}

/* The name of a device, as the kernel takes it. */
static int take_device(struct options *o, const char *at, size_t len, bool bridged)
{
    char name[40];
    snprintf(name, sizeof(name), "%.*s", len < sizeof(name) ? (int)len : (int)sizeof(name) - 1, at);
    if (!len || len > DEVICE_MOST || strcspn(name, " \t\n\v\f\r/:*") < len || !strcmp(name, ".") || !strcmp(name, ".."))
        return fault("-i: no interface can be called", name,
                     "a name has 1 to 15 characters and no blanks, `/`, `:` or `*`");
    for (unsigned i = 0; i < o->served_count; i++)
        if (strcmp(o->served[i], name) == 0) return fault("-i: it is given twice:", name, NULL);
    if (o->served_count == OPTIONS_SERVED) return fault("-i: more than 64 interfaces", NULL, NULL);
    o->bridged[o->served_count] = bridged;
    memcpy(o->served[o->served_count++], name, len + 1);
    return 0;
}

/* Names of devices with commas between them; two with a colon are a bridge. */
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

/* N, or N/N of both families. */
static int take_width(struct options *o, const char *value)
{
    unsigned v4, v6 = o->width6;
    char rest;
    const int got = sscanf(value, "%3u/%3u%c", &v4, &v6, &rest);
    const bool one = got == 1 && strspn(value, "0123456789") == strlen(value);
    if ((got != 2 && !one) || v4 > 32 || v6 > 128 || value[0] < '0' || value[0] > '9')
        return fault("--suggest-width takes prefix lengths as 24 or 24/64, not", value, NULL);
    o->width4 = v4;
    o->width6 = v6;
    return 0;
}

static int take(struct options *o, int id, const char *value)
{
    switch (id) {
    case OPT_OUTPUT:
        if (o->output) return fault("-o is given twice", NULL, "a compile writes one file");
        o->output = value;
        return value[0] ? 0 : fault("the name after -o is empty", NULL, NULL);
    case OPT_CHECK: o->check = true; return 0;
    case OPT_SERVED: return take_served(o, value);
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
    case OPT_ON: o->on = value; return value[0] ? 0 : fault("the name after --on is empty", NULL, NULL);
    case OPT_AT: o->at = value; return value[0] ? 0 : fault("the time after --at is empty", NULL, NULL);
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

static int check_asked(const struct options *o)
{
    bool standard = false;
    if (o->output || o->check || o->stats || o->dump != DUMP_NONE || o->setup || o->fmt || o->write || o->diff)
        return fault("--ask can be combined with --self, --at, --route, --routes and --format=text or json alone", NULL,
                     NULL);
    if (o->format == FORMAT_SARIF) return fault("--ask prints text or json, not", "sarif", NULL);
    if (!o->input_count)
        return fault("--ask needs rules", NULL,
                     "write `preyc --ask 'tcp 198.51.100.9:50000 -> self:22 syn' rules.prey`");
    for (int i = 0; i < o->input_count; i++) {
        if (!o->inputs[i][0]) return fault("the name of a file is empty", NULL, NULL);
        standard |= strcmp(o->inputs[i], "-") == 0;
    }
    for (unsigned i = 0; i < o->asked_count; i++)
        if (strcmp(o->asked[i], "-") == 0 && (standard || o->input_count > 1))
            return fault("--ask - reads packets from standard input, once, for one file of rules", NULL, NULL);
    return 0;
}

static int check_against(const struct options *o)
{
    if (o->output || o->check || o->stats || o->dump != DUMP_NONE || o->setup || o->fmt || o->write || o->diff ||
        o->asked_count)
        return fault("--against can be combined with -r, --on, --map, --self, --route, --routes and --format=text or "
                     "json alone",
                     NULL, NULL);
    if (o->format == FORMAT_SARIF) return fault("--against prints text or json, not", "sarif", NULL);
    if (o->input_count != 2 || !o->inputs[0][0] || !o->inputs[1][0])
        return fault("--against compares two files by captures", NULL,
                     "write `preyc --against OLD NEW -r day.pcap`; each is a rule file or a compiled program");
    if (!o->pcap_count) return fault("--against needs a capture", NULL, "add `-r day.pcap`");
    int standard = !strcmp(o->inputs[0], "-") + !strcmp(o->inputs[1], "-");
    for (unsigned i = 0; i < o->pcap_count; i++) standard += !strcmp(o->pcaps[i], "-");
    if (standard > 1) return fault("standard input can be read once, and is named twice", NULL, NULL);
    if (o->on && o->map_count) return fault("--on says where all frames came in", NULL, "leave out it, or --map");
    return 0;
}

static int check_suggest(const struct options *o)
{
    if (o->output || o->check || o->stats || o->dump != DUMP_NONE || o->setup || o->fmt || o->write || o->diff ||
        o->asked_count || o->against || o->on || o->map_count || o->format != FORMAT_TEXT)
        return fault("--suggest can be combined with -r, --self and --suggest-width alone", NULL, NULL);
    if (o->input_count) return fault("--suggest reads captures alone, and no rules such as", o->input, NULL);
    return o->pcap_count ? 0 : fault("--suggest needs a capture", NULL, "add `-r day.pcap`");
}

static int check_import(const struct options *o)
{
    if (o->output || o->check || o->stats || o->dump != DUMP_NONE || o->setup || o->fmt || o->write || o->diff ||
        o->asked_count || o->against || o->suggest || o->pcap_count || o->on || o->map_count || o->self_count ||
        o->format != FORMAT_TEXT)
        return fault("--import can be combined with no other option", NULL, "it writes rules to standard output");
    if (o->input_count != 1 || !o->inputs[0][0])
        return fault("--import takes one file", NULL,
                     "write `preyc --import nft ruleset.json`, after `nft -j list ruleset >ruleset.json`");
    return 0;
}

static int check_whole(const struct options *o, int inputs)
{
    if (o->help || o->version) return 0;
    if (o->explain)
        return inputs
                   ? fault("--explain takes a code and no rule file such as", o->input, "try `preyc --explain E0201`")
                   : 0;
    if (o->at && (o->suggest || o->against)) return fault("--at says when the packets of --ask come", NULL, NULL);
    if (o->route_count + o->route_file_count && !o->asked_count && !o->against)
        return fault("--route and --routes are for --ask and --against", NULL,
                     "a test says `route PREFIX IF`; `preyrun -r` takes both");
    if (o->served_count && (!o->check || o->fmt))
        return fault("-i goes with --check alone", NULL, "write `preyc --check -i eth0,eth1 rules.prey`");
    if (o->import) return check_import(o);
    if (o->suggest) return check_suggest(o);
    if (o->against) return check_against(o);
    if (o->pcap_count || o->on || o->map_count || (o->self_count && !o->asked_count))
        return fault("captures are for --against and --suggest", NULL, "`preyrun -r FILE RULES.pbc` replays one");
    if (o->asked_count) return check_asked(o);
    if (o->at) return fault("--at says when the packets of --ask come", NULL, NULL);
    if (o->diff) return check_diff(o);
    if (inputs == 0) return fault("no rule file is given", NULL, "try `preyc --check rules.prey`");
    if (o->fmt) return check_fmt(o);
    if (o->write) return fault("-w works with --fmt alone", NULL, "`-o FILE` names the file that a compile writes");
    if (inputs > 1 && (!o->check || o->output || o->stats || o->setup || o->dump != DUMP_NONE))
        return fault("a compile takes one rule file, and a second is given:", o->inputs[1],
                     "`include` in the first takes in others; --check alone takes several");
    for (int i = 0; i < inputs; i++)
        if (!o->inputs[i][0])
            return fault("the name of the rule file is empty", NULL, "try `preyc --check rules.prey`");
    if (o->format != FORMAT_TEXT && (o->dump != DUMP_NONE || o->setup))
        return fault("--dump and --server-setup print text, and --format asks for another form", NULL,
                     "ask for one at a time");
    if (o->stats && (o->format == FORMAT_SARIF || (o->format == FORMAT_JSON && o->check)))
        return fault("--stats prints figures, and the form that is asked for is of errors and warnings", NULL,
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
    if (id != '?') return take(o, row_of(id)->id, optarg);
    if (row_of(optopt))
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
    return check_whole(o, argc - optind);
}

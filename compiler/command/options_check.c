/* Check that the options of a command line go together. */
#include <string.h>

#include "compiler/command/command_priv.h"

/* True for an option of a compile or of --fmt. */
static bool is_compile(const struct options *o)
{
    return o->output || o->check || o->stats || o->dump != DUMP_NONE || o->setup || o->fmt || o->write;
}

static int check_fmt(const struct options *o)
{
    if (o->output)
        return options_fault("--fmt prints the file and does not compile it, so -o has no use", NULL,
                             "`-w` rewrites the rule file itself");
    if (o->stats || o->dump != DUMP_NONE || o->setup)
        return options_fault("--fmt can be combined only with -w, --check and --format", NULL, NULL);
    if (o->check && o->write) return options_fault("--check writes no file and -w does", NULL, "leave out one of them");
    if (o->input_count > 1 && !o->check && !o->write)
        return options_fault("--fmt prints one file, and a second is given:", o->inputs[1],
                             "-w and --check take several");
    for (int i = 0; i < o->input_count; i++) {
        if (!o->inputs[i][0])
            return options_fault("the name of the rule file is empty", NULL, "try `preyc --check rules.prey`");
        if (o->write && strcmp(o->inputs[i], "-") == 0)
            return options_fault("-w can't rewrite standard input", NULL, NULL);
    }
    return 0;
}

static int check_diff(const struct options *o)
{
    if (is_compile(o)) return options_fault("--diff can be combined only with --format=text or json", NULL, NULL);
    if (o->format == FORMAT_SARIF) return options_fault("--diff prints text or json, not", "sarif", NULL);
    if (o->input_count != 2)
        return options_fault("--diff compares two files", NULL,
                             "write `preyc --diff OLD NEW`; each is a rule file or a compiled program");
    for (int i = 0; i < 2; i++)
        if (!o->inputs[i][0]) return options_fault("the name of a file is empty", NULL, NULL);
    return 0;
}

static int check_asked(const struct options *o)
{
    bool standard = false;
    if (is_compile(o) || o->diff)
        return options_fault(
            "--ask can be combined only with --self, --at, --route, --routes and --format=text or json", NULL, NULL);
    if (o->format == FORMAT_SARIF) return options_fault("--ask prints text or json, not", "sarif", NULL);
    if (!o->input_count)
        return options_fault("--ask needs rules", NULL,
                             "write `preyc --ask 'tcp 198.51.100.9:50000 -> self:22 syn' rules.prey`");
    for (int i = 0; i < o->input_count; i++) {
        if (!o->inputs[i][0]) return options_fault("the name of a file is empty", NULL, NULL);
        standard |= strcmp(o->inputs[i], "-") == 0;
    }
    for (unsigned i = 0; i < o->asked_count; i++)
        if (strcmp(o->asked[i], "-") == 0 && (standard || o->input_count > 1))
            return options_fault("--ask - reads packets from standard input, once, for one file of rules", NULL, NULL);
    return 0;
}

static int check_against(const struct options *o)
{
    if (is_compile(o) || o->diff || o->asked_count)
        return options_fault("--against can be combined only with -r, --on, --map, --self, --route, --routes and "
                             "--format=text or json",
                             NULL, NULL);
    if (o->format == FORMAT_SARIF) return options_fault("--against prints text or json, not", "sarif", NULL);
    if (o->input_count != 2 || !o->inputs[0][0] || !o->inputs[1][0])
        return options_fault("--against compares two files by captures", NULL,
                             "write `preyc --against OLD NEW -r day.pcap`; each is a rule file or a compiled program");
    if (!o->pcap_count) return options_fault("--against needs a capture", NULL, "add `-r day.pcap`");
    int standard = !strcmp(o->inputs[0], "-") + !strcmp(o->inputs[1], "-");
    for (unsigned i = 0; i < o->pcap_count; i++) standard += !strcmp(o->pcaps[i], "-");
    if (standard > 1) return options_fault("standard input (-) is given twice and can be read once", NULL, NULL);
    if (o->on && o->map_count)
        return options_fault("--on and --map both say where frames came in", NULL, "leave out one of them");
    return 0;
}

static int check_suggest(const struct options *o)
{
    if (is_compile(o) || o->diff || o->asked_count || o->against || o->on || o->map_count || o->format != FORMAT_TEXT)
        return options_fault("--suggest can be combined only with -r, --self and --suggest-width", NULL, NULL);
    if (o->input_count) return options_fault("--suggest reads captures (-r), not rules such as", o->input, NULL);
    return o->pcap_count ? 0 : options_fault("--suggest needs a capture", NULL, "add `-r day.pcap`");
}

static int check_import(const struct options *o)
{
    if (is_compile(o) || o->diff || o->asked_count || o->against || o->suggest || o->pcap_count || o->on ||
        o->map_count || o->self_count || o->format != FORMAT_TEXT)
        return options_fault("--import can't be combined with other options", NULL,
                             "it writes rules to standard output");
    if (o->input_count != 1 || !o->inputs[0][0])
        return options_fault("--import takes one file", NULL,
                             "write `preyc --import nft ruleset.json`, after `nft -j list ruleset >ruleset.json`");
    return 0;
}

int options_check(const struct options *o)
{
    const int inputs = o->input_count;
    if (o->help || o->version) return 0;
    if (o->explain)
        return inputs ? options_fault("--explain takes a code, not a file such as", o->input,
                                      "try `preyc --explain E0201`")
                      : 0;
    if (o->at && (o->suggest || o->against)) return options_fault("--at goes with --ask only", NULL, NULL);
    if (o->route_count + o->route_file_count && !o->asked_count && !o->against)
        return options_fault("--route and --routes are for --ask and --against", NULL,
                             "a test says `route PREFIX IF`; `preyrun -r` takes both");
    if (o->served_count && (!o->check || o->fmt) && !o->asked_count)
        return options_fault("-i goes with --check and --ask only", NULL,
                             "write `preyc --check -i eth0,eth1 rules.prey`");
    if (o->allow_count && !o->served_count)
        return options_fault("--allow-unjudged goes with -i only", NULL,
                             "write `preyc --check -i eth0 --allow-unjudged wg0 rules.prey`");
    if (o->import) return check_import(o);
    if (o->suggest) return check_suggest(o);
    if (o->against) return check_against(o);
    if (o->pcap_count || o->on || o->map_count || (o->self_count && !o->asked_count))
        return options_fault("captures are for --against and --suggest", NULL,
                             "`preyrun -r FILE RULES.pbc` replays one");
    if (o->asked_count) return check_asked(o);
    if (o->at) return options_fault("--at goes with --ask only", NULL, NULL);
    if (o->diff) return check_diff(o);
    if (inputs == 0) return options_fault("no rule file is given", NULL, "try `preyc --check rules.prey`");
    if (o->fmt) return check_fmt(o);
    if (o->write)
        return options_fault("-w goes with --fmt only", NULL, "`-o FILE` names the file that a compile writes");
    if (inputs > 1 && (!o->check || o->output || o->stats || o->setup || o->dump != DUMP_NONE))
        return options_fault("a compile takes one rule file, and a second is given:", o->inputs[1],
                             "`include` in the first adds others; only --check takes several");
    for (int i = 0; i < inputs; i++)
        if (!o->inputs[i][0])
            return options_fault("the name of the rule file is empty", NULL, "try `preyc --check rules.prey`");
    if (o->format != FORMAT_TEXT && (o->dump != DUMP_NONE || o->setup))
        return options_fault("--dump and --server-setup print text only, not json or sarif", NULL,
                             "ask for one at a time");
    if (o->stats && (o->format == FORMAT_SARIF || (o->format == FORMAT_JSON && o->check)))
        return options_fault("--stats can't be combined with --format=sarif, nor with --check --format=json", NULL,
                             "ask for one at a time");
    if (o->with_text && !o->output)
        return options_fault("--with-text belongs to -o", NULL, "name the file that the program is written to");
    if (o->check && o->output)
        return options_fault("--check writes no file and -o does", NULL, "leave out one of them");
    if (!o->check && !o->output && !o->stats && !o->setup && o->dump == DUMP_NONE)
        return options_fault("no action is given for", o->input,
                             "add `-o FILE` to compile, `--check`, `--dump=...` or `--stats`");
    return 0;
}

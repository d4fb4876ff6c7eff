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
        return options_fault("--fmt doesn't compile the file, so -o has no effect", NULL,
                             "to rewrite the rule file, add `-w`");
    if (o->stats || o->dump != DUMP_NONE || o->setup)
        return options_fault("--fmt can be combined only with -w, --check and --format", NULL, NULL);
    if (o->check && o->write)
        return options_fault("--check writes no file, but -w does", NULL, "remove one of these options");
    if (o->input_count > 1 && !o->check && !o->write)
        return options_fault("--fmt prints one file, but the command has a second one:", o->inputs[1],
                             "-w and --check take several files");
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
        return options_fault("--diff needs two files to compare", NULL,
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
            return options_fault("`--ask -` needs standard input for the packets, and takes one rule file", NULL, NULL);
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
        return options_fault("--against needs two files to compare", NULL,
                             "write `preyc --against OLD NEW -r day.pcap`; each is a rule file or a compiled program");
    if (!o->pcap_count) return options_fault("--against needs a capture", NULL, "add `-r day.pcap`");
    int standard = !strcmp(o->inputs[0], "-") + !strcmp(o->inputs[1], "-");
    for (unsigned i = 0; i < o->pcap_count; i++) standard += !strcmp(o->pcaps[i], "-");
    if (standard > 1) return options_fault("standard input (-) is used twice, but can be read only once", NULL, NULL);
    if (o->on && o->map_count)
        return options_fault("--on and --map both set the interface of the frames", NULL,
                             "remove one of these options");
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
                             "to write the rules to a file, redirect the output: `>rules.prey`");
    if (o->input_count != 1 || !o->inputs[0][0])
        return options_fault("--import takes one file", NULL,
                             "run `nft -j list ruleset >ruleset.json`, then `preyc --import nft ruleset.json`");
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
    if (o->at && (o->suggest || o->against)) return options_fault("--at works only with --ask", NULL, NULL);
    if (o->route_count + o->route_file_count && !o->asked_count && !o->against)
        return options_fault("--route and --routes work only with --ask or --against", NULL,
                             "in a test, write `route PREFIX IF`; `preyrun -r` takes both options");
    if (o->served_count && (!o->check || o->fmt) && !o->asked_count)
        return options_fault("-i works only with --check or --ask", NULL,
                             "write `preyc --check -i eth0,eth1 rules.prey`");
    if (o->allow_count && !o->served_count)
        return options_fault("--allow-unjudged works only with -i", NULL,
                             "write `preyc --check -i eth0 --allow-unjudged wg0 rules.prey`");
    if (o->import) return check_import(o);
    if (o->suggest) return check_suggest(o);
    if (o->against) return check_against(o);
    if (o->on || o->map_count) return options_fault("--on and --map work only with --against", NULL, NULL);
    if (o->self_count && !o->asked_count && !o->pcap_count)
        return options_fault("--self works only with --ask, --against or --suggest", NULL,
                             "in a test, write `self ADDRESS`");
    if (o->pcap_count)
        return options_fault("captures work only with --against or --suggest", NULL,
                             "to replay a capture, run `preyrun -r FILE RULES.pbc`");
    if (o->asked_count) return check_asked(o);
    if (o->at) return options_fault("--at works only with --ask", NULL, NULL);
    if (o->diff) return check_diff(o);
    if (inputs == 0) return options_fault("the command names no rule file", NULL, "try `preyc --check rules.prey`");
    if (o->fmt) return check_fmt(o);
    if (o->write)
        return options_fault("-w works only with --fmt", NULL, "to name the compiled program, write `-o FILE`");
    if (inputs > 1 && (!o->check || o->output || o->stats || o->setup || o->dump != DUMP_NONE))
        return options_fault("a compile takes one rule file, but the command has a second one:", o->inputs[1],
                             "add other files with `include` in the first file; only --check takes several files");
    for (int i = 0; i < inputs; i++)
        if (!o->inputs[i][0])
            return options_fault("the name of the rule file is empty", NULL, "try `preyc --check rules.prey`");
    if (o->format != FORMAT_TEXT && (o->dump != DUMP_NONE || o->setup))
        return options_fault("--dump and --server-setup print text, not json or sarif", NULL, "remove `--format`");
    if (o->stats && (o->format == FORMAT_SARIF || (o->format == FORMAT_JSON && o->check)))
        return options_fault("--stats can't be combined with --format=sarif, nor with --check --format=json", NULL,
                             "run preyc once for each output");
    if (o->with_text && !o->output) return options_fault("--with-text works only with -o", NULL, "add `-o FILE`");
    if (o->check && o->output)
        return options_fault("--check writes no file, but -o does", NULL, "remove one of these options");
    if (!o->check && !o->output && !o->stats && !o->setup && o->dump == DUMP_NONE)
        return options_fault("the command has no action for", o->input,
                             "add `-o FILE` to compile, `--check`, `--dump=...` or `--stats`");
    return 0;
}

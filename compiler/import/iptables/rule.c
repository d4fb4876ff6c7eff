/* Read the words of a rule, option by option, and make rules of them. */
#include <string.h>

#include "compiler/import/iptables/reading.h"
#include "compiler/import/rows.h"
#include "vm/words/words.h"

static const struct option *option_of(const struct option *options, const char *name)
{
    for (const struct option *o = options; o && o->name; o++)
        if (!strcmp(o->name, name)) return o;
    return NULL;
}

/* Find an option among the plain ones, those of the target, and those of the matches, the last one first. */
static const struct option *find_option(const struct reading *r, const char *name)
{
    const struct option *found = option_of(plain_options, name);
    for (uint32_t i = r->module_count; !found && i > 0; i--) found = option_of(r->modules[i - 1]->options, name);
    return found;
}

static const char *taken(struct reading *r) { return r->at < r->words->count ? r->words->of[r->at++] : NULL; }

static bool is_option(const struct reading *r, uint32_t at)
{
    const char *word = r->words->of[at];
    return !r->words->quoted[at] && (word[0] == '-' || !strcmp(word, "!"));
}

static bool take_values(struct reading *r, const struct option *o)
{
    if (r->words->count - r->at < o->values) return reading_fault(r, "a value is missing after `%s`", o->name);
    const char *const *values = &r->words->of[r->at];
    r->at += o->values;
    if (o->take) return o->take(r, o, values);
    rule_unsaid(&r->rule, o->why ? o->why : import_format(r->s, "prey has no condition for `%s`", o->name));
    return true;
}

/* Skip the values of an unknown option, up to the next option: their number is not known. */
static void skip_values(struct reading *r)
{
    while (r->at < r->words->count && !is_option(r, r->at)) r->at++;
}

static bool add_module(struct reading *r, const struct module *m)
{
    /* The kernel tracks, or marks, all packets if any rule has such a match or target. */
    static const char *const tracking[] = {"conntrack", "state",  "connlimit", "connmark", "connlabel",
                                           "connbytes", "helper", "CT",        "CONNMARK", "MASQUERADE",
                                           "SNAT",      "DNAT",   "REDIRECT",  "NETMAP",   "SYNPROXY"};
    static const char *const marking[] = {"MARK", "CONNMARK", "HMARK"};
    if (ROW_NAMED(tracking, m->name) < ROWS(tracking)) ruleset_tracks(r->s, r->family);
    r->s->sets_marks |= ROW_NAMED(marking, m->name) < ROWS(marking);
    if (r->module_count == MODULES_MOST) return reading_fault(r, "the rule has more than %d matches", MODULES_MOST);
    r->modules[r->module_count++] = m;
    if (m->why) rule_unsaid(&r->rule, m->why);
    if (m->act != ACT_NONE) r->rule.act = m->act;
    return !m->begin || m->begin(r, m);
}

static const struct module *find_module(const struct module *m, const char *name)
{
    while (m->name && strcmp(m->name, name) != 0) m++;
    return m->name ? m : NULL;
}

static const struct module *match_of(const char *name)
{
    static const struct module *const rooms[] = {matches_of_packet, matches_of_address, matches_of_past,
                                                 matches_of_rate, matches_of_time};
    const struct module *m = NULL;
    for (size_t i = 0; !m && i < sizeof(rooms) / sizeof(rooms[0]); i++) m = find_module(rooms[i], name);
    return m || !proto_has_ports(proto_number(name)) ? m : find_module(matches_of_packet, MODULE_OF_PORTS);
}

static bool take_match(struct reading *r)
{
    const char *name = taken(r);
    if (!name) return reading_fault(r, "a name is missing after `-m`");
    const struct module *m = match_of(name);
    r->metered_late |= r->limited && (!m || (m != find_module(matches_of_rate, name) && strcmp(name, "comment") != 0));
    if (m) return add_module(r, m);
    rule_unsaid(&r->rule, import_format(r->s, "prey has no equivalent of `-m %.40s`", name));
    return true;
}

static bool take_target(struct reading *r, enum act act)
{
    const char *name = taken(r);
    if (!name) return reading_fault(r, "a name is missing after `-j`");
    if (r->targeted) return reading_fault(r, "a rule has one target, but `%.40s` is a second target", name);
    r->targeted = true;
    const struct chain *chain = ruleset_find_chain(r->s, r->scope, name);
    if (chain) {
        r->rule.act = act;
        r->rule.target = chain->name;
        return true;
    }
    const struct module *m = find_module(targets, name);
    if (m) return add_module(r, m);
    rule_unsaid(&r->rule, import_format(r->s, "the target `%.40s` isn't a chain, and prey doesn't know it", name));
    return true;
}

/* Add the match for the protocol: `-p tcp` has the options of `-m tcp`. */
static bool take_protocol_options(struct reading *r)
{
    static const struct {
        unsigned number;
        const char *match;
    } protocols[] = {
#define UPPERS_ALONE
#define UPPER(ident, number, name, ...) {number, name},
#include "vm/proto.def"
    };
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (protocols[i].number == r->proto) return add_module(r, match_of(protocols[i].match));
    return true;
}

static bool take_option(struct reading *r)
{
    const char *word = taken(r);
    if (!strcmp(word, "-m") || !strcmp(word, "--match")) return take_match(r);
    if (!strcmp(word, "-j") || !strcmp(word, "--jump")) return take_target(r, ACT_JUMP);
    if (!strcmp(word, "-g") || !strcmp(word, "--goto")) return take_target(r, ACT_GOTO);
    const struct option *o = find_option(r, word);
    if (o) {
        const unsigned before = r->proto;
        return take_values(r, o) && (r->proto == before || take_protocol_options(r));
    }
    if (!r->rule.unsaid) rule_unsaid(&r->rule, import_format(r->s, "prey has no equivalent of `%.40s`", word));
    skip_values(r);
    return true;
}

static bool take_all(struct reading *r)
{
    while (r->at < r->words->count) {
        r->inverted = !r->words->quoted[r->at] && !strcmp(r->words->of[r->at], "!");
        if (r->inverted) r->at++;
        if (r->at == r->words->count) return reading_fault(r, "an option is missing after `!`");
        if (!is_option(r, r->at)) return reading_fault(r, "`%.60s` isn't an option", r->words->of[r->at]);
        if (!take_option(r)) return false;
    }
    return true;
}

/* Replace `! --syn` with state NEW in rules that drop. A packet in mid-connection can be NEW to netfilter; prey calls
 * it invalid, so `invalid` expresses the rule's purpose. */
static void say_no_syn(struct reading *r)
{
    const struct list *states = rule_asks(&r->rule, ASK_STATE);
    if (!r->no_syn || !states || states->negated || states->count != 1 || strcmp(states->of[0].word, "new") != 0)
        return;
    if (r->rule.act == ACT_DROP || r->rule.act == ACT_REJECT) {
        states->of[0].word = "invalid";
        *r->no_syn = (struct choice){.count = 1};
        rule_apart(&r->rule, "the imported rule matches all `invalid` packets, not only packets without a SYN");
    } else {
        rule_unsaid(&r->rule, "in prey, only a SYN is `new`");
    }
}

static void narrow(struct reading *r, struct rule *one, const struct alternative *a)
{
    const bool ends = one->act == ACT_ACCEPT || one->act == ACT_DROP || one->act == ACT_REJECT;
    for (uint32_t i = 0; i < a->count; i++) rule_want(r->s, one, a->wants[i].about, a->wants[i].list);
    if (a->has_apart && !ends) rule_want(r->s, one, a->apart.about, a->apart.list);
    rule_want_flags(one, a->has, a->lacks);
    if (a->translated) one->translated = MUST_BE;
}

/* Add one rule for each combination of alternatives. The digits of `way` select them, in mixed radix. */
static bool add_rules(struct reading *r, struct chain *c)
{
    uint32_t ways = 1;
    if (r->rule.unsaid) r->choice_count = 0;
    for (uint32_t i = 0; i < r->choice_count; i++) ways *= r->choices[i].count;
    for (uint32_t way = 0; way < ways; way++) {
        struct rule *one = chain_rule_again(r->s, c, &r->rule);
        uint32_t left = way;
        if (!one) return reading_fault(r, "the file has more than 1,000,000 rules");
        for (uint32_t i = 0; i < r->choice_count; i++) {
            narrow(r, one, &r->choices[i].of[left % r->choices[i].count]);
            left /= r->choices[i].count;
        }
    }
    return true;
}

bool reading_rule(struct reading *r, struct chain *c)
{
    if (!take_all(r)) return false;
    connlimit_finish(r);
    limits_finish(r);
    hours_finish(r);
    tee_finish(r);
    adding_finish(r);
    say_no_syn(r);
    if (r->metered_late) rule_apart(&r->rule, "the imported limit counts only packets that match all conditions");
    return add_rules(r, c);
}

/* Read the output of `nft -j list ruleset` into the model. Each object of the document is parsed and freed before the
 * next, so that a large listing takes little memory. */
#include "compiler/import/nft/nft_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "compiler/import/rows.h"
#include "lang/heap.h"

const struct kept *kept_find(struct nft *n, const char *name) { return named_find(&n->kept_tree, n->scope, name); }

const struct named_limit *limit_find(struct nft *n, const char *name)
{
    return named_find(&n->limit_tree, n->scope, name);
}

void nft_enter(struct nft *n, void **tree, struct named *thing, const char *name)
{
    *thing = (struct named){import_format(n->s, "%s", name), n->scope};
    named_enter(tree, thing);
}

static void keep_item(struct nft *n, const char *name, cJSON *item)
{
    struct kept *k = arena_alloc(n->s->arena, sizeof(*k));
    k->next = n->kept;
    k->item = item;
    n->kept = k;
    nft_enter(n, &n->kept_tree, &k->is, name);
}

static void nft_forget(struct nft *n)
{
    heap_tree_free(n->kept_tree);
    heap_tree_free(n->limit_tree);
    for (struct kept *k = n->kept; k; k = k->next) cJSON_Delete(k->item);
}

static int fault(struct nft *n, const char *what, const char *name)
{
    snprintf(n->fault->text, sizeof(n->fault->text), "%s%s%.80s%s", what, name ? " `" : "", name ? name : "",
             name ? "`" : "");
    return -EINVAL;
}

/* Return 4, 6, 0 for both, or -1 for a family of frames. */
static int table_family(const char *family)
{
    if (!strcmp(family, "ip")) return 4;
    if (!strcmp(family, "ip6")) return 6;
    return !strcmp(family, "inet") || !strcmp(family, "netdev") ? 0 : -1;
}

static int define_table(struct nft *n, cJSON *o, int family)
{
    if (family < 0)
        ruleset_remark(n->s,
                       "the table `%.20s %.60s`, which judges frames: write a firewall with `arp`, `ether from`, "
                       "`vlan` and `on`; `preyrun --bridge` judges bridged frames",
                       nft_member(o, "family"), nft_member(o, "name"));
    return 0;
}

static bool hook_of(const char *name, enum hook *hook)
{
    static const char *const names[] = {
        [HOOK_INGRESS] = "ingress", [HOOK_PREROUTING] = "prerouting", [HOOK_INPUT] = "input",
        [HOOK_FORWARD] = "forward", [HOOK_OUTPUT] = "output",         [HOOK_POSTROUTING] = "postrouting"};
    const size_t row = ROW_NAMED(names, name);
    if (row < ROWS(names)) *hook = (enum hook)row;
    return row < ROWS(names);
}

static void take_devices(struct nft *n, struct chain *c, const cJSON *devices)
{
    const cJSON *one;
    if (cJSON_IsString(devices))
        list_word(&c->devices, devices->valuestring, strlen(devices->valuestring), n->s->arena);
    cJSON_ArrayForEach(one, devices) if (cJSON_IsString(one))
        list_word(&c->devices, one->valuestring, strlen(one->valuestring), n->s->arena);
}

static int define_chain(struct nft *n, cJSON *o, int family)
{
    const char *name = nft_member(o, "name"), *hook = nft_member(o, "hook"), *type = nft_member(o, "type"),
               *policy = nft_member(o, "policy");
    const cJSON *priority = cJSON_GetObjectItemCaseSensitive(o, "prio");
    if (family < 0) {
        if (policy && !strcmp(policy, "drop"))
            ruleset_remark(n->s, "the policy of the chain `%.60s` of `%.60s`", name, n->scope)->drops = true;
        return 0;
    }
    struct chain *c = ruleset_chain(n->s, n->scope, name);
    c->family = (uint8_t)family;
    if (!hook) return 0;
    if (!hook_of(hook, &c->hook)) {
        ruleset_remark(n->s, "the chain `%.60s` at the hook `%.20s`", name, hook);
        return 0;
    }
    c->nat = type && !strcmp(type, "nat");
    c->priority = cJSON_IsNumber(priority) ? priority->valueint : 0;
    c->drops = policy && !strcmp(policy, "drop");
    take_devices(n, c, cJSON_GetObjectItemCaseSensitive(o, "dev"));
    return 0;
}

static bool has_flag(const cJSON *set, const char *flag)
{
    const cJSON *flags = cJSON_GetObjectItemCaseSensitive(set, "flags"), *one;
    cJSON_ArrayForEach(one, flags) if (cJSON_IsString(one) && !strcmp(one->valuestring, flag)) return true;
    return false;
}

static uint64_t number_of(const cJSON *set, const char *name)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(set, name);
    return cJSON_IsNumber(n) && n->valuedouble >= 1 && n->valuedouble < 1e12 ? (uint64_t)n->valuedouble : 0;
}

/* Take a set. A set of addresses or ports becomes a set of prey; rules take the elements of any other set. */
static int define_set(struct nft *n, cJSON *o, int family)
{
    static const struct {
        const char *type;
        enum about about;
        uint8_t family;
    } types[] = {{"ipv4_addr", ASK_FROM, 4}, {"ipv6_addr", ASK_FROM, 6}, {"inet_service", ASK_DPORT, 0}};
    const char *type = nft_member(o, "type"), *name = nft_member(o, "name");
    struct list members = {0};
    const struct subject *s = NULL;
    struct subject each = {0};
    if (family < 0) return 0;
    const size_t row = ROW_NAMED(types, type);
    if (row < ROWS(types)) {
        each.about = types[row].about;
        each.family = types[row].family;
        s = &each;
    }
    const cJSON *elements = cJSON_GetObjectItemCaseSensitive(o, "elem"), *one;
    cJSON_ArrayForEach(one, elements) if (s && value_into(n, s, one, &members)) s = NULL;
    keep_item(n, name, s ? NULL : o);
    if (!s) return 1;
    struct set *set = ruleset_set(n->s, n->scope, name, each.family ? ABOUT_ADDRESSES : ABOUT_NUMBERS);
    set->members = members;
    set->family = each.family;
    /* An empty set is there to be filled: fail2ban's sets have no flags, and a listing leaves `dynamic` out. */
    set->changes = has_flag(o, "timeout") || has_flag(o, "dynamic") || (!members.count && !has_flag(o, "constant"));
    set->size = number_of(o, "size");
    set->full = set->size != 0;
    set->stays_s = number_of(o, "timeout");
    const char *comment = nft_member(o, "comment");
    if (comment) set->text = import_format(n->s, "%s", comment);
    return 0;
}

static int define_map(struct nft *n, cJSON *o, int family)
{
    if (family < 0) return 0;
    keep_item(n, nft_member(o, "name"), o);
    return 1;
}

static int define_named_limit(struct nft *n, cJSON *o, int family)
{
    if (family >= 0) define_limit(n, o);
    return 0;
}

/* True if the statements have the kernel track connections. */
static bool tracks(const cJSON *statements)
{
    static const char *const words[] = {"ct",         "ct count", "ct helper", "ct timeout", "ct expectation",
                                        "masquerade", "snat",     "dnat",      "redirect",   "synproxy"};
    const cJSON *one;
    bool found = false;
    cJSON_ArrayForEach(one, statements)
    {
        found |= ROW_NAMED(words, one->string) < ROWS(words);
        found |= (cJSON_IsObject(one) || cJSON_IsArray(one)) && tracks(one);
    }
    return found;
}

/* True if the rule may keep frames from passing: it drops, or leads elsewhere. */
static bool may_drop(const cJSON *statements)
{
    static const char *const words[] = {"drop", "reject", "jump", "goto", "return", "vmap", "queue"};
    const cJSON *one, *inside;
    bool may = false;
    cJSON_ArrayForEach(one, statements)
    {
        const char *kind = nft_kind(one, &inside);
        may |= ROW_NAMED(words, kind) < ROWS(words);
    }
    return may;
}

/* Report a rule of a table of frames; if there are many, report the number of the others. */
static int tell_frame_rule(struct nft *n, const cJSON *statements)
{
    enum { TOLD_MOST = 64 };
    struct nft_text text = {.len = 0};
    const bool drops = may_drop(statements);
    if (n->s->rules++ == IMPORT_RULES_MOST) return fault(n, "there are more than 1,000,000 rules", NULL);
    if (n->frame_rules++ < TOLD_MOST) {
        nft_rule(&text, statements);
        struct remark *r = ruleset_remark(n->s, "%s (`%.60s`)", text.bytes, n->scope);
        r->is_rule = true;
        r->drops = drops;
        return 0;
    }
    n->s->untold++;
    n->s->untold_drops += drops;
    return 0;
}

static int define_rule(struct nft *n, cJSON *o, int family)
{
    const cJSON *statements = cJSON_GetObjectItemCaseSensitive(o, "expr"), *one;
    const char *chain = nft_member(o, "chain"), *comment = nft_member(o, "comment");
    struct nft_text text = {.len = 0};
    if (family < 0) return tell_frame_rule(n, statements);
    if (!chain || !cJSON_IsArray(statements)) return fault(n, "a rule has no chain or no statements", NULL);
    struct reading_rule r = {.nft = n, .chain = ruleset_chain(n->s, n->scope, chain)};
    r.slot = r.chain->end;
    if (tracks(statements)) ruleset_tracks(n->s, (uint8_t)family);
    nft_rule(&text, statements);
    r.first = chain_rule(n->s, r.chain, text.bytes);
    if (!r.first) return fault(n, "there are more than 1,000,000 rules", NULL);
    if (comment) r.first->comment = import_format(n->s, "%s", comment);
    cJSON_ArrayForEach(one, statements)
    {
        read_statement(&r, one);
        if (ruleset_is_spent(n->s)) break;
        if (r.full) return fault(n, "with the sets and maps written out, there are more than 1,000,000 rules", NULL);
    }
    if (ruleset_is_spent(n->s)) return ruleset_check(n->s, n->fault);
    for (struct rule *r1 = r.first; r1; r1 = r1->next)
        if (r1->act == ACT_NONE && !r1->log && !r.counts) r1->act = ACT_SILENT;
    return 0;
}

static int ignore(struct nft *n, cJSON *o, int family) { return 0; }

/* Readers of the kinds of objects. 1: the object is kept; 0: it can be freed; negative: a fault. */
static const struct object_row {
    const char *kind;
    int (*define)(struct nft *n, cJSON *o, int family);
} rows[] = {{"table", define_table},       {"chain", define_chain}, {"rule", define_rule}, {"set", define_set},
            {"map", define_map},           {"counter", ignore},     {"flowtable", ignore}, {"quota", ignore},
            {"limit", define_named_limit}, {"meter", ignore},       {"ct helper", ignore}, {"ct timeout", ignore},
            {"ct expectation", ignore},    {"secmark", ignore},     {"synproxy", ignore}};

static int define(struct nft *n, const char *kind, cJSON *o)
{
    const char *family = nft_member(o, "family"), *table = nft_member(o, !strcmp(kind, "table") ? "name" : "table");
    if (!strcmp(kind, "metainfo")) return 0;
    const size_t row = ROW_NAMED(rows, kind);
    if (row == ROWS(rows)) {
        ruleset_remark(n->s, "an object has an unknown kind: %.60s", kind);
        return 0;
    }
    const bool named = !strcmp(kind, "rule") || nft_member(o, "name");
    if (!family || !table || !named) return fault(n, "an object has no family, table or name:", kind);
    n->scope = import_format(n->s, "%s %s", family, table);
    return rows[row].define(n, o, table_family(family));
}

/* Read `{"rule": {...}}`, and keep the object if its reader returns so. */
static int take_item(struct nft *n, cJSON *item)
{
    cJSON *o = cJSON_IsObject(item) ? item->child : NULL;
    if (!o || !o->string || !cJSON_IsObject(o)) return fault(n, "an entry isn't an object of nft", NULL);
    char kind[64];
    snprintf(kind, sizeof(kind), "%s", o->string);
    const int result = define(n, kind, o);
    if (result == 1) cJSON_DetachItemViaPointer(item, o);
    return result < 0 ? result : 0;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
    return at;
}

/* Return the place behind the sign; NULL if blanks and the sign do not come next. */
static const char *past(const char *at, const char *end, const char *sign)
{
    const size_t len = strlen(sign);
    at = skip_blanks(at, end);
    return (size_t)(end - at) >= len && !memcmp(at, sign, len) ? at + len : NULL;
}

static int broken(struct nft *n, const char *text, const char *at)
{
    n->fault->line = 1;
    for (const char *c = text; c < at; c++) n->fault->line += *c == '\n';
    snprintf(n->fault->text, sizeof(n->fault->text), "the JSON is damaged or ends early at byte %zu",
             (size_t)(at - text) + 1);
    return -EINVAL;
}

static int read_items(struct nft *n, const char *text, const char *at, const char *end)
{
    const char *next = past(at, end, "]");
    while (!next) {
        const char *after = at;
        cJSON *item = cJSON_ParseWithLengthOpts(at, (size_t)(end - at), &after, false);
        if (!item) return broken(n, text, after ? after : at);
        const int result = take_item(n, item);
        cJSON_Delete(item);
        if (result < 0) return result;
        next = past(after, end, "]");
        if (!next && !(at = past(after, end, ","))) return broken(n, text, skip_blanks(after, end));
    }
    const char *close = past(next, end, "}");
    if (!close) return broken(n, text, skip_blanks(next, end));
    close = skip_blanks(close, end);
    return close == end ? 0 : broken(n, text, close);
}

int nft_read(struct ruleset *s, const char *text, size_t len, struct import_fault *f)
{
    struct nft n = {.s = s, .fault = f};
    const bool marked = len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3); /* byte order mark */
    const char *end = text + len, *at = past(text + (marked ? 3 : 0), end, "{");
    if (at) at = past(at, end, "\"nftables\"");
    if (at) at = past(at, end, ":");
    if (at) at = past(at, end, "[");
    if (!at) return fault(&n, "the file isn't the JSON that `nft -j list ruleset` prints", NULL);
    int result = read_items(&n, text, at, end);
    nft_forget(&n);
    return result < 0 ? result : ruleset_check(s, f);
}

/* Read the output of iptables-save and ip6tables-save into the model: tables of chains and their rules. One file may
 * hold both families, and before the tables the output of `ipset save`. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/import/iptables/reading.h"
#include "compiler/import/rows.h"
#include "lang/heap.h"

struct table {
    const char *name;
    int priority;
    unsigned hooks; /* bits 1 << enum hook */
};

static const struct table tables[] = {
    {"raw", -300, 1 << HOOK_PREROUTING | 1 << HOOK_OUTPUT},
    {"mangle", -150,
     1 << HOOK_PREROUTING | 1 << HOOK_INPUT | 1 << HOOK_FORWARD | 1 << HOOK_OUTPUT | 1 << HOOK_POSTROUTING},
    {"nat", -100, 1 << HOOK_PREROUTING | 1 << HOOK_INPUT | 1 << HOOK_OUTPUT | 1 << HOOK_POSTROUTING},
    {"filter", 0, 1 << HOOK_INPUT | 1 << HOOK_FORWARD | 1 << HOOK_OUTPUT},
    {"security", 50, 1 << HOOK_INPUT | 1 << HOOK_FORWARD | 1 << HOOK_OUTPUT},
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

static const char *const hook_names[] = {[HOOK_PREROUTING] = "PREROUTING",
                                         [HOOK_INPUT] = "INPUT",
                                         [HOOK_FORWARD] = "FORWARD",
                                         [HOOK_OUTPUT] = "OUTPUT",
                                         [HOOK_POSTROUTING] = "POSTROUTING"};

struct listing {
    struct ruleset *s;
    struct import_fault *fault;
    const char *text, *end;
    const char *at;            /* the next line */
    unsigned said_family;      /* family from the comment above the tables; 0: no comment gave it */
    bool had[TABLES][2];       /* tables already read, for IPv4 and IPv6 */
    const struct table *table; /* table being read; NULL: none */
    uint8_t family;
    const char *scope;
    uint32_t table_line;
    void *shared; /* tree of struct shared_meter */
    struct words words;
    struct reading reading;
};

static bool fault(struct listing *l, const char *what)
{
    snprintf(l->fault->text, sizeof(l->fault->text), "%s", what);
    return false;
}

static bool fault_of(struct listing *l, const char *before, const char *name, const char *behind)
{
    snprintf(l->fault->text, sizeof(l->fault->text), "%s`%.60s`%s", before, name, behind);
    return false;
}

/* Words are cut in a copy of the line; quotes and their escapes are removed. */
static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Copy the word at *at to *to. False: its quotes are not closed. */
static bool take_word(const char **at, const char *end, char **to)
{
    bool quotes = false;
    while (*at < end && (quotes || !blank(**at))) {
        const char c = *(*at)++;
        if (c == '"')
            quotes = !quotes;
        else if (c == '\\' && quotes && *at < end)
            *(*to)++ = *(*at)++;
        else
            *(*to)++ = c;
    }
    *(*to)++ = '\0';
    return !quotes;
}

/* Split a line without its newline at blanks. A word may be in double quotes, where a backslash quotes the next
 * byte. Returns NULL, or the line's fault, as part of a sentence. */
static const char *words_split(struct words *w, const char *line, size_t len)
{
    const char *at = line, *const end = line + len;
    char *to = w->text;
    w->count = 0;
    if (len > LINE_MOST) return "the line has more than 65,536 bytes";
    if (memchr(line, '\0', len)) return "the line has a zero byte";
    for (;;) {
        while (at < end && blank(*at)) at++;
        if (at == end) return NULL;
        if (w->count == WORDS_MOST) return "the line has more than 512 words";
        w->quoted[w->count] = *at == '"';
        w->of[w->count++] = to;
        if (!take_word(&at, end, &to)) return "a quote isn't closed";
    }
}

static bool line_of(const char *line, const char *end, const char *begins)
{
    return (size_t)(end - line) >= strlen(begins) && !memcmp(line, begins, strlen(begins));
}

/* True if an IPv6 address is behind an option that takes addresses, or a word that only ip6tables has. */
static bool is_line_of_ip6(const char *line, size_t len)
{
    static const char *const words[] = {" ipv6-icmp", " icmpv6", " icmp6", " -m hl "};
    static const char *const options[] = {" -s ", " -d ", "-range "};
    const char *const end = line + len;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (memmem(line, len, words[i], strlen(words[i]))) return true;
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *at = memmem(line, len, options[i], strlen(options[i]));
        if (!at) continue;
        at += strlen(options[i]);
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        if (memchr(at, ':', (size_t)((blank ? blank : end) - at))) return true;
    }
    return false;
}

/* True if a line of the table, up to COMMIT, is one of IPv6. Used if no comment gives the family. */
static bool is_table_of_ip6(const char *at, const char *end)
{
    while (at < end && !line_of(at, end, "COMMIT")) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        const char *stop = next ? next : end;
        if (*at != '#' && is_line_of_ip6(at, (size_t)(stop - at))) return true;
        at = stop + (next != NULL);
    }
    return false;
}

static bool begin_table(struct listing *l, const char *name)
{
    const size_t i = ROW_NAMED(tables, name);
    if (i == TABLES) return fault_of(l, "there is no table ", name, "");
    if (l->table)
        return fault_of(l, "the table ", l->table->name, " doesn't end with COMMIT: the listing is incomplete");
    l->family = (uint8_t)l->said_family;
    if (!l->family) l->family = is_table_of_ip6(l->at, l->end) || l->had[i][0] ? 6 : 4;
    if (l->had[i][l->family == 6])
        return fault_of(l, "a second table ", name, l->family == 6 ? " for IPv6" : " for IPv4");
    l->had[i][l->family == 6] = true;
    l->table = &tables[i];
    l->table_line = l->fault->line;
    l->scope = import_format(l->s, "%s %s", l->family == 6 ? "ip6" : "ip", name);
    return true;
}

static enum hook hook_of(const struct table *t, const char *name)
{
    for (enum hook h = HOOK_PREROUTING; h <= HOOK_POSTROUTING; h++)
        if (t->hooks & 1u << h && !strcmp(hook_names[h], name)) return h;
    return HOOK_NONE;
}

/* Read `:NAME POLICY [packets:bytes]`. */
static bool begin_chain(struct listing *l)
{
    const char *name = l->words.of[0] + 1;
    const char *policy = l->words.count > 1 ? l->words.of[1] : "";
    if (!*name) return fault(l, "the chain has no name");
    if (ruleset_find_chain(l->s, l->scope, name)) return fault_of(l, "the chain ", name, " is in the table twice");
    const enum hook hook = hook_of(l->table, name);
    const bool known = !strcmp(policy, "ACCEPT") || !strcmp(policy, "DROP");
    if (hook == HOOK_NONE ? strcmp(policy, "-") != 0 : !known)
        return fault_of(l, "the chain ", name,
                        hook == HOOK_NONE ? " must have `-` as its policy" : " must have ACCEPT or DROP as its policy");
    struct chain *c = ruleset_chain(l->s, l->scope, name);
    c->family = l->family;
    c->hook = hook;
    c->nat = l->table->priority == -100 && hook != HOOK_NONE;
    c->priority = c->nat && (hook == HOOK_POSTROUTING || hook == HOOK_INPUT) ? 100 : l->table->priority;
    c->drops = !strcmp(policy, "DROP");
    return true;
}

/* Begin a rule with the text of its line, without counters, for comments. */
static struct rule rule_from(const struct listing *l, const char *line, size_t len)
{
    const char *text = *line == '[' ? memmem(line, len, "-A", 2) : NULL;
    if (!text) text = line; /* a quoted `-A` is not found */
    len -= (size_t)(text - line);
    while (len && (text[len - 1] == '\r' || text[len - 1] == ' ')) len--;
    return (struct rule){.text = arena_strndup(l->s->arena, text, len)};
}

static bool take_rule(struct listing *l, const char *line, size_t len)
{
    struct reading *r = &l->reading;
    const uint32_t at = l->words.of[0][0] == '[';
    if (l->words.count < at + 2) return fault(l, "the rule has no chain");
    const char *name = l->words.of[at + 1];
    if (!ruleset_find_chain(l->s, l->scope, name)) return fault_of(l, "the table has no chain ", name, "");
    struct chain *c = ruleset_chain(l->s, l->scope, name);
    *r = (struct reading){.s = l->s,
                          .fault = l->fault,
                          .shared = &l->shared,
                          .words = &l->words,
                          .at = at + 2,
                          .family = l->family,
                          .scope = l->scope,
                          .chain = c->name,
                          .nat = l->table->priority == -100,
                          .rule = rule_from(l, line, len)};
    return reading_rule(r, c);
}

static void hear_comment(struct listing *l, const char *line, size_t len)
{
    if (len > 15 && line_of(line, line + len, "# Generated by "))
        l->said_family = memmem(line, len, "ip6tables", 9) ? 6 : memmem(line, len, "iptables", 8) ? 4 : l->said_family;
}

/* Return the index of an option of `ipset`, from the fourth word on, or 0. */
static uint32_t word_at(const struct words *w, const char *word)
{
    for (uint32_t i = 3; i < w->count; i++)
        if (!strcmp(w->of[i], word)) return i;
    return 0;
}

/* Return the number after that option, or 0. */
static uint64_t number_at(const struct words *w, const char *word)
{
    const uint32_t at = word_at(w, word);
    return at && at + 1 < w->count ? strtoul(w->of[at + 1], NULL, 10) : 0;
}

/* Take a line of `ipset save`. Sets of addresses get the scope "ipset"; other sets are dropped. False if the line is
 * wrong, with the reason in `f`. */
static bool ipset_take(struct ruleset *s, const struct words *w, struct import_fault *f)
{
    if (!strcmp(w->of[0], "create")) {
        if (w->count < 3) {
            snprintf(f->text, sizeof(f->text), "`create` needs a name and a type");
            return false;
        }
        if (!strcmp(w->of[2], "hash:ip") || !strcmp(w->of[2], "hash:net") || !strcmp(w->of[2], "bitmap:ip")) {
            struct set *set = ruleset_set(s, "ipset", w->of[1], ABOUT_ADDRESSES);
            const uint32_t family = word_at(w, "family");
            set->changes |= word_at(w, "timeout") != 0;
            set->stays_s = number_at(w, "timeout");
            set->timeless = !word_at(w, "timeout");
            set->size = number_at(w, "maxelem");
            set->full = set->size && !word_at(w, "forceadd");
            set->family = family && family + 1 < w->count && !strcmp(w->of[family + 1], "inet6") ? 6 : 4;
        } else {
            struct set *guessed = ruleset_find_set(s, "ipset", w->of[1]);
            if (guessed) guessed->kind = ABOUT_WORDS;
            ruleset_remark(s, "the set `%.60s` has the type `%.60s`, but prey has only sets of addresses", w->of[1],
                           w->of[2]);
        }
        return true;
    }
    struct set *set = ruleset_find_set(s, "ipset", w->of[1]);
    if (!set) return true;
    if (w->count < 3 || !list_address(&set->members, w->of[2], strlen(w->of[2]), s->arena)) {
        snprintf(f->text, sizeof(f->text), "`%.60s` isn't an address, prefix or range", w->count < 3 ? "" : w->of[2]);
        return false;
    }
    if (word_at(w, "nomatch")) {
        snprintf(f->text, sizeof(f->text), "the entry `%.60s` excludes addresses (`nomatch`), which preyc can't import",
                 w->of[2]);
        return false;
    }
    return true;
}

static bool take_line(struct listing *l, const char *line, size_t len)
{
    if (len && *line == '#') return hear_comment(l, line, len), true;
    const char *wrong = words_split(&l->words, line, len);
    if (wrong) return fault(l, wrong);
    if (!l->words.count) return true;
    if (*l->words.of[0] == '*') return begin_table(l, l->words.of[0] + 1);
    if (l->table) {
        const char *word = l->words.of[0];
        const char *second = l->words.count > 1 ? l->words.of[1] : "";
        if (!strcmp(word, "COMMIT")) return l->table = NULL, true;
        if (*word == ':') return begin_chain(l);
        if (!strcmp(word, "-A") || (*word == '[' && !strcmp(second, "-A"))) return take_rule(l, line, len);
        return fault_of(l, "", word, " isn't the beginning of a line from iptables-save");
    }
    /* `ipset save`: sets that hold addresses; other types are rejected by name */
    if (l->words.count > 1 && (!strcmp(l->words.of[0], "create") || !strcmp(l->words.of[0], "add")))
        return ipset_take(l->s, &l->words, l->fault);
    return fault_of(l, "", l->words.of[0], " is outside a table");
}

/* Apply the policies to the family that the file does not contain: if they drop, all packets of that family are
 * dropped. */
static void judge_other_family(struct listing *l, uint8_t said, uint8_t other)
{
    bool drops = false;
    for (const struct chain *c = l->s->chains; c; c = c->next) {
        if (c->family != said || c->hook == HOOK_NONE || !c->drops) continue;
        struct chain *same = ruleset_chain(l->s, other == 6 ? "ip6 filter" : "ip filter", c->name);
        same->family = other;
        same->hook = c->hook;
        same->drops = drops = true;
    }
    if (drops)
        ruleset_remark(l->s,
                       "IPv%u: the file has no rules from %s, so chains with the policy DROP drop all packets of this "
                       "family; put both listings into one file",
                       other, other == 6 ? "ip6tables-save" : "iptables-save");
}

static bool whole(struct listing *l)
{
    if (l->table) {
        l->fault->line = l->table_line;
        return fault_of(l, "the table ", l->table->name, " doesn't end with COMMIT: the listing is incomplete");
    }
    bool had4 = false, had6 = false;
    for (size_t i = 0; i < TABLES; i++) {
        had4 |= l->had[i][0];
        had6 |= l->had[i][1];
    }
    if (had4 && !had6) judge_other_family(l, 4, 6);
    if (had6 && !had4) judge_other_family(l, 6, 4);
    l->fault->line = 0;
    if (had4 || had6) return ruleset_check(l->s, l->fault) == 0;
    return fault(l, "the file has no table, so it isn't output of iptables-save");
}

/* Make the sets to which rules add single addresses: `ipset save` may be missing before the tables. */
static void make_added_sets(struct listing *l)
{
    static const char option[] = "--add-set ";
    enum { NAME_MOST = 31 }; /* bytes that ipset allows */
    for (const char *at = l->text; (at = memmem(at, (size_t)(l->end - at), option, strlen(option)));) {
        char name[NAME_MOST + 1] = "";
        at += strlen(option);
        size_t len = 0;
        while (at + len < l->end && (unsigned char)at[len] > ' ' && len < NAME_MOST) len++;
        memcpy(name, at, len);
        const char *end = at + len;
        const bool single = l->end - end > 4 && (!memcmp(end, " src", 4) || !memcmp(end, " dst", 4)) && end[4] != ',';
        if (len && single) ruleset_set(l->s, "ipset", name, ABOUT_ADDRESSES)->changes = true;
    }
}

static bool listing_read(struct listing *l)
{
    make_added_sets(l);
    for (l->at = l->text; l->at < l->end;) {
        const char *line = l->at, *next = memchr(line, '\n', (size_t)(l->end - line));
        l->fault->line++;
        l->at = next ? next + 1 : l->end;
        if (!take_line(l, line, (size_t)((next ? next : l->end) - line))) return false;
    }
    return whole(l);
}

int iptables_read(struct ruleset *s, const char *text, size_t len, struct import_fault *f)
{
    struct listing *l = heap_zeroed(1, sizeof(*l));
    *f = (struct import_fault){0};
    l->s = s;
    l->fault = f;
    l->text = text;
    l->end = text + len;
    const bool good = listing_read(l);
    heap_tree_free(l->shared);
    free(l);
    return good ? 0 : -EINVAL;
}

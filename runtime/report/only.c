/* A term is a list of words, each looked up once in the labels of its kind */
#include "runtime/report/only.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/grown.h"

enum { TERMS_MOST = 64, WORD_MOST = 200 };
enum kind { VERDICT, RULE, SERVICE, SERVER, REASON, OTHERWISE };

struct only_term {
    enum kind kind;
    bool no, ends; /* no: `not`; ends: last term of its alternative */
    bool lacks;    /* the program has nothing of that name, so the term holds for no frame */
    uint32_t value;
    uint32_t *rules; /* [rules_count] numbers of the rules with that name, ascending, or NULL; for RULE only */
    uint32_t rules_count, rules_room;
};

static int fault(char *err, size_t err_len, const char *fmt, const char *word)
{
    snprintf(err, err_len, fmt, word);
    text_clean(err);
    return -1;
}

/* Find the rules with a name. Unnamed rules on one line share theirs. Only those on the line that the name gives get
 * a label, because there may be a million. */
static int find_rules(struct only_term *t, const struct labels *l, const char *name)
{
    const struct program *p = l->program;
    const char *colon = strrchr(name, ':');
    const unsigned long line = colon ? strtoul(colon + 1, NULL, 10) : 0;
    t->value = !strcmp(name, "default") ? RULE_DEFAULT : RULE_NONE;
    if (t->value == RULE_DEFAULT || !strcmp(name, "-")) return 0;
    for (uint32_t i = 0; i < p->rules_count; i++) {
        const struct pbc_rule *r = &p->rules[i];
        if (!r->name && (!colon || r->place.line != line)) continue;
        if (strcmp(r->name ? program_str(p, r->name) : label_rule(l, i), name) != 0) continue;
        if (!grow(&t->rules, t->rules_count, &t->rules_room, 1, sizeof *t->rules)) return -ENOMEM;
        t->rules[t->rules_count++] = i;
    }
    return t->rules_count ? 0 : -ENOENT;
}

static int find_label(struct only_term *t, char *const labels[], uint32_t count, const char *name)
{
    t->value = PBC_NONE;
    if (!strcmp(name, "-")) return 0;
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(labels[i], name)) return t->value = i, 0;
    return -ENOENT;
}

/* Return 0, -ENOENT if the program lacks the name, -EINVAL if no program can have it, or -ENOMEM. */
static int value_find(struct only_term *t, const struct labels *l, const char *name)
{
    switch (t->kind) {
    case RULE: return find_rules(t, l, name);
    case SERVICE: return find_label(t, l->service, l->program->services_count, name);
    case SERVER: return find_label(t, l->server, l->program->servers_count, name);
    default: {
        for (t->value = 0; t->value < REASON_COUNT; t->value++)
            if (!strcmp(reason_name((uint8_t)t->value), name)) return 0;
        return -EINVAL;
    }
    }
}

static bool is_verdict(struct only_term *t, const char *word)
{
    static const uint8_t actions[] = {ACTION_ACCEPT,  ACTION_DROP, ACTION_REJECT,
                                      ACTION_FORWARD, ACTION_PASS, ACTION_HELD};
    for (unsigned i = 0; i < sizeof actions; i++) {
        if (strcmp(action_name(actions[i]), word) != 0) continue;
        t->kind = VERDICT;
        t->value = actions[i];
        return true;
    }
    return false;
}

/* Read the next word; a comma is a word. Return its length, 0 at the end. */
static size_t next(const char **at, char word[WORD_MOST])
{
    *at += strspn(*at, " \t");
    size_t len = **at == ',' ? 1 : strcspn(*at, " \t,");
    snprintf(word, WORD_MOST, "%.*s", (int)(len < WORD_MOST ? len : WORD_MOST - 1), *at);
    *at += len;
    return len;
}

/* Add to the line a name that the program lacks. Return 1. */
static int lack(struct only_term *t, const char *kind, const char *name, char *err, size_t err_len)
{
    const size_t len = strlen(err);
    t->lacks = true;
    snprintf(err + len, err_len - len, "%sno %s is called `%.120s`", len ? ", " : "--only: ", kind, name);
    text_clean(err);
    return 1;
}

/* Return 0, 1 if the program lacks the name, or -1. */
static int term_read(struct only_term *t, const char **at, const struct labels *l, char *err, size_t err_len)
{
    static const char *const kinds[] = {
        [RULE] = "rule", [SERVICE] = "service", [SERVER] = "server", [REASON] = "reason"};
    char word[WORD_MOST], name[WORD_MOST];
    *t = (struct only_term){0};
    next(at, word);
    t->no = !strcmp(word, "not");
    if (t->no) next(at, word);
    if (is_verdict(t, word)) return 0;
    if (!strcmp(word, "otherwise")) return t->kind = OTHERWISE, 0;
    for (unsigned i = RULE; i <= REASON; i++) {
        if (strcmp(word, kinds[i]) != 0) continue;
        t->kind = i;
        if (!next(at, name) || *name == ',') return fault(err, err_len, "--only: a name is missing after `%s`", word);
        const int found = value_find(t, l, name);
        if (!found) return 0;
        if (found == -ENOENT) return lack(t, kinds[i], name, err, err_len);
        if (found == -ENOMEM) return fault(err, err_len, "out of memory%s", "");
        snprintf(word, sizeof word, "%s is called `%.120s`", kinds[i], name);
        return fault(err, err_len, "--only: no %s", word);
    }
    return fault(
        err, err_len,
        "--only: `%.60s` is none of accept, drop, reject, forward, pass, held, rule NAME, service NAME, server "
        "POOL/SERVER, reason NAME, otherwise, not",
        word);
}

int only_init(struct only *only, const char *text, const struct labels *labels, char *err, size_t err_len)
{
    char word[WORD_MOST];
    bool lacks = false;
    *only = (struct only){0};
    *err = 0;
    if (!text) return 0;
    only->terms = calloc(TERMS_MOST, sizeof *only->terms);
    if (!only->terms) return fault(err, err_len, "out of memory%s", "");
    for (;;) {
        if (only->count == TERMS_MOST) return fault(err, err_len, "--only: more than 64 words%s", "");
        struct only_term *t = &only->terms[only->count++];
        const int read = term_read(t, &text, labels, err, err_len);
        if (read < 0) return -1;
        lacks |= read;
        const char *ahead = text;
        const size_t len = next(&ahead, word);
        t->ends = !len || *word == ',';
        if (!len) return lacks;
        if (*word == ',') text = ahead;
    }
}

void only_fini(struct only *only)
{
    for (unsigned i = 0; i < only->count; i++) free(only->terms[i].rules);
    free(only->terms);
}

static bool rules_hold(const struct only_term *t, uint32_t rule)
{
    uint32_t from = 0, to = t->rules_count;
    while (from < to) {
        const uint32_t at = from + (to - from) / 2;
        if (t->rules[at] == rule) return true;
        if (t->rules[at] < rule)
            from = at + 1;
        else
            to = at;
    }
    return false;
}

static bool term_holds(const struct only_term *t, const struct verdict *v, bool otherwise)
{
    if (t->lacks) return false;
    switch (t->kind) {
    case VERDICT: return v->action == t->value;
    case RULE: return t->rules ? rules_hold(t, v->rule) : v->rule == t->value;
    case SERVICE: return v->service == t->value;
    case SERVER: return v->server == t->value;
    case OTHERWISE: return otherwise;
    default: return v->reason == t->value;
    }
}

bool only_takes(const struct only *only, const struct verdict *v, bool otherwise)
{
    bool all = true;
    if (!only->count) return true;
    for (unsigned i = 0; i < only->count; i++) {
        const struct only_term *t = &only->terms[i];
        all = all && term_holds(t, v, otherwise) != t->no;
        if (t->ends && all) return true;
        if (t->ends) all = true;
    }
    return false;
}

bool only_asks_recorded(const struct only *only)
{
    for (unsigned i = 0; i < only->count; i++)
        if (only->terms[i].kind == OTHERWISE) return true;
    return false;
}

/* Build the model (model.h) */
#include "compiler/import/model.h"

#include <assert.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lang/heap.h"
#include "vm/words/words.h"

char *import_format(struct ruleset *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = heap_format(fmt, ap);
    va_end(ap);
    char *kept = arena_strndup(s->arena, text, strlen(text));
    free(text);
    return kept;
}

/* Append to a list. Outgrown arrays stay in the arena; together they are no larger than the list. */
void list_add(struct list *l, struct extent e, struct arena *a)
{
    if (l->count == l->cap) {
        const uint32_t cap = l->cap ? 2 * l->cap : 2;
        struct extent *of = arena_alloc(a, cap * sizeof(*of));
        if (l->count) memcpy(of, l->of, l->count * sizeof(*of));
        l->of = of;
        l->cap = cap;
    }
    l->of[l->count++] = e;
}

void list_number(struct list *l, uint64_t lo, uint64_t hi, struct arena *a)
{
    list_add(l, (struct extent){.lo = lo, .hi = hi}, a);
}

void list_word(struct list *l, const char *word, size_t len, struct arena *a)
{
    list_add(l, (struct extent){.word = arena_strndup(a, word, len)}, a);
}

bool list_same(const struct list *a, const struct list *b)
{
    if (a->negated != b->negated || a->set != b->set || a->count != b->count) return false;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct extent *x = &a->of[i], *y = &b->of[i];
        if (x->lo != y->lo || x->hi != y->hi || x->family != y->family || !x->word != !y->word) return false;
        if (x->word && strcmp(x->word, y->word) != 0) return false;
    }
    return true;
}

bool list_has_word(const struct list *l, const char *word)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (!strcmp(l->of[i].word, word)) return true;
    return false;
}

bool list_address(struct list *l, const char *text, size_t len, struct arena *a)
{
    struct addr_member m;
    if (addr_text_member(text, len, &m) != ADDR_GOOD) return false;
    if (m.family == 4)
        list_add(l, (struct extent){.lo = m.v4.lo, .hi = m.v4.hi, .family = 4}, a);
    else
        list_add(l,
                 (struct extent){
                     .lo = (wide)m.v6.lo_hi << 64 | m.v6.lo_lo, .hi = (wide)m.v6.hi_hi << 64 | m.v6.hi_lo, .family = 6},
                 a);
    return true;
}

void ruleset_tracks(struct ruleset *s, uint8_t family)
{
    s->tracks4 |= family != 6;
    s->tracks6 |= family != 4;
}

void ruleset_open(struct ruleset *s)
{
    *s = (struct ruleset){.arena = arena_new()};
    s->chains_end = &s->chains;
    s->sets_end = &s->sets;
    s->meters_end = &s->meters;
    s->remarks_end = &s->remarks;
}

bool ruleset_spend(struct ruleset *s, uint64_t steps)
{
    s->effort += steps;
    return !ruleset_is_spent(s);
}

bool ruleset_is_spent(const struct ruleset *s) { return s->effort > EFFORT_MOST; }

void ruleset_close(struct ruleset *s)
{
    heap_tree_free(s->chain_tree);
    heap_tree_free(s->set_tree);
    arena_free(s->arena);
    *s = (struct ruleset){0};
}

static_assert(offsetof(struct chain, name) == offsetof(struct named, name) &&
                  offsetof(struct chain, scope) == offsetof(struct named, scope) &&
                  offsetof(struct set, name) == offsetof(struct named, name) &&
                  offsetof(struct set, scope) == offsetof(struct named, scope),
              "chains and sets are found by name and scope");

static int named_order(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    const int names = strcmp(x->name, y->name);
    return names ? names : strcmp(x->scope, y->scope);
}

void *named_find(void *const *tree, const char *scope, const char *name)
{
    const struct named wanted = {.name = name, .scope = scope};
    void *const *node = tfind(&wanted, tree, named_order);
    return node ? *node : NULL;
}

void named_enter(void **tree, void *thing)
{
    if (!tsearch(thing, tree, named_order)) out_of_memory();
}

bool set_is_live(const struct set *set)
{
    if (set->left) return set_is_live(set->left) || set_is_live(set->right);
    return set->changes && set->kind == ABOUT_ADDRESSES;
}

static const char *copied(struct ruleset *s, const char *text) { return arena_strndup(s->arena, text, strlen(text)); }

struct chain *ruleset_chain(struct ruleset *s, const char *scope, const char *name)
{
    struct chain *c = named_find(&s->chain_tree, scope, name);
    if (c) return c;
    c = arena_alloc(s->arena, sizeof(*c));
    c->name = copied(s, name);
    c->scope = copied(s, scope);
    c->end = &c->rules;
    *s->chains_end = c;
    s->chains_end = &c->next;
    named_enter(&s->chain_tree, c);
    return c;
}

const struct chain *ruleset_find_chain(const struct ruleset *s, const char *scope, const char *name)
{
    return named_find(&s->chain_tree, scope, name);
}

static struct set *set_new(struct ruleset *s, const char *scope, const char *name, enum about_kind kind)
{
    struct set *set = arena_alloc(s->arena, sizeof(*set));
    set->name = copied(s, name);
    set->scope = copied(s, scope);
    set->kind = kind;
    *s->sets_end = set;
    s->sets_end = &set->next;
    return set;
}

struct set *ruleset_set(struct ruleset *s, const char *scope, const char *name, enum about_kind kind)
{
    struct set *set = named_find(&s->set_tree, scope, name);
    if (set) return set;
    set = set_new(s, scope, name, kind);
    named_enter(&s->set_tree, set);
    return set;
}

struct set *ruleset_find_set(const struct ruleset *s, const char *scope, const char *name)
{
    return named_find(&s->set_tree, scope, name);
}

struct set *ruleset_made_set(struct ruleset *s, const char *name) { return set_new(s, "", name, ABOUT_ADDRESSES); }

struct meter *ruleset_meter(struct ruleset *s, const char *name)
{
    struct meter *m = arena_alloc(s->arena, sizeof(*m));
    if (name) m->name = copied(s, name);
    m->length4 = 32;
    m->length6 = 128;
    *s->meters_end = m;
    s->meters_end = &m->next;
    return m;
}

struct remark *ruleset_remark(struct ruleset *s, const char *fmt, ...)
{
    struct remark *r = arena_alloc(s->arena, sizeof(*r));
    va_list ap;
    va_start(ap, fmt);
    char *text = heap_format(fmt, ap);
    va_end(ap);
    r->text = copied(s, text);
    free(text);
    *s->remarks_end = r;
    s->remarks_end = &r->next;
    return r;
}

static struct rule *chain_append(struct ruleset *s, struct chain *c)
{
    if (s->rules == IMPORT_RULES_MOST) return NULL;
    struct rule *r = arena_alloc(s->arena, sizeof(*r));
    *c->end = r;
    c->end = &r->next;
    c->count++;
    s->rules++;
    return r;
}

struct rule *chain_rule(struct ruleset *s, struct chain *c, const char *text)
{
    struct rule *r = chain_append(s, c);
    if (r) r->text = copied(s, text);
    return r;
}

struct rule *chain_rule_again(struct ruleset *s, struct chain *c, const struct rule *r)
{
    struct rule *again = chain_append(s, c);
    if (!again) return NULL;
    *again = *r;
    again->next = NULL;
    again->conditions = NULL;
    struct condition **end = &again->conditions;
    for (const struct condition *from = r->conditions; from; from = from->next) {
        *end = arena_alloc(s->arena, sizeof(**end));
        **end = *from;
        /* Share the list: lists are never changed in place, narrowing makes new ones. */
        (*end)->next = NULL;
        end = &(*end)->next;
    }
    return again;
}

void rule_unsaid(struct rule *r, const char *why)
{
    if (!r->unsaid) r->unsaid = why;
}

void rule_apart(struct rule *r, const char *why)
{
    if (!r->apart) r->apart = why;
}

void rule_want_family(struct rule *r, uint8_t family)
{
    r->never |= r->family && r->family != family;
    r->family = family;
}

void rule_want_flags(struct rule *r, uint8_t has, uint8_t lacks)
{
    r->flags_has |= has;
    r->flags_lacks |= lacks;
    r->never |= (r->flags_has & r->flags_lacks) != 0;
}

void rule_want_meter(struct ruleset *s, struct rule *r, struct meter *m, bool over)
{
    struct metered *one = arena_alloc(s->arena, sizeof(*one));
    *one = (struct metered){.next = r->meters, .meter = m, .over = over};
    r->meters = one;
}

void rule_want_flows(struct rule *r, uint64_t n, unsigned length4, unsigned length6)
{
    enum { MOST = 100000000 };
    r->flows_over = (uint32_t)(n > MOST ? MOST : n);
    r->flows_length4 = (uint8_t)length4;
    r->flows_length6 = (uint8_t)length6;
    rule_apart(r, "in prey, all connections of the source count, not only connections that reach this rule");
}

const struct list *rule_asks(const struct rule *r, enum about about)
{
    for (const struct condition *c = r->conditions; c; c = c->next)
        if (c->about == about) return &c->list;
    return NULL;
}

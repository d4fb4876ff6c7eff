/* Lists of host names and globs (`names`): checked, made of one another, brought into the order that vm/program/hosts.h
 * wants, and put into the image. */
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/resolve.h"
#include "vm/program/hosts.h"

/* A name of the list that is being made, and the node that brought it: a string, or the name of another list. */
struct entry {
    const char *host; /* normal form, in the arena */
    const struct node *node;
};
struct entries {
    struct entry *e;
    uint32_t n, cap;
};

static void entry_add(struct compile *c, struct entries *list, const char *host, const struct node *node)
{
    if (list->n == list->cap) {
        const uint32_t cap = list->cap ? list->cap * 2 : 8;
        struct entry *e = arena_alloc(c->arena, cap * sizeof(*e));

        if (list->n) memcpy(e, list->e, list->n * sizeof(*e));
        list->e = e;
        list->cap = cap;
    }
    list->e[list->n++] = (struct entry){host, node};
}

static const char *fault_text(enum host_fault fault)
{
    static const char *const text[] = {
        [HOST_EMPTY] = "it is empty",
        [HOST_LONG] = "it is longer than 253 characters",
        [HOST_LABEL_EMPTY] = "nothing stands before or behind one of its dots",
        [HOST_LABEL_LONG] = "more than 63 characters stand between two dots",
        [HOST_CHARACTER] = "a name has letters, digits, hyphens and dots",
        [HOST_NOT_ASCII] = "a name of other letters is written in its `xn--` form",
        [HOST_HYPHEN] = "no part of a name begins or ends with a hyphen",
        [HOST_STAR] = "`*` stands for whole parts before the first dot, as in \"*.example.com\"",
        [HOST_NUMBER] = "the last part of a name is no number; addresses belong into a set",
    };

    return text[fault];
}

static bool add_host(struct compile *c, const struct node *at, const struct node *value, struct entries *out)
{
    const struct str s = value->v.str;
    char normal[HOST_MAX + 1];
    const enum host_fault fault = host_normal(s.s, s.len, normal);

    if (fault) {
        diag(c->diags, E_HOST_SYNTAX, at->span, "this is no name of a host: %s", fault_text(fault));
        return false;
    }
    entry_add(c, out, arena_strndup(c->arena, normal, strlen(normal)), at);
    return true;
}

static bool add_list(struct compile *c, const struct node *n, struct symbol *sym, struct symbol *from,
                     struct entries *out)
{
    sym->used = true;
    if (!names_resolve(c, sym, from, n->span) || !expand(c, n->span, sym->hosts.n)) return false;
    for (uint32_t i = 0; i < sym->hosts.n; i++) entry_add(c, out, sym->hosts.host[i], n);
    return true;
}

static bool add_member(struct compile *c, const struct node *n, struct symbol *from, struct entries *out)
{
    struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;

    if (sym && sym->kind == SYM_NAMES) return add_list(c, n, sym, from, out);
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_STRING) return add_host(c, n, v.node, out);
    if (v.node->kind == N_NAME)
        symbol_want(c, v.node, SYM(NAMES) | SYM(CONST), "names list");
    else
        report_wrong_value(c, n, v, "the name of a host in quotes");
    return false;
}

static int compare_entries(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    const int d = host_compare(a->host, b->host);

    return d                                            ? d
           : a->node->span.start != b->node->span.start ? (a->node->span.start < b->node->span.start ? -1 : 1)
                                                        : 0;
}

/* `e` says nothing that `by` has not said: both places. */
static void warn_covered(struct compile *c, const struct entry *e, const struct entry *by)
{
    const bool equal = strcmp(e->host, by->host) == 0;

    if (e->node == by->node) return;
    if (e->node->kind == N_STRING && equal)
        diag(c->diags, W_NESTED_MEMBERS, e->node->span, "this name stands in the list already");
    else if (e->node->kind == N_STRING)
        diag(c->diags, W_NESTED_MEMBERS, e->node->span, "this name lies inside `%s` of the list", by->host);
    else
        diag(c->diags, W_NESTED_MEMBERS, e->node->span, "`%s` of `%s` %s `%s` of the list", e->host, e->node->v.str.s,
             equal ? "repeats" : "lies inside", by->host);
    diag_note(c->diags, by->node->span, equal ? "here" : "it is part of this one");
}

/* In order, without repetitions and without what a glob of the list covers. */
static void settle(struct compile *c, struct entries *list)
{
    uint32_t kept = 0;

    if (list->n > 1) qsort(list->e, list->n, sizeof(*list->e), compare_entries);
    for (uint32_t i = 0; i < list->n; i++) {
        const struct entry *last = kept ? &list->e[kept - 1] : NULL;

        if (last && (strcmp(last->host, list->e[i].host) == 0 || host_covers(last->host, list->e[i].host)))
            warn_covered(c, &list->e[i], last);
        else
            list->e[kept++] = list->e[i];
    }
    list->n = kept;
}

/* The list in the image; its number is the symbol's index. */
static bool place(struct compile *c, struct symbol *s)
{
    uint32_t index;

    if (!names_place(c, PBC_NAMES_HOSTS, s->hosts.host, s->hosts.n, s->span, &index)) return false;
    c->image->names[index].name = text_of(c, s->name);
    s->index = index;
    return true;
}

bool names_of(struct compile *c, const struct node *list, uint32_t *index)
{
    const struct node *only = list->first && !list->first->next && list->first->kind == N_NAME ? list->first : NULL;
    struct symbol *sym = only ? symbol_find(c->symbols, SPACE_VALUES, only->v.str) : NULL;
    struct entries all = {0};
    bool good = true;

    if (sym && sym->kind == SYM_NAMES) {
        sym->used = true;
        if (!names_resolve(c, sym, NULL, only->span)) return false;
        *index = sym->index;
        return true;
    }
    node_each(n, list) good = add_member(c, n, NULL, &all) && good;
    if (!good) return false;
    settle(c, &all);
    const char **hosts = arena_alloc(c->arena, (all.n + (size_t)1) * sizeof(*hosts));
    for (uint32_t i = 0; i < all.n; i++) hosts[i] = all.e[i].host;
    return names_place(c, PBC_NAMES_HOSTS, hosts, all.n, list->span, index);
}

static bool gather(struct compile *c, struct symbol *s)
{
    const struct node *list = s->decl->first->next;
    struct entries all = {0};
    bool good = list != NULL;

    for (const struct node *n = list ? list->first : NULL; n; n = n->next) good = add_member(c, n, s, &all) && good;
    settle(c, &all);
    s->hosts.n = all.n;
    s->hosts.host = arena_alloc(c->arena, (all.n + (size_t)1) * sizeof(*s->hosts.host));
    for (uint32_t i = 0; i < all.n; i++) s->hosts.host[i] = all.e[i].host;
    return good && place(c, s);
}

bool names_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at)
{
    if (s->state == STATE_NEW || s->state == STATE_VISITING) {
        if (!symbol_enter(c, s, from, at)) return false;
        symbol_leave(c, s, gather(c, s));
    }
    return s->state == STATE_DONE;
}

/* Lists of host names and globs (`names`): checked, made of one another, brought into the order that
 * vm/program/program.h wants, and put into the image. */
#include <string.h>

#include "compiler/resolve/resolve.h"
#include "vm/program/program.h"

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

static bool add_host(struct compile *c, const struct node *at, const struct node *value, struct listing *out)
{
    const struct str s = value->v.str;
    char normal[HOST_MAX + 1];
    const enum host_fault fault = host_normal(s.s, s.len, normal);
    if (fault) {
        diag(c->diags, E_HOST_SYNTAX, at->span, "this is no name of a host: %s", fault_text(fault));
        return false;
    }
    listing_add(c, out, arena_strndup(c->arena, normal, strlen(normal)), at);
    return true;
}

static bool add_list(struct compile *c, const struct node *n, struct symbol *sym, struct symbol *from,
                     struct listing *out)
{
    sym->used = true;
    if (!names_resolve(c, sym, from, n->span) || !expand(c, n->span, sym->hosts.n)) return false;
    for (uint32_t i = 0; i < sym->hosts.n; i++) listing_add(c, out, sym->hosts.host[i], n);
    return true;
}

static bool add_member(struct compile *c, const struct node *n, struct symbol *from, struct listing *out)
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
    struct listing all = {0};
    bool good = true;
    if (sym && sym->kind == SYM_NAMES) {
        sym->used = true;
        if (!names_resolve(c, sym, NULL, only->span)) return false;
        *index = sym->index;
        return true;
    }
    node_each(n, list) good = add_member(c, n, NULL, &all) && good;
    if (!good) return false;
    listing_settle(c, &all, host_compare, host_covers);
    return listing_place(c, PBC_NAMES_HOSTS, &all, list->span, index);
}

static bool gather(struct compile *c, struct symbol *s)
{
    const struct node *list = s->decl->first->next;
    struct listing all = {0};
    bool good = list != NULL;
    for (const struct node *n = list ? list->first : NULL; n; n = n->next) good = add_member(c, n, s, &all) && good;
    listing_settle(c, &all, host_compare, host_covers);
    s->hosts.n = all.n;
    s->hosts.host = arena_alloc(c->arena, (all.n + (size_t)1) * sizeof(*s->hosts.host));
    for (uint32_t i = 0; i < all.n; i++) s->hosts.host[i] = all.e[i].text;
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

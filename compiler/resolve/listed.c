/* Lists of names of hosts and of texts, brought into order and put into the image. */
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/resolve.h"

void listing_add(struct compile *c, struct listing *list, const char *text, const struct node *node)
{
    if (list->n == list->cap) {
        const uint32_t cap = list->cap ? list->cap * 2 : 8;
        struct listed *e = arena_alloc(c->arena, cap * sizeof(*e));
        if (list->n) memcpy(e, list->e, list->n * sizeof(*e));
        list->e = e;
        list->cap = cap;
    }
    list->e[list->n++] = (struct listed){text, node};
}

/* By `compare`, then by place. */
static int compare_listed(const void *pa, const void *pb, void *compare)
{
    const struct listed *a = pa, *b = pb;
    const int d = (*(int (**)(const char *, const char *))compare)(a->text, b->text);
    return d ? d : (a->node->span.start > b->node->span.start) - (a->node->span.start < b->node->span.start);
}

/* What says nothing that others have not said: the first of it, and how much. */
struct covered {
    struct listed e, by;
    uint64_t count;
};

static void note_covered(struct covered *t, const struct listed *e, const struct listed *by)
{
    if (e->node == by->node) return;
    if (t->count++ && t->e.node->span.start <= e->node->span.start) return;
    t->e = *e;
    t->by = *by;
}

/* Once a list: both places of the first. */
static void warn_covered(struct compile *c, const struct covered *t)
{
    const bool equal = t->count && strcmp(t->e.text, t->by.text) == 0;
    char more[SO_DO_MAX];
    if (!t->count) return;
    if (t->e.node->kind == N_STRING && equal)
        diag(c->diags, W_NESTED_MEMBERS, t->e.node->span, "this stands in the list already%s",
             and_so_do(t->count - 1, more));
    else if (t->e.node->kind == N_STRING)
        diag(c->diags, W_NESTED_MEMBERS, t->e.node->span, "this lies inside `%s` of the list%s", t->by.text,
             and_so_do(t->count - 1, more));
    else
        diag(c->diags, W_NESTED_MEMBERS, t->e.node->span, "`%s` of `%s` %s `%s` of the list%s", t->e.text,
             t->e.node->v.str.s, equal ? "repeats" : "lies inside", t->by.text, and_so_do(t->count - 1, more));
    diag_note(c->diags, t->by.node->span, equal ? "here" : "it is part of this one");
}

void listing_settle(struct compile *c, struct listing *list, int (*compare)(const char *a, const char *b),
                    bool (*covers)(const char *glob, const char *text))
{
    struct covered equal = {0}, inside = {0};
    uint32_t kept = 0;
    if (list->n > 1) qsort_r(list->e, list->n, sizeof(*list->e), compare_listed, &compare);
    for (uint32_t i = 0; i < list->n; i++) {
        const struct listed *last = kept ? &list->e[kept - 1] : NULL;
        const bool repeats = last && strcmp(last->text, list->e[i].text) == 0;
        if (repeats || (last && covers(last->text, list->e[i].text)))
            note_covered(repeats ? &equal : &inside, &list->e[i], last);
        else
            list->e[kept++] = list->e[i];
    }
    list->n = kept;
    warn_covered(c, &equal);
    warn_covered(c, &inside);
}

bool names_place(struct compile *c, enum pbc_names_kind kind, const char *const *texts, uint32_t n, struct span at,
                 uint32_t *index)
{
    uint32_t *hosts = arena_alloc(c->arena, (n + (size_t)1) * sizeof(*hosts));
    for (uint32_t i = 0; i < n; i++) hosts[i] = text_of(c, (struct str){texts[i], strlen(texts[i])});
    const uint32_t first = image_share(c->image, PBC_HOSTS, hosts, n);
    struct pbc_names *entry = first == PBC_NONE ? NULL : image_add_names(c->image);
    if (!entry) {
        report_full(c, at, "names of hosts, or lists of them", first == PBC_NONE ? 1u << 24 : 1u << 16);
        return false;
    }
    *index = c->image->names_count - 1;
    *entry = (struct pbc_names){.first = first, .count = n, .kind = kind};
    entry->place = place_of(c, at);
    return true;
}

bool listing_place(struct compile *c, enum pbc_names_kind kind, const struct listing *list, struct span at,
                   uint32_t *index)
{
    const char **texts = arena_alloc(c->arena, (list->n + (size_t)1) * sizeof(*texts));
    for (uint32_t i = 0; i < list->n; i++) texts[i] = list->e[i].text;
    return names_place(c, kind, texts, list->n, at, index);
}

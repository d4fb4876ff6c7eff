/* Lists of host names and globs (`names`), and of texts in conditions on first bytes: checked, expanded, sorted as
 * vm/program/program.h needs, and entered in the image. */
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/values/values.h"
#include "vm/judge/decide.h"
#include "vm/program/program.h"

/* Write the name in normal form. False after a report. */
static bool normal_host(struct compile *c, const struct node *at, struct str s, char normal[HOST_MAX + 1])
{
    const enum host_fault fault = host_normal(s.s, s.len, normal);
    if (fault) {
        static const char *const text[] = {
            [HOST_EMPTY] = "the text is empty",
            [HOST_LONG] = "the name is longer than 253 characters",
            [HOST_LABEL_EMPTY] = "each dot needs a part of the name on both sides",
            [HOST_LABEL_LONG] = "a part has more than 63 characters",
            [HOST_CHARACTER] = "a name has letters, digits, hyphens and dots",
            [HOST_NOT_ASCII] = "write names with other letters in their `xn--` form",
            [HOST_HYPHEN] = "a part of a name can't begin or end with a hyphen",
            [HOST_STAR] = "`*` must be the first part, as in \"*.example.com\"",
            [HOST_NUMBER] = "the last part is a number; put addresses into a set",
        };
        diag(c->diags, E_HOST_SYNTAX, at->span, "this isn't a host name: %s", text[fault]);
    }
    return !fault;
}

uint32_t host_name(struct compile *c, const struct node *text)
{
    char normal[HOST_MAX + 1];
    if (!normal_host(c, text, text->v.str, normal)) return 0;
    if (*normal != '*') return text_of(c, (struct str){normal, strlen(normal)});
    diag(c->diags, E_HOST_SYNTAX, text->span, "`%s` matches many names, but a server has one", normal);
    return 0;
}

static bool add_host(struct compile *c, const struct node *at, const struct node *value, struct listing *out)
{
    char normal[HOST_MAX + 1];
    if (!normal_host(c, at, value->v.str, normal)) return false;
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

/* Enter the list in the image; its index becomes the symbol's. */
static bool host_place(struct compile *c, struct symbol *s)
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

static bool host_gather(struct compile *c, struct symbol *s)
{
    const struct node *list = s->decl->first->next;
    struct listing all = {0};
    bool good = list != NULL;
    for (const struct node *n = list ? list->first : NULL; n; n = n->next) good = add_member(c, n, s, &all) && good;
    listing_settle(c, &all, host_compare, host_covers);
    s->hosts.n = all.n;
    s->hosts.host = arena_alloc(c->arena, (all.n + (size_t)1) * sizeof(*s->hosts.host));
    for (uint32_t i = 0; i < all.n; i++) s->hosts.host[i] = all.e[i].text;
    return good && host_place(c, s);
}

bool names_resolve(struct compile *c, struct symbol *s, struct symbol *from, struct span at)
{
    if (s->state == STATE_NEW || s->state == STATE_VISITING) {
        if (!symbol_enter(c, s, from, at)) return false;
        symbol_leave(c, s, host_gather(c, s));
    }
    return s->state == STATE_DONE;
}

static bool is_token(const char *s)
{
    static const char others[] = "!#$%&'*+-.^_`|~"; /* RFC 9110, 5.6.2 */
    const size_t len = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return *s && (s[len] == '\0' || (strchr(others, s[len]) && (s[len + 1] == '\0' || is_token(s + len + 1))));
}

/* Return why no client can send this text; NULL: a client can. */
static const char *text_fault(enum text_kind kind, struct str s)
{
    const char *star = memchr(s.s, '*', s.len);
    const bool glob = s.len && s.s[s.len - 1] == '*';
    if (s.len == 0) return "the text is empty";
    if (memchr(s.s, '\0', s.len) || memchr(s.s, '\n', s.len) || memchr(s.s, '\r', s.len))
        return "the text has a zero byte or a line end";
    if (s.len > PBC_NAME_MAX) return "the text is longer than 4096 bytes";
    if (kind == TEXT_ALPN)
        return s.len > 255 ? "protocols have at most 255 bytes" : star ? "write the complete name, without `*`" : NULL;
    if (star && star != s.s + s.len - 1) return "`*` is only possible at the end, where it matches any rest";
    if (kind == TEXT_METHOD) return is_token(s.s) ? NULL : "a method has only letters, digits and a few signs";
    if (kind != TEXT_PATH || s.len == glob) return NULL;
    return stream_path_fault(s.s, s.len - glob);
}

static bool add_text(struct compile *c, const struct node *n, enum text_kind kind, struct listing *out)
{
    const struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;
    if (sym && sym->kind == SYM_NAMES) {
        symbol_want(c, n, SYM(NAMES), "names list");
        diag(c->diags, E_TEXT, n->span, "`%s` has host names, but this place takes texts in quotes", sym->name.s);
        return false;
    }
    const struct node_value v = value_of(c, n);
    if (!v.node) return false;
    if (v.node->kind == N_NAME) {
        symbol_want(c, v.node, SYM(CONST), "constant");
        return false;
    }
    if (v.node->kind != N_STRING) {
        report_wrong_value(c, n, v, "a text in quotes");
        return false;
    }
    const char *fault = text_fault(kind, v.node->v.str);
    listing_add(c, out, v.node->v.str.s, n);
    if (fault) diag(c->diags, E_TEXT, n->span, "this pattern can never match: %s", fault);
    return !fault;
}

bool texts_of(struct compile *c, const struct node *list, enum text_kind kind, uint32_t *index)
{
    struct listing all = {0};
    bool good = true;
    node_each(member, list) good = add_text(c, member, kind, &all) && good;
    if (!good) return false;
    listing_settle(c, &all, text_compare, text_covers);
    return listing_place(c, PBC_NAMES_TEXTS, &all, list->span, index);
}

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

/* Compare by `compare`, then by place. */
static int compare_listed(const void *pa, const void *pb, void *compare)
{
    const struct listed *a = pa, *b = pb;
    const int d = (*(int (**)(const char *, const char *))compare)(a->text, b->text);
    return d ? d : (a->node->span.start > b->node->span.start) - (a->node->span.start < b->node->span.start);
}

/* Entries that others cover: the first, and their count */
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

/* Warn once for each list, at both places of the first covered entry. */
static void warn_covered(struct compile *c, const struct covered *t)
{
    const bool equal = t->count && strcmp(t->e.text, t->by.text) == 0;
    char more[SO_DO_MAX];
    if (!t->count) return;
    if (t->e.node->kind == N_STRING && equal)
        diag(c->diags, W_NESTED_MEMBERS, t->e.node->span, "this member is already in the list%s",
             and_so_do(t->count - 1, more));
    else if (t->e.node->kind == N_STRING)
        diag(c->diags, W_NESTED_MEMBERS, t->e.node->span, "this member is inside `%s` in the list%s", t->by.text,
             and_so_do(t->count - 1, more));
    else
        diag(c->diags, W_NESTED_MEMBERS, t->e.node->span, "`%s` of `%s` %s `%s` of the list%s", t->e.text,
             t->e.node->v.str.s, equal ? "repeats" : "is inside", t->by.text, and_so_do(t->count - 1, more));
    diag_note(c->diags, t->by.node->span, equal ? "here" : "the containing member is here");
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
        report_full(c, at, first == PBC_NONE ? "names and texts in lists" : "lists of names and texts",
                    first == PBC_NONE ? 1u << 24 : 1u << 16);
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

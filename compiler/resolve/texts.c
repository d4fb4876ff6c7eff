/* Lists that conditions on first bytes name: of hosts (hosts.c), and of texts, brought into the order that
 * vm/program/texts.h wants. */
#include <stdlib.h>
#include <string.h>

#include "compiler/resolve/resolve.h"
#include "vm/judge/stream.h"
#include "vm/program/texts.h"

struct entry {
    const char *text;
    const struct node *node;
};

static bool is_token(const char *s)
{
    static const char others[] = "!#$%&'*+-.^_`|~"; /* RFC 9110, 5.6.2 */
    const size_t len = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return *s && (s[len] == '\0' || (strchr(others, s[len]) && (s[len + 1] == '\0' || is_token(s + len + 1))));
}

/* Why nothing that a client sends can be this text; NULL: something can. */
static const char *text_fault(enum text_kind kind, struct str s)
{
    const char *star = memchr(s.s, '*', s.len);
    const bool glob = s.len && s.s[s.len - 1] == '*';

    if (s.len == 0) return "it is empty";
    if (memchr(s.s, '\0', s.len) || memchr(s.s, '\n', s.len) || memchr(s.s, '\r', s.len))
        return "it holds a zero byte or the end of a line";
    if (s.len > PBC_NAME_MAX) return "it is longer than 4096 bytes";
    if (kind == TEXT_ALPN)
        return s.len > 255 ? "protocols have at most 255 bytes" : star ? "write it whole, without `*`" : NULL;
    if (star && star != s.s + s.len - 1) return "`*` stands at the end alone, for anything that follows";
    if (kind == TEXT_METHOD) return is_token(s.s) ? NULL : "a method has letters";
    if (kind != TEXT_PATH || s.len == glob) return NULL;
    return stream_path_fault(s.s, s.len - glob);
}

static bool add_text(struct compile *c, const struct node *n, enum text_kind kind, struct entry *out)
{
    const struct symbol *sym = n->kind == N_NAME ? symbol_find(c->symbols, SPACE_VALUES, n->v.str) : NULL;

    if (sym && sym->kind == SYM_NAMES) {
        symbol_want(c, n, SYM(NAMES), "names list");
        diag(c->diags, E_TEXT, n->span, "`%s` holds names of hosts; here stand texts in quotes", sym->name.s);
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
    *out = (struct entry){v.node->v.str.s, n};
    if (fault) diag(c->diags, E_TEXT, n->span, "no client sends this: %s", fault);
    return !fault;
}

static int compare_entries(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    const int d = text_compare(a->text, b->text);

    return d ? d : (a->node->span.start > b->node->span.start) - (a->node->span.start < b->node->span.start);
}

/* In order, without repetitions and without what a glob of the list covers. */
static uint32_t settle(struct compile *c, struct entry *e, uint32_t n)
{
    uint32_t kept = 0;

    if (n > 1) qsort(e, n, sizeof(*e), compare_entries);
    for (uint32_t i = 0; i < n; i++) {
        const struct entry *last = kept ? &e[kept - 1] : NULL;

        if (!last || (strcmp(last->text, e[i].text) != 0 && !text_covers(last->text, e[i].text))) {
            e[kept++] = e[i];
            continue;
        }
        diag(c->diags, W_NESTED_MEMBERS, e[i].node->span, "this lies inside \"%s\" of the list", last->text);
        diag_note(c->diags, last->node->span, "here");
    }
    return kept;
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

bool texts_of(struct compile *c, const struct node *list, enum text_kind kind, uint32_t *index)
{
    struct entry *e = arena_alloc(c->arena, (node_count(list) + (size_t)1) * sizeof(*e));
    uint32_t n = 0;
    bool good = true;

    node_each(member, list)
    {
        good = add_text(c, member, kind, &e[n]) && good;
        n += good;
    }
    if (!good) return false;
    n = settle(c, e, n);
    const char **texts = arena_alloc(c->arena, (n + (size_t)1) * sizeof(*texts));
    for (uint32_t i = 0; i < n; i++) texts[i] = e[i].text;
    return names_place(c, PBC_NAMES_TEXTS, texts, n, list->span, index);
}

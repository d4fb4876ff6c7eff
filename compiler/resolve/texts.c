/* Lists of texts that conditions on first bytes name: checked, and brought into the order that
 * vm/program/program.h wants. */
#include <string.h>

#include "compiler/resolve/resolve.h"
#include "vm/judge/decide.h"
#include "vm/program/program.h"

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

static bool add_text(struct compile *c, const struct node *n, enum text_kind kind, struct listing *out)
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
    listing_add(c, out, v.node->v.str.s, n);
    if (fault) diag(c->diags, E_TEXT, n->span, "no client sends this: %s", fault);
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

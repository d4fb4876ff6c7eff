/* Declarations, set algebra, rules and packets. */
#include <stdio.h>
#include <string.h>

#include "lang/lex/tokens.tab.h"
#include "lang/parse/build.h"
#include "lang/parse/syntax.h"

struct node *const_decl(struct parser *p, struct span kw, struct str word, struct span word_span, struct node *value)
{
    if (word_find(word.s, word.len) != NAME)
        build_error(p, E_CONST_NAME, word_span, "`%.*s` is a keyword, which can't be a constant's name", (int)word.len,
                    word.s);
    return tree(p, N_CONST, kw, chain(name_node(p, word, word_span), want(p, value, W_SCALAR, "`const`")));
}

static const char *operator_word(enum node_kind op)
{
    return op == N_SET_UNION ? "," : op == N_SET_EXCEPT ? "except" : "and";
}

/* Return the text of a span that is short and on one line, else NULL. */
static const char *short_text(struct parser *p, struct span span)
{
    const size_t len = span.end - span.start;
    if (len > MAX_WORD || memchr(p->text + span.start, '\n', len) || memchr(p->text + span.start, '#', len))
        return NULL;
    return arena_strndup(p->arena, p->text + span.start, len);
}

/* Report `a, b except c`, which could be read in two ways: show both, in the author's words. */
static void mixed_operators(struct parser *p, struct node *left, enum node_kind op, struct span op_span,
                            const struct node *right)
{
    const struct node *last = left->last;
    const char *gap = op == N_SET_UNION ? "" : " ";
    const char *gap_left = left->kind == N_SET_UNION ? "" : " ";
    struct span before = {left->span.file, left->span.start, left->span.start};
    node_each(n, left) if (n->next) before.end = n->span.end;
    build_error(p, E_MIXED, op_span, "`%s` and `%s` in one expression need parentheses",
                operator_word((enum node_kind)left->kind), operator_word(op));
    const char *all = short_text(p, left->span), *first = short_text(p, before), *second = short_text(p, right->span);
    const char *between = short_text(p, last->span), *a = operator_word((enum node_kind)left->kind);
    const char *b = operator_word(op);
    const struct span whole = span_join(left->span, right->span);
    if (!all || !second) {
        diag_advise(p->diags, "write parentheses around what belongs together: (a, b) except c");
        return;
    }
    diag_suggest(p->diags, whole, "(%s)%s%s %s", all, gap, b, second);
    diag_suggest(p->diags, whole, "%s%s%s (%s%s%s %s)", first, gap_left, a, between, gap, b, second);
}

struct node *set_op(struct parser *p, struct node *left, enum node_kind op, struct span op_span, struct node *right)
{
    if (!left || !right) return left ? left : right;
    bool chain_of_ops = left->kind == N_SET_UNION || left->kind == N_SET_EXCEPT || left->kind == N_SET_AND;
    if (chain_of_ops && left->kind != op && !p->stmt.bad) mixed_operators(p, left, op, op_span, right);
    if (!chain_of_ops) left = tree(p, op, left->span, left);
    node_add(left, right);
    left->span = span_join(left->span, right->span);
    return left;
}

/* True for a text that is more likely a device's name than a host's: a number ends it, or `*`, and a dot is at most
 * before that number (a VLAN's). */
static bool is_device(struct str text)
{
    size_t end = text.len;
    if (!text.len || text.len > 15 || memchr(text.s, '/', text.len)) return false;
    while (end > 0 && ((text.s[end - 1] >= '0' && text.s[end - 1] <= '9') || text.s[end - 1] == '*')) end--;
    return end > 0 && end < text.len && !memchr(text.s, '.', end - 1);
}

struct node *set_member(struct parser *p, struct node *value)
{
    if (value->kind == N_SELF) {
        build_error(p, E_SET_MEMBER, value->span,
                    "`self` can't be in a set, because this machine's addresses are known only while prey runs");
        diag_advise(p->diags, "write `self` in the rule, as in `to self, office`");
        return NULL;
    }
    if (value->kind == N_ANY) {
        build_error(p, E_SET_MEMBER, value->span, "`any` can't be in a set");
        diag_suggest_for(p->diags, " for every address", "0.0.0.0/0, ::/0");
        return NULL;
    }
    struct node *member = want(p, value, W_ADDR | W_PREFIX | W_ADDR_RANGE | W_NAME, "`set`");
    if (!member && value->kind == N_STRING)
        diag_advise(
            p->diags, "%s",
            is_device(value->v.str)
                ? SEVERAL_INTERFACES
                : "write the host's addresses, or `file \"...\"` for a file: the compiler doesn't look up host names");
    return member;
}

struct node *live_word(struct parser *p, struct node *word, struct node *values)
{
    const struct span span = word->span;
    const struct node *of = one_of(p, word, "a live set", (const enum clause[]){CL_SIZE, CL_ANSWERS, CL_NONE});
    if (!of) return NULL;
    if (of->v.i == CL_ANSWERS)
        return clause(p, CL_ANSWERS, span, kids(want_list(p, values, W_STRING | W_NAME, "`answers`")));
    if (values->first && values->first->next) {
        build_error(p, E_VALUE, values->first->next->span, "`size` takes one number");
        return NULL;
    }
    return clause(p, CL_SIZE, span, want(p, kids(values), W_INT | W_NAME, "`size`"));
}

struct node *add_word(struct parser *p, struct node *word)
{
    const struct span span = word->span;
    const bool cut = strcmp(word->v.str.s, clause_words(CL_CUT)) == 0;
    if (!one_of(p, word, "`add`", (const enum clause[]){CL_ONCE, CL_CUT, CL_NONE})) return NULL;
    return clause(p, cut ? CL_CUT : CL_ONCE, span, NULL);
}

struct node *condition(struct parser *p, enum node_kind kind, struct span span, struct node *list, unsigned wants,
                       const char *where)
{
    want_list(p, list, wants, where);
    node_each(n, list) if (kind == N_C_OPTIONS && n->kind == N_NAME && offer_tcp_option(p, n->span)) break;
    list->kind = (uint8_t)kind;
    list->span = span;
    return list;
}

struct node *flag_list(struct parser *p, enum node_kind kind, struct span span, struct node *list)
{
    if (list->flags & NF_NOT) {
        build_error(p, E_FLAGS_NOT, span, "flags take no `not`");
        diag_advise(p->diags, "write `has` for flags that must be set, `lacks` for flags that must be clear");
    }
    return condition(p, kind, span, list, W_NAME, kind == N_HAS ? "`has`" : "`lacks`");
}

struct node *rule_new(struct parser *p, struct node *audit, struct node *verdict)
{
    return tree(p, N_RULE, verdict->span, chain(audit, verdict));
}

/* Report `from a port 22`: pf takes the port for the source's, other tools for the destination's. */
static void check_port_after_from(struct parser *p, const struct node *before, const struct node *part)
{
    if (!before || before->kind != N_C_FROM || part->kind != N_C_PORT) return;
    if (word_find(p->text + part->span.start, 4) != PORT || p->text[part->span.start] != 'p') return;
    const struct span word = {part->span.file, part->span.start, part->span.start + 4};
    build_error(p, E_PORT_AFTER_FROM, part->span,
                "`port` directly after `from` could mean the source's or the destination's port");
    const char *condition_text = short_text(p, part->span);
    const struct span replaced = condition_text ? part->span : word;
    const char *text = condition_text ? condition_text : "port";
    diag_suggest(p->diags, replaced, "to %s", text);
    diag_suggest(p->diags, replaced, "source %s", text);
}

static bool is_option(const struct node *n)
{
    return n->kind == N_WITH || n->kind == N_LOG || n->kind == N_AS || n->kind == N_COMMENT;
}

struct node *rule_part(struct parser *p, struct node *rule, struct node *part, struct span keyword)
{
    if (!part) return rule;
    check_port_after_from(p, rule->last, part);
    if (!is_option(part) && is_option(rule->last)) {
        build_error(p, E_ORDER, keyword, "write conditions before `with`, `log`, `as` and `comment`");
        diag_note(p->diags, rule->last->span, "move the condition before this option");
    }
    return adopt(rule, part);
}

struct node *nat_conds_more(struct parser *p, struct node *conds, struct node *cond)
{
    if (conds && cond) check_port_after_from(p, conds->last, cond);
    return append(p, conds, cond);
}

/* Take the `to ADDRS` that ends the conditions, behind `out on`: the form of the target before `->`. NULL: the
 * conditions end otherwise. */
static struct node *old_target(struct parser *p, struct node *conds)
{
    struct node *before = conds->first, *to = conds->last;
    while (before && before->next != to) before = before->next;
    if (!before || before->kind != N_C_OUT_ON || to->kind != N_C_TO) return NULL;
    before->next = NULL;
    conds->last = before;
    return clause(p, CL_TO, to->span,
                  want_list(p, to->first, W_ADDR | W_PREFIX | W_ADDR_RANGE | W_NAME, "`to` after `out on`"));
}

struct node *nat_source(struct parser *p, struct span kw, struct node *conds, struct node *target, struct node *ports)
{
    if (!target) target = old_target(p, conds);
    if (!target) {
        build_error(p, E_SYNTAX, kw, "`source` needs the addresses to translate to");
        diag_advise(p->diags, "write the addresses after the conditions, as in `-> 203.0.113.1`; `masquerade` uses the "
                              "interface's own address");
        return NULL;
    }
    return clause(p, CL_SOURCE, kw, chain(chain(conds->first, target), ports));
}

struct node *when_new(struct parser *p, struct span kw, struct node *conditions, struct node *pools)
{
    const struct node *before = NULL;
    for (const struct node *c = conditions; c; before = c, c = c->next) check_port_after_from(p, before, c);
    return tree(p, N_WHEN, kw, chain(conditions, pools));
}

struct node *packet(struct parser *p, enum clause proto, struct span span, struct node *number, struct node *addrs,
                    struct node *opts)
{
    struct node *n = tree(p, N_PACKET, span, number);
    n->v = (struct value){.kind = VALUE_INT, .i = proto};
    return adopt(adopt(n, addrs), opts);
}

struct node *one_of(struct parser *p, struct node *name, const char *where, const enum clause *choices)
{
    const char *words[CL_COUNT];
    char listed[256] = "";
    size_t n = 0, len = 0;
    for (; choices[n] != CL_NONE; n++) {
        const char *before = n == 0 ? "" : choices[n + 1] == CL_NONE ? " or " : ", ";
        words[n] = clause_words(choices[n]);
        if (strcmp(words[n], name->v.str.s) == 0) return choice(p, choices[n], name->span);
        len += (size_t)snprintf(listed + len, sizeof(listed) - len, "%s`%s`", before, words[n]);
    }
    build_error(p, E_VALUE, name->span, "%s is %s, not `%s`", where, listed, name->v.str.s);
    const char *near = diag_nearest(name->v.str.s, words, n);
    if (near) diag_guess(p->diags, SPAN_NONE, "%s", near);
    return NULL;
}

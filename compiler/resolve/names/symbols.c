/* Declared names: kind, place of declaration, and use.
 *
 * Declarations are read first, in any order; every later stage looks names up here. After syntax errors the text itself
 * is searched for declarations: a name whose declaration did not parse is not reported as missing. */
#include "compiler/resolve/names/symbols.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lang/hash.h"

static const struct kind_row {
    const char *name;
    enum node_kind node;
    enum name_space space;
    bool warns;
} kinds[SYM_COUNT] = {
#define SYMBOL(ident, node, space, name, warns) {name, node, space, warns},
    SYMBOLS(SYMBOL)
#undef SYMBOL
};

/* Space of names that follow a declaring keyword in text that did not parse */
enum { SPACE_LOST = SPACE_COUNT };

const char *article(const char *noun) { return strchr("aeiou", noun[0]) ? "an" : "a"; }

bool str_is(struct str s, const char *word)
{
    return strncmp(s.s, word, s.len) == 0 && word[s.len] == '\0' && s.len > 0;
}

static uint32_t hash_name(unsigned space, struct str name) { return (uint32_t)hash_bytes(space, name.s, name.len); }

static bool str_equal(struct str a, struct str b) { return a.len == b.len && memcmp(a.s, b.s, a.len) == 0; }

static unsigned space_of(const struct symbol *sym)
{
    return sym->kind == SYM_COUNT ? (unsigned)SPACE_LOST : (unsigned)kinds[sym->kind].space;
}

static struct symbol_slot *find_slot(const struct symbols *s, unsigned space, uint32_t hash, struct str name)
{
    for (uint32_t i = hash;; i++) {
        struct symbol_slot *slot = &s->slots[i & (s->size - 1)];
        if (!slot->symbol ||
            (slot->hash == hash && space_of(slot->symbol) == space && str_equal(slot->symbol->name, name)))
            return slot;
    }
}

static void grow_slots(struct compile *c)
{
    struct symbols *s = c->symbols;
    const struct symbol_slot *old = s->slots;
    const uint32_t old_size = s->size;
    s->size = old_size ? old_size * 2 : 64;
    s->slots = arena_alloc(c->arena, s->size * sizeof(*s->slots));
    for (uint32_t i = 0; i < old_size; i++) {
        uint32_t to = old[i].hash;
        if (!old[i].symbol) continue;
        while (s->slots[to & (s->size - 1)].symbol) to++;
        s->slots[to & (s->size - 1)] = old[i];
    }
}

/* Add a symbol to its slot; kind SYM_COUNT is a lost name. */
static struct symbol *insert(struct compile *c, unsigned space, struct str name, enum symbol_kind kind)
{
    struct symbols *s = c->symbols;
    const uint32_t hash = hash_name(space, name);
    if ((s->count + 1) * 2 > s->size) grow_slots(c);
    struct symbol *sym = arena_alloc(c->arena, sizeof(*sym));
    sym->kind = kind;
    sym->name = name;
    sym->index = PBC_NONE;
    *find_slot(s, space, hash, name) = (struct symbol_slot){hash, sym};
    s->count++;
    return sym;
}

static struct symbol *symbol_in_space(const struct symbols *s, unsigned space, struct str name)
{
    return s->size ? find_slot(s, space, hash_name(space, name), name)->symbol : NULL;
}

struct symbol *symbol_find(const struct symbols *s, enum name_space space, struct str name)
{
    return symbol_in_space(s, space, name);
}

struct symbol *symbol_declare(struct compile *c, enum symbol_kind kind, const struct node *decl,
                              const struct node *name)
{
    const enum name_space space = kinds[kind].space;
    const struct str str = name->v.str;
    const struct symbol *before = symbol_find(c->symbols, space, str);
    if (before) {
        if (kind == SYM_RULE)
            diag(c->diags, E_RULE_TWICE, name->span, "two rules have the name `%s`: give each rule its own name",
                 str.s);
        else if (kind == SYM_TEST)
            diag(c->diags, E_TEST_TWICE, name->span, "two tests have the name \"%s\": give each test its own name",
                 str.s);
        else
            diag(c->diags, E_DECLARED_TWICE, name->span, "`%s` is already the name of %s %s", str.s,
                 article(kinds[before->kind].name), kinds[before->kind].name);
        diag_note(c->diags, before->span, "first declared here");
        return NULL;
    }
    struct symbol *sym = insert(c, space, str, kind);
    sym->span = name->span;
    sym->decl = decl;
    *c->symbols->end = sym;
    c->symbols->end = &sym->next;
    return sym;
}

static bool is_word_char(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-';
}

/* True if the word declares a name. `as` declares rules; `expect pool` isn't a declaration. */
static bool is_declaring(struct str word, struct str before)
{
    if (str_is(word, "as")) return true;
    if (str_is(before, "expect")) return false;
    for (unsigned k = 0; k < SYM_COUNT; k++)
        if (str_is(word, node_kind_name(kinds[k].node))) return true;
    return false;
}

/* True for `check alive` as a complete statement of a pool, which uses the name. */
static bool is_whole_word(struct str keyword, const char *text, const char *end)
{
    if (!str_is(keyword, "check")) return false;
    while (text < end && (*text == ' ' || *text == '\t')) text++;
    return text == end || strchr(";}#\r\n", *text);
}

/* Collect lost names in one linear walk over words: `set office` makes "office" one. */
static void find_lost_names(struct compile *c)
{
    for (uint32_t f = 0; f < c->sources.count; f++) {
        const char *text = c->sources.files[f].text;
        const char *const end = text + c->sources.files[f].len;
        bool declares = false;
        struct str before = {"", 0};
        for (const char *from; text < end;) {
            if (!is_word_char(*text)) {
                declares = declares && (*text == ' ' || *text == '\t');
                text++;
                continue;
            }
            for (from = text; text < end && is_word_char(*text);) text++;
            const struct str word = {from, (size_t)(text - from)};
            if (declares && word.len <= 255 && !is_whole_word(before, text, end) &&
                !symbol_in_space(c->symbols, SPACE_LOST, word))
                insert(c, SPACE_LOST, (struct str){arena_strndup(c->arena, from, word.len), word.len}, SYM_COUNT);
            declares = !declares && is_declaring(word, before);
            before = word;
        }
    }
}

static void declare_one(struct compile *c, const struct node *n)
{
    for (unsigned k = 0; k < SYM_COUNT; k++)
        if (kinds[k].node == (enum node_kind)n->kind && k != SYM_RULE && n->first && n->first->kind == N_NAME) {
            if (symbol_declare(c, k, n, n->first) && k == SYM_SET) c->symbols->sets++;
            return;
        }
}

static void declare_file(struct compile *c, const struct node *file);

static void declare_included(struct compile *c, const struct node *include)
{
    c->symbols->file_lost |= include->flags & NF_UNREAD;
    if (include->flags & NF_NO_MATCH)
        diag(c->diags, W_INCLUDE_NONE, include->first->span,
             "no file matches this pattern, so the compiler includes nothing");
    node_each(part, include) if (part->kind == N_FILE) declare_file(c, part);
}

static void declare_file(struct compile *c, const struct node *file)
{
    node_each(n, file)
    {
        if (n->kind == N_INCLUDE)
            declare_included(c, n);
        else
            declare_one(c, n);
    }
}

void declare_names(struct compile *c)
{
    c->symbols = arena_alloc(c->arena, sizeof(*c->symbols));
    c->symbols->end = &c->symbols->first;
    c->symbols->text_at_fault = diags_errors(c->diags) > 0;
    declare_file(c, c->tree);
    if (c->symbols->text_at_fault) find_lost_names(c);
}

void symbols_free(struct symbols *s)
{
    if (!s) return;
    for (struct symbol *sym = s->first; sym; sym = sym->next)
        if (sym->kind == SYM_SET) set_fini(&sym->set);
    free(s->files);
}

enum { COMPARED_MAX = 1000000 }; /* bounds the work of suggestions for a long list of misspellings */

/* Suggest the nearest of the wanted names, if one is close, and note its declaration. */
static void suggest(struct compile *c, struct str name, unsigned wanted)
{
    const struct symbols *s = c->symbols;
    const char *mac = wanted & SYM(MACS) ? mac_meant(c->arena, name.s, name.len) : NULL;
    size_t n = 0;
    if (mac) diag_suggest(c->diags, SPAN_NONE, "%s", mac);
    if (mac || c->symbols->compared > COMPARED_MAX) return;
    const char **names = arena_alloc(c->arena, (s->count + 1) * sizeof(*names));
    for (const struct symbol *sym = s->first; sym; sym = sym->next)
        if (wanted & 1u << sym->kind) names[n++] = sym->name.s;
    const char *nearest = diag_nearest(name.s, names, n);
    c->symbols->compared += n;
    if (!nearest && wanted & SYM(PORTS)) diag_advise(c->diags, "write ports as numbers");
    if (!nearest && wanted & SYM(INTERFACE)) diag_advise(c->diags, "put a device's name in quotes");
    if (!nearest) return;
    diag_guess(c->diags, SPAN_NONE, "%s", nearest);
    for (const struct symbol *sym = s->first; sym; sym = sym->next)
        if (sym->name.s == nearest) diag_note(c->diags, sym->span, "`%s` is declared here", nearest);
}

static const struct symbol *find_anywhere(const struct symbols *s, struct str name)
{
    for (unsigned space = 0; space < SPACE_RULES; space++) {
        const struct symbol *sym = symbol_in_space(s, space, name);
        if (sym) return sym;
    }
    return NULL;
}

bool symbol_lost(const struct compile *c, struct str name)
{
    return c->symbols->file_lost || symbol_in_space(c->symbols, SPACE_LOST, name);
}

struct symbol *symbol_want(struct compile *c, const struct node *name, unsigned wanted, const char *what)
{
    const struct str str = name->v.str;
    for (unsigned space = 0; space < SPACE_COUNT; space++) {
        struct symbol *sym = symbol_find(c->symbols, space, str);
        if (sym && wanted & 1u << sym->kind) {
            sym->used = true;
            return sym;
        }
    }
    struct symbol *other = (struct symbol *)find_anywhere(c->symbols, str);
    if (other) {
        other->used = true; /* the misspelt name was meant for this symbol */
        diag(c->diags, E_WRONG_KIND, name->span, "`%s` is %s %s, not %s %s", str.s, article(kinds[other->kind].name),
             kinds[other->kind].name, article(what), what);
        diag_note(c->diags, other->span, "declared here");
        if (other->kind == SYM_INTERFACE && wanted & (SYM(SET) | SYM(CONST)))
            diag_advise(c->diags,
                        "write `on %s` for packets that arrive by this interface, `out on %s` for packets that leave "
                        "by this interface; `self` "
                        "means this machine's addresses",
                        str.s, str.s);
    } else if (!symbol_lost(c, str)) {
        diag(c->diags, E_NO_SUCH_NAME, name->span, "no %s is called `%s`", what, str.s);
        suggest(c, str, wanted);
    }
    return NULL;
}

void mark_names_used(struct compile *c, const struct node *n)
{
    if (n->kind == N_NAME)
        for (unsigned space = 0; space < SPACE_COUNT; space++) {
            struct symbol *sym = symbol_find(c->symbols, space, n->v.str);
            if (sym) sym->used = true;
        }
    node_each(child, n) mark_names_used(c, child);
}

static void report_cycle(struct compile *c, const struct symbol *s, const struct symbol *from, struct span at)
{
    char text[1024] = "";
    const struct symbol *path[NEST_MAX + 1];
    unsigned n = 0;
    size_t used = 0;
    for (const struct symbol *p = from; p && n < NEST_MAX; p = p->used_by) {
        path[n++] = p;
        if (p == s) break;
    }
    for (unsigned i = n; i-- > 0 && used < sizeof(text) - 80;)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%.64s -> ", path[i]->name.s);
    diag(c->diags, E_NAME_CYCLE, at, "the %s `%s` contains itself: %s%.64s", kinds[s->kind].name, s->name.s, text,
         s->name.s);
    for (unsigned i = n; i-- > 0;) diag_note(c->diags, path[i]->span, "`%s` is declared here", path[i]->name.s);
}

bool symbol_enter(struct compile *c, struct symbol *s, struct symbol *from, struct span at)
{
    if (s->state == STATE_VISITING) {
        report_cycle(c, s, from, at);
        return false;
    }
    if (c->symbols->depth >= NEST_MAX) {
        diag(c->diags, E_NEST_DEEP, at, "`%s` is nested in more than %d other names", s->name.s, NEST_MAX);
        return false;
    }
    c->symbols->depth++;
    s->state = STATE_VISITING;
    s->used_by = from;
    return true;
}

void symbol_leave(struct compile *c, struct symbol *s, bool good)
{
    c->symbols->depth--;
    s->state = good ? STATE_DONE : STATE_BAD;
    s->used_by = NULL;
}

/* True if the names differ by one letter: replaced, added or missing. Not by a digit, as in lan4 and lan6. */
static bool letter_apart(struct str a, struct str b)
{
    const size_t shorter = a.len < b.len ? a.len : b.len;
    size_t head = 0, tail = 0;
    if (a.len > b.len + 1 || b.len > a.len + 1) return false;
    while (head < shorter && a.s[head] == b.s[head]) head++;
    while (tail < shorter - head && a.s[a.len - 1 - tail] == b.s[b.len - 1 - tail]) tail++;
    if (a.len == b.len && head < shorter && isdigit((unsigned char)a.s[head]) && isdigit((unsigned char)b.s[head]))
        return false;
    return head + tail + 1 >= (a.len > b.len ? a.len : b.len);
}

/* Warn about an unused set whose name is likely a misspelling of another's. */
static bool warn_mistyped(struct compile *c, const struct symbol *s)
{
    const struct symbol *other = s->kind == SYM_SET ? c->symbols->first : NULL;
    if (c->symbols->compared > COMPARED_MAX) return false;
    while (other && !(other->used && other->kind == SYM_SET && letter_apart(s->name, other->name))) other = other->next;
    c->symbols->compared += c->symbols->count;
    if (!other) return false;
    diag(c->diags, W_MISTYPED_SET, s->span,
         "no rule uses the set `%s`, but a rule uses `%s`, which differs by one letter", s->name.s, other->name.s);
    diag_note(c->diags, other->span, "`%s` is declared here", other->name.s);
    diag_advise(c->diags, "perhaps a rule names the wrong set");
    return true;
}

void warn_unused(struct compile *c)
{
    if (c->symbols->text_at_fault) /* text that did not parse may use the name */
        return;
    for (const struct symbol *s = c->symbols->first; s; s = s->next)
        if (!s->used && kinds[s->kind].warns && !warn_mistyped(c, s))
            diag(c->diags, s->kind == SYM_CHAIN ? W_CHAIN_UNUSED : W_UNUSED_NAME, s->span,
                 s->kind == SYM_CHAIN ? "no `do` calls the %s `%s`" : "nothing uses the %s `%s`", kinds[s->kind].name,
                 s->name.s);
}

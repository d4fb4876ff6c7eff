/* Sets as nft lists them (nft(8): `nft list set`, `nft list ruleset`) and as its files write them: `elements = { ... }`
 * of a set, `add element ... { ... }`, `define NAME = { ... }`. Chains, maps and everything else of a ruleset are
 * skipped. */
#include <string.h>

#include "vm/words/words_priv.h"

enum token_kind { T_WORD, T_STRING, T_MARK /* one of `{},=` */, T_STOP /* a line's end or `;` */, T_END };

struct token {
    enum token_kind kind;
    struct addr_word w;
};

enum { WORDS_KEPT = 5 };

/* The statement being read: its first words and its last one. */
struct statement {
    struct addr_word word[WORDS_KEPT], last;
    unsigned words;
};

struct nft {
    struct addr_scan *s;
    struct statement st;
    struct addr_set_name table; /* enclosing table; its `name` is empty */
    struct addr_set_name set;   /* enclosing set; name.len 0: none */
    bool other;                 /* true if the set's elements are not addresses */
    struct addr_word kind;      /* type of the first set of other elements */
    struct addr_word first;     /* the file's first word */
    uint64_t tables;            /* open blocks that may hold sets */
    uint64_t found;             /* number of address sets found */
    bool lost;                  /* true once per block without end was reported */
};

static struct token stop(struct addr_scan *s, size_t len)
{
    struct token t = {T_STOP, {s->at, s->line_start, len, s->line}};
    const bool line_ends = *s->at == '\n';
    s->at += len;
    if (line_ends) {
        s->line++;
        s->line_start = s->at;
    }
    return t;
}

/* Read a string; it must end on its line. */
static struct token string(struct addr_scan *s)
{
    struct token t = {T_STRING, {s->at, s->line_start, 1, s->line}};
    const char *p = s->at + 1;
    while (p < s->end && *p != '"' && *p != '\n') p++;
    t.w.len = (size_t)(p - s->at);
    s->at = p;
    if (p < s->end && *p == '"')
        s->at++, t.w.len++;
    else
        addr_bad(s, &t.w, ADDR_BRACES);
    return t;
}

static struct token next(struct nft *f)
{
    struct addr_scan *s = f->s;
    for (;;) {
        while (s->at < s->end && addr_is_blank(*s->at)) s->at++;
        if (s->at == s->end || *s->at != '#') break;
        const char *newline = memchr(s->at, '\n', (size_t)(s->end - s->at));
        s->at = newline ? newline : s->end;
    }
    if (s->at == s->end) return (struct token){T_END, {s->at, s->line_start, 0, s->line}};
    if (*s->at == '\n' || *s->at == ';') return stop(s, 1);
    if (*s->at == '"') return string(s);
    struct token t = {strchr("{},=", *s->at) ? T_MARK : T_WORD, {s->at, s->line_start, 1, s->line}};
    const char *p = s->at + 1;
    if (t.kind == T_WORD)
        while (p < s->end && !addr_is_blank(*p) && !strchr("\n;\"{},=#", *p)) p++;
    t.w.len = (size_t)(p - s->at);
    s->at = p;
    return t;
}

static bool is_mark(const struct token *t, char mark) { return t->kind == T_MARK && *t->w.s == mark; }

/* Skip to the `}` of the block that `open` began. */
static void skip_block(struct nft *f, const struct addr_word *open)
{
    uint64_t depth = 1;
    while (depth) {
        const struct token t = next(f);
        if (t.kind == T_END) {
            addr_bad(f->s, open, ADDR_BRACES);
            f->lost = true;
            return;
        }
        if (is_mark(&t, '{')) depth++;
        if (is_mark(&t, '}')) depth--;
    }
}

/* True if the word may be behind an element. The first word names the option; no word of an option is an address. */
static bool good_option(const struct addr_word *w, bool first)
{
    static const char *const begin[] = {"timeout", "expires", "counter", "comment", "limit",
                                        "quota",   "last",    "ct",      NULL};
    struct addr_member m;
    return first ? addr_word_in(w, begin) : addr_text_member(w->s, w->len, &m) != ADDR_GOOD;
}

/* Read one element. *t is its first token, and then the token that ends it. */
static void read_element(struct nft *f, struct token *t, const struct addr_set_name *set, bool *refused)
{
    const struct addr_word entry = t->w;
    bool good = true;
    if (t->kind != T_WORD) addr_bad(f->s, &entry, ADDR_NONE);
    good = t->kind == T_WORD;
    for (unsigned words = 0;; words++) {
        *t = next(f);
        while (t->kind == T_STOP) *t = next(f);
        if (t->kind == T_END || is_mark(t, ',') || is_mark(t, '}')) break;
        if (!good || (t->kind == T_STRING && words)) continue;
        good = t->kind == T_WORD && good_option(&t->w, words == 0);
        if (!good) addr_bad(f->s, &t->w, ADDR_OPTION);
        if (is_mark(t, '{')) skip_block(f, &t->w);
    }
    if (good) addr_take(f->s, &entry, set, refused);
}

/* Read the elements behind their `{`. */
static void read_elements(struct nft *f, const struct addr_word *open, const struct addr_set_name *set)
{
    bool refused = false;
    struct token t;
    f->found++;
    do {
        t = next(f);
        while (t.kind == T_STOP) t = next(f);
        if (t.kind == T_END || is_mark(&t, '}')) break;
        if (!is_mark(&t, ',')) read_element(f, &t, set, &refused);
    } while (is_mark(&t, ','));
    if (t.kind != T_END) return;
    if (!f->lost) addr_bad(f->s, open, ADDR_BRACES);
    f->lost = true;
}

static bool word_is(const struct statement *st, unsigned i, const char *text)
{
    return i < st->words && i < WORDS_KEPT && addr_word_is(&st->word[i], text);
}

/* Note the type: a set of addresses has `type ipv4_addr` or `typeof ip saddr`, without further fields. */
static void note_type(struct nft *f)
{
    static const char *const types[] = {"ipv4_addr", "ipv6_addr", NULL}, *const families[] = {"ip", "ip6", NULL};
    static const char *const fields[] = {"saddr", "daddr", NULL};
    const struct statement *st = &f->st;
    bool good = true;
    if (word_is(st, 0, "type"))
        good = st->words == 2 && addr_word_in(&st->word[1], types);
    else if (word_is(st, 0, "typeof"))
        good = st->words == 3 && addr_word_in(&st->word[1], families) && addr_word_in(&st->word[2], fields);
    if (good) return;
    f->other = true;
    if (!f->kind.len && st->words > 1) f->kind = st->word[1];
}

static void end_statement(struct nft *f)
{
    if (f->set.name.len) note_type(f);
    f->st.words = 0;
}

/* Return the table that the words from `first` up to `end` name: `inet filter`, or just `filter`. */
static struct addr_set_name in_table(const struct statement *st, unsigned first, unsigned end)
{
    struct addr_set_name t = {0};
    if (end > WORDS_KEPT || first >= end) return t;
    t.table = st->word[end - 1];
    if (end - first > 1) t.family = st->word[end - 2];
    return t;
}

static void open_block(struct nft *f, const struct addr_word *open)
{
    static const char *const verbs[] = {"add", "create", "delete", "destroy", "reset", "replace", NULL};
    const struct statement st = f->st;
    const unsigned at = st.words && addr_word_in(&st.word[0], verbs); /* the word for the made object: `set` */
    f->st.words = 0;
    if (f->set.name.len && word_is(&st, 0, "elements") && !f->other) {
        read_elements(f, open, &f->set);
    } else if (f->set.name.len) {
        skip_block(f, open);
    } else if (word_is(&st, at, "table")) {
        f->tables++;
        f->table = in_table(&st, at + 1, st.words);
    } else if (word_is(&st, at, "set")) {
        f->set = f->table;
        if (st.words > at + 2) f->set = in_table(&st, at + 1, st.words - 1);
        f->set.name = st.last;
        f->other = false;
    } else if (word_is(&st, at, "element") && (word_is(&st, 0, "delete") || word_is(&st, 0, "destroy"))) {
        addr_bad(f->s, &st.word[0], ADDR_COMMAND);
        skip_block(f, open);
    } else if (word_is(&st, at, "element")) {
        struct addr_set_name set = in_table(&st, at + 1, st.words - 1);
        set.name = st.last;
        read_elements(f, open, &set);
    } else if (word_is(&st, 0, "define") && st.words > 1) {
        read_elements(f, open, &(struct addr_set_name){.name = st.word[1]});
    } else if (word_is(&st, 0, "elements")) {
        read_elements(f, open, &(struct addr_set_name){.name = st.word[0]});
    } else {
        skip_block(f, open);
    }
}

static void close_block(struct nft *f, const struct addr_word *close)
{
    end_statement(f);
    if (f->set.name.len) {
        f->found += !f->other;
        f->set.name.len = 0;
    } else if (f->tables) {
        f->tables--;
        f->table = (struct addr_set_name){0};
    } else {
        addr_bad(f->s, close, ADDR_BRACES);
    }
}

static void take_word(struct statement *st, const struct addr_word *w)
{
    if (st->words < WORDS_KEPT) st->word[st->words] = *w;
    if (st->words < UINT32_MAX) st->words++;
    st->last = *w;
}

void addr_read_nft(struct addr_scan *s)
{
    struct nft f = {.s = s};
    struct token t;
    s->line = 1;
    while ((t = next(&f)).kind != T_END) {
        if (!f.first.len && t.kind != T_STOP) f.first = t.w;
        if (t.kind == T_STOP)
            end_statement(&f);
        else if (is_mark(&t, '{'))
            open_block(&f, &t.w);
        else if (is_mark(&t, '}'))
            close_block(&f, &t.w);
        else if (t.kind != T_MARK)
            take_word(&f.st, &t.w);
    }
    if (f.lost) return;
    if (f.tables || f.set.name.len)
        addr_bad(s, &f.first, ADDR_BRACES);
    else if (f.kind.len && !f.found)
        addr_bad(s, &f.kind, ADDR_KIND);
    else if (!f.found)
        addr_bad(s, &f.first, ADDR_NO_SET);
}

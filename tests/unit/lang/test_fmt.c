/* The formatter keeps a program's meaning. Programs with any disorder of blanks, line breaks and comments get the
 * same tree and comments after formatting, and formatting again changes nothing. */
#include "parsed.h"

#include <errno.h>

#include "lang/lex/lex.h"
#include "lang/lex/tokens.tab.h"
#include "lang/parse/parse_file.h"
#include "tests/lib/draw.h"

struct words {
    struct sources sources;
    struct diags *diags;
    struct arena *arena;
    struct token_log log;
    struct node *tree;
};

static void words_of(struct words *w, const char *text, size_t len)
{
    *w = (struct words){.arena = arena_new()};
    sources_init(&w->sources);
    w->diags = diags_new(&w->sources);
    assert_int_equal(sources_add(&w->sources, "f.prey", text, len), 0);
    w->tree = parse_alone(w->arena, &w->sources, w->diags, 0, &w->log);
}

static void words_fini(struct words *w)
{
    free(w->log.tokens);
    diags_free(w->diags);
    sources_fini(&w->sources);
    arena_free(w->arena);
}

/* ---- disorder ---- */

struct mess {
    struct rng *r;
    FILE *out;
    unsigned comments, parens;
};

static void comment(struct mess *m)
{
    static const char *const texts[] = {"", " — é", " { ; \\ ", "\t", "  ", " set a = b"};

    fprintf(m->out, "#%s<%u>%s\n", rng_one_in(m->r, 3) ? "" : " ", m->comments++, texts[rng_below(m->r, 6)]);
}

static void blanks(struct mess *m)
{
    static const char *const some[] = {" ", " ", "   ", "\t", " \\\n", "\\\n\t"};

    fputs(some[rng_below(m->r, 6)], m->out);
}

static void newlines(struct mess *m)
{
    static const char *const some[] = {"\n", "\n", "\n\n\n", "\r\n", " \n \n", "\n \\\n"};

    fputs(some[rng_below(m->r, 6)], m->out);
}

static bool begins_statement(int kind)
{
    switch (kind) {
    case CONST:
    case SET:
    case PORTS:
    case MACS:
    case NAMES:
    case INTERFACE:
    case METER:
    case SCHEDULE:
    case CHECK:
    case POOL:
    case NAT:
    case CHAIN:
    case SERVICE:
    case FIREWALL:
    case INCLUDE:
    case TEST:
    case LIMITS:
    case TIMEOUTS:
    case ACCEPT:
    case DROP:
    case REJECT:
    case DO:
    case RETURN:
    case COUNT:
    case LOG:
    case DECAP:
    case AUDIT:
    case ELSE:
    case MIRROR:
    case ADD: return true;
    default: return false;
    }
}

/* Put a gap between words of one statement. */
static void inner_gap(struct mess *m, int before, int after)
{
    const bool goes_on = before == COMMA || before == EQ || before == ARROW || before == COLON || m->parens;

    if (goes_on && !begins_statement(after) && rng_one_in(m->r, 4)) {
        if (rng_one_in(m->r, 2)) {
            blanks(m);
            comment(m);
            if (rng_one_in(m->r, 3)) comment(m);
        } else {
            newlines(m);
            fputc(' ', m->out);
        }
    } else if ((before != COMMA && before != LPAREN && after != COMMA && after != RPAREN) || !rng_one_in(m->r, 3)) {
        blanks(m);
    }
}

/* Put a gap between statements; `close`: the next word is the `}` of the block, or the text ends. */
static void outer_gap(struct mess *m, bool close)
{
    switch (rng_below(m->r, close ? 4 : 6)) {
    case 0:
        blanks(m);
        comment(m);
        break;
    case 1:
        newlines(m);
        comment(m);
        if (rng_one_in(m->r, 2)) newlines(m);
        break;
    case 2: fputs(" ;; ", m->out); break;
    case 3:
        fputc(';', m->out);
        newlines(m);
        break;
    default: newlines(m);
    }
}

static char *disorder(const struct words *w, struct rng *r, struct mess *m)
{
    char *text = NULL;
    size_t len;
    int before = NL;
    bool fresh = true;

    *m = (struct mess){.r = r, .out = open_memstream(&text, &len)};
    for (uint32_t i = 0; i < w->log.count; i++) {
        const struct logged *t = &w->log.tokens[i];

        if (t->kind == NL || t->kind == YYEOF) {
            if (t->kind == NL) outer_gap(m, w->log.tokens[i + 1].kind == RBRACE);
            fresh = true;
            continue;
        }
        if (fresh && (before == LBRACE || before == RBRACE) && rng_one_in(r, 2)) {
            blanks(m);
            comment(m);
        } else if (fresh && rng_one_in(r, 3)) {
            fputs("  ", m->out);
        } else if (!fresh) {
            inner_gap(m, before, t->kind);
        }
        fwrite(w->sources.files[0].text + t->start, 1, t->end - t->start, m->out);
        m->parens += t->kind == LPAREN;
        m->parens -= t->kind == RPAREN;
        before = t->kind;
        fresh = before == LBRACE || before == RBRACE;
    }
    fclose(m->out);
    return text;
}

/* ---- invariants ---- */

static void comments_are(const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char mark[16];

        snprintf(mark, sizeof(mark), "<%u>", i);
        text = strstr(text, mark);
        assert_non_null(text);
    }
}

static void is_tidy(const char *text)
{
    assert_true(*text != '\n');
    assert_null(strstr(text, " \n"));
    assert_null(strstr(text, "\t\n"));
    assert_null(strstr(text, "\r"));
    assert_null(strstr(text, "\n\n\n"));
    assert_null(strstr(text, "{\n\n"));
    assert_null(strstr(text, "\n\n}"));
    assert_true(!*text || text[strlen(text) - 1] == '\n');
}

static void show(const char *title, const char *text)
{
    print_message("---- %s ----\n%s\n", title, text ? text : "none");
}

static char *formatted(const char *text)
{
    struct sources sources;
    char *out;
    size_t len;

    sources_init(&sources);
    struct diags *d = diags_new(&sources);
    assert_int_equal(sources_add(&sources, "f.prey", text, strlen(text)), 0);
    const int rc = lang_format(&sources, d, 0, &out, &len);
    if (rc) {
        show("not formatted", text);
        diags_print_text(d, stdout, false);
    }
    assert_int_equal(rc, 0);
    diags_free(d);
    sources_fini(&sources);
    return out;
}

static void survives(const struct words *w, struct rng *r)
{
    struct words again;
    struct mess m;
    char *text = disorder(w, r, &m);
    char *once = formatted(text), *twice = formatted(once);

    words_of(&again, once, strlen(once));
    if (diags_errors(again.diags) || !node_equal(w->tree, again.tree) || strcmp(once, twice) != 0) {
        show("before", text);
        show("once", once);
        show("twice", twice);
    }
    assert_int_equal(diags_errors(again.diags), 0);
    assert_true(node_equal(w->tree, again.tree));
    assert_string_equal(once, twice);
    comments_are(once, m.comments);
    is_tidy(once);
    words_fini(&again);
    free(text);
    free(once);
    free(twice);
}

static unsigned rounds(unsigned n)
{
    const char *more = getenv("LONG");

    return more && *more ? n * 20 : n;
}

static void drawn_programs_survive_disorder(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= rounds(60); seed++) {
        struct rng r = {seed};
        struct text text = {0};
        struct stock stock;
        struct words w;

        stock_draw(&stock, &r);
        rules_draw(&text, &stock, &r, 1 + rng_below(&r, 30));
        for (size_t i = 0; i < text.len; i++)
            if (text.s[i] == DRAW_SPLIT || text.s[i] == DRAW_LINE) text.s[i] = ' ';
        words_of(&w, text.s, text.len);
        assert_int_equal(diags_errors(w.diags), 0);
        survives(&w, &r);
        words_fini(&w);
        text_free(&text);
    }
}

/* Files that together use the whole grammar. */
static void every_construct_survives_disorder(void **state)
{
    static const char *const paths[] = {
        "tests/golden/ast/declarations.prey", "tests/golden/ast/firewall.prey", "tests/golden/ast/services.prey",
        "tests/golden/ast/settings.prey",     "tests/golden/ast/tests.prey",    "rules-examples/web-server.prey",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct sources s;
        struct words w;

        sources_init(&s);
        assert_int_equal(sources_read(&s, paths[i], 1 << 20), 0);
        words_of(&w, s.files[0].text, s.files[0].len);
        assert_int_equal(diags_errors(w.diags), 0);
        for (unsigned seed = 1; seed <= rounds(40); seed++) {
            struct rng r = {seed};
            survives(&w, &r);
        }
        words_fini(&w);
        sources_fini(&s);
    }
}

/* ---- single cases ---- */

static void becomes(const char *before, const char *after)
{
    char *text = formatted(before);

    assert_string_equal(text, after);
    free(text);
}

static void nothing_stays_nothing(void **state)
{
    (void)state;
    becomes("", "");
    becomes("\n\n \\\n;;\n", "");
    becomes("\xef\xbb\xbf# bom\r\n", "# bom\n");
    becomes("# a\n\n\n\n# b", "# a\n\n# b\n");
}

static void values_keep_their_spelling(void **state)
{
    (void)state;
    becomes("const a=0x1F;const b=1_000", "const a = 0x1F\nconst b = 1_000\n");
    becomes("set s=2001:DB8:0:0::1,::ffff:1.2.3.4", "set s = 2001:DB8:0:0::1, ::ffff:1.2.3.4\n");
    becomes("const s=\"a\\x41\\t#\"", "const s = \"a\\x41\\t#\"\n");
    becomes("meter m=1/s per source/24 , /64", "meter m = 1/s per source/24,/64\n");
}

static void blocks_stay_on_their_line(void **state)
{
    (void)state;
    becomes("chain c{accept;drop udp}", "chain c { accept; drop udp }\n");
    becomes("chain c{accept\n}", "chain c {\n  accept\n}\n");
    becomes("chain c{}chain d{ # x\n}", "chain c { }\nchain d {  # x\n}\n");
}

static void faults_leave_nothing(void **state)
{
    struct sources s;
    char *out;
    size_t len;

    (void)state;
    sources_init(&s);
    struct diags *d = diags_new(&s);
    assert_int_equal(sources_add(&s, "f", "set a = \n", 9), 0);
    assert_int_equal(lang_format(&s, d, 0, &out, &len), -EINVAL);
    assert_null(out);
    assert_int_equal(diags_errors(d), 1);
    diags_free(d);
    sources_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_programs_survive_disorder), cmocka_unit_test(every_construct_survives_disorder),
        cmocka_unit_test(nothing_stays_nothing),           cmocka_unit_test(values_keep_their_spelling),
        cmocka_unit_test(blocks_stay_on_their_line),       cmocka_unit_test(faults_leave_nothing),
    };
    return cmocka_run_group_tests_name("fmt", tests, NULL, NULL);
}

/* A parsed text: its tree and the reports on it. Shared by the tests of lang/. */
#ifndef TESTS_UNIT_LANG_PARSED_H
#define TESTS_UNIT_LANG_PARSED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/diag/diag_priv.h"
#include "lang/lang.h"

struct parsed {
    struct arena *arena;
    struct sources sources;
    struct diags *diags;
    struct node *tree;
};

static inline void parse_n(struct parsed *p, const char *text, size_t len)
{
    p->arena = arena_new();
    sources_init(&p->sources);
    p->diags = diags_new(&p->sources);
    p->tree = lang_parse_text(p->arena, &p->sources, p->diags, "test.prey", text, len);
}

static inline void parsed_fini(struct parsed *p)
{
    diags_free(p->diags);
    sources_fini(&p->sources);
    arena_free(p->arena);
}

/* Return the codes of all diagnostics, by place, as "E0101@2:5 E0107@3:1". The caller frees it. */
static inline char *codes_of(struct parsed *p)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    diags_sort(p->diags);
    for (uint32_t i = 0; i < p->diags->count; i++) {
        const struct entry *e = &p->diags->entries[i];
        unsigned line, col;
        source_place(&p->sources, e->span.file, e->span.start, &line, &col);
        fprintf(out, "%s%s@%u:%u", i ? " " : "", diag_rows[e->code].code, line, col);
    }
    fclose(out);
    return text;
}

/* Return the tree as lang_dump prints it, without its first line. The caller frees it. */
static inline char *dump_of(struct parsed *p)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    lang_dump(p->tree, &p->sources, out);
    fclose(out);
    char *body = strdup(strchr(text, '\n') + 1);
    free(text);
    return body;
}

static inline void expect_codes(const char *text, const char *codes)
{
    struct parsed p;
    parse_n(&p, text, strlen(text));
    char *got = codes_of(&p);
    if (strcmp(got, codes) != 0) print_message("text: %s\n", text);
    assert_string_equal(got, codes);
    free(got);
    parsed_fini(&p);
}

#endif

/* Rule text to rule list, for tests of the compiler's front half. */
#ifndef TESTS_UNIT_COMPILER_FRONT_H
#define TESTS_UNIT_COMPILER_FRONT_H

#include <string.h>

#include "compiler/compiler.h"
#include "compiler/resolve/resolve.h"

/* Parse and resolve `text`. The caller frees c with compile_fini. */
static inline void front(struct compile *c, const char *text)
{
    compile_init(c);
    c->tree = lang_parse_text(c->arena, &c->sources, c->diags, "test.prey", text, strlen(text));
    declare_names(c);
    resolve_rules(c);
    warn_unused(c);
}

/* Return the diagnostics as JSON text, malloc'd. */
static inline char *front_said(struct compile *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    diags_print_json_with(c->diags, f, NULL, NULL);
    fclose(f);
    return text;
}

#endif

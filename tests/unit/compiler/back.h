/* Rule text through the whole compiler, for tests of its back half. */
#ifndef TESTS_UNIT_COMPILER_BACK_H
#define TESTS_UNIT_COMPILER_BACK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/normal/ir.h"

/* Compile rules. The caller frees c with compile_fini. */
static inline int compile_rules(struct compile *c, const char *text)
{
    compile_init(c);
    return compile_text(c, "test.prey", text, strlen(text));
}

/* Return the diagnostics as JSON text, malloc'd. */
static inline char *what_it_said(struct compile *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    diags_print_json_with(c->diags, f, NULL, NULL);
    fclose(f);
    return text;
}

/* Return the number of diagnostics with that code. */
static inline unsigned times_said(struct compile *c, const char *code)
{
    char *said = what_it_said(c), wanted[32];
    unsigned n = 0;

    snprintf(wanted, sizeof(wanted), "\"%s\"", code);
    for (const char *p = said; (p = strstr(p, wanted)); p++) n++;
    free(said);
    return n;
}

#endif

/* The compiler and the loader in one; few of the compiler's doubts are reported. */
#include "tests/lib/compiled.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "compiler/compiler.h"
#include "vm/program/program.h"

static struct program *compiled(const char *text, bool tells)
{
    struct compile c;
    char why[256] = "";
    struct program *p = NULL;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    if (compile_text(&c, "test.prey", text, strlen(text)) == 0) p = program_load(c.pbc, c.pbc_len, why, sizeof why);
    if (!p && tells) {
        printf("# %s\n%s\n", why, text);
        diags_print_text(c.diags, stdout, false);
    }
    compile_fini(&c);
    return p;
}

struct program *compiled_text(const char *text) { return compiled(text, true); }

struct program *compiled_if_right(const char *text) { return compiled(text, false); }

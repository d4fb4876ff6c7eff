/* A program made of a rule text, and the compiler's facts about it. To be included after cmocka.h. */
#ifndef TESTS_UNIT_COMPILER_MADE_H
#define TESTS_UNIT_COMPILER_MADE_H

#include "tests/unit/compiler/back.h"
#include "vm/program/program.h"

struct made {
    struct compile c;
    struct program *p;
};

/* Compile rules. The caller frees c with compile_fini. */
static inline int compile_as(struct compile *c, const char *text, enum classify_when when)
{
    compile_init(c);
    c->classify = when;
    return compile_text(c, "test.prey", text, strlen(text));
}

/* Make a program, or fail the test with the reports of the compiler or the loader. */
static inline void make_as(struct made *m, const char *text, enum classify_when when)
{
    char err[256] = "";

    if (compile_as(&m->c, text, when) != 0) {
        char *said = what_it_said(&m->c);
        print_error("%.2000s\n%.2000s\n", text, said);
        free(said);
        fail();
    }
    m->p = program_load(m->c.pbc, m->c.pbc_len, err, sizeof(err));
    if (!m->p) fail_msg("%s", err);
}

static inline void unmake(struct made *m)
{
    program_put(m->p);
    compile_fini(&m->c);
}

#endif

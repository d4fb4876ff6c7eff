/* The stages of compiler.h in their order, from text to a verified program. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/analysis/trial/trial.h"
#include "compiler/resolve/resolve.h"
#include "vm/program/program.h"

void compile_init(struct compile *c)
{
    *c = (struct compile){0};
    sources_init(&c->sources);
    c->doubts = DOUBTS;
    c->arena = arena_new();
    c->diags = diags_new(&c->sources);
    c->image = image_new();
}

void compile_fini(struct compile *c)
{
    symbols_free(c->symbols);
    image_free(c->image);
    image_free(c->claims);
    diags_free(c->diags);
    sources_fini(&c->sources);
    arena_free(c->arena);
    free(c->pbc);
    *c = (struct compile){0};
}

/* The loader reads what was made as it would read it from a file: what it refuses is a fault of the compiler, and is
 * found here, not where the rules are needed. */
static void check_loads(struct compile *c)
{
    char err[256];
    struct program *p = program_load(c->pbc, c->pbc_len, err, sizeof(err));

    if (!p) diag(c->diags, E_PROGRAM_REFUSED, SPAN_NONE, "the compiled program is refused by the loader: %s", err);
    if (p) {
        c->memory_bytes = p->memory_bytes;
        c->lookup_bytes = p->lookup_bytes;
        validate_program(c, p);
    }
    program_put(p);
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The stage that ends here began where the one before ended. */
static void end_stage(struct compile *c, enum compile_stage stage, uint64_t *began)
{
    const uint64_t now = now_ns();

    c->stage_ns[stage] += now - *began;
    *began = now;
}

/* A third of what a long list takes. */
static void free_tree(struct compile *c)
{
    arena_free_brief(c->arena);
    c->tree = NULL;
}

static int run_stages(struct compile *c)
{
    uint64_t began = now_ns();

    resolve_allowed(c, c->tree);
    declare_names(c);
    resolve_rules(c);
    resolve_tests(c);
    warn_unused(c);
    warn_misread(c);
    if (diags_errors(c->diags)) return -EINVAL;
    end_stage(c, STAGE_RULES, &began);
    make_normal(c);
    check_meters(c);
    if (!c->keep_tree) free_tree(c);
    end_stage(c, STAGE_NORMAL, &began);
    if (diags_errors(c->diags)) return -EINVAL;
    analyse_rules(c);
    find_memos(c);
    end_stage(c, STAGE_ANALYSE, &began);
    generate_code(c);
    end_stage(c, STAGE_CODE, &began);
    if (diags_errors(c->diags)) return -EINVAL;
    image_emit(c->image, &c->pbc, &c->pbc_len);
    check_loads(c);
    end_stage(c, STAGE_EMIT, &began);
    return diags_errors(c->diags) ? -EINVAL : 0;
}

int compile_file(struct compile *c, const char *path)
{
    uint64_t began = now_ns();

    errno = 0;
    c->tree = lang_parse(c->arena, &c->sources, c->diags, path);
    const int why = errno;
    end_stage(c, STAGE_PARSE, &began);
    c->read = c->tree;
    if (!c->read) return why ? -why : -EIO;
    return run_stages(c);
}

int compile_text(struct compile *c, const char *name, const char *text, size_t len)
{
    uint64_t began = now_ns();

    errno = 0;
    c->tree = lang_parse_text(c->arena, &c->sources, c->diags, name, text, len);
    const int why = errno;
    end_stage(c, STAGE_PARSE, &began);
    c->read = c->tree;
    if (!c->read) return why ? -why : -EIO;
    return run_stages(c);
}

void compile_test(struct compile *c)
{
    uint64_t began = now_ns();

    judge_tests(c);
    end_stage(c, STAGE_TESTS, &began);
}

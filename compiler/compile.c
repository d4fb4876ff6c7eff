/* The stages of compiler.h in their order, from text to a verified program. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/analysis/sample/sample.h"
#include "compiler/analysis/trial/trial.h"
#include "compiler/progress.h"
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
    sample_assume(NULL, NULL);
    symbols_free(c->symbols);
    image_free(c->image);
    image_free(c->claims);
    diags_free(c->diags);
    sources_fini(&c->sources);
    arena_free(c->arena);
    free(c->pbc);
    *c = (struct compile){0};
}

/* Load the program as from a file. A rejected program is a fault of the compiler, better found here than by a user
 * of the rules. */
static void check_loads(struct compile *c)
{
    char err[256];
    struct program *p = program_load(c->pbc, c->pbc_len, err, sizeof(err));
    if (!p)
        diag(c->diags, E_PROGRAM_REFUSED, SPAN_NONE,
             "internal error: the loader rejects the compiled program: %s; please report this with the rules", err);
    if (p) {
        c->memory_bytes = p->memory_bytes;
        c->lookup_bytes = p->lookup_bytes;
        validate_program(c, p);
        if (p->would) {
            compile_swap(c);
            validate_program(c, (struct program *)(uintptr_t)p->would);
            compile_swap(c);
        }
    }
    program_put(p);
}

uint64_t compile_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static const char *const stage_names[] = {
#define STAGE(ident, name) [STAGE_##ident] = name,
    COMPILE_STAGE_LIST(STAGE)
#undef STAGE
};

static uint64_t begin_stage(enum compile_stage stage)
{
    progress_at(stage_names[stage]);
    return compile_now_ns();
}

static void end_stage(struct compile *c, enum compile_stage stage, uint64_t began)
{
    c->stage_ns[stage] += compile_now_ns() - began;
}

static void make_rules(struct compile *c)
{
    const uint64_t began = begin_stage(STAGE_RULES);
    resolve_allowed(c, c->tree);
    declare_names(c);
    resolve_rules(c);
    resolve_tests(c);
    warn_unused(c);
    warn_misread(c);
    end_stage(c, STAGE_RULES, began);
}

void compile_swap(struct compile *c)
{
    struct ir *const ir = c->ir;
    image_swap(c->image);
    c->ir = c->would_ir;
    c->would_ir = ir;
}

static void make_normal_form(struct compile *c)
{
    const uint64_t began = begin_stage(STAGE_NORMAL);
    make_normal(c);
    if (c->image->audits) { /* these lists hold the others, too */
        compile_swap(c);
        make_normal(c);
    }
    check_meters(c);
    if (c->image->audits) compile_swap(c);
    if (!c->keep_tree) {
        /* The tree is a third of a long list's memory. */
        arena_free_brief(c->arena);
        c->tree = NULL;
    }
    end_stage(c, STAGE_NORMAL, began);
}

static void analyse(struct compile *c)
{
    const uint64_t began = begin_stage(STAGE_ANALYSE);
    analyse_rules(c);
    find_memos(c);
    if (c->image->audits) {
        compile_swap(c);
        analyse_audited(c);
        find_memos(c);
        compile_swap(c);
    }
    end_stage(c, STAGE_ANALYSE, began);
}

static void make_code(struct compile *c)
{
    const uint64_t began = begin_stage(STAGE_CODE);
    generate_code(c);
    end_stage(c, STAGE_CODE, began);
}

static void emit(struct compile *c)
{
    const uint64_t began = begin_stage(STAGE_EMIT);
    if (c->keep_text) image_text(c->image, &c->sources);
    image_emit(c->image, &c->pbc, &c->pbc_len);
    check_loads(c);
    end_stage(c, STAGE_EMIT, began);
}

/* Continue with the tree. why: errno without a tree. */
static int from_tree(struct compile *c, uint64_t began, int why)
{
    end_stage(c, STAGE_PARSE, began);
    c->read = c->tree;
    if (!c->read) return why ? -why : -EIO;
    make_rules(c);
    if (diags_errors(c->diags)) return -EINVAL;
    make_normal_form(c);
    if (diags_errors(c->diags)) return -EINVAL;
    analyse(c);
    make_code(c);
    if (diags_errors(c->diags)) return -EINVAL;
    emit(c);
    return diags_errors(c->diags) ? -EINVAL : 0;
}

int compile_file(struct compile *c, const char *path)
{
    const uint64_t began = begin_stage(STAGE_PARSE);
    errno = 0;
    c->tree = lang_parse(c->arena, &c->sources, c->diags, path);
    return from_tree(c, began, errno);
}

int compile_text(struct compile *c, const char *name, const char *text, size_t len)
{
    const uint64_t began = begin_stage(STAGE_PARSE);
    errno = 0;
    c->tree = lang_parse_text(c->arena, &c->sources, c->diags, name, text, len);
    return from_tree(c, began, errno);
}

int compile_typed(struct compile *c, const char *name, const char *text)
{
    const int failed = compile_text(c, name, text, strlen(text));
    if (c->sources.count) c->sources.files[0].typed = true;
    return failed;
}

void compile_test(struct compile *c)
{
    const uint64_t began = begin_stage(STAGE_TESTS);
    judge_tests(c);
    end_stage(c, STAGE_TESTS, began);
}

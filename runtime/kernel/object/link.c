/* The linker: lays out the functions that are reached one behind the other, then resolves each name. */
#include "runtime/kernel/object/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/fnv.h"

/* A function that may be linked. */
struct candidate {
    const struct code_function *code;
    const struct object_function *object; /* function of an object; NULL: a generated function */
    uint32_t first;                       /* first instruction in the program; NOT_REACHED */
};
enum { NOT_REACHED = UINT32_MAX };

struct linking {
    const struct objects *objects;
    const struct code *code;
    link_value_fn *value;
    void *arg;
    struct candidate *all; /* hash table by name; code NULL: a free place */
    uint32_t mask;         /* number of places, a power of two, minus one */
    struct candidate **v;  /* functions that are reached, in the order of their discovery and of the program */
    uint32_t count;
    uint32_t insns, lines;
    char *err;
    size_t err_len;
};

static int no_memory(const struct linking *w)
{
    snprintf(w->err, w->err_len, "out of memory");
    return -ENOMEM;
}

/* Return the place of a name, or the free place for it. */
static struct candidate *candidate_at(const struct linking *w, const char *name)
{
    for (uint32_t i = fnv_text(name);; i++) {
        struct candidate *c = &w->all[i & w->mask];
        if (!c->code || c->code->name == name || !strcmp(c->code->name, name)) return c;
    }
}

static int function_add(const struct linking *w, const struct code_function *code, const struct object_function *object)
{
    struct candidate *place = candidate_at(w, code->name);
    if (place->code) {
        snprintf(w->err, w->err_len,
                 "internal error: two eBPF functions have the name `%s`; please report this with the rules",
                 code->name);
        return -EEXIST;
    }
    *place = (struct candidate){.code = code, .object = object, .first = NOT_REACHED};
    return 0;
}

/* Mark the function of that name as reached. False if it does not exist. */
static bool reach(struct linking *w, const char *name)
{
    struct candidate *c = candidate_at(w, name);
    if (!c->code) return false;
    if (c->first != NOT_REACHED) return true;
    c->first = w->insns;
    w->v[w->count++] = c;
    w->insns += c->code->count;
    w->lines += c->object && c->object->line_count ? c->object->line_count : 1;
    return true;
}

static void fill_value(struct bpf_insn *at, const struct link_value *v)
{
    const uint64_t number = v->kind == LINK_MAP ? 0 : v->number + (uint32_t)at[0].imm;
    at[0].src_reg = v->kind == LINK_NUMBER ? 0 : v->kind == LINK_MAP ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
    at[0].imm = v->kind == LINK_NUMBER ? (int32_t)number : v->map;
    at[1].imm = v->kind == LINK_NUMBER ? (int32_t)(number >> 32) : (int32_t)number;
}

static int fill_refs(const struct linking *w, const struct linked *l, const struct candidate *f)
{
    for (uint32_t i = 0; i < f->code->ref_count; i++) {
        const struct code_ref *ref = &f->code->refs[i];
        struct bpf_insn *at = &l->insns[f->first + ref->at];
        const struct candidate *to = candidate_at(w, ref->symbol);
        struct link_value v = {0};
        if (to->code) { /* a call, or the address of a function that a helper calls */
            at->imm = (int32_t)(to->first - (f->first + ref->at) - 1);
            at->src_reg = at->code == (BPF_JMP | BPF_CALL) ? BPF_PSEUDO_CALL : BPF_PSEUDO_FUNC;
        } else if (at->code != (BPF_JMP | BPF_CALL) && w->value(w->arg, ref->symbol, &v)) {
            fill_value(at, &v);
        } else {
            snprintf(w->err, w->err_len,
                     "internal error: the eBPF function `%s` uses `%s`, which isn't defined; please report this with "
                     "the rules",
                     f->code->name, ref->symbol);
            return -ENOENT;
        }
    }
    return 0;
}

/* Add a function's lines, at least one: the kernel takes lines for all functions or none. */
static void add_lines(struct linked *l, const struct candidate *f)
{
    const struct object_function *o = f->object;
    if (!o || !o->line_count) l->lines[l->line_count++] = (struct bpf_line_info){.insn_off = f->first};
    for (uint32_t i = 0; o && i < o->line_count; i++)
        l->lines[l->line_count++] = (struct bpf_line_info){.insn_off = f->first + o->lines[i].at,
                                                           .file_name_off = o->lines[i].file,
                                                           .line_off = o->lines[i].text,
                                                           .line_col = o->lines[i].place};
}

static int lay_out(struct linking *w, struct linked *l)
{
    l->insns = malloc(w->insns * sizeof *l->insns);
    l->types = malloc(w->count * sizeof *l->types);
    l->functions = malloc(w->count * sizeof *l->functions);
    l->lines = malloc(w->lines * sizeof *l->lines);
    if (!l->insns || !l->types || !l->functions || !l->lines) return no_memory(w);
    l->count = w->insns;
    l->function_count = w->count;
    for (uint32_t i = 0; i < w->count; i++) {
        const struct candidate *f = w->v[i];
        memcpy(&l->insns[f->first], f->code->insns, f->code->count * sizeof *l->insns);
        const uint32_t type = f->object        ? f->object->type
                              : f->code->turns ? w->objects->turn_type
                                               : w->objects->template_type;
        l->types[i] = (struct bpf_func_info){.insn_off = f->first, .type_id = type};
        l->functions[i] = (struct linked_function){.name = f->code->name, .first = f->first};
        add_lines(l, f);
    }
    return 0;
}

/* Enter all functions into the table. */
static int gather_functions(struct linking *w)
{
    const uint32_t code_count = w->code ? w->code->count : 0, count = w->objects->function_count + code_count;
    uint32_t places = 2;
    while (places < 2 * count) places <<= 1;
    w->mask = places - 1;
    w->all = calloc(places, sizeof *w->all);
    w->v = calloc(count, sizeof(struct candidate *));
    if (!w->all || !w->v) return no_memory(w);
    int failed = 0;
    for (uint32_t i = 0; !failed && i < w->objects->function_count; i++)
        failed = function_add(w, &w->objects->functions[i].code, &w->objects->functions[i]);
    for (uint32_t i = 0; !failed && i < code_count; i++) failed = function_add(w, &w->code->functions[i], NULL);
    return failed;
}

static int link_from(struct linking *w, const char *entry, struct linked *l)
{
    int failed = gather_functions(w);
    if (failed) return failed;
    if (!reach(w, entry)) {
        snprintf(w->err, w->err_len,
                 "internal error: the eBPF objects have no function `%s`; please report this with the rules", entry);
        return -ENOENT;
    }
    for (uint32_t i = 0; i < w->count; i++)
        for (uint32_t r = 0; r < w->v[i]->code->ref_count; r++) reach(w, w->v[i]->code->refs[r].symbol);
    failed = lay_out(w, l);
    for (uint32_t i = 0; !failed && i < w->count; i++) failed = fill_refs(w, l, w->v[i]);
    return failed;
}

int link_program(const struct objects *o, const struct code *code, const char *entry, link_value_fn *value, void *arg,
                 struct linked *l, char *err, size_t err_len)
{
    struct linking w = {.objects = o, .code = code, .value = value, .arg = arg, .err = err, .err_len = err_len};
    *l = (struct linked){0};
    const int failed = link_from(&w, entry, l);
    free(w.v);
    free(w.all);
    return failed;
}

void linked_fini(struct linked *l)
{
    free(l->insns);
    free(l->types);
    free(l->functions);
    free(l->lines);
    *l = (struct linked){0};
}

const char *linked_name(const struct linked *l, uint32_t insn)
{
    const char *name = "?";
    for (uint32_t i = 0; i < l->function_count && l->functions[i].first <= insn; i++) name = l->functions[i].name;
    return name;
}

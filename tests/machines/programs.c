/* programs: programs for the verifiers of all kernels (verify.c), each as OUT/NAME.pbc with its rules in OUT/NAME.prey.
 *
 *   programs OUT FILE...
 *
 * Of a rule file its program; of packet triples (tests/packets/) that of each `rules`; of a document that of each block
 * of rules; of a text (tests/machines/conditions.txt) two of each line: a rule with these conditions, and preyctl's
 * filter. Rule files and blocks that do not compile are left out; all else compiles. Then drawn rule files, and lists
 * of every shape (tests/lib/shapes.h). A program for which the kernel would get the same code as for another is not
 * kept.
 *
 * At the end: are there at least 300, and do they hold every condition, and every instruction and block of a
 * classifier, that a packet may meet? LONG=1: more of what is drawn, and lists of up to 100,000 rules.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/compiler.h"
#include "tests/lib/draw.h"
#include "tests/lib/imgbuild.h"
#include "tests/lib/rule_files.h"
#include "tests/lib/shapes.h"
#include "vm/kernel/gen/gen.h"
#include "vm/program/program.h"

enum { LEAST = 300 };

static struct run {
    const char *out;
    unsigned kept, same, without, failed;
    uint64_t *hashes; /* [kept] */
    unsigned ops[OPCODE_COUNT], conds[COND_COUNT], shapes[PBC_SHAPES + 1], forks, regs;
} all;

/* ---- the same ---- */

static uint64_t hashed(uint64_t h, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return h;
}

static uint64_t hashed_power(uint64_t h, uint32_t count)
{
    const uint8_t power = count ? (uint8_t)(32 - __builtin_clz(count)) : 0;
    return hashed(h, &power, 1);
}

/* What the kernel's verifier sees of a program: its judge, and how long its tables are, in powers of two. */
static uint64_t seen_of(const struct program *p, const struct code *code)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < code->count; i++) {
        const struct code_function *f = &code->functions[i];
        h = hashed(h, f->insns, f->count * sizeof *f->insns);
        for (uint32_t r = 0; r < f->ref_count; r++) h = hashed(h, f->refs[r].symbol, strlen(f->refs[r].symbol));
    }
    const uint32_t tables[] = {p->set4_count,   p->set6_count,   p->macs_count,    p->maps_count, p->patterns_count,
                               p->meters_count, p->grains_count, p->entries_count, p->tree_count, p->blocks_count};
    for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) h = hashed_power(h, tables[i]);
    return h;
}

static bool is_new(uint64_t hash)
{
    for (unsigned i = 0; i < all.kept; i++)
        if (all.hashes[i] == hash) return false;
    all.hashes = realloc(all.hashes, (all.kept + 1) * sizeof *all.hashes);
    if (!all.hashes) abort();
    all.hashes[all.kept++] = hash;
    return true;
}

/* ---- what they hold ---- */

static void note_code(const struct program *p, const struct pbc_func *f)
{
    for (uint32_t i = f->first; i < f->first + f->count; i++) {
        const struct insn *in = &p->code[i];
        all.ops[in->op]++;
        if (in->op == OP_CALL && in->a >= all.regs) all.regs = in->a + 1u;
    }
}

static void note(const struct program *p)
{
    bool *reached = gen_reached(p);
    if (!reached) abort();
    for (uint32_t i = 0; i < p->funcs_count; i++)
        if (reached[i]) note_code(p, &p->funcs[i]);
    free(reached);
    for (uint32_t i = 0; i < p->conds_count; i++) all.conds[p->conds[i].kind]++;
    for (uint32_t i = 0; i < p->formats_count; i++) all.shapes[pbc_shape(&p->formats[i])]++;
    for (uint32_t i = 0; i < p->classifiers_count; i++)
        if (p->classifiers[i].forks > all.forks) all.forks = p->classifiers[i].forks;
}

/* ---- kept ---- */

static void write_file(const char *name, const char *ending, const void *bytes, size_t len)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.%s", all.out, name, ending);
    FILE *f = fopen(path, "wb");
    if (f && fwrite(bytes, 1, len, f) == len && !fclose(f)) return;
    printf("not ok - %s is written\n", path);
    exit(1);
}

static void keep(const char *name, const uint8_t *pbc, size_t pbc_len, const char *text, size_t len)
{
    char err[300] = "";
    struct code code = {0};
    struct program *p = program_load(pbc, pbc_len, err, sizeof err);
    if (!p || gen_judge(p, false, &code, err, sizeof err)) {
        printf("not ok - %s has a judge: %s\n", name, err);
        all.failed++;
    } else if (is_new(seen_of(p, &code))) {
        note(p);
        write_file(name, "pbc", pbc, pbc_len);
        write_file(name, "prey", text, len);
    } else {
        all.same++;
    }
    gen_free(&code);
    program_put(p);
}

/* must: it compiles, or the set is not what it should be. path NULL: the text is all there is. */
static void compiled(const char *name, const char *path, const char *text, size_t len, enum classify_when when,
                     bool must)
{
    struct compile c;
    compile_init(&c);
    c.doubts = DOUBTS_FEW;
    c.classify = when;
    if (!(path ? compile_file(&c, path) : compile_text(&c, name, text, len))) {
        keep(name, c.pbc, c.pbc_len, text, len);
    } else if (must) {
        diags_print_text(c.diags, stdout, false);
        printf("not ok - %s compiles\n", name);
        all.failed++;
    } else {
        all.without++;
    }
    compile_fini(&c);
}

/* ---- files and drawn ---- */

static void from_file(void *arg, const struct rule_file *f)
{
    (void)arg;
    compiled(f->name, f->path, f->text, f->len, CLASSIFY_BY_COST, f->compiles);
}

static void drawn(uint64_t seed)
{
    struct rng rng = {seed};
    struct stock s;
    struct text t = {0};
    char name[40];
    snprintf(name, sizeof name, "drawn-%u", (unsigned)seed);
    stock_draw(&s, &rng);
    rules_draw(&t, &s, &rng, seed % 20 == 0 ? 600 : seed % 5 == 0 ? 60 : 10);
    for (size_t i = 0; i < t.len; i++)
        if (t.s[i] == DRAW_SPLIT || t.s[i] == DRAW_LINE) t.s[i] = ' ';
    compiled(name, NULL, t.s, t.len, (enum classify_when)(seed % 4), true);
    text_free(&t);
}

static void shape(void *arg, const struct shape *s)
{
    (void)arg;
    compiled(s->name, NULL, s->text, s->len, s->classify, true);
}

/* ---- by hand: what the loader takes, and this compiler does not write ---- */

static void by_hand(struct imgbuild *b, const char *name)
{
    size_t len;
    uint8_t *pbc = img_emit(b, &len);
    static const char text[] = "# made by hand: tests/machines/programs.c\n";
    keep(name, pbc, len, text, strlen(text));
    free(pbc);
    img_fini(b);
}

/* Every function keeps eight results at once, at every depth of calls. */
static void registers(void)
{
    struct imgbuild b;
    img_init(&b);
    img_add_firewalls(&b,
                      (struct pbc_firewall){.iface = PBC_NONE, .rule_count = PBC_REGS, .default_verdict = PBC_V_DROP});
    for (uint32_t r = 0; r < PBC_REGS; r++) img_add_rules(&b, (struct pbc_rule){.chain = PBC_NONE, .place.line = r});
    for (uint32_t depth = 0; depth <= PBC_CALL_DEPTH; depth++) {
        struct insn code[2 * PBC_REGS + 3];
        uint32_t n = 0;
        for (uint8_t r = 0; r < PBC_REGS && depth < PBC_CALL_DEPTH; r++)
            code[n++] = (struct insn){.op = OP_CALL, .a = r, .imm = depth + 1};
        for (uint8_t r = 0; r < PBC_REGS && depth < PBC_CALL_DEPTH; r++)
            code[n++] = (struct insn){.op = depth ? OP_RETNZ : OP_DECIDE, .a = r};
        if (depth) code[n++] = (struct insn){.op = OP_JNALL, .a = KEY_SLOT(kind), .to = 1, .imm = KIND_TCP};
        if (depth) code[n++] = (struct insn){.op = OP_RETK, .imm = depth};
        code[n++] = (struct insn){.op = depth ? OP_RETZ : OP_DEFAULT};
        img_function(&b, "registers", code, n);
    }
    by_hand(&b, "hand-registers");
}

static void hand_made(void)
{
    struct imgbuild b;
    img_sample(&b);
    by_hand(&b, "hand-sample");
    registers();
}

/* ---- is it all there? ---- */

static void ok(bool good, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void ok(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf(good ? "ok - " : "not ok - ");
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    all.failed += !good;
}

static void ask_instructions(void)
{
    static const enum {
        LINE,
        CALL,
        USER
    } kernel[] = {
#define OP(ident, name, operands, ends, kernel, doc) kernel,
#include "vm/opcode.def"
    };
    unsigned missing = 0, there = 0;
    for (unsigned i = 0; i < OPCODE_COUNT; i++) {
        if (kernel[i] == USER) continue;
        there++;
        missing += !all.ops[i];
        if (!all.ops[i]) printf("# no program has the instruction %s\n", op_info[i].name);
    }
    ok(!missing, "every instruction that a packet may meet is in one of them: %u", there);
}

static void ask_conditions(void)
{
    unsigned missing = 0;
    for (unsigned i = 0; i < COND_COUNT; i++) {
        missing += !all.conds[i];
        if (!all.conds[i]) printf("# no program has the condition %s\n", cond_info[i].name);
    }
    ok(!missing, "every condition is in one of them: %u", (unsigned)COND_COUNT);
}

/* Those that the kernel's code distinguishes: up to four lines, and any other. */
static void ask_shapes(void)
{
    unsigned missing = 0;
    for (unsigned i = 1; i <= PBC_SHAPES; i++) {
        missing += !all.shapes[i];
        if (!all.shapes[i]) printf("# no classifier has blocks of shape %u\n", i);
    }
    ok(!missing, "blocks of classifiers have every shape");
}

int main(int argc, char **argv)
{
    const bool large = getenv("LONG") && *getenv("LONG");
    if (argc < 3) return 2;
    all.out = argv[1];
    for (int i = 2; i < argc; i++) rule_files_of(argv[i], from_file, NULL);
    for (uint64_t seed = 1; seed <= (large ? 400 : 100); seed++) drawn(seed);
    shapes_draw(large, shape, NULL);
    hand_made();
    printf("# %u programs; %u more would have the same code, %u files and blocks hold no program\n", all.kept, all.same,
           all.without);
    ok(all.kept >= LEAST, "at least %u programs: %u", LEAST, all.kept);
    ask_instructions();
    ask_conditions();
    ask_shapes();
    ok(all.forks > 1, "classifiers have forks: at most %u on a way", all.forks);
    ok(all.regs == PBC_REGS, "code has %u registers: %u", PBC_REGS, all.regs);
    free(all.hashes);
    return all.failed ? 1 : 0;
}

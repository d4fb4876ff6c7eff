/* Building classifiers by hand (imgbuild.h). */
#include <stdio.h>

#include "tests/lib/imgbuild.h"

uint32_t img_block(struct imgbuild *b, uint32_t format)
{
    const struct pbc_format *const f = &b->formats[format];
    const uint32_t block = b->blocks_count;
    for (unsigned n = 0; n < f->lines; n++) img_add_blocks(b, (struct pbc_line){0});
    for (unsigned lane = 0; lane < 8; lane++) {
        img_column(b, block, 0)[lane] = PBC_LANE_NONE;
        img_column(b, block, 1)[lane] = b->ranks_count || f->pairs ? 1 : UINT32_MAX;
    }
    return block;
}

uint32_t *img_column(struct imgbuild *b, uint32_t block, unsigned column)
{
    return b->blocks[block + column / 2].col[column % 2];
}

void img_lane(struct imgbuild *b, uint32_t block, unsigned lane, uint32_t entry)
{
    img_column(b, block, 0)[lane] &= PBC_LANE_MORE;
    img_column(b, block, 0)[lane] |= entry;
    img_column(b, block, 1)[lane] = 0;
    if (!b->ranks_count) return;
    img_column(b, block, 2)[lane] = UINT32_MAX;
    img_column(b, block, 4)[lane] = UINT32_MAX;
}

uint64_t img_leaf(const struct imgbuild *b, uint32_t block, uint32_t format)
{
    return TREE_LEAF_WORD(block, format, pbc_shape(&b->formats[format]));
}

void img_no_classifiers(struct imgbuild *b)
{
    b->classifiers_count = b->entries_count = b->formats_count = b->tree_count = b->blocks_count = 0;
}

/* Add a run of two blocks: 10/8 and TCP (entry 0), all TCP but fragments (1), ports (2); the second block is also a
 * separate run. After it add a block of five lines with two columns that test by mask. */
static void sample_blocks(struct imgbuild *b)
{
    enum { KIND = 2 * KEY_SLOT(kind), MARKS = 2 * KEY_SLOT(marks), DST = 2 * KEY_SLOT(dst) };
    img_add_formats(b, (struct pbc_format){3, 0, {1, 0, KEY_HALF(src_port), KEY_HALF(dst_port), KIND | PBC_MASKED}});
    img_add_formats(b, (struct pbc_format){
                           5, 1, {DST, DST + 1, KEY_HALF(iface), 2, 3, 10, 11, MARKS | PBC_MASKED, KIND | PBC_MASKED}});
    for (unsigned n = 0; n < 2; n++) img_block(b, 0);
    for (unsigned lane = 0; lane < 8; lane++) img_lane(b, 0, lane, lane > 0);
    img_column(b, 0, 1)[0] = img_range(0x0a00, 0x0aff);
    img_column(b, 0, 5)[0] = img_masked(KIND_TCP, KIND_TCP);
    for (unsigned lane = 1; lane < 8; lane++) {
        img_column(b, 0, 2)[lane] = img_range(lane, lane);
        img_column(b, 0, 5)[lane] = img_masked(KIND_TCP, KIND_TCP | KIND_FRAG_LATER);
    }
    img_column(b, 0, 0)[7] |= PBC_LANE_MORE;
    img_lane(b, 3, 0, 1);
    img_lane(b, 3, 1, 2);
    img_column(b, 3, 3)[1] = img_range(1024, 65535);
    img_column(b, 3, 4)[1] = img_range(443, 443);
    img_column(b, 3, 5)[1] = img_masked(KIND_PORTS, KIND_PORTS);
    img_block(b, 1);
    img_lane(b, 6, 0, 2);
    img_column(b, 6, 1)[0] = 0xcb00710a;
    img_column(b, 6, 2)[0] = UINT32_MAX;
    img_column(b, 6, 3)[0] = img_range(1, 1);
    img_column(b, 6, 8)[0] = img_masked(TCP_SYN, TCP_SYN | TCP_ACK);
}

void img_sample_classifier(struct imgbuild *b)
{
    const struct insn code[] = {
        {OP_CLASSIFY, 0, 0, b->classifiers_count},
        {OP_RETZ, 0, 0, 0},
        {OP_JNALL, KEY_SLOT(marks), 2, TCP_SYN}, /* entry 0's code: logs */
        {OP_LOG, 0, 0, 0},
        {OP_RETK, 0, 0, 0},
        {OP_AGAIN, 0, 0, 0},
        {OP_COUNT, 0, 0, 1}, /* entry 1's code: decides nothing */
        {OP_AGAIN, 0, 0, 0},
    };
    img_function(b, "far", code, sizeof code / sizeof *code);
    sample_blocks(b);
    img_add_entries(b, (struct pbc_entry){.rule = 0, .code = 2});
    img_add_entries(b, (struct pbc_entry){.rule = 1, .code = 6});
    img_add_entries(b, (struct pbc_entry){.rule = 2});
    img_add_tree(b, TREE_CUT_WORD(1, 0, 31, 2)); /* the highest bit of src0, the lowest of src1 */
    img_add_tree(b, TREE_NONE);
    img_add_tree(b, img_leaf(b, 3, 0));
    img_add_tree(b, TREE_FORK_WORD(5, 2));
    img_add_tree(b, TREE_CUT_WORD(5, 5, 15, 1)); /* the fork's two words, as a table */
    img_add_tree(b, img_leaf(b, 0, 0));
    img_add_tree(b, img_leaf(b, 6, 1));
    img_add_classifiers(b, (struct pbc_classifier){.name = img_string(b, "edge"),
                                                   .entry_count = 3,
                                                   .format_count = 2,
                                                   .tree_count = 7,
                                                   .block_count = 11,
                                                   .words = 4,
                                                   .compared = 3,
                                                   .forks = 1,
                                                   .chain = 2});
}

void img_list(struct imgbuild *b, uint32_t count, const bool *coded)
{
    const struct insn code[] = {{.op = OP_CLASSIFY}, {.op = OP_RETZ}, {.op = OP_AGAIN}};
    bool any = false;
    img_add_firewalls(b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = count, .default_verdict = PBC_V_DROP});
    for (uint32_t i = 0; i < count; i++) {
        img_add_rules(b, (struct pbc_rule){.chain = PBC_NONE, .place.line = i});
        img_add_entries(b, (struct pbc_entry){.rule = i, .code = coded && coded[i] ? 2 : 0});
        any |= coded && coded[i];
    }
    img_function(b, "main", (const struct insn[]){{.op = OP_CALL, .imm = 1}, {.op = OP_DECIDE}, {.op = OP_DEFAULT}}, 3);
    img_function(b, "list", code, any ? 3 : 2);
    img_add_classifiers(b, (struct pbc_classifier){.entry_count = count});
}

/* Correct a figure: the loader's error has its name and right value. */
static bool correct(struct pbc_classifier *c, const char *err)
{
    static const char *const names[] = {"words", "blocks", "forks", "entries with code in turn", "lines"};
    uint32_t *const figures[] = {&c->words, &c->compared, &c->forks, &c->chain, &c->climbed};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char format[80];
        unsigned said, is;
        snprintf(format, sizeof format, "classifier 0: %s: %%u in its header, but %%u in fact", names[i]);
        if (sscanf(err, format, &said, &is) == 2) return *figures[i] = is, true;
    }
    return false;
}

struct program *img_load_list(struct imgbuild *b, char *err, size_t err_len)
{
    struct pbc_classifier *c = b->classifiers;
    c->format_count = b->formats_count, c->tree_count = b->tree_count, c->block_count = b->blocks_count;
    c->rank_count = b->ranks_count;
    for (unsigned tries = 0;; tries++) {
        *err = '\0';
        struct program *p = img_load(b, err, err_len);
        if (p || tries == 5 || !correct(c, err)) return p;
    }
}

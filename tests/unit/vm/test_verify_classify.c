/* The verifier on classifiers: the sample's, and every check broken one at a time; the most work that small images
 * may cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/imgbuild.h"

static void put(struct imgbuild *b, uint32_t at, enum opcode op, unsigned a, unsigned to, uint32_t imm)
{
    b->code[at] = (struct insn){(uint8_t)op, (uint8_t)a, (uint16_t)to, imm};
}

/* Add one more entry than lanes can name, at once, because growing by one is slow under sanitizers. */
static void many_entries(struct imgbuild *b)
{
    const uint32_t count = PBC_LANE_NONE + 1;
    struct pbc_entry *all = calloc(count, sizeof *all);
    assert_non_null(all);
    free(b->entries);
    b->entries = all;
    b->entries_count = b->classifiers->entry_count = count;
}

/* Add an empty classifier that no function uses. */
static void another(struct imgbuild *b)
{
    const struct pbc_classifier empty = {
        .entries = 3, .formats = 2, .tree = 7, .tree_count = 1, .blocks = 11, .words = 1};
    img_add_tree(b, TREE_NONE);
    img_add_classifiers(b, empty);
}

/* FAULT(name, line, change of `b`); the classifying function is instructions 48 to 55. */
#define FAULTS(FAULT)                                                                                                  \
    FAULT(cls_name, "classifier 0: a string is past the end of `strings`", b->classifiers[0].name = PBC_NONE)          \
    FAULT(cls_gap_ranks,                                                                                               \
          "classifier 0: its part of section `ranks` doesn't begin where the previous classifier's part ends",         \
          b->classifiers[0].ranks = 1)                                                                                 \
    FAULT(cls_climbed, "classifier 0: lines: 1 in its header, but 0 in fact", b->classifiers[0].climbed = 1)           \
    FAULT(cls_gap,                                                                                                     \
          "classifier 0: its part of section `entries` doesn't begin where the previous classifier's part ends",       \
          b->classifiers[0].entries = 1)                                                                               \
    FAULT(cls_gap_tree,                                                                                                \
          "classifier 0: its part of section `tree` doesn't begin where the previous classifier's part ends",          \
          b->classifiers[0].tree = 1)                                                                                  \
    FAULT(cls_past, "classifier 0: its part of section `blocks` goes past the section's end",                          \
          b->classifiers[0].block_count = 12)                                                                          \
    FAULT(cls_left, "section `formats` has entries that belong to no classifier", b->classifiers[0].format_count = 1)  \
    FAULT(cls_left_blocks, "section `blocks` has entries that belong to no classifier", img_block(b, 1))               \
    FAULT(cls_none, "section `entries` has entries that belong to no classifier", b->classifiers_count = 0)            \
    FAULT(cls_no_tree, "classifier 0 has no tree", b->classifiers[0].tree_count = b->tree_count = 0)                   \
    FAULT(cls_words, "classifier 0: words: 5 in its header, but 4 in fact", b->classifiers[0].words = 5)               \
    FAULT(cls_compared, "classifier 0: blocks: 2 in its header, but 3 in fact", b->classifiers[0].compared = 2)        \
    FAULT(cls_forks, "classifier 0: forks: 0 in its header, but 1 in fact", b->classifiers[0].forks = 0)               \
    FAULT(cls_chain, "classifier 0: entries with code in turn: 1 in its header, but 2 in fact",                        \
          b->classifiers[0].chain = 1)                                                                                 \
    FAULT(cls_huge, "classifier 0 has more than 4194303 entries", many_entries(b))                                     \
    FAULT(entry_rule, "classifier 0, entry 2: its rule doesn't exist", b->entries[2].rule = b->rules_count)            \
    FAULT(entry_order, "classifier 0, entry 1: its rule isn't after the previous entry's rule in the same list",       \
          b->entries[1].rule = 0)                                                                                      \
    FAULT(entry_list, "classifier 0, entry 2: its rule isn't after the previous entry's rule in the same list",        \
          b->entries[2].rule = 3)                                                                                      \
    FAULT(entry_do, "classifier 0, entry 1: its rule decides nothing, but the entry has no code",                      \
          b->entries[1].code = 0)                                                                                      \
    FAULT(entry_log, "classifier 0, entry 0: its rule logs, but the entry has no code", b->entries[0].code = 0)        \
    FAULT(format_none, "classifier 0, format 1: a block of this classifier can't have 0 lines",                        \
          b->formats[1].lines = 0)                                                                                     \
    FAULT(format_lines, "classifier 0, format 1: a block of this classifier can't have 16 lines",                      \
          b->formats[1].lines = 16)                                                                                    \
    FAULT(format_half, "classifier 0, format 0: a half doesn't exist", b->formats[0].half[1] = 32)                     \
    FAULT(format_behind, "classifier 0, format 1: a half doesn't exist", b->formats[1].half[9] = 1)                    \
    FAULT(format_first, "classifier 0, format 0: the first half has a mask, but must be a range",                      \
          b->formats[0].half[0] |= PBC_MASKED)                                                                         \
    FAULT(format_pairs, "classifier 0, format 1: the number of pairs isn't possible", b->formats[1].pairs = 5)         \
    FAULT(format_slot, "classifier 0, format 1: a pair isn't the two halves of a slot", b->formats[1].half[0]++)       \
    FAULT(format_slot_masked, "classifier 0, format 1: a pair isn't the two halves of a slot",                         \
          b->formats[1].half[0] = 32;                                                                                  \
          b->formats[1].half[1] = 33)                                                                                  \
    FAULT(format_slot_half, "classifier 0, format 1: a pair isn't the two halves of a slot",                           \
          b->formats[1].half[1] = 12)                                                                                  \
    FAULT(word_none, "classifier 0, word 1: reserved bits aren't zero", b->tree[1] = 1ull << 40)                       \
    FAULT(word_kind, "classifier 0, word 1: unknown kind", b->tree[1] = 4)                                             \
    FAULT(word_cut, "classifier 0, word 0: reserved bits aren't zero", b->tree[0] |= 1u << 6)                          \
    FAULT(word_cut_behind, "classifier 0, word 0: reserved bits aren't zero", b->tree[0] |= 1u << 18)                  \
    FAULT(word_cut_high, "classifier 0, word 0: reserved bits aren't zero", b->tree[0] |= 1u << 25)                    \
    FAULT(word_fork, "classifier 0, word 3: reserved bits aren't zero", b->tree[3] |= 1u << 12)                        \
    FAULT(word_leaf, "classifier 0, word 5: reserved bits aren't zero", b->tree[5] |= 1ull << 32)                      \
    FAULT(word_shape, "classifier 0, word 5: its shape isn't its format's shape", b->tree[5] ^= 1u << 12)              \
    FAULT(word_window, "classifier 0, word 0: its window goes past the end of the key's 64-bit word",                  \
          b->tree[0] = TREE_CUT_WORD(1, 0, 63, 2))                                                                     \
    FAULT(word_window_none, "classifier 0, word 0: its window has 0 bits, or more than 16",                            \
          b->tree[0] = TREE_CUT_WORD(1, 0, 31, 0))                                                                     \
    FAULT(word_window_wide, "classifier 0, word 0: its window has 0 bits, or more than 16",                            \
          b->tree[0] = TREE_CUT_WORD(1, 0, 0, 17))                                                                     \
    FAULT(word_itself, "classifier 0, word 4: its table isn't after this word",                                        \
          b->tree[4] = TREE_CUT_WORD(4, 5, 15, 1))                                                                     \
    FAULT(word_back, "classifier 0, word 3: its table isn't after this word", b->tree[3] = TREE_FORK_WORD(1, 2))       \
    FAULT(word_past, "classifier 0, word 0: its table ends past the end of `tree`",                                    \
          b->tree[0] = TREE_CUT_WORD(4, 0, 31, 2))                                                                     \
    FAULT(word_wraps, "classifier 0, word 3: its table ends past the end of `tree`",                                   \
          b->tree[3] = TREE_FORK_WORD(0x3ffffff, 2))                                                                   \
    FAULT(word_sizes, "classifier 0, word 2: its table has two sizes", b->tree[0] = TREE_CUT_WORD(3, 0, 31, 2);        \
          b->tree[2] = TREE_CUT_WORD(3, 0, 0, 1))                                                                      \
    FAULT(word_format, "classifier 0, word 6: format doesn't exist", b->tree[6] = TREE_LEAF_WORD(6, 2, 9))             \
    FAULT(tables_overlap, "classifier 0, word 4: the word belongs to two tables",                                      \
          b->tree[3] = TREE_CUT_WORD(4, 0, 0, 1))                                                                      \
    FAULT(fork_least, "classifier 0, word 3: its lowest entry isn't the lowest entry below this word",                 \
          b->tree[3] = TREE_FORK_WORD(5, 1))                                                                           \
    FAULT(fork_more, "classifier 0, word 3: its lowest entry isn't the lowest entry below this word",                  \
          b->tree[3] = TREE_FORK_WORD(5, 3))                                                                           \
    FAULT(fork_none, "classifier 0, word 3: its lowest entry isn't the lowest entry below this word",                  \
          b->tree[6] = TREE_NONE)                                                                                      \
    FAULT(leaf_past, "classifier 0, block at 11: the block goes past the end of `blocks`",                             \
          b->tree[6] = img_leaf(b, 11, 1))                                                                             \
    FAULT(leaf_long, "classifier 0, block at 7: the block goes past the end of `blocks`",                              \
          b->tree[6] = img_leaf(b, 7, 1))                                                                              \
    FAULT(leaf_formats, "classifier 0, block at 3: the line belongs to two blocks", img_add_formats(b, b->formats[0]); \
          b->classifiers->format_count++; b->tree[6] = img_leaf(b, 3, 2))                                              \
    FAULT(leaf_inside, "classifier 0, block at 7: the line belongs to two blocks", b->tree[2] = img_leaf(b, 7, 0))     \
    FAULT(run_out, "classifier 0, block at 11: the block goes past the end of `blocks`",                               \
          img_column(b, 6, 0)[7] |= PBC_LANE_MORE)                                                                     \
    FAULT(run_other, "classifier 0, block at 6: the line belongs to two blocks",                                       \
          img_column(b, 3, 0)[7] |= PBC_LANE_MORE)                                                                     \
    FAULT(lane_value, "classifier 0, block at 0: value has bits outside the mask", img_column(b, 0, 5)[1] |= 1)        \
    FAULT(lane_value_second, "classifier 0, block at 6: value has bits outside the mask", img_column(b, 6, 9)[0] = 1)  \
    FAULT(lane_range, "classifier 0, block at 3: a range runs backwards",                                              \
          img_column(b, 3, 3)[1] = img_range(1024, 1023))                                                              \
    FAULT(lane_range_first, "classifier 0, block at 3: a range runs backwards", img_column(b, 3, 1)[0] = UINT32_MAX)   \
    FAULT(lane_pair, "classifier 0, block at 6: value has bits outside the mask", img_column(b, 6, 2)[0] = ~2u)        \
    FAULT(lane_entry, "classifier 0, block at 3: entry doesn't exist", img_column(b, 3, 0)[1] = 3)                     \
    FAULT(lane_more, "classifier 0, block at 3: entry doesn't exist", img_column(b, 3, 0)[1] |= PBC_LANE_MORE)         \
    FAULT(lane_order, "classifier 0, block at 0: lanes aren't in order", img_column(b, 0, 0)[1] = 0;                   \
          img_column(b, 0, 0)[0] = 1)                                                                                  \
    FAULT(lane_order_run, "classifier 0, block at 3: lanes aren't in order", img_column(b, 3, 0)[0] = 0)               \
    FAULT(lane_hole, "classifier 0, block at 0: lanes aren't in order", img_column(b, 0, 1)[1] = UINT32_MAX;           \
          img_column(b, 0, 0)[1] = PBC_LANE_NONE)                                                                      \
    FAULT(lane_sentinel, "classifier 0, block at 3: an unused lane may match", img_column(b, 3, 1)[5] = 0)             \
    FAULT(lane_sentinel_last, "classifier 0, block at 6: an unused lane may match", img_column(b, 6, 2)[3] = 1)        \
    FAULT(classify_number, "instruction 50 (classify): classifier doesn't exist", b->code[50].imm = 1)                 \
    FAULT(classify_a, "instruction 50 (classify): the opcode doesn't take one of the operands", b->code[50].a = 1)     \
    FAULT(classify_twice, "instruction 51 (classify): the function has an earlier `classify`",                         \
          b->code[51] = b->code[50])                                                                                   \
    FAULT(classify_shared, "instruction 39 (classify): a later `classify` searches the same classifier",               \
          put(b, 39, OP_CLASSIFY, 0, 0, 0);                                                                            \
          b->code[14].imm = 5; put(b, 13, OP_CALL, 0, 0, 2))                                                           \
    FAULT(classify_main,                                                                                               \
          "instruction 7 (classify): only functions that are called can return, or search a classifier",               \
          b->code[7] = b->code[50])                                                                                    \
    FAULT(classify_services,                                                                                           \
          "instruction 48 (call): the function has instructions for rules and instructions for services",              \
          put(b, 48, OP_CALL, 0, 0, 5))                                                                                \
    FAULT(classify_never, "classifier 1 is never searched", another(b))                                                \
    FAULT(code_past, "instruction 50 (classify): the code of entry 1 isn't after the instruction in the function",     \
          b->entries[1].code = 8)                                                                                      \
    FAULT(code_before, "instruction 52 (classify): the code of entry 0 isn't after the instruction in the function",   \
          b->code[52] = b->code[50];                                                                                   \
          put(b, 50, OP_JALL, 0, 1, 1))                                                                                \
    FAULT(again_a, "instruction 55 (again): the opcode doesn't take one of the operands", b->code[55].a = 1)           \
    FAULT(again_missed, "instruction 55 (again): on a path to this instruction, no `classify` has found an entry",     \
          put(b, 51, OP_JUMP, 0, 3, 0))                                                                                \
    FAULT(again_around, "instruction 57 (again): on a path to this instruction, no `classify` has found an entry",     \
          put(b, 51, OP_JUMP, 0, 4, 0))                                                                                \
    FAULT(again_main, "instruction 9 (again): on a path to this instruction, no `classify` has found an entry",        \
          b->code[9] = b->code[55])

#define FAULT(name, line, damage)                                                                                      \
    static void break_##name(struct imgbuild *b) { damage; }
FAULTS(FAULT)
#undef FAULT

struct fault {
    const char *name, *line;
    void (*damage)(struct imgbuild *b);
};

static const struct fault faults[] = {
#define FAULT(ident, text, damage_) {.name = #ident, .line = text, .damage = break_##ident},
    FAULTS(FAULT)
#undef FAULT
};

static void expect(struct imgbuild *b, const char *name, const char *line)
{
    char err[256] = "";
    struct program *p = img_load(b, err, sizeof err);
    program_put(p);
    if (strcmp(err, line) != 0) fail_msg("%s: expected `%s`, got `%s`", name, line, err);
}

static void each_fault_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct imgbuild b;
        img_sample(&b);
        faults[i].damage(&b);
        expect(&b, faults[i].name, faults[i].line);
        img_fini(&b);
    }
}

/* Make a program whose only list is a classifier of one entry, or of `count` with code; the test adds its tree. */
static void bare(struct imgbuild *b, uint32_t count)
{
    const bool coded = count > 1;
    img_init(b);
    img_add_firewalls(b, (struct pbc_firewall){.iface = PBC_NONE, .rule_count = count});
    img_function(b, "main", (const struct insn[]){{.op = OP_CALL, .imm = 1}, {.op = OP_ACCEPT}}, 2);
    img_function(b, "list", (const struct insn[]){{.op = OP_CLASSIFY}, {.op = OP_RETZ}, {.op = OP_AGAIN}},
                 coded ? 3 : 2);
    for (uint32_t i = 0; i < count; i++) {
        img_add_rules(b, (struct pbc_rule){.chain = PBC_NONE});
        img_add_entries(b, (struct pbc_entry){.rule = i, .code = coded ? 2 : 0});
    }
    img_add_formats(b, (struct pbc_format){.lines = 1});
    img_add_classifiers(b, (struct pbc_classifier){0});
}

static void figures(struct imgbuild *b, uint32_t words, uint32_t compared, uint32_t forks, uint32_t chain)
{
    struct pbc_classifier *c = b->classifiers;
    c->entry_count = b->entries_count, c->format_count = b->formats_count;
    c->tree_count = b->tree_count, c->block_count = b->blocks_count;
    c->words = words, c->compared = compared, c->forks = forks, c->chain = chain;
}

/* Make runs of `blocks` blocks whose lanes belong to consecutive entries, as long as there are any. */
static void long_run(struct imgbuild *b, uint32_t blocks)
{
    for (uint32_t n = 0, entry = 0; n < blocks; n++) {
        const uint32_t block = img_block(b, 0);
        for (unsigned lane = 0; lane < 8; lane++, entry += entry + 1 < b->entries_count)
            img_lane(b, block, lane, entry);
        if (n + 1 < blocks) img_column(b, block, 0)[7] |= PBC_LANE_MORE;
    }
}

static void depth(void **state)
{
    (void)state;
    for (unsigned words = 32; words <= 33; words++) {
        struct imgbuild b;
        bare(&b, 1);
        img_add_tree(&b, TREE_CUT_WORD(1, 0, 0, 1)); /* each table's second word leads on */
        for (unsigned n = 1; n + 1 < words; n++) {
            img_add_tree(&b, TREE_NONE);
            img_add_tree(&b, TREE_CUT_WORD(2 * n + 1, 0, 0, 1));
        }
        img_add_tree(&b, TREE_NONE);
        img_add_tree(&b, TREE_NONE);
        figures(&b, words, 0, 0, 0);
        expect(&b, "depth", words == 32 ? "" : "classifier 0, word 0: too many words below this word");
        img_fini(&b);
    }
}

/* Make forks whose two words lead to the same next one: paths double, words of the tree don't. */
static void shared_forks(struct imgbuild *b, unsigned forks, uint64_t leaf)
{
    for (unsigned n = 0; n < forks; n++) {
        for (unsigned twice = 0; twice <= (n > 0); twice++)
            img_add_tree(b, TREE_FORK_WORD(2 * n + 1, leaf ? 0 : PBC_LANE_NONE));
    }
    for (unsigned twice = 0; twice <= (forks > 0); twice++) img_add_tree(b, leaf);
}

static void forks(void **state)
{
    (void)state;
    for (unsigned n = 6; n <= 7; n++) {
        struct imgbuild b;
        bare(&b, 1);
        shared_forks(&b, n, TREE_NONE);
        figures(&b, (2u << n) - 1, 0, n, 0);
        expect(&b, "forks", n == 6 ? "" : "classifier 0, word 0: too many forks below this word");
        img_fini(&b);
    }
}

/* Blocks of one run that 64 paths share, each of which counts. */
static void compared(void **state)
{
    (void)state;
    for (unsigned n = 512; n <= 513; n++) {
        struct imgbuild b;
        bare(&b, 1);
        long_run(&b, n);
        shared_forks(&b, 6, img_leaf(&b, 0, 0));
        figures(&b, 127, n * 64, 6, 0);
        expect(&b, "compared", n == 512 ? "" : "classifier 0, word 0: too many blocks below this word");
        img_fini(&b);
    }
}

/* Entries with code count once per run, even if they are on both sides of a seam. */
static void chain(void **state)
{
    (void)state;
    for (unsigned n = 1025; n <= 1026; n++) {
        struct imgbuild b;
        bare(&b, n);
        long_run(&b, 200);
        img_column(&b, 1, 0)[0] = 7;
        img_add_tree(&b, img_leaf(&b, 0, 0));
        figures(&b, 1, 200, 0, n - 1);
        expect(&b, "chain", n == 1025 ? "" : "classifier 0, word 0: too many entries with code below this word");
        img_fini(&b);
    }
}

/* Make ranks: sources with one node of one bound and two wide leaves; destinations with a leaf without bounds. */
static void ranked(struct imgbuild *b)
{
    static const struct pbc_rank lines[] = {
        {{5, -1ull, -1ull, -1ull, -1ull, -1ull, -1ull, RANK_NODE(RANK_INNER, 0, 1, 1, 4)}},
        {{0}},
        {{-1ull, -1ull, -1ull, -1ull, -1ull, -1ull, -1ull, RANK_NODE(RANK_LEAF, 0, 0, 0, 0)}},
        {{0}},
        {{3, 3, 4, -1ull, -1ull, -1ull, -1ull, RANK_NODE(RANK_LEAF, 1, 0, 3, 0)}},
        {{1, 2, 0, -1ull, -1ull, -1ull, -1ull, 64ull << 16 | 1 << 8}}, /* 3::1, 3::2/127, 4::/64 in halves */
        {{5, -1ull, -1ull, -1ull, -1ull, -1ull, -1ull, RANK_NODE(RANK_LEAF, 1, 0, 1, 3)}},
        {{9, -1ull, -1ull, -1ull, -1ull, -1ull, -1ull, 128}},
    };
    bare(b, 1);
    b->formats[0].lines = 3;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) img_add_ranks(b, lines[i]);
    img_add_tree(b, img_leaf(b, 0, 0));
    img_block(b, 0);
    img_lane(b, 0, 0, 0);
    img_column(b, 0, 1)[0] = 1;
    img_column(b, 0, 2)[0] = 4;
    figures(b, 1, 1, 0, 0);
    b->classifiers->rank_count = b->ranks_count;
    b->classifiers->climbed = 4;
}

#define RANKED(FAULT)                                                                                                  \
    FAULT(good, "", (void)b)                                                                                           \
    FAULT(few, "classifier 0 has ranks, but too few lines for two addresses",                                          \
          b->ranks_count = b->classifiers->rank_count = 3)                                                             \
    FAULT(cut, "classifier 0, line 0: the line leads past the end of `ranks`",                                         \
          b->ranks_count = b->classifiers->rank_count = 7)                                                             \
    FAULT(climbed, "classifier 0: lines: 3 in its header, but 4 in fact", b->classifiers->climbed = 3)                 \
    FAULT(past, "classifier 0, line 0: the line leads past the end of `ranks`", rest(b, 0) += 5ull << 32)              \
    FAULT(wraps, "classifier 0, line 0: the line leads past the end of `ranks`", rest(b, 0) |= 0xfffffff0ull << 32)    \
    FAULT(itself, "classifier 0, line 0: the line leads to itself or to an earlier line", rest(b, 0) -= 4ull << 32)    \
    FAULT(width, "classifier 0, line 4: its width differs from the width that its parent gives", rest(b, 0) &= ~4ull)  \
    FAULT(width_below, "classifier 0, line 6: its width differs from the width that its parent gives",                 \
          rest(b, 6) &= ~2ull)                                                                                         \
    FAULT(both, "classifier 0, line 4: the line is used as a node and as lower halves",                                \
          rest(b, 2) = RANK_NODE(RANK_INNER, 0, 0, 0, 3);                                                              \
          rest(b, 3) = RANK_NODE(RANK_LEAF, 1, 0, 0, 0); rest(b, 2) = RANK_NODE(RANK_INNER, 0, 1, 0, 3); unused(b, 3)) \
    FAULT(lost, "classifier 0, line 8: nothing leads to this line", img_add_ranks(b, b->ranks[2]);                     \
          b->classifiers->rank_count++)                                                                                \
    FAULT(behind, "classifier 0, line 1: nothing leads to this line", b->ranks[1].word[3] = 1)                         \
    FAULT(high, "classifier 0, line 0: reserved bits aren't zero", rest(b, 0) |= 64)                                   \
    FAULT(leaf_stride, "classifier 0, line 2: reserved bits aren't zero", rest(b, 2) |= 4)                             \
    FAULT(lower_rest, "classifier 0, line 5: reserved bits aren't zero", rest(b, 5) |= 1ull << 24)                     \
    FAULT(range_far, "classifier 0, line 7: a range has more than 128 bits", rest(b, 7) = 129)                         \
    FAULT(range_lower, "classifier 0, line 5: a range doesn't begin with its bound", rest(b, 5) |= 1)                  \
    FAULT(range_upper, "classifier 0, line 5: a range doesn't begin with its bound", rest(b, 5) += 3ull << 16)         \
    FAULT(root_rest, "classifier 0, line 1: reserved bits aren't zero", b->ranks[0] = (struct pbc_rank){{0}};          \
          unused(b, 0); unused(b, 1); rest(b, 0) = RANK_NODE(RANK_INNER, 1, 1, 0, 4); rest(b, 1) = 1)                  \
    FAULT(order, "classifier 0, line 4: bounds aren't in order", b->ranks[4].word[0] = 4)                              \
    FAULT(order_lower, "classifier 0, line 4: bounds aren't in order", b->ranks[5].word[0] = 2)                        \
    FAULT(unused_upper, "classifier 0, line 0: the bits of an unused bound aren't all 1", b->ranks[0].word[6] = 7)     \
    FAULT(unused_lower, "classifier 0, line 6: the bits of an unused bound aren't all 1", b->ranks[7].word[1] = 0)     \
    FAULT(format, "classifier 0, format 0: the first halves aren't 0, although the classifier has ranks",              \
          b->formats[0].half[3] = 1)                                                                                   \
    FAULT(format_masked, "classifier 0, format 0: the first halves aren't 0, although the classifier has ranks",       \
          b->formats[0].half[0] = PBC_MASKED)                                                                          \
    FAULT(format_short, "classifier 0, format 0: a block of this classifier can't have 2 lines",                       \
          b->formats[0].lines = 2)                                                                                     \
    FAULT(format_pair, "classifier 0, format 0: the number of pairs isn't possible", b->formats[0].pairs = 1)          \
    FAULT(backwards, "classifier 0, block at 0: ranks run backwards", img_column(b, 0, 1)[0] = 5)                      \
    FAULT(backwards_dst, "classifier 0, block at 0: ranks run backwards", img_column(b, 0, 3)[0] = UINT32_MAX;         \
          img_column(b, 0, 4)[0] = 0)                                                                                  \
    FAULT(spare, "classifier 0, block at 0: an unused lane may match", img_column(b, 0, 2)[5] = 1)

#define rest(b, line)   (b)->ranks[line].word[RANK_REST]
#define unused(b, line) memset((b)->ranks[line].word, 0xff, RANK_BOUNDS * sizeof(uint64_t))
#define FAULT(name, line, damage)                                                                                      \
    static void ranked_##name(struct imgbuild *b) { damage; }
RANKED(FAULT)
#undef FAULT

static void ranks(void **state)
{
    static const struct fault broken[] = {
#define FAULT(ident, text, damage_) {.name = #ident, .line = text, .damage = ranked_##ident},
        RANKED(FAULT)
#undef FAULT
    };
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct imgbuild b;
        ranked(&b);
        broken[i].damage(&b);
        expect(&b, broken[i].name, broken[i].line);
        img_fini(&b);
    }
}

/* Nodes without bounds, each the only child of the one before. */
static void rank_depth(void **state)
{
    (void)state;
    for (unsigned lines = PBC_RANK_DEPTH; lines <= PBC_RANK_DEPTH + 1; lines++) {
        struct imgbuild b;
        ranked(&b);
        b.ranks_count = RANK_DST + 2;
        rest(&b, 0) = RANK_NODE(RANK_INNER, 0, 0, 0, 4);
        unused(&b, 0);
        for (unsigned n = 1; n < lines; n++) {
            const unsigned kind = n + 1 < lines ? RANK_INNER : RANK_LEAF;
            b.ranks[2].word[RANK_REST] = 0;
            img_add_ranks(&b, b.ranks[2]);
            rest(&b, 3 + n) = RANK_NODE(kind, 0, 0, 0, kind == RANK_INNER ? 4 + n : 0);
        }
        b.classifiers->rank_count = b.ranks_count;
        b.classifiers->climbed = lines + 1;
        expect(&b, "rank depth",
               lines == PBC_RANK_DEPTH ? "" : "classifier 0, line 0: there are too many lines below this line");
        img_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_named),
        cmocka_unit_test(depth),
        cmocka_unit_test(forks),
        cmocka_unit_test(compared),
        cmocka_unit_test(chain),
        cmocka_unit_test(ranks),
        cmocka_unit_test(rank_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

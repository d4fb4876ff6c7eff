/* The expected cost of a packet drawn from the boxes: a box is drawn evenly, then its open bits evenly, and the
 * image is searched for the packet. */
#include "compiler/classify/tree/builder_priv.h"
#include "vm/packet/key.h"

enum { DRAWS = 1024 };

static uint32_t random_draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

static uint16_t draw_port(uint64_t *state, struct port_range r)
{
    return (uint16_t)(r.lo + random_draw(state) % (r.hi - r.lo + 1u));
}

/* Draw the open bits of kind one after another, evenly if both values are possible. */
static uint32_t draw_kind(kind_possible_fn *possible, uint32_t value, uint32_t mask, uint64_t *state)
{
    const uint32_t random = random_draw(state);
    for (uint32_t bit = 1; bit <= KIND_ND; bit <<= 1) {
        if (mask & bit) continue;
        mask |= bit;
        const uint32_t drawn = value | (random & bit);
        value = possible && !possible(mask, drawn) ? drawn ^ bit : drawn;
    }
    return value;
}

static void draw_key(const struct boxes *b, kind_possible_fn *possible, uint32_t box, uint64_t *state, struct key *k)
{
    *k = (struct key){.kind = 0};
    for (unsigned c = 0; c < b->slots; c++) {
        const uint32_t value = b->value[c][box], mask = b->mask[c][box];
        k->slot[b->slot[c]] =
            b->slot[c] == SLOT_KIND ? draw_kind(possible, value, mask, state) : value | (random_draw(state) & ~mask);
    }
    for (unsigned i = 0; b->rank[0] && i < 2; i++) {
        const struct rank_range r = b->rank[i][box];
        k->slot[i ? KEY_SLOT(dst) : KEY_SLOT(src)] = r.lo + random_draw(state) % (r.hi - r.lo + 1);
    }
    k->src_port = draw_port(state, b->sport[box]);
    k->dst_port = draw_port(state, b->dport[box]);
}

static bool half_holds(uint32_t word, bool masked, uint32_t half)
{
    const uint32_t lower = word & 0xffff, upper = word >> 16;
    return masked ? (half & upper) == lower : half >= lower && half <= 65535 - upper;
}

static bool lane_holds(const uint32_t *col, const struct pbc_format *f, const struct key *k, unsigned lane, bool ranked)
{
    for (unsigned i = 0; i < 2 && ranked; i++) {
        const uint32_t rank = i ? k->dst[0] : k->src[0];
        if (rank < col[(1 + 2 * i) * 8 + lane] || rank > col[(2 + 2 * i) * 8 + lane]) return false;
    }
    for (unsigned i = 0; i < 2u * f->pairs; i += 2)
        if ((k->slot[f->half[i] / 2] & col[(i + 2) * 8 + lane]) != col[(i + 1) * 8 + lane]) return false;
    for (unsigned i = ranked ? PBC_RANK_COLUMNS : 2u * f->pairs; i < pbc_columns(f->lines); i++)
        if (!half_holds(col[(i + 1) * 8 + lane], f->half[i] & PBC_MASKED, k->half[PBC_HALF(f->half[i])])) return false;
    return true;
}

static uint32_t search_leaf(const struct built *m, uint64_t word, const struct key *k, uint64_t *blocks)
{
    const struct pbc_format *f = &m->formats[TREE_FORMAT(word)];
    for (const struct pbc_line *b = &m->blocks[TREE_BASE(word)];; b += f->lines) {
        const uint32_t *entry = b->col[0];
        ++*blocks;
        for (unsigned lane = 0; lane < 8; lane++)
            if (lane_holds(entry, f, k, lane, m->rank_count)) return entry[lane] & PBC_LANE_NONE;
        if (!(entry[7] & PBC_LANE_MORE)) return UINT32_MAX;
    }
}

static uint32_t key_search(const struct built *m, const struct key *k, uint64_t *blocks)
{
    uint64_t fork[PBC_FORKS_MAX], word = m->tree[0];
    unsigned waiting = 0;
    uint32_t best = UINT32_MAX;
    for (;;) {
        if (TREE_KIND(word) == TREE_CUT) {
            word = m->tree[TREE_BASE(word) +
                           (k->word[TREE_WORD(word)] >> TREE_SHIFT(word) & ((1u << TREE_BITS(word)) - 1))];
        } else if (TREE_KIND(word) == TREE_FORK) {
            fork[waiting++] = word;
            word = m->tree[TREE_BASE(word)];
        } else {
            const uint32_t found = TREE_KIND(word) == TREE_LEAF ? search_leaf(m, word, k, blocks) : UINT32_MAX;
            if (found < best) best = found;
            while (waiting && TREE_LEAST(fork[waiting - 1]) >= best) waiting--;
            if (!waiting) return best;
            word = m->tree[TREE_BASE(fork[--waiting]) + 1];
        }
    }
}

double expected_blocks(const struct boxes *b, kind_possible_fn *possible, const struct built *image)
{
    uint64_t state = 1, blocks = 0;
    for (unsigned i = 0; i < DRAWS && b->count; i++) {
        struct key k;
        const uint32_t box = (uint32_t)((uint64_t)random_draw(&state) * b->count >> 32);
        draw_key(b, possible, box, &state, &k);
        key_search(image, &k, &blocks);
    }
    return (double)blocks / DRAWS;
}

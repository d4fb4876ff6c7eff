/* Builds a search tree from boxes: begins at the root, chooses among whole trees by cost, and shows their size and
 * depth. */
#include "compiler/classify/tree/builder_priv.h"

#include <stdlib.h>
#include <string.h>

#include "compiler/classify/tree/ranks.h"
#include "vm/packet/key.h"

enum {
    OVERLAPS = 16,
    BUDGET_STEP = 4,
    BUDGET_SHORT = 8,  /* first scale if ways must be short */
    HALVES_FROM = 11,  /* first slot that a format's half may represent */
    BUILD_BEATEN = -1, /* error: stopped, since its lines exceed another attempt's */
};

enum {
    MANY = 50000,     /* lists with more boxes are built once, if that keeps the bounds */
    LARGEST = 500000, /* boxes over addresses in parts that may read as many lines as a large list */
};

/* Return the bytes to share out among a list's boxes. Further copies of boxes do not make searches faster (README.md);
 * boxes that ask many slots are larger and have fewer bytes to share. */
static uint64_t worth_spending(const struct build *b, struct list l)
{
    enum { LEAST = 1 << 14, FEW = 19 << 17 };
    uint64_t slots = b->b->rank[0] ? 2 : 0;
    for (unsigned c = 0; c < b->b->slots; c++) {
        uint32_t asked = 0;
        for (uint32_t i = 0; i < l.count && !asked; i++) asked = b->b->mask[c][l.box[i]];
        slots += asked && b->b->slot[c] < HALVES_FROM;
    }
    const uint64_t box = slots <= 2 ? 32 : slots <= 6 ? 64 : 128; /* bytes of a box in a leaf of all boxes */
    const uint64_t small = LEAST + 24 * box * l.count, large = FEW + (box > 64 ? 3 * box : 3 * box / 2) * l.count;
    return small < large ? small : large;
}

static void columns_find(struct build *b)
{
    memset(b->column, NO_COLUMN, sizeof b->column);
    b->no_prefixes = 0;
    for (unsigned c = 0; c < b->b->slots; c++) {
        const unsigned slot = b->b->slot[c];
        uint32_t lower = 0, upper = 0; /* bits that are asked below free ones */
        b->column[slot] = (uint8_t)c;
        for (uint32_t i = 0; i < b->b->count; i++) {
            const uint32_t free_bits = ~b->b->mask[c][i], free_lower = free_bits & 0xffff, free_upper = free_bits >> 16;
            lower |= free_lower & (free_lower + 1);
            upper |= free_upper & (free_upper + 1);
        }
        b->no_prefixes |= (uint32_t)(lower != 0) << 2 * slot | (uint32_t)(upper != 0) << (2 * slot + 1);
    }
}

/* Join the words of parts by forks; the word with the lowest entry comes first. */
static uint64_t word_joined(struct build *b, const uint64_t word[], unsigned count)
{
    uint64_t all = word[count - 1];
    for (unsigned i = count - 1; i-- > 0 && !b->failed;) {
        const uint32_t least = word_worst(b, all).least;
        if (least == PBC_LANE_NONE)
            all = word[i];
        else if (TREE_KIND(word[i]) != TREE_NONE)
            all = TREE_FORK_WORD(table_add(b, (uint64_t[]){word[i], all}, 2), least);
    }
    return all;
}

/* Build the root: each part gets its share of the bytes, and the forks and depth that the joining forks leave. */
static uint64_t root_word(struct build *b, unsigned scale, uint64_t limit, bool *spare)
{
    const struct part everything = {.value = {0}};
    uint64_t word[PARTS_MOST], worth[PARTS_MOST], all = 0;
    struct parts parts;
    if (b->parted)
        parts_find(b, &parts);
    else
        parts_whole(b, &parts);
    if (b->failed) return TREE_NONE;
    for (unsigned i = 0; i < parts.count; i++) all += worth[i] = scale * worth_spending(b, parts.part[i]);
    const double within = all > limit ? (double)limit / (double)all : 1;
    const uint64_t budget = all > limit ? limit : all;
    b->reserve = budget / 2 < limit - budget ? budget / 2 : limit - budget;
    for (unsigned i = 0; i < parts.count; i++) {
        const unsigned above = i + 1 < parts.count ? i + 1 : i; /* number of forks above the part */
        const unsigned forks = b->parted && b->short_ways ? 0 : b->forks_most - above;
        word[i] = node_word(b, parts.part[i], &everything,
                            (struct allowance){(uint64_t)((double)worth[i] * within), forks, PBC_TREE_DEPTH - above});
    }
    *spare = all < limit;
    return word_joined(b, word, parts.count);
}

/* Sample entries evenly over the longest leaf. */
static bool overlap_fill(const struct build *b, struct built *out)
{
    if (!b->longest) return true;
    const struct leaf *l = &b->leaves[b->longest - 1];
    const struct pbc_format *f = &b->formats[l->format];
    out->longest_leaf = l->lanes;
    if (!b->last_resort) return true;
    out->overlap_sample = calloc(OVERLAPS, sizeof *out->overlap_sample);
    if (!out->overlap_sample) return false;
    for (uint32_t i = 0, last = UINT32_MAX; i < OVERLAPS; i++) {
        const uint32_t lane = (uint32_t)((uint64_t)i * l->lanes / OVERLAPS);
        const uint32_t entry = b->blocks[l->block + lane / 8 * f->lines].col[0][lane % 8] & PBC_LANE_NONE;
        if (entry != last) out->overlap_sample[out->overlap_count++] = entry;
        last = entry;
    }
    return true;
}

static void build_fini(struct build *b)
{
    stack_release(b, (struct stack_mark){0});
    free(b->scratch);
    free(b->words);
    free(b->tables);
    free(b->leaves);
    free(b->blocks);
    free(b->formats);
    free(b->table_index.place);
    free(b->leaf_index.place);
    free(b->format_index.place);
}

static int build_finish(struct build *b, uint64_t root, uint64_t limit, struct built *out)
{
    if (b->beaten) return BUILD_BEATEN;
    if (b->failed) return BUILD_NO_MEMORY;
    const struct worst w = word_worst(b, root);
    if (b->unsayable || build_bytes(b) + sizeof(uint64_t) > limit || w.compared > PBC_COMPARED_MAX)
        return BUILD_TOO_LARGE;
    if (!layout(b, root, out) || !overlap_fill(b, out)) return BUILD_NO_MEMORY;
    out->blocks = b->blocks;
    out->formats = b->formats;
    out->block_count = b->block_count;
    out->format_count = b->format_count;
    b->blocks = NULL;
    b->formats = NULL;
    out->words = w.words;
    out->compared = w.compared;
    out->forks = w.forks;
    out->chain = w.chain;
    out->lines = w.lines;
    out->boxes = b->b->count;
    out->leaves = b->leaf_count;
    out->last_resort = b->last_resort;
    out->rank_count = b->b->rank[0] != NULL; /* only the comparison of lanes; build_ranked adds the lines */
    out->expected_blocks = expected_blocks(b->b, b->possible, out);
    out->rank_count = 0;
    return BUILD_OK;
}

/* Build once, sharing out `scale` times the worthwhile bytes. *spare: the limit leaves more. */
static int attempt(const struct build *plain, unsigned scale, uint64_t limit, struct built *out, bool *spare)
{
    struct build b = *plain;
    *out = (struct built){0};
    const uint64_t root = root_word(&b, scale, limit, spare);
    const int error = build_finish(&b, root, limit, out);
    out->peak_bytes = b.peak;
    out->work = b.work;
    build_fini(&b);
    return error;
}

/* Effort of the whole build, with images kept while another is built. */
struct effort {
    uint64_t work, peak;
    unsigned scale; /* scale of the last attempt */
};

static void effort_add(struct effort *e, const struct built *now, uint64_t kept)
{
    e->work += now->work;
    if (now->peak_bytes + kept > e->peak) e->peak = now->peak_bytes + kept;
}

/* Replace *out by `now` if that is better; free the other. */
static void keep_better(struct built *out, struct built *now, bool better)
{
    if (better) {
        built_fini(out);
        *out = *now;
    } else {
        built_fini(now);
    }
}

/* Return the fewer lines; 0 means any number. */
static uint32_t fewer(uint32_t most, uint32_t lines) { return most && most < lines ? most : lines; }

/* Build, and retry with more of the allowed bytes while parts resist; keep the image with the shortest worst way. A
 * retry stops at the first way that is not shorter. If ways must be short, the first attempt already takes more
 * bytes. */
static int attempts(const struct build *plain, uint64_t limit, uint64_t kept, struct built *out, struct effort *e)
{
    int best = BUILD_TOO_LARGE;
    struct build b = *plain;
    *out = (struct built){0};
    for (unsigned scale = plain->short_ways ? BUDGET_SHORT : 1;; scale *= BUDGET_STEP) {
        struct built now;
        bool spare = false;
        if (!best) b.lines_most = fewer(plain->lines_most, out->lines);
        const int error = attempt(&b, scale, limit, &now, &spare);
        e->scale = scale;
        effort_add(e, &now, built_bytes(out) + kept);
        const bool better = !error && (best || now.lines < out->lines);
        /* more room is tried as long as it helps much */
        const bool last = error == BUILD_NO_MEMORY || error == BUILD_BEATEN || (!error && !now.last_resort) || !spare ||
                          (!error && !best && now.lines > out->lines / 2);
        keep_better(out, &now, better);
        if (better || best) best = error;
        if (last) return best;
    }
}

/* True if the image exceeds a program's limits. */
static bool asks_too_much(const struct built *b) { return b->chain > PBC_CHAIN_MAX || built_steps(b) > PBC_PATH_MAX; }

/* Build again without forks if the chain is too long: both ways of a fork may hold boxes of the same entries, which
 * then count twice. Keep that image if a program may hold it. */
static void chain_again(struct build *b, uint64_t limit, struct built *out, struct effort *e)
{
    struct built now;
    bool spare;
    b->forks_most = 0;
    const int error = attempt(b, e->scale, limit, &now, &spare);
    effort_add(e, &now, built_bytes(out));
    keep_better(out, &now, !error && !asks_too_much(&now));
}

/* True if the worst way through the parts is short enough to skip the complete list, which takes longest to build. */
static bool parts_suffice(const struct build *b, uint32_t lines)
{
    const bool bound = b->b->rank[0] || b->b->count > LARGEST;
    return b->b->count > MANY && lines <= (bound ? built_lines_bound(b->b->count) : BUILT_LINES);
}

/* Build the complete list, or the parts that open addresses make if their worst way is shorter. Forks between parts
 * add up the entries that may be asked in turn, so lists with many such entries have no parts. */
static int whole_or_parts(struct build *b, uint64_t limit, struct built *out, struct effort *e)
{
    struct built whole;
    const uint32_t most = b->lines_most;
    b->parted = true;
    int error = attempts(b, limit, 0, out, e);
    b->parted = false;
    const bool good = !error && out->chain <= PBC_CHAIN_WARN;
    if (good && parts_suffice(b, out->lines)) return error;
    b->lines_most = good ? out->lines - 1 : most;
    const int other = attempts(b, limit, built_bytes(out), &whole, e);
    b->lines_most = most;
    const bool better = !good || (!other && whole.lines < out->lines);
    keep_better(out, &whole, better);
    return better ? other : error;
}

static bool has_parts(const struct build *plain)
{
    struct build b = *plain;
    struct parts parts;
    const bool has = parts_find(&b, &parts);
    build_fini(&b);
    return has;
}

/* Build from boxes as they are, with addresses or with ranks. */
static int build_boxes(struct build *b, uint64_t limit, struct built *out)
{
    struct effort effort = {0};
    columns_find(b);
    const int error = has_parts(b) ? whole_or_parts(b, limit, out, &effort) : attempts(b, limit, 0, out, &effort);
    if (!error && asks_too_much(out)) chain_again(b, limit, out, &effort);
    out->work = effort.work;
    out->peak_bytes = effort.peak;
    if (error) built_fini(out);
    return error;
}

static uint64_t bytes_bound(const struct build *b) { return built_bytes_bound(b->b->entries); }

static double beyond_lines(const struct build *b, const struct built *m)
{
    return (double)m->lines / built_lines_bound(b->b->count);
}

/* Return how far an image goes beyond the bounds, as a ratio; at most 1: it keeps both. */
static double beyond(const struct build *b, const struct built *m)
{
    const double lines = beyond_lines(b, m);
    const double bytes = (double)built_bytes(m) / (double)bytes_bound(b);
    return bytes > lines && bytes > 1 ? bytes : lines;
}

/* Build over ranks. A list in parts adds up the ways of all parts, so it gets short ways immediately. */
static int build_ranked(struct build *plain, uint64_t limit, struct built *out)
{
    struct ranks r;
    struct build b = *plain;
    *out = (struct built){0};
    if (!ranks_make(plain->b, &r)) return BUILD_NO_MEMORY;
    const uint64_t bytes = r.count * sizeof *r.lines;
    b.b = &r.boxes;
    columns_find(&b);
    b.short_ways |= has_parts(&b);
    if (b.lines_most) b.lines_most = b.lines_most > r.climbed ? b.lines_most - r.climbed : 1;
    const int error = bytes < limit ? build_boxes(&b, limit - bytes, out) : BUILD_TOO_LARGE;
    if (!error) {
        out->ranks = r.lines;
        out->rank_count = r.count;
        out->climbed = r.climbed;
        out->lines += r.climbed;
        out->peak_bytes += r.count * sizeof *r.lines;
        r.lines = NULL;
    }
    ranks_fini(&r);
    return error;
}

/* Build over ranks with short ways if the image's worst way goes beyond the bound, and keep the shorter one. If
 * little distinguishes boxes, short ways take long to find, so building stops at the first way that is as long as
 * the image's. */
static void shorten(const struct build *plain, uint64_t limit, struct built *out)
{
    struct built now;
    struct build b = *plain;
    if (out->lines <= built_lines_bound(b.b->count) || has_parts(plain)) return;
    b.short_ways = true;
    b.lines_most = out->lines - 1;
    const int error = build_ranked(&b, limit, &now);
    const uint64_t work = out->work + now.work;
    keep_better(out, &now, !error && now.lines < out->lines && !asks_too_much(&now));
    out->work = work;
}

/* True if a quarter of the boxes or more ask the lower half of an address, because then bounds of ranks pay most. */
static bool asks_hosts(const struct build *b)
{
    uint32_t asked = 0;
    for (uint32_t i = 0; i < b->b->count; i++) {
        uint32_t mask = 0;
        for (unsigned slot = 2; slot < 4; slot++) {
            const unsigned src = b->column[KEY_SLOT(src) + slot], dst = b->column[KEY_SLOT(dst) + slot];
            mask |= (src == NO_COLUMN ? 0 : b->b->mask[src][i]) | (dst == NO_COLUMN ? 0 : b->b->mask[dst][i]);
        }
        asked += mask != 0;
    }
    return asked >= b->b->count / 4;
}

static bool is_better(const struct build *b, const struct built *m, const struct built *than)
{
    return asks_too_much(m) == asks_too_much(than) ? beyond(b, m) < beyond(b, than) : asks_too_much(than);
}

typedef int build_fn(struct build *b, uint64_t limit, struct built *out);

/* Build. If the image exceeds the bound on bytes, build again with only the bytes of the bound, and keep the second
 * image if its ways are as short, or short enough. Otherwise the room isn't wasted: much of the shared-out room is
 * not taken, and ways become shorter. */
static int build_within(struct build *b, build_fn *build, uint64_t limit, struct built *out)
{
    struct built now;
    const int error = build(b, limit, out);
    if (error || built_bytes(out) <= bytes_bound(b)) return error;
    const uint32_t before = b->lines_most, enough = built_lines_bound(b->b->count),
                   most = out->lines > enough ? out->lines : enough;
    b->lines_most = fewer(before, most + 1);
    const int second = build(b, bytes_bound(b), &now);
    const uint64_t work = out->work + now.work;
    b->lines_most = before;
    keep_better(out, &now, !second && now.lines <= most && asks_too_much(&now) <= asks_too_much(out));
    out->work = work;
    return BUILD_OK;
}

static int build_ranked_within(struct build *b, uint64_t limit, struct built *out)
{
    return build_within(b, build_ranked, limit, out);
}

/* Build with addresses, and with ranks if that goes beyond the bounds; keep the image that goes less far. Addresses
 * are searched faster while the image stays small, because their words of the tree need no look-up before. If
 * addresses would take much, ranks come first, and addresses only if ranks go beyond the bounds. Short ways come
 * last, because they take longest to build. */
static int build_by_cost(struct build *b, uint64_t limit, struct built *out)
{
    const bool ranks_first = b->b->count > MANY && (asks_hosts(b) || has_parts(b));
    build_fn *const first = ranks_first ? build_ranked_within : build_boxes;
    build_fn *const second = ranks_first ? build_boxes : build_ranked_within;
    const int error = first(b, limit, out);
    if (error == BUILD_NO_MEMORY) return error;
    if (error) return second(b, limit, out);
    if (!asks_too_much(out) && beyond(b, out) <= 1) return BUILD_OK;
    /* Build once more in the other way, and keep the image that goes less far beyond the bounds. If lines exceed
     * their bound most, only an image with fewer lines is of use. */
    struct built now;
    if (!asks_too_much(out) && beyond(b, out) == beyond_lines(b, out)) b->lines_most = out->lines;
    const int again = second(b, limit, &now);
    const uint64_t work = out->work + now.work;
    b->lines_most = 0;
    keep_better(out, &now, !again && is_better(b, &now, out));
    out->work = work;
    shorten(b, limit, out);
    return BUILD_OK;
}

int classifier_build(const struct boxes *boxes, const bool *coded, kind_possible_fn *possible,
                     const struct build_limits *limits, struct built *out)
{
    struct build b = {.b = boxes, .coded = coded, .possible = possible, .forks_most = PBC_FORKS_MAX};
    columns_find(&b);
    if (limits->ranks == RANKS_NEVER || !ranks_suit(boxes)) return build_within(&b, build_boxes, limits->bytes, out);
    if (limits->ranks == RANKS_ALWAYS) {
        const int error = build_ranked(&b, limits->bytes, out);
        if (!error) shorten(&b, limits->bytes, out);
        return error;
    }
    return ranks_of_ip6(boxes) ? build_by_cost(&b, limits->bytes, out)
                               : build_within(&b, build_boxes, limits->bytes, out);
}

void built_fini(struct built *b)
{
    free(b->tree);
    free(b->blocks);
    free(b->formats);
    free(b->ranks);
    free(b->overlap_sample);
    *b = (struct built){0};
}

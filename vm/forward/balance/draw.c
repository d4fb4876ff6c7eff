/* Draws by weight in constant time: an alias table (Walker 1977; built as by Vose 1991) in whole numbers.
 *
 * Every server has a column as high as the sum of the weights, and an amount to fill columns with: `columns` times its
 * weight. The part that does not fit into its own column fills other columns, which hold at most one other server each.
 * A draw chooses a column, then a height in it, both from one 64-bit number by multiplication: the whole part is the
 * column, the rest the height. */
#include "vm/forward/balance/balance_priv.h"
#include "vm/keyed/hash.h"

size_t draw_bytes(uint32_t servers) { return 3 * lb_round(servers * sizeof(uint32_t)); }

void draw_init(struct draw *d, uint8_t **memory, uint32_t servers, uint64_t seed)
{
    *d = (struct draw){.random = seed, .columns = servers};
    d->stay = lb_carve(memory, servers * sizeof *d->stay);
    d->other = lb_carve(memory, servers * sizeof *d->other);
    d->pile = lb_carve(memory, servers * sizeof *d->pile);
}

/* Fill the columns. From its left end, the pile holds columns that are not full; from its right end, the others. */
void draw_update(struct draw *d, const uint16_t *weights, uint64_t total)
{
    uint32_t low = 0, high = d->columns;
    d->total = total;
    for (uint32_t i = 0; i < d->columns; i++) {
        d->stay[i] = weights[i] * d->columns;
        d->other[i] = i;
        if (d->stay[i] < total)
            d->pile[low++] = i;
        else
            d->pile[--high] = i;
    }
    while (low && high < d->columns) {
        const uint32_t needy = d->pile[--low], rich = d->pile[high];
        d->other[needy] = rich;
        d->stay[rich] -= (uint32_t)total - d->stay[needy];
        if (d->stay[rich] < total) {
            high++;
            d->pile[low++] = rich;
        }
    }
}

uint32_t draw_next(const struct draw *d, uint64_t *random)
{
    struct hash_sum at = {0, 0}, height = {0, 0}; /* products of 128 bits */
    hash_add(&at, random_next(random), d->columns);
    hash_add(&height, at.low, d->total);
    return height.high < d->stay[at.high] ? (uint32_t)at.high : d->other[at.high];
}

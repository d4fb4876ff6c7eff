/* Columns of a block that are compared by mask, not by range, as far as a shape shows (pbc.h). Code for a shape is
 * compiled with its number of lines and one of these as constants. The same for native walks and the kernel. */
enum masked { NONE_MASKED, LAST_MASKED, TWO_MASKED, ANY_MASKED };
static_assert((int)TWO_MASKED == (int)PBC_SHAPE_MASKED, "each is the number of columns, from the last one on");

static inline __attribute__((always_inline)) bool is_masked(const struct pbc_format *f, unsigned column, unsigned lines,
                                                            enum masked m)
{
    if (m == ANY_MASKED) return f->half[column - 1] & PBC_MASKED;
    return column + m > pbc_columns(lines);
}

/* Return the number of columns behind the entries that compare more than one half each: ranges of ranks, or pairs,
 * which only shape ANY has. */
static inline __attribute__((always_inline)) unsigned wide_columns(const struct pbc_format *f, enum masked m,
                                                                   bool ranked)
{
    return ranked ? PBC_RANK_COLUMNS : m == ANY_MASKED ? 2u * f->pairs : 0;
}

static inline enum masked masked_of(unsigned shape)
{
    return shape == PBC_SHAPE_ANY ? ANY_MASKED : (enum masked)pbc_shape_masked(shape);
}

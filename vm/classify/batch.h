/* A batch's search. A walk's file includes it once, behind one.h and on its terms. */

static TARGET void batch(const struct program *p, uint32_t classifier, const struct key keys[], uint64_t todo,
                         uint32_t found[])
{
    for (; todo; todo &= todo - 1) {
        const unsigned at = (unsigned)__builtin_ctzll(todo);
        found[at] = one(p, classifier, &keys[at], 0);
    }
}

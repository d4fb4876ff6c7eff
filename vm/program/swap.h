/* Exchange of objects; a reload swaps lasting parts with those to be freed. */
#pragma once

/* Exchange two objects of one type. */
#define SWAP(a, b)                                                                                                     \
    do {                                                                                                               \
        __typeof__(a) swap_was = (a);                                                                                  \
        (a) = (b);                                                                                                     \
        (b) = swap_was;                                                                                                \
    } while (0)

/* Exchange of objects; reloads swap what stays with what is freed. */
#pragma once

/* Exchange two objects of one type. */
#define SWAP(a, b)                                                                                                     \
    do {                                                                                                               \
        __typeof__(a) swap_was = (a);                                                                                  \
        (a) = (b);                                                                                                     \
        (b) = swap_was;                                                                                                \
    } while (0)

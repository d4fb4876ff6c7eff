/* For reloads: what goes on and what goes away change places. */
#pragma once

/* Exchange two objects of one type. */
#define SWAP(a, b)                                                                                                     \
    do {                                                                                                               \
        __typeof__(a) swap_was = (a);                                                                                  \
        (a) = (b);                                                                                                     \
        (b) = swap_was;                                                                                                \
    } while (0)

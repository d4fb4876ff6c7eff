/* The host's chains of nftables, except those of prey's own tables. */
#pragma once

#include <stddef.h>

struct chain_line {
    const char *family, *table; /* family and name of its table */
    const char *text;           /* a line of `nft list chains`, with `len` bytes, such as "type nat hook output …" */
    size_t len;
};
/* Call `each` for all lines. Without privileges there are none. */
void chains_each(void (*each)(void *arg, const struct chain_line *line), void *arg);

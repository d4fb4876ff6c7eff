/* A context of libnftables. */
#pragma once

#include <nftables/libnftables.h>

/* Make a context that keeps its messages for its reader. NULL, with errno: EMFILE or ENFILE if descriptors are
 * short, because libnftables would then end the process; ENOMEM. The caller frees it with nft_ctx_free. */
struct nft_ctx *nft_open(void);

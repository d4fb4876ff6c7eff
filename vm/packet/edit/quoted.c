/* Translate errors: first the quote, then the error, whose own checksum follows the changes of the quote. */
#include <errno.h>

#include "vm/packet/edit/edit_priv.h"
#include "vm/packet/edit/translate.h"

int quoted_translate(struct pkt *pkt, const struct key *key, const struct translation *outer,
                     const struct translation *inner)
{
    struct place own, quote;
    uint32_t at, end;
    int err = place_own(pkt, key, &own);
    if (err) return err;
    if (!place_quote(pkt, key, &at, &end) || !place_quoted(pkt, at, end, own.v6, &quote)) return -EINVAL;
    uint64_t body = rewrite(pkt, &quote, inner, 0, false);
    rewrite(pkt, &own, outer, body, pkt->flags & PKT_CSUM_PARTIAL);
    return 0;
}

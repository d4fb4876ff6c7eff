/* Translation of a packet's own headers. */
#include "vm/packet/edit/translate.h"

#include <errno.h>

#include "vm/packet/edit/edit_priv.h"

int translate(struct pkt *pkt, const struct key *key, const struct translation *to)
{
    struct place p;
    int err = place_own(pkt, key, &p);
    if (err) return err;
    bool with_ports = to->what & (TRANSLATE_SRC_PORT | TRANSLATE_DST_PORT);
    if (key->kind & KIND_SCTP && key->kind & KIND_FRAG_FIRST && with_ports) return -EOPNOTSUPP;
    rewrite(pkt, &p, to, 0, pkt->flags & PKT_CSUM_PARTIAL);
    return 0;
}

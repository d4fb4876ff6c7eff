/* proxy inline, proxy inline http, and proxy with `splice packets`: connections end in the inline stack, which gets
 * each packet under made-up addresses (flow/inline_addr.h) */
#include "vm/forward/mode/mode.h"
#include "vm/packet/edit/translate.h"

static enum pkt_reason to_stack(const struct job *j, struct packet_ctx *c, struct pkt *copy)
{
    if (!j->vm->inlines) return mode_PROXY.send(j, c, copy); /* in a replay */
    const enum pkt_reason reason = !tx_has_room(j)                        ? REASON_NO_BUFFER
                                   : translate(copy, c->key, &c->left.to) ? REASON_UNTRANSLATABLE
                                                                          : REASON_NONE;
    if (reason) {
        pool_put(copy);
        return reason;
    }
    tx_add(j, c, copy, TX_INLINE_STACK, TX_CAUSE_PACKET);
    return REASON_NONE;
}

const struct mode_ops mode_PROXY_INLINE = {.send = to_stack};
const struct mode_ops mode_PROXY_INLINE_HTTP = {.send = to_stack};
const struct mode_ops mode_PROXY_SPLICED = {.send = to_stack};

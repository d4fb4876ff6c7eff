/* --explain: the way of a packet whose connection a service has taken. The connection was judged when it began. */
#include "runtime/report/explain/parts.h"
#include "vm/words/words.h"

/* States as `preyctl flows` names them, and what becomes of a segment. */
static const struct {
    const char *state, *segment;
} ways[] = {
    [INLINE_WAY_OPENS] = {"opens", "preyrun is opening its sockets"},
    [INLINE_WAY_SOCKETS] = {"open", "the connection's segments end in preyrun's sockets"},
    [INLINE_WAY_LEAVES] = {"proxied",
                           "the connection's segments end in preyrun's sockets, until prey splices the connection"},
    [INLINE_WAY_SPLICED] = {"spliced", "the connection's segments are rewritten and go to the peer"},
    [INLINE_WAY_CUT] = {"cut into", "the connection's segments end in preyrun's sockets"},
};

void explain_goes_text(FILE *out, const struct subject *r, const struct inline_goes *goes)
{
    char when[TEXT_TIME];
    const unsigned mode = r->program->services[goes->service].mode;
    fprintf(out, "  service %s, mode %s: %s", label_service(&r->labels, goes->service), mode_info[mode].name,
            ways[goes->way].state);
    if (goes->since_ns) fprintf(out, " since %s", text_clock(goes->since_ns, when));
    fprintf(out, ": %s\n", ways[goes->way].segment);
}

void explain_goes_json(FILE *out, const struct subject *r, const struct inline_goes *goes)
{
    char when[TEXT_TIME];
    const unsigned mode = r->program->services[goes->service].mode;
    json_print(out, ",'connection':{'mode':%s,'state':%s,'since':%s}", mode_info[mode].name, ways[goes->way].state,
               goes->since_ns ? text_iso(goes->since_ns, when) : NULL);
}

/* Shared helpers of the readers: reasons by name, text, addresses and ports (stream.h). */
#include "vm/stream/stream.h"

#include <arpa/inet.h>

#include "vm/packet/wire.h"

static const struct {
    const char *name, *doc;
    unsigned status;
} reasons[] = {
#define STREAM_REASON(ident, name, status, doc) {name, doc, status},
#include "vm/stream/reason.def"
};

const char *stream_reason_name(enum stream_reason r) { return r < STREAM_REASON_COUNT ? reasons[r].name : "?"; }
const char *stream_reason_doc(enum stream_reason r) { return r < STREAM_REASON_COUNT ? reasons[r].doc : "?"; }
unsigned stream_reason_status(enum stream_reason r) { return r < STREAM_REASON_COUNT ? reasons[r].status : 0; }

bool view_is_word_of_its_length(struct view v, const char *word)
{
    for (uint32_t i = 0; i < v.len; i++) {
        const uint8_t c = v.at[i];
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != (uint8_t)word[i]) return false;
    }
    return true;
}

bool stream_addr_read(struct stream_addr *a, bool v6, const uint8_t *text, uint32_t len)
{
    char copy[INET6_ADDRSTRLEN];
    uint8_t wire[16];
    if (len >= sizeof copy) return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (strlen(copy) != len || inet_pton(v6 ? AF_INET6 : AF_INET, copy, wire) != 1) return false;
    memset(a->addr, 0, sizeof a->addr);
    for (unsigned i = 0; i < (v6 ? 4 : 1); i++) a->addr[i] = wire_get32(wire + 4 * i);
    a->v6 = v6;
    return true;
}

bool stream_port_read(uint16_t *port, unsigned least, const uint8_t *text, uint32_t len)
{
    uint32_t value = 0;
    if (len == 0 || len > 5 || (len > 1 && text[0] == '0')) return false;
    for (uint32_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = 10 * value + (text[i] - (uint32_t)'0');
    }
    *port = (uint16_t)value;
    return value >= least && value <= UINT16_MAX;
}

/* Protocols with their own bit in key.kind (parse.h). */
#include "vm/packet/parse/parse.h"

uint32_t parse_upper(uint32_t kind, uint8_t proto)
{
    static const struct {
        uint32_t families, kind;
    } upper[256] = {
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum) [number] = {families, KIND_##ident},
#include "vm/proto.def"
        [IPPROTO_NR_AH] = {KIND_IP4, KIND_AH},
    };
    return kind & upper[proto].families ? upper[proto].kind : 0;
}

/* The tables of opcode.def, cond.def and the key's fields as data. */
#include "vm/tables.h"

#include "vm/packet/key.h"
#include "vm/pbc.h"

const struct op_info op_info[OPCODE_COUNT] = {
#define OP(ident, text, operands, never_on, how, doc)                                                                  \
    [OP_##ident] = {.name = text, .operand = OPERAND_##operands, .kernel = OP_KERNEL_##how, .ends = never_on},
#include "vm/opcode.def"
};

#define HALF(field) KEY_HALF(field)
#define HEADER      HALF_NONE
#define WAY         HALF_WAY
#define SOURCE      HALF_SOURCE
#define BITS(begins, width)                                                                                            \
    {                                                                                                                  \
        begins, width                                                                                                  \
    }
#define NOWHERE                                                                                                        \
    {                                                                                                                  \
        0, 0                                                                                                           \
    }
#define COND(ident, text, code, kind, bits, arg_bits, words, what, without, doc)                                       \
    [COND_##ident] = {.name = text,                                                                                    \
                      .lacks = without,                                                                                \
                      .has = bits,                                                                                     \
                      .args = arg_bits,                                                                                \
                      .operands = OPERANDS_##kind,                                                                     \
                      .traits = what,                                                                                  \
                      .half = HALF_NONE},
#define NUMBER(ident, text, at, largest, field, bits, arg_bits, what, without, called, doc)                            \
    [COND_##ident] = {.name = text,                                                                                    \
                      .lacks = without,                                                                                \
                      .word = called,                                                                                  \
                      .has = bits,                                                                                     \
                      .args = arg_bits,                                                                                \
                      .most = largest,                                                                                 \
                      .operands = OPERANDS_RANGES,                                                                     \
                      .traits = what,                                                                                  \
                      .half = at},
#define IP_NUMBER(ident, text, at, largest, part, ip4, ip6, bits, without, called, noun, plural, doc)                  \
    [COND_##ident] = {.name = text,                                                                                    \
                      .lacks = without,                                                                                \
                      .word = called,                                                                                  \
                      .has = bits,                                                                                     \
                      .most = largest,                                                                                 \
                      .operands = OPERANDS_RANGES,                                                                     \
                      .half = at,                                                                                      \
                      .ip = {ip4, ip6}},
const struct cond_info cond_info[COND_COUNT] = {
#include "vm/cond.def"
};
#undef HALF

const uint8_t ip_number_conds[IP_NUMBERS] = {
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, ...) COND_##ident,
#include "vm/cond.def"
};

const struct upper uppers[UPPERS] = {
#define UPPERS_ALONE
#define UPPER(ident, id, text, in, adds, len, at)                                                                      \
    [UPPER_##ident] = {                                                                                                \
        .name = text, .kind = KIND_##ident, .families = in, .there = adds, .number = id, .header = len, .sum = at},
#include "vm/proto.def"
};

const struct endpoint_info endpoint_info[PBC_EP_PROTOS] = {
#define ENDPOINT(ident, text, bits, doc) [PBC_EP_##ident] = {.name = text, .kinds = bits},
#include "vm/endpoint.def"
};

const struct mode_info mode_info[PBC_MODES + 1] = {
#define MODE(ident, text, has, doc) [PBC_MODE_##ident] = {.name = text, .traits = has},
#include "vm/mode.def"
    [PBC_MODES] = {.name = ""},
};

const struct verdict_info verdict_info[PBC_V_COUNTED] = {
#define VERDICT(ident, text, has, what, became, doc)                                                                   \
    [PBC_V_##ident] = {.name = text, .does = what, .done = became, .traits = has},
#include "vm/verdict.def"
};

const char *const slot_names[16] = {"src0",         "src1", "src2", "src3",  "dst0",  "dst1",
                                    "dst2",         "dst3", "kind", "marks", "ports",
#define PAIR(first, second, name) name,
                                    KEY_PAIRS(PAIR)
#undef PAIR
};

const char *const half_names[32] = {
#define PAIR(first, second, name) [KEY_HALF(first)] = #first, [KEY_HALF(second)] = #second,
    PAIR(src_port, dst_port, ) KEY_PAIRS(PAIR)
#undef PAIR
};

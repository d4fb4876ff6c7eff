/* The tables of opcode.def, cond.def and the key's fields as data. */
#include "vm/tables.h"

#include "vm/packet/key.h"

const struct op_info op_info[OPCODE_COUNT] = {
#define OP(ident, text, operands, never_on, doc)                                                                       \
    [OP_##ident] = {.name = text, .operand = OPERAND_##operands, .ends = never_on},
#include "vm/opcode.def"
#undef OP
};

const struct cond_info cond_info[COND_COUNT] = {
#define COND(ident, text, kind, doc) [COND_##ident] = {.name = text, .operands = OPERANDS_##kind},
#include "vm/cond.def"
#undef COND
};

const char *const slot_names[16] = {
    "src0",           "src1",
    "src2",           "src3",
    "dst0",           "dst1",
    "dst2",           "dst3",
    "kind",           "marks",
    "ports",          "proto+ether_type",
    "icmp_type+code", "vlan_outer+inner",
    "iface+length",   "ttl+dscp",
};

#define HALF(field) [KEY_HALF(field)] = #field
const char *const half_names[32] = {
    HALF(src_port),   HALF(dst_port),   HALF(proto), HALF(ether_type), HALF(icmp_type), HALF(icmp_code),
    HALF(vlan_outer), HALF(vlan_inner), HALF(iface), HALF(length),     HALF(ttl),       HALF(dscp),
};

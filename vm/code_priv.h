/* What opcode.def says of each instruction, as data: the verifier, the disassembler and pbc_longest_path read it. */
#ifndef VM_CODE_PRIV_H
#define VM_CODE_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "vm/pbc.h"
#include "vm/vm.h"

enum operand {
    OPERAND_NONE,
    OPERAND_TO,
    OPERAND_SLOT,
    OPERAND_PREFIX,
    OPERAND_HALF,
    OPERAND_MAP,
    OPERAND_SET,
    OPERAND_MACSET,
    OPERAND_MACKIND,
    OPERAND_PATTERN,
    OPERAND_METER,
    OPERAND_FLOWS,
    OPERAND_RULE,
    OPERAND_CLASSIFIER,
    OPERAND_FUNC,
    OPERAND_REG,
    OPERAND_FIREWALL,
    OPERAND_REGFW,
    OPERAND_RULEFW,
    OPERAND_BRANCH,
};

struct op_info {
    const char *name;
    uint8_t operand; /* enum operand */
    bool ends;       /* control never goes on to the next instruction */
};
extern const struct op_info op_info[OPCODE_COUNT];

/* Instructions that `to` sends elsewhere. */
static inline bool op_jumps(unsigned op)
{
    return op_info[op].operand >= OPERAND_TO && op_info[op].operand <= OPERAND_FLOWS;
}

enum cond_operands {
    OPERANDS_NONE,
    OPERANDS_RANGES,
    OPERANDS_SETS,
    OPERANDS_MACSETS,
    OPERANDS_PATTERN,
    OPERANDS_METER
};

struct cond_info {
    const char *name;
    uint8_t operands; /* enum cond_operands */
};
extern const struct cond_info cond_info[COND_COUNT];

/* Names of the key's 32-bit slots ("dst0") and 16-bit halves ("dst_port"); NULL for a half inside a slot. */
extern const char *const slot_names[16];
extern const char *const half_names[32];

#endif

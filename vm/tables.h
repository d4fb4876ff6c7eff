/* The shared tables: actions, conditions and instructions, as enums and as data. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum action {
#define ACTION(ident, name, doc) ACTION_##ident,
#include "vm/action.def"
    ACTION_COUNT
};
const char *action_name(enum action a);

enum cond_kind {
#define COND(ident, name, code, operands, has, args, words, traits, lacks, doc) COND_##ident,
#include "vm/cond.def"
    COND_COUNT
};

/* Its rows that stand in the IP header, for who makes frames. */
enum ip_number {
#define IP_NUMBERS_ALONE
#define IP_NUMBER(ident, ...) NUMBER_##ident,
#include "vm/cond.def"
    IP_NUMBERS
};
extern const uint8_t ip_number_conds[IP_NUMBERS]; /* enum cond_kind */

enum opcode {
#define OP(ident, name, operands, ends, kernel, doc) OP_##ident,
#include "vm/opcode.def"
    OPCODE_COUNT
};

/* Ways of balancing (forward/balance/), and what bounds them. */
enum lb_kind {
#define LB(ident, name, doc) LB_##ident,
#include "vm/lb.def"
    LB_KINDS
};

#define LB_NONE          UINT32_MAX /* no server can take a new flow */
#define LB_WEIGHT_MAX    1000u
#define LB_SLOTS_DEFAULT 65537u
#define LB_SLOTS_MAX     1048573u /* the largest prime under 2^20 */
#define LB_SERVERS_MAX   (1u << 20)

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
    OPERAND_HEADER,
    OPERAND_COND,
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

/* How the executor in the kernel runs an instruction (opcode.def). */
enum op_kernel { OP_KERNEL_LINE, OP_KERNEL_CALL, OP_KERNEL_USER };

struct op_info {
    const char *name;
    uint8_t operand; /* enum operand */
    uint8_t kernel;  /* enum op_kernel */
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
    OPERANDS_METER,
    OPERANDS_GRAIN,
    OPERANDS_NAMES,
};

/* What holds of conditions of a kind, whatever their operands. */
enum cond_trait {
    COND_OF_FLOW = 1 << 0, /* all established packets of one direction of a flow, on one interface, have in common what
                              it asks; the type of an ICMP query is its flow's */
    COND_BEYOND = 1 << 1,  /* later fragments lack the field */
    COND_PLAIN = 1 << 2,   /* takes neither `not` nor `any` */
    COND_IN_IP = 1 << 3,   /* `lacks` is said of IP packets; of others that they are none */
    COND_HAS_ALL = 1 << 4, /* all bits of `has` must be set */
    COND_HAS_STATE = 1 << 5, /* the packet must have a mark of MARK_STATES */
    COND_ARG_KINDS = 1 << 6, /* arg is bits of key.kind, of which the packet must have one, outside the `not`; 0: any */
    COND_ARG_FREES = 1 << 7, /* with an arg every packet has the field */
    COND_OF_STREAM = 1 << 8, /* a connection has it, so a `when` of a proxy service may ask */
    COND_STREAM = 1 << 9,    /* only a connection's first bytes have it: no packet is asked */
    COND_ARG_TELLS = 1 << 10, /* a packet with a bit of arg has the field, whatever it lacks */
    COND_ALONE = 1 << 11,     /* its name says all: its operands are not written */
    COND_IFACES = 1 << 12,    /* its numbers are interfaces of the program */
};

/* A number's place in a fixed IP header, bits counted from the first on; count 0: it has none there. */
struct ip_bits {
    uint8_t first, count;
};

/* Protocols whose headers are read. */
struct upper {
    const char *name;
    uint32_t kind;     /* its bit of key.kind */
    uint32_t families; /* in which its number is this protocol */
    uint32_t there;    /* bits that its header adds */
    uint8_t number, header, sum;
};
enum upper_ident {
#define UPPERS_ALONE
#define UPPER(ident, number, name, families, there, header, sum) UPPER_##ident,
#include "vm/proto.def"
    UPPERS
};
extern const struct upper uppers[UPPERS];

struct endpoint_info {
    const char *name;
    uint32_t kinds; /* bits of key.kind */
};
extern const struct endpoint_info endpoint_info[]; /* [enum pbc_endpoint_proto] */

/* How a mode sends on. Without REWRITES the server gets the packet's own addresses, and takes both families. */
enum mode_trait {
    MODE_REWRITES = 1 << 0,   /* the destination, and with it the port: family and protocol stay */
    MODE_OWN_SOURCE = 1 << 1, /* the source becomes an address and a port of ours */
    MODE_ONE_SIDED = 1 << 2,  /* the server's replies do not come here */
    MODE_TUNNELS = 1 << 3,
    MODE_TAKES_PORT = 1 << 4, /* of its tunnel: service.gue_port */
    MODE_BRIDGES = 1 << 5,    /* takes no hop */
    MODE_PROXIES = 1 << 6,    /* connections end here: the host's own sockets take the packets */
    MODE_REQUESTS = 1 << 7,   /* each request finds its own server */
};
struct mode_info {
    const char *name;
    uint8_t traits; /* enum mode_trait */
};
extern const struct mode_info mode_info[]; /* [enum pbc_mode], and PBC_MODES, which is none and has no trait */

static inline bool mode_is(unsigned mode, unsigned trait) { return mode_info[mode].traits & trait; }

enum verdict_trait {
    VERDICT_DECIDES = 1 << 0, /* the judging of the packet at hand ends */
    VERDICT_LETS_IN = 1 << 1,
    VERDICT_OPENS = 1 << 2, /* what is inside is judged anew */
    VERDICT_TAKES_PORT = 1 << 3,
    VERDICT_CALLS = 1 << 4,  /* a chain */
    VERDICT_LEAVES = 1 << 5, /* its chain */
};
struct verdict_info {
    const char *name, *does, *done;
    uint8_t traits; /* enum verdict_trait */
};
extern const struct verdict_info verdict_info[];

static inline bool verdict_is(unsigned verdict, unsigned trait) { return verdict_info[verdict].traits & trait; }
/* Does the verdict end the judging of the packet at hand? */
static inline bool pbc_decides(uint8_t verdict) { return verdict_is(verdict, VERDICT_DECIDES); }

struct cond_info {
    const char *name, *lacks;
    const char *word;     /* of a number, else NULL */
    uint32_t has;         /* bits of key.kind, one of which the packet must have; 0: every packet */
    uint32_t args;        /* bits that may stand in arg */
    uint32_t most;        /* of a number: its largest value */
    uint8_t operands;     /* enum cond_operands */
    uint16_t traits;      /* enum cond_trait */
    uint8_t half;         /* of a number: where it stands in the key, or enum number_place */
    struct ip_bits ip[2]; /* of an IP_NUMBER: in IPv4 and in IPv6 */
};
/* Where a number stands that the key has no room for. */
enum number_place { HALF_WAY = 0xfd, HALF_SOURCE = 0xfe, HALF_NONE = 0xff /* the IP header, or it is no number */ };
static inline bool half_in_key(uint8_t half) { return half < HALF_WAY; }
extern const struct cond_info cond_info[COND_COUNT];

/* Names of the key's 32-bit slots ("dst0") and 16-bit halves ("dst_port"); NULL for a half inside a slot. */
extern const char *const slot_names[16];
extern const char *const half_names[32];

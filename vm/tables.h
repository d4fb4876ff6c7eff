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

/* Numbers in the IP header, rows of cond.def, for makers of frames. */
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

/* Ways of balancing (forward/balance/), and their bounds. */
enum lb_kind {
#define LB(ident, name, doc) LB_##ident,
#include "vm/lb.def"
    LB_KINDS
};

#define LB_NONE          UINT32_MAX /* result: no server can take a new flow */
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

/* Form of an instruction in the kernel's executor (opcode.def). */
enum op_kernel { OP_KERNEL_LINE, OP_KERNEL_CALL, OP_KERNEL_USER };

struct op_info {
    const char *name;
    uint8_t operand; /* enum operand */
    uint8_t kernel;  /* enum op_kernel */
    bool ends;       /* control never falls through */
};
extern const struct op_info op_info[OPCODE_COUNT];

/* True for instructions that may jump by `to`. */
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

/* Traits of a kind of condition, whatever its operands. */
enum cond_trait {
    COND_OF_FLOW = 1 << 0,    /* has the same result for all established packets of one direction of a flow on one
                               * interface; the type of an ICMP query belongs to its flow */
    COND_BEYOND = 1 << 1,     /* later fragments lack the field */
    COND_PLAIN = 1 << 2,      /* takes neither `not` nor `any` */
    COND_IN_IP = 1 << 3,      /* `lacks` describes IP packets; other packets are described as not IP */
    COND_HAS_ALL = 1 << 4,    /* all bits of `has` must be set */
    COND_HAS_STATE = 1 << 5,  /* the packet must have a mark of MARK_STATES */
    COND_ARG_KINDS = 1 << 6,  /* arg is bits of key.kind; the packet must have one of them, also under `not`; 0: any */
    COND_ARG_FREES = 1 << 7,  /* with an arg, every packet has the field */
    COND_OF_STREAM = 1 << 8,  /* connections have the field, so a `when` of a proxy service may ask */
    COND_STREAM = 1 << 9,     /* only a connection's first bytes have the field; packets never have it */
    COND_ARG_TELLS = 1 << 10, /* a packet with a bit of arg has the field, whatever bits it lacks */
    COND_ALONE = 1 << 11,     /* the condition's name is enough: operands are not written */
    COND_IFACES = 1 << 12,    /* the condition's numbers are interfaces of the program */
};

/* A number's place in a fixed IP header, bits counted from the first on; count 0: not in that header. */
struct ip_bits {
    uint8_t first, count;
};

/* Protocols whose headers are read. */
struct upper {
    const char *name;
    uint32_t kind;     /* the protocol's bit of key.kind */
    uint32_t families; /* bits of key.kind for the families that the protocol belongs to */
    uint32_t there;    /* bits of key.kind that the protocol's header adds */
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
extern const struct endpoint_info endpoint_info[]; /* by enum pbc_endpoint_proto */

/* Traits of a mode. Without REWRITES the server gets the packet's own addresses, in either family. */
enum mode_trait {
    MODE_REWRITES = 1 << 0,   /* rewrites the destination address and port; family and protocol stay */
    MODE_OWN_SOURCE = 1 << 1, /* replaces the source by an address and a port of prey */
    MODE_ONE_SIDED = 1 << 2,  /* replies of the server do not come here */
    MODE_TUNNELS = 1 << 3,
    MODE_TAKES_PORT = 1 << 4, /* takes the port of its tunnel: service.gue_port */
    MODE_BRIDGES = 1 << 5,    /* does not decrement the hop limit */
    MODE_PROXIES = 1 << 6,    /* connections end here, in sockets: the host's own, or those of the inline stack */
    MODE_REQUESTS = 1 << 7,   /* each request gets its own server */
    MODE_INLINE = 1 << 8,     /* in the wire: both legs have the ends' own addresses, MACs and tags */
    MODE_INLINE_STACK =
        1 << 9, /* connections end in the inline stack, and the host's own stack sees none of their packets */
};
struct mode_info {
    const char *name;
    uint16_t traits; /* enum mode_trait */
};
extern const struct mode_info mode_info[]; /* by enum pbc_mode; also for PBC_MODES, which has neither name nor trait */

static inline bool mode_is(unsigned mode, unsigned trait) { return mode_info[mode].traits & trait; }

enum verdict_trait {
    VERDICT_DECIDES = 1 << 0, /* ends the judging of the packet at hand */
    VERDICT_LETS_IN = 1 << 1,
    VERDICT_OPENS = 1 << 2, /* judges the packet inside again */
    VERDICT_TAKES_PORT = 1 << 3,
    VERDICT_CALLS = 1 << 4,  /* calls a chain */
    VERDICT_LEAVES = 1 << 5, /* leaves its chain */
};
struct verdict_info {
    const char *name, *does, *done;
    uint8_t traits; /* enum verdict_trait */
};
extern const struct verdict_info verdict_info[];

static inline bool verdict_is(unsigned verdict, unsigned trait) { return verdict_info[verdict].traits & trait; }
/* True if the verdict ends the judging of the packet. */
static inline bool pbc_decides(uint8_t verdict) { return verdict_is(verdict, VERDICT_DECIDES); }

struct cond_info {
    const char *name, *lacks;
    const char *word;     /* name of a number, else NULL */
    uint32_t has;         /* bits of key.kind, one of which the packet must have; 0: every packet */
    uint32_t args;        /* bits allowed in arg */
    uint32_t most;        /* largest value of a number */
    uint8_t operands;     /* enum cond_operands */
    uint16_t traits;      /* enum cond_trait */
    uint8_t half;         /* a number's place in the key, or enum number_place */
    struct ip_bits ip[2]; /* places of an IP_NUMBER in IPv4 and in IPv6 */
};
/* Places of numbers outside the key. */
enum number_place { HALF_WAY = 0xfd, HALF_SOURCE = 0xfe, HALF_NONE = 0xff /* in the IP header, or no number */ };
static inline bool half_in_key(uint8_t half) { return half < HALF_WAY; }
extern const struct cond_info cond_info[COND_COUNT];

/* Names of the key's 32-bit slots ("dst0") and 16-bit halves ("dst_port"); NULL: a half inside a slot. */
extern const char *const slot_names[16];
extern const char *const half_names[32];

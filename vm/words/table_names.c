/* Names from the tables: actions, reasons, protocols, ICMP types. */
#include <stddef.h>
#include <string.h>

#include "vm/vm.h"
#include "vm/words/words.h"

struct number_name {
    unsigned number;
    const char *name;
};

static const struct number_name protos[] = {
#define PROTO(ident, number, name) {number, name},
#include "vm/proto.def"
#undef PROTO
};

struct icmp_name {
    unsigned family, type;
    const char *name;
};

static const struct icmp_name icmp_types[] = {
#define ICMP_TYPE(family, type, name) {family, type, name},
#include "vm/icmp.def"
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *action_name(enum action a)
{
    static const char *const names[] = {
#define ACTION(ident, name, doc) name,
#include "vm/action.def"
    };
    return (unsigned)a < COUNT(names) ? names[a] : "?";
}

const char *does_name(unsigned does)
{
    static const char *const names[] = {[PBC_STREAM] = "stream",
                                        [PBC_PASS] = "pass",
                                        [PBC_IGNORE] = "ignore",
                                        [PBC_RESETS] = "reject",
                                        [PBC_CUTS] = "proxy inline"};
    return does < COUNT(names) ? names[does] : "?";
}

const char *reason_name(enum pkt_reason r)
{
    static const char *const names[] = {
#define REASON(ident, name, doc) name,
#include "vm/reason.def"
    };
    return (unsigned)r < COUNT(names) ? names[r] : "?";
}

const char *proto_name(unsigned number)
{
    for (size_t i = 0; i < COUNT(protos); i++)
        if (protos[i].number == number) return protos[i].name;
    return NULL;
}

unsigned proto_number(const char *name)
{
    for (size_t i = 0; i < COUNT(protos); i++)
        if (strcmp(protos[i].name, name) == 0) return protos[i].number;
    return PROTO_UNKNOWN;
}

bool proto_has_ports(unsigned number)
{
    bool has = false;
    for (unsigned i = 0; i < UPPERS; i++) has |= uppers[i].number == number && uppers[i].there & KIND_PORTS;
    return has;
}

const char *icmp_type_name(unsigned family, unsigned type)
{
    for (size_t i = 0; i < COUNT(icmp_types); i++)
        if (icmp_types[i].family == family && icmp_types[i].type == type) return icmp_types[i].name;
    return NULL;
}

/* Names out of the tables: actions, reasons, protocols, ICMP types. */
#include "vm/words/names.h"

#include <stdbool.h>
#include <string.h>

#include "vm/vm.h"

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
#undef ICMP_TYPE
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *action_name(enum action a)
{
    static const char *const names[] = {
#define ACTION(ident, name, doc) name,
#include "vm/action.def"
#undef ACTION
    };
    return (unsigned)a < COUNT(names) ? names[a] : "?";
}

const char *reason_name(enum pkt_reason r)
{
    static const char *const names[] = {
#define REASON(ident, name, doc) name,
#include "vm/reason.def"
#undef REASON
    };
    return (unsigned)r < COUNT(names) ? names[r] : "?";
}

static bool same(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

int proto_by_name(const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(protos); i++)
        if (same(protos[i].name, name, len)) return (int)protos[i].number;
    return -1;
}

const char *proto_name(unsigned number)
{
    for (size_t i = 0; i < COUNT(protos); i++)
        if (protos[i].number == number) return protos[i].name;
    return NULL;
}

const char *proto_name_at(size_t i) { return i < COUNT(protos) ? protos[i].name : NULL; }

int icmp_type_by_name(unsigned family, const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT(icmp_types); i++)
        if (icmp_types[i].family == family && same(icmp_types[i].name, name, len)) return (int)icmp_types[i].type;
    return -1;
}

const char *icmp_type_name(unsigned family, unsigned type)
{
    for (size_t i = 0; i < COUNT(icmp_types); i++)
        if (icmp_types[i].family == family && icmp_types[i].type == type) return icmp_types[i].name;
    return NULL;
}

const char *icmp_type_name_at(unsigned family, size_t i)
{
    for (size_t row = 0; row < COUNT(icmp_types); row++) {
        if (icmp_types[row].family != family) continue;
        if (i-- == 0) return icmp_types[row].name;
    }
    return NULL;
}

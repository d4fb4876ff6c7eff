/* A loaded, verified program: immutable (but for its bounds, see program_bound), counted, in one private memory block.
 * Everything reached through it may be used without checks: the verifier proved it. Behind it what is asked of one:
 * which devices it names, addresses of sets, membership of host names and texts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vm/pbc.h"

/* A set that code looks the source or the destination up in. */
struct set_side {
    uint32_t set;
    uint8_t dst;
};
enum { PROGRAM_AHEAD = 2 };

/* One pointer and one count a section: p->rules, p->rules_count, ... */
struct program {
#define X(ident, field, type, most)                                                                                    \
    const type *field;                                                                                                 \
    uint32_t field##_count;
    PBC_SECTIONS(X)
#undef X
    const uint8_t *verdicts;   /* [rules_count]: of rules, side by side: those of many stay in the caches */
    uint64_t flows, half_open; /* bounds of a flow table: as `limits` says, or as who runs it does (program_bound) */
    uint8_t digest[PBC_DIGEST_LEN];
    uint64_t file_bytes;    /* of the .pbc */
    uint64_t memory_bytes;  /* held by this program, look-up tables apart */
    const uint32_t *lookup; /* tables of large sets (set_index.h), NULL: none */
    uint64_t lookup_bytes;
    struct set_side ahead[PROGRAM_AHEAD]; /* the first large sets of the code: a batch asks for their memory ahead */
    uint32_t ahead_count;
    uint32_t refs;   /* program_get, program_put */
    uint64_t serial; /* no other program of this process has it, or ever had: an address may come again */
    void *memory;
    const struct program_past *past; /* of a program that took the place of another (remap.h); NULL */
};

/* Read a .pbc file (regular file or standard input for "-"), copy, verify. On failure returns NULL and writes one
 * line, without newline, that names the first fault into err. */
struct program *program_load_file(const char *path, char *err, size_t err_len);

/* The same of a file that is open already, with that name; closing it is the caller's. */
struct program *program_load_open(int fd, const char *path, char *err, size_t err_len);

/* The digest of the program in an open file, which is whole and undamaged, but is not loaded and proved; to know a
 * program by. 0, or a negative errno with one line, without the file's name, in err. */
int program_digest_open(int fd, uint8_t digest[PBC_DIGEST_LEN], char *err, size_t err_len);

/* The same from memory: the bytes are copied and may be freed or changed afterwards. */
struct program *program_load(const void *bytes, size_t len, char *err, size_t err_len);

/* The file that it was loaded from, made again, byte by byte where the compiler made it; malloc'd. NULL: out of memory.
 * Of a program with a past (remap.h) it is that of the file alone. */
uint8_t *program_file(const struct program *p, size_t *len);

struct program *program_get(struct program *p);
void program_put(struct program *p); /* NULL is fine; freed with the last one */
/* A serial that no program has yet; by any thread. */
uint64_t program_serial(void);

/* Verify a raw image in place; called by program_load. Returns 0 or -EINVAL with the first fault in err. Linear in
 * the image's size. */
int program_verify(const struct program *p, char *err, size_t err_len);

const char *program_str(const struct program *p, uint32_t offset); /* never NULL */

/* The check of a server, its own or its pool's; PBC_NONE: it has none. */
static inline uint32_t program_check(const struct program *p, uint32_t server)
{
    const uint32_t own = p->servers[server].check;
    return own != PBC_NONE ? own : p->pools[p->servers[server].pool].check;
}

/* "NAME", or "LIST:LINE" for an unnamed rule, into buf. Returns buf. */
const char *rule_name(const struct program *p, uint32_t rule, char *buf, size_t len);

/* Print everything: sections, rule list, code (`preyc --dump=bytecode`). */
void program_disasm(const struct program *p, FILE *out);

/* Bounds that its file leaves open: so many flows, and so many that are half open; 0: as it was. Set before anything is
 * made of the program. The file that program_file makes says nothing of them. */
void program_bound(struct program *p, uint64_t flows, uint64_t half_open);
/* May it be told so? None at all is for programs that follow no flows. */
bool program_bounds_fit(uint64_t flows, uint64_t half_open);
/* Does its file say how many flows there may be? */
static inline bool program_says_flows(const struct program *p)
{
    return p->settings_count && p->settings->written >> PBC_SETTING_flows & 1;
}

/* Does it begin flows, so that their table fills: of connections that are sent on or translated, or for a condition
 * that asks? What opens a connection to a proxy begins none. */
bool program_begins_flows(const struct program *p);

/* Has some service `syn cookies`? */
static inline bool program_has_cookies(const struct program *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->services_count; i++) any |= p->services[i].flags & PBC_SERVICE_COOKIES;
    return any;
}

/* Does the firewall judge frames that travel so (PBC_DIR_IN, OUT, FORWARD)? */
static inline bool firewall_judges(const struct pbc_firewall *f, enum pbc_direction d)
{
    return f->direction == PBC_DIR_ANY ? d != PBC_DIR_OUT : f->direction == d;
}
/* The interfaces of a program, or of one that is made. */
struct iface_table {
    const struct pbc_iface *ifaces;
    uint32_t count;
    const char *strings;
};
static inline struct iface_table program_ifaces(const struct program *p)
{
    return (struct iface_table){p->ifaces, p->ifaces_count, p->strings};
}
/* Does the pattern hold all that `device`, a name or another pattern, names? */
bool iface_holds(const char *pattern, const char *device);
/* The id of a device: its own, else that of the longest pattern that its name matches; PBC_NONE. */
uint32_t iface_match(const struct iface_table *t, const char *device);
/* The longest pattern that holds it, as the table says and as names do; PBC_NONE. */
static inline uint32_t iface_around(const struct iface_table *t, uint32_t iface) { return t->ifaces[iface].within - 1; }
uint32_t iface_nest(const struct iface_table *t, uint32_t iface);
/* Are the devices of that id all among those that `other` names? Any value past the table is an interface by itself. */
bool iface_is_of(const struct iface_table *t, uint32_t iface, uint32_t other);

/* The firewall that judges frames that travel so and come or go on the interface: the first `on` it, else `on` the
 * longest pattern that holds it, else the first without `on`; PBC_NONE. iface: any value past the table stands for all
 * other interfaces. */
uint32_t firewall_find(const struct iface_table *t, const struct pbc_firewall *firewalls, uint32_t count,
                       enum pbc_direction d, uint32_t iface);

/* Is a server asked through that service, which sends to it? Where the server has to have the service's address, yes.
 * Where the service rewrites the destination a packet to the server's own address is the very same. */
static inline bool service_checked_via(const struct pbc_service *s)
{
    return mode_is(s->mode, MODE_ONE_SIDED) && !mode_is(s->mode, MODE_REWRITES);
}

/* Devices that rules ask for, and parts of a device that they leave to nobody: for whoever serves interfaces, or is
 * told of them. Judging does not ask this. */

/* named[p->ifaces_count]: is it a device's own name that a firewall, a condition or a nat asks for? Patterns are not,
 * nor what a condition's pattern holds anyway, nor names of tests alone. */
void served_named(const struct program *p, bool *named);

/* The first firewall for what travels so (PBC_DIR_IN, OUT, FORWARD), where none of them judges it on the device;
 * PBC_NONE: one does, or there is no such firewall. Firewalls without a direction count as `in`, and for a port of a
 * bridge, which knows `forward` alone, as `forward`. */
uint32_t served_unjudged(const struct program *p, const char *device, enum pbc_direction d, bool bridged);

/* The words between `what` and the device: "comes in by". */
const char *served_words(enum pbc_direction d);

/* Addresses of sets, range by range: what a pool's `source` or a nat translates to. */

/* Both ends as in struct key. */
struct address_range {
    uint32_t lo[4], hi[4];
    uint8_t family; /* 4 or 6 */
};

/* Position in a walk: the ranges of SETS set..end, in their order; of each those of IPv4 first. */
struct address_walk {
    const struct program *p;
    uint32_t set, end, at;
    uint8_t family;
};
/* family: 4, 6, or 0 for both. */
static inline struct address_walk address_walk(const struct program *p, uint32_t sets, uint32_t count, uint8_t family)
{
    return (struct address_walk){.p = p, .set = sets, .end = sets + count, .family = family};
}
/* False: there are no more. */
bool address_next(struct address_walk *w, struct address_range *r);

/* The prefix of `len` bits that begins there; a longer one than the family has: the address alone. */
struct address_range address_prefix(const uint32_t lo[4], unsigned len, uint8_t family);

static inline struct pbc_range address_range4(const struct address_range *r)
{
    return (struct pbc_range){r->lo[0], r->hi[0]};
}
static inline struct pbc_range6 address_range6(const struct address_range *r)
{
    return (struct pbc_range6){.lo_hi = (uint64_t)r->lo[0] << 32 | r->lo[1],
                               .lo_lo = (uint64_t)r->lo[2] << 32 | r->lo[3],
                               .hi_hi = (uint64_t)r->hi[0] << 32 | r->hi[1],
                               .hi_lo = (uint64_t)r->hi[2] << 32 | r->hi[3]};
}

/* Are the first `len` bits of both the same? */
static inline bool address_in_prefix(const uint32_t prefix[4], unsigned len, const uint32_t addr[4])
{
    for (unsigned w = 0; w < 4 && len; w++) {
        const unsigned here = len < 32 ? len : 32;
        if ((prefix[w] ^ addr[w]) >> (32 - here)) return false;
        len -= here;
    }
    return true;
}

/* Number of addresses in the range, UINT64_MAX: that many or more. */
uint64_t address_range_size(const struct address_range *r);
/* The address `n` behind lo: within the range. */
void address_range_at(const struct address_range *r, uint64_t n, uint32_t addr[4]);
/* Number of addresses in all, at most `most` + 1; those that stand in two of the sets count twice. */
uint64_t address_count(const struct program *p, uint32_t sets, uint32_t count, uint8_t family, uint64_t most);

/* Host names and globs: their one normal form, their order, and membership in a list of them.
 *
 * A name is labels of letters, digits and inner hyphens, 1 to 63 bytes each, 253 in all (RFC 1123, section 2.1); the
 * last label is not a number. `*` may stand as the whole leftmost label: `*.example.com` is every name with one or more
 * labels before `example.com`, not `example.com` itself. Normal form is lower case without a dot at the end.
 *
 * A list is in order (host_compare) and holds no name that one of its globs covers. All that a glob covers stands right
 * behind it in that order, so the last entry at or before a name is the only one that may match it. */

enum { HOST_MAX = 253, HOST_LABEL_MAX = 63 };

enum host_fault {
    HOST_GOOD,
    HOST_EMPTY,
    HOST_LONG,
    HOST_LABEL_EMPTY,
    HOST_LABEL_LONG,
    HOST_CHARACTER,
    HOST_NOT_ASCII,
    HOST_HYPHEN, /* at the beginning or end of a label */
    HOST_STAR,   /* not the whole leftmost label, or nothing behind it */
    HOST_NUMBER, /* the last label is a number: an address, or the half of one */
};

/* The normal form of a name or glob as it was written. */
enum host_fault host_normal(const char *s, size_t len, char out[HOST_MAX + 1]);

/* Order of normal names, read from their ends: what ends in a name stands right behind it, and first of that the glob,
 * before all that it covers. <0, 0, >0. */
int host_compare(const char *a, const char *b);

/* Is the name, or all that the glob `name` covers, covered by `glob`? Not by itself, and never by what is no glob. */
bool host_covers(const char *glob, const char *name);

/* Is the host in the list? `host` is what a client wrote, in any case, perhaps with a dot at its end, without a port:
 * bytes that no name may have match nothing but a glob's `*`. */
bool names_match(const struct program *p, uint32_t list, const char *host, size_t len);

/* The same, each entry looked at: the rule list's way. */
bool names_match_plain(const struct program *p, uint32_t list, const char *host, size_t len);

/* Texts that clients send, exact or with `*` at the end for all that begin so: their order, and membership in a list of
 * them. Paths, methods, protocols and values of header fields are compared byte by byte, in the case they are written
 * in.
 *
 * A list is in order (text_compare) and holds nothing that one of its globs covers. All that a glob covers stands right
 * behind it in that order, so the last entry at or before a text is the only one that may match it. */

/* Bytes in order, a glob by what stands before its `*`; of two that are alike the glob first. <0, 0, >0. */
int text_compare(const char *a, const char *b);

/* Is the text, or all that the glob `text` covers, covered by `glob`? Not by itself, and never by what is no glob. */
bool text_covers(const char *glob, const char *text);

/* Is the text in the list? texts_match_plain looks at each entry: the rule list's way. */
bool texts_match(const struct program *p, uint32_t list, const char *text, size_t len);
bool texts_match_plain(const struct program *p, uint32_t list, const char *text, size_t len);

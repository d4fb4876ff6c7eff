/* A loaded, verified program: immutable (except its bounds, see program_bound), counted, in one private memory
 * block. Everything reached through it may be used without checks: the verifier proved it. Below it: queries of
 * programs for named devices, addresses of sets, membership of host names and texts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "vm/pbc.h"

/* A set, and the address (source or destination) that code looks up in it. */
struct set_side {
    uint32_t set;
    uint8_t dst;
};
enum { PROGRAM_AHEAD = 2 };

struct lives; /* vm/judge/lives.h */

/* One pointer and one count for each section: p->rules, p->rules_count, … */
struct program {
#define X(ident, field, type, most)                                                                                    \
    const type *field;                                                                                                 \
    uint32_t field##_count;
    PBC_SECTIONS(X)
#undef X
    uint32_t root;               /* function that decides: 0, or meta.would of `would` */
    const struct program *would; /* the same program as it would decide without the word `audit`; its rules, chains,
                                  * firewalls and memos are those of the WOULD_ sections. NULL: the word is not used */
    const uint8_t *verdicts;     /* [rules_count]: verdicts of rules, side by side so that caches hold many of them */
    uint64_t flows, half_open;   /* bounds of the flow table, from `limits` or program_bound */
    uint8_t digest[PBC_DIGEST_LEN];      /* digest of the file as it was compiled */
    uint8_t file_digest[PBC_DIGEST_LEN]; /* digest of the file as read, with addresses of servers by name */
    uint64_t file_bytes;                 /* size of the .pbc */
    uint32_t version; /* the file's version, and sizes of its entries: program_file writes the same bytes */
    uint32_t entry_size[PBC_KINDS];
    uint64_t memory_bytes;  /* memory of this program, look-up tables apart */
    const uint32_t *lookup; /* look-up tables of large sets (set_index.h), NULL: none */
    uint64_t lookup_bytes;
    struct set_side ahead[PROGRAM_AHEAD]; /* first large sets of the code, whose memory a batch prefetches */
    uint32_t ahead_count;
    uint32_t refs;   /* references: program_get, program_put */
    uint64_t serial; /* number of this program, never reused in this process, as an address might be */
    void *memory;
    struct lives *members;           /* members of live sets, given by their maker; NULL: all sets are empty */
    const struct program_past *past; /* past parts of a program that replaced another (remap.h); NULL: none */
};

/* Read a .pbc file (regular file or standard input for "-"), copy and verify it; the caller gets a reference
 * (program_put). On failure return NULL and write one line, without newline, that names the first fault into err. */
struct program *program_load_file(const char *path, char *err, size_t err_len);

/* The same for an open file; path is its name in messages. The caller closes fd. */
struct program *program_load_open(int fd, const char *path, char *err, size_t err_len);

/* Read the digest of the program in an open file, to identify the program. The file is checked for damage, but the
 * program is not loaded or verified. Return 0, or a negative errno with one line, without the file's name, in err. */
int program_digest_open(int fd, uint8_t digest[PBC_DIGEST_LEN], char *err, size_t err_len);

/* The same as program_load_file from memory: the bytes are copied and may be freed or changed afterwards. */
struct program *program_load(const void *bytes, size_t len, char *err, size_t err_len);

/* The same for the bytes of a file that a user named: a fault of its contents is reported as one of the file, with the
 * next step. */
struct program *program_load_named(const void *bytes, size_t len, char *err, size_t err_len);

/* Return the file that the program was loaded from, rebuilt (byte by byte the same if the compiler made it);
 * malloc'd. NULL: out of memory. The file of a program with a past (remap.h) does not contain the past. */
uint8_t *program_file(const struct program *p, size_t *len);
/* Return the file as it was compiled: servers by name have no address yet. */
uint8_t *program_file_compiled(const struct program *p, size_t *len);
/* Return the file with these servers ([servers_count] without past ones) in place of its own: those by name have
 * their current addresses. */
uint8_t *program_file_with(const struct program *p, const struct pbc_server servers[], size_t *len);
/* Write the server of a row of NAMED as it was compiled: with a placeholder for its unknown address. */
void program_forget_address(const struct program *p, uint32_t row, struct pbc_server *s);
/* Copy the servers of the file, malloc'd. NULL: out of memory. */
struct pbc_server *program_servers_copy(const struct program *p);

struct program *program_get(struct program *p);
void program_put(struct program *p); /* NULL is allowed; frees the program with its last reference */

/* Return the first branch of an observe service that holds (index in CHOICES); PBC_NONE if there is none. */
uint32_t program_holds(const struct program *p);
/* Return an unused serial. Any thread may call this. */
uint64_t program_serial(void);
/* Give a program that another process loaded earlier its serial from there; later serials are greater. */
void program_go_on(struct program *p, uint64_t serial);

/* Verify a raw image in place; called by program_load. Return 0; -ENOMEM; or -EINVAL, with the first fault in err.
 * Linear in the image's size. */
int program_verify(const struct program *p, char *err, size_t err_len);
/* Verify a past (remap.h) that was read behind the parts of a verified file. Its strings end in NUL. Return as
 * program_verify does. */
int program_verify_past(const struct program *p, char *err, size_t err_len);

const char *program_str(const struct program *p, uint32_t offset); /* never NULL */

/* True for the name of a service as SRV records have it (RFC 2782): lower-case labels with dots between them, the first
 * two of which begin with `_`. */
bool program_is_service(const char *text, size_t len);
/* Write the placeholder of a server's address while that is unknown: in 0.0.0.0/8 or 100::/64 (RFC 1122, 3.2.1.3; RFC
 * 6666), at a hash (FNV-1a) of its name and number, plus the number of steps in the row. */
void program_named_place(const char *host, const struct pbc_named *row, uint8_t family, uint32_t addr[4]);

/* Find the row of a server by name; NULL: the server has a written address. */
const struct pbc_named *program_named(const struct program *p, uint32_t server);

/* Return the check of a server, its own or its pool's; PBC_NONE: no check, or no address to check. */
static inline uint32_t program_check(const struct program *p, uint32_t server)
{
    if (p->servers[server].flags & PBC_SERVER_UNKNOWN) return PBC_NONE;
    const uint32_t own = p->servers[server].check;
    return own != PBC_NONE ? own : p->pools[p->servers[server].pool].check;
}

/* Write "NAME", or "LIST:LINE" for an unnamed rule, into buf. Return buf. */
const char *rule_name(const struct program *p, uint32_t rule, char *buf, size_t len);

/* Print everything: sections, rule list, code (`preyc --dump=bytecode`). */
void program_disasm(const struct program *p, FILE *out);

/* Set the bounds of flows and of half-open flows that the file leaves open; unchanged if either is 0. Call this before
 * anything is built from the program. program_file's output does not hold these bounds. */
void program_bound(struct program *p, uint64_t flows, uint64_t half_open);
/* True if the bounds are valid: both within range, or both 0 for programs that follow no flows. */
bool program_bounds_fit(uint64_t flows, uint64_t half_open);
/* True if the file sets the number of flows. */
static inline bool program_says_flows(const struct program *p)
{
    return p->settings_count && p->settings->written >> PBC_SETTING_flows & 1;
}

/* True if the program begins flows, so that its flow table fills: it sends on or translates connections, or a condition
 * asks for flow state or counts. A connection to a proxy begins no flow. */
bool program_begins_flows(const struct program *p);

/* True if some service has `syn cookies`. */
static inline bool program_has_cookies(const struct program *p)
{
    bool any = false;
    for (uint32_t i = 0; i < p->services_count; i++) any |= p->services[i].flags & PBC_SERVICE_COOKIES;
    return any;
}

/* True if the firewall judges frames of that direction (PBC_DIR_IN, OUT, FORWARD). */
static inline bool firewall_judges(const struct pbc_firewall *f, enum pbc_direction d)
{
    return f->direction == PBC_DIR_ANY ? d != PBC_DIR_OUT : f->direction == d;
}
/* Interfaces of a program, loaded or in the making. */
struct iface_table {
    const struct pbc_iface *ifaces;
    uint32_t count;
    const char *strings;
};
static inline struct iface_table program_ifaces(const struct program *p)
{
    return (struct iface_table){p->ifaces, p->ifaces_count, p->strings};
}
/* Return the mirror of a rule; NULL: none, or the rule is under audit, and so copies nothing. */
static inline const struct pbc_mirror *program_mirror(const struct program *p, uint32_t rule)
{
    const struct pbc_rule *r = &p->rules[rule];
    const bool copies = r->verdict == PBC_V_MIRROR && (!p->root || p->would_twins[rule] != PBC_NONE);
    return copies ? &p->mirrors[r->mirror] : NULL;
}
/* True for a valid target of copies: a device's name, a path, a socket's name. */
bool mirror_target_is_right(enum pbc_mirror_to to, const char *target);
/* True for a pattern such as `wg*`. */
bool iface_is_pattern(const char *device);
/* True if the pattern matches every name that `device`, a name or another pattern, matches. */
bool iface_holds(const char *pattern, const char *device);
/* Return the id of a device: its own, else that of the longest pattern that matches its name, else PBC_NONE. */
uint32_t iface_match(const struct iface_table *t, const char *device);
/* Return the longest pattern that holds the interface, by the table or (second function) by names; PBC_NONE: none. */
static inline uint32_t iface_around(const struct iface_table *t, uint32_t iface) { return t->ifaces[iface].within - 1; }
uint32_t iface_nest(const struct iface_table *t, uint32_t iface);
/* True if all devices of id `iface` are among those of id `other`. A value past the table is a separate interface. */
bool iface_is_of(const struct iface_table *t, uint32_t iface, uint32_t other);

/* Return the firewall that judges frames of that direction on the interface: the first `on` it, else the one `on`
 * the longest pattern that holds it, else the first without `on`; PBC_NONE. A value of iface past the table means
 * all other interfaces. */
uint32_t firewall_find(const struct iface_table *t, const struct pbc_firewall *firewalls, uint32_t count,
                       enum pbc_direction d, uint32_t iface);

/* True if checks of a server go through the service that sends to it: in modes where the server has the service's
 * address. If the service rewrites the destination, a packet to the server's own address is the same. */
static inline bool service_checked_via(const struct pbc_service *s)
{
    return mode_is(s->mode, MODE_ONE_SIDED) && !mode_is(s->mode, MODE_REWRITES);
}

/* Devices that rules name, and a device's unjudged packets: for code that serves interfaces or reports on them.
 * Judging does not use this. */

/* Set named[i] for each device or pattern that a firewall, a condition or a nat names itself (array of
 * p->ifaces_count). Left out are devices held by a pattern of the same condition, and devices that only tests name. */
void served_named(const struct program *p, bool *named);

/* Way in which a device's frames come to prey: by a port, by a bridge's port, or not at all. Packets forwarded from
 * a device without eBPF programs are judged by the kernel executor at their outgoing port, if there is one; the
 * user-space executor does not see them. */
enum served_by { SERVED_PORT, SERVED_BRIDGED, SERVED_NOT_KERNEL, SERVED_NOT };

/* Packets of a device that are not judged, though rules ask for them, as bits. */
enum served_gap {
    GAP_IN = 1 << 0,      /* packets come in by the device, for this machine */
    GAP_OUT = 1 << 1,     /* this machine sends packets by the device */
    GAP_FORWARD = 1 << 2, /* packets are forwarded from the device */
    GAP_PAST = 1 << 3,    /* packets are forwarded between two devices that are not ports; those to a port are judged */
    GAP_NAT = 1 << 4,     /* translation of packets that leave by it */
};

/* Return the gaps of a device or pattern: directions that some firewall judges elsewhere, and translation that a nat
 * asks for there. At a port a firewall without a direction counts as `in`; at the port of a bridge, which has only
 * `forward`, as `forward`. */
unsigned served_gaps(const struct program *p, const char *device, enum served_by by);

/* True if a comma-separated list of names has the device, or a pattern that holds it. */
bool served_listed(const char *names, const char *device);

/* Reason for a gap, as a report words it. */
enum served_why {
    WHY_NO_FIREWALL, /* the device is served, and no firewall is for it */
    WHY_NOT_GIVEN,   /* -i does not name the device */
    WHY_UNREADABLE,  /* prey cannot serve it: it carries neither Ethernet nor bare IP packets */
    WHY_ABSENT,      /* this machine lacks the device */
};
/* Write one sentence on the gaps of the device. */
#define SERVED_TEXT 400
void served_text(const struct program *p, const char *device, unsigned gaps, enum served_why why, char *buf,
                 size_t len);

/* Return the words for the fate of a device with a gap, the same at a start, in a report and in a reply. */
const char *served_becomes(bool shut);
/* Write why a rule never matches: it asks for packets from devices of which none is in `serves` (comma-separated
 * names). With SERVED_NOT_KERNEL, packets forwarded from these match as they leave. False: the rule may match. */
bool served_never(const struct program *p, const struct pbc_rule *r, const char *serves, enum served_by by, char *buf,
                  size_t len);

/* Write why a rule never matches: it asks for MAC addresses, an Ethernet type other than IP's, VLAN tags or ARP, but
 * all its served devices lack Ethernet. ethernet, bare: the served devices with and without Ethernet, as
 * comma-separated names. False: the rule may match. */
bool served_linkless(const struct program *p, const struct pbc_rule *r, const char *ethernet, const char *bare,
                     char *buf, size_t len);

/* Addresses of sets, range by range, for the sets that a pool's `source` or a nat translates to. */

/* A range of addresses, both ends as in struct key. */
struct address_range {
    uint32_t lo[4], hi[4];
    uint8_t family; /* family: 4 or 6 */
};

/* Position in a walk over the ranges of SETS set..end in order; within a set, IPv4 first. */
struct address_walk {
    const struct program *p;
    uint32_t set, end, at;
    uint8_t family;
    struct address_range range; /* for address_each: the current range; nth: number of its addresses returned so far;
                                 * size: number of addresses in the range */
    uint64_t nth, size;
};
/* Begin a walk. family: 4, 6, or 0 for both. */
static inline struct address_walk address_walk(const struct program *p, uint32_t sets, uint32_t count, uint8_t family)
{
    return (struct address_walk){.p = p, .set = sets, .end = sets + count, .family = family};
}
/* Write the next range into r; false at the end. */
bool address_next(struct address_walk *w, struct address_range *r);
/* Write the next single address into *one, as a range of one; false at the end. Do not mix it with address_next in
 * one walk. */
bool address_each(struct address_walk *w, struct address_range *one);

/* Return the number of ranges of the sets. */
size_t address_ranges(const struct program *p, uint32_t sets, uint32_t count);
/* Sort the ranges, and join those that overlap. Return the number left. */
size_t address_join(struct address_range *ranges, size_t count);
/* Compare for qsort, by family, then by lo. */
int address_by_lo(const void *a, const void *b);
/* Compare two addresses, by family first. Return a number below, at or above 0. */
int address_order(uint8_t family_a, const uint32_t a[4], uint8_t family_b, const uint32_t b[4]);

/* Return the prefix of `len` bits that begins at lo. A len above the family's bits gives the single address. */
struct address_range address_prefix(const uint32_t lo[4], unsigned len, uint8_t family);

static inline struct pbc_range address_range4(const struct address_range *r)
{
    return (struct pbc_range){r->lo[0], r->hi[0]};
}
static inline struct pbc_range6 address_range6(const struct address_range *r) { return range6_of_words(r->lo, r->hi); }

/* True if the first `len` bits of both are equal. */
static inline bool address_in_prefix(const uint32_t prefix[4], unsigned len, const uint32_t addr[4])
{
    for (unsigned w = 0; w < 4 && len; w++) {
        const unsigned here = len < 32 ? len : 32;
        if ((prefix[w] ^ addr[w]) >> (32 - here)) return false;
        len -= here;
    }
    return true;
}

/* Return the number of addresses in the range, at most UINT64_MAX. */
uint64_t address_range_size(const struct address_range *r);
/* Write the address `n` behind lo, which is within the range. */
void address_range_at(const struct address_range *r, uint64_t n, uint32_t addr[4]);
/* Return the number of addresses of all the sets, at most `most` + 1; an address in two of the sets counts twice. */
uint64_t address_count(const struct program *p, uint32_t sets, uint32_t count, uint8_t family, uint64_t most);

/* Host names and globs: their normal form, their order, and membership in a list.
 *
 * A name is labels of letters, digits and inner hyphens, 1 to 63 bytes each, 253 in all (RFC 1123, section 2.1); the
 * last label is not a number. `*` is allowed only as the complete leftmost label: `*.example.com` is every name with
 * one or more labels before `example.com`, not `example.com` itself. Normal form is lower case without a dot at the
 * end.
 *
 * A list is in order (host_compare) and holds no name that one of its globs covers. All names that a glob covers are
 * right behind it in that order, so the last entry at or before a name is the only one that may match it. */

enum { HOST_MAX = 253, HOST_LABEL_MAX = 63 };

enum host_fault {
    HOST_GOOD,
    HOST_EMPTY,
    HOST_LONG,
    HOST_LABEL_EMPTY,
    HOST_LABEL_LONG,
    HOST_CHARACTER,
    HOST_NOT_ASCII,
    HOST_HYPHEN, /* a hyphen at the start or end of a label */
    HOST_STAR,   /* a `*` that is not the complete leftmost label, or has nothing behind it */
    HOST_NUMBER, /* the last label is a number: an address, or part of one */
};

/* Write the normal form of a name or glob that a user wrote. */
enum host_fault host_normal(const char *s, size_t len, char out[HOST_MAX + 1]);

/* Compare normal names from their ends; return <0, 0 or >0. Names that end in another name directly follow it; its
 * glob comes first, before the names that it covers. */
int host_compare(const char *a, const char *b);

/* True if `glob` covers the name, or covers everything that the glob `name` covers. False for equal names, or
 * without a glob. */
bool host_covers(const char *glob, const char *name);

/* Texts that clients send, exact or with `*` at the end for every text with that beginning: their order, and
 * membership in a list. Paths, methods, protocols and values of header fields are compared byte by byte, in the case
 * they are written in.
 *
 * A list is in order (text_compare) and holds nothing that one of its globs covers. All texts that a glob covers are
 * right behind it in that order, so the last entry at or before a text is the only one that may match it. */

/* Compare two texts byte by byte, a glob by the text before its `*`; if the texts are equal, the glob is less.
 * Return <0, 0 or >0. */
int text_compare(const char *a, const char *b);

/* True if `glob` covers the text, or covers everything that the glob `text` covers. False for equal texts, or
 * without a glob. */
bool text_covers(const char *glob, const char *text);

/* True if the list has the name that a client sent. A host may have any case, and a dot at its end, but no port;
 * bytes forbidden in names match only a glob's `*`. names_match_plain looks at each entry, as the rule list does. */
bool names_match(const struct program *p, uint32_t list, const char *s, size_t len);
bool names_match_plain(const struct program *p, uint32_t list, const char *s, size_t len);

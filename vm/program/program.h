/* A loaded, verified program: immutable (but for its bounds, see program_bound), counted, in one private memory block.
 * Everything reached through it may be used without checks: the verifier proved it. */
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

/* What its file leaves open: so many flows, and so many that are half open; 0: as it was. Before anything is made of
 * it. The file that program_file makes says nothing of them. */
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

/* Which of the firewalls judges frames that travel so and come or go on the interface: the first `on` it, else `on` the
 * longest pattern that holds it, else the first without `on`; PBC_NONE. iface: any value past the table stands for all
 * other interfaces. */
uint32_t firewall_find(const struct iface_table *t, const struct pbc_firewall *firewalls, uint32_t count,
                       enum pbc_direction d, uint32_t iface);

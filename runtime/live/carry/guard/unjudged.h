/* Devices on which no firewall judges packets that the rules judge elsewhere, and how prey treats these devices. */
#pragma once

#include "runtime/host/guard/shut.h"
#include "runtime/live/carry/carry_state.h"

/* A device, or a pattern of the rules, with the rules' parts that are missing there (vm/program/program.h,
 * served_gaps). */
struct unjudged {
    const char *device;
    unsigned gaps; /* enum served_gap; 0: the rules name it, and it is absent */
    enum served_why why;
    bool named;   /* named by the rules, or by -i */
    bool pattern; /* the name matches devices that may come */
    bool allowed; /* allowed by --allow-unjudged */
    bool shut;    /* the device is shut for this reason; else it is open */
};
typedef void unjudged_fn(void *arg, const struct unjudged *u);

/* Call fn for each device under this program: ports, names and patterns of the rules, then other devices of this
 * machine. The loopback and prey's own devices are left out. allows: names beside those of --allow-unjudged, with
 * commas; NULL: none. False: out of memory. */
bool unjudged_each(const struct carry *carry, const struct program *p, const char *allows, unjudged_fn *fn, void *arg);
/* True if a device of this machine or of the program has that name, or is within that pattern. */
bool unjudged_knows(const struct carry *carry, const struct program *p, const char *name);
/* Return the ways of the device's packets that guard rules drop if it is shut (enum shut_way). */
uint8_t unjudged_ways(const struct carry *carry, const struct unjudged *u);
/* Return the ways of packets that the vm drops at a port, as in facts_iface.shut. */
uint8_t unjudged_port(const struct carry *carry, unsigned at);
/* Return the entries of guard rules for the program in force, malloc'd. NULL: out of memory. */
struct guard_shut *unjudged_shut(const struct carry *carry, unsigned *count);
/* Return a port's entry. It shuts every interface of that name except number `judged`: one that is away, or is back
 * without a program or socket yet. */
struct guard_shut unjudged_shut_port(const char *device, unsigned judged);

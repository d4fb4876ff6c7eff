/* The kernel executor's programs on an interface: XDP or traffic control for arriving packets, traffic control for
 * leaving ones. Both are links, pinned in a BPF file system, so they keep judging after this process has ended. Before
 * Linux 6.6 traffic control has no links, and filters replace them (clsact.h). Callers see no difference, except that
 * only the record (host/state.h) finds a filter again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOKS_FILES "/sys/fs/bpf"

struct state;

enum { HOOKS_KEPT = 8 };

/* Programs and maps for each interface, as descriptors */
struct hooks {
    int arrives, leaves;
    bool by_tc; /* `arrives` is for traffic control, not for XDP */
    struct hooks_kept {
        const char *name;
        int map;
    } kept[HOOKS_KEPT]; /* maps that lose their entries with their last holder; also pinned, once per interface */
    unsigned kept_count;
};

/* The programs on one interface, as held by this process */
struct hooked {
    int held[2];  /* for arriving and for leaving packets: a link, or the holder of a filter's program; -1: none */
    bool generic; /* XDP, not in the driver */
    bool pinned;
    unsigned filter;      /* interface with filters in place of links of traffic control; 0: none */
    uint32_t programs[2]; /* ids of the filters' programs */
};

/* True if there is a writable file system to pin in. Without one, the programs end with this process. */
bool hooks_last(void);
/* True if only the machine's first process sees a BPF file system, as in `ip netns exec` */
bool hooks_hidden(void);
/* An instance's interface: its name on the command line, which may have changed, and its number */
struct hooks_where {
    const char *name, *device;
    unsigned ifindex;
    bool by_tc; /* for hooks_lack: as in struct hooks */
};
/* Test, without a change, if this kernel can take the programs; devices: the interfaces. Return 0, or a negative errno
 * with the reason and the remedy in one line of err. */
int hooks_lack(const struct hooks_where devices[], unsigned count, char *err, size_t err_len);
/* Return the handle of the filter of an instance in this namespace, at the first priority; 0: unknown */
unsigned hooks_handle(const char *name);
/* Put the programs on an interface; recorded first. replace: remove another XDP program for good. Programs that the
 * instance has left there are replaced without an unjudged packet. Return 0, or a negative errno with one line in err
 * and neither program set. */
int hooks_set(struct state *s, const struct hooks_where *where, const struct hooks *h, bool replace, struct hooked *to,
              char *err, size_t err_len);
/* Check that filters, if any, are still there and before others'; else set them again, recorded first. Call this
 * repeatedly, because the kernel does not protect filters. Return the number set again, or a negative errno with one
 * line in err. */
int hooks_keep(struct state *s, const struct hooks_where *where, const struct hooks *h, struct hooked *on, char *err,
               size_t err_len);
/* Return the device's number if programs left by an instance of that name judge there, in both directions; else 0 */
unsigned hooks_standing(const char *name, const char *device);
/* Remove an earlier run's programs. Call it once others judge, or no packets arrive */
void hooks_drop(struct state *s);
/* Remove the programs from the former interface, which now has another name: links by their pins, filters by the
 * record. */
void hooks_off(struct state *s, const char *device, struct hooked *on);
/* Close the descriptors. Pinned programs stay. */
void hooks_leave(struct hooked *h);
/* True if an instance of that name has left the XDP program with that id on the device */
bool hooks_left(const char *name, const char *device, unsigned program);

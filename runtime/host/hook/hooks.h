/* The kernel executor's programs on an interface: XDP for arriving packets, traffic control for leaving ones. Both are
 * links, pinned in a BPF file system, so they keep judging after this process has ended. Before Linux 6.6 there is no
 * link for leaving packets, and a filter replaces it (clsact.h). Callers see no difference, except that only the record
 * (host/state.h) finds the filter again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOKS_FILES "/sys/fs/bpf"

struct state;

enum { HOOKS_KEPT = 8 };

/* Programs and maps for each interface, as descriptors */
struct hooks {
    int arrives, leaves; /* programs of XDP and of traffic control */
    struct hooks_kept {
        const char *name;
        int map;
    } kept[HOOKS_KEPT]; /* maps that lose their entries with their last holder: pinned, too */
    unsigned kept_count;
};

/* The programs on one interface, as held by this process */
struct hooked {
    int arrives, leaves; /* links, or the holder of a filter's program; -1: none */
    bool generic;        /* not in the driver */
    bool pinned;
    unsigned filter;  /* interface with a filter for leaving packets; 0: a link */
    uint32_t program; /* id of the filter's program */
};

/* True if there is a writable file system to pin in. Else the programs end with this process. */
bool hooks_last(void);
/* True if only the machine's first process sees a BPF file system, as in `ip netns exec` */
bool hooks_hidden(void);
/* An instance's interface: its name on the command line, which may have changed, and its number */
struct hooks_where {
    const char *name, *device;
    unsigned ifindex;
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
/* Check that the filter for leaving packets, if any, is still there and before others'; else set it again, recorded
 * first. Call again and again, as the kernel protects the filter from no one. Return 0; 1 if it was set again; or a
 * negative errno with one line in err. */
int hooks_keep(struct state *s, const struct hooks_where *where, const struct hooks *h, struct hooked *on, char *err,
               size_t err_len);
/* Close the descriptors. Pinned programs stay. */
void hooks_leave(struct hooked *h);
/* True if an instance of that name has left the XDP program with that id on the device */
bool hooks_left(const char *name, const char *device, unsigned program);

/* The kernel executor's programs on an interface: of XDP for what arrives, of traffic control for what leaves. Both are
 * links, pinned in a file system of BPF's: so they go on judging when this process is gone. Before Linux 6.6 there is
 * no such link for what leaves, and a filter takes its place (clsact.h): whoever uses hooks sees no difference, but
 * that the record (host/state.h) is what finds it again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOOKS_FILES "/sys/fs/bpf"

struct state;

enum { HOOKS_KEPT = 8 };

/* What is put on each interface; descriptors. */
struct hooks {
    int arrives, leaves; /* programs of XDP and of traffic control */
    struct hooks_kept {
        const char *name;
        int map;
    } kept[HOOKS_KEPT]; /* maps that lose their entries with their last holder: they are pinned, too */
    unsigned kept_count;
};

/* Those of one interface, by this process's descriptors. */
struct hooked {
    int arrives, leaves; /* links, or what holds the program of a filter; -1: none */
    bool generic;        /* not in the driver */
    bool pinned;
    unsigned filter;  /* the interface that has a filter for what leaves; 0: it is a link */
    uint32_t program; /* the id of what that filter runs */
};

/* Is there a file system to pin in, and may it be written? Else the programs are gone with this process. */
bool hooks_last(void);
/* True: there is none here, but the machine's first process sees one, as it is in `ip netns exec`. */
bool hooks_hidden(void);
/* Of that instance, on that interface: its name on the command line, which it may have no more, and its number. */
struct hooks_where {
    const char *name, *device;
    unsigned ifindex;
};
/* Why they can't be put there on this kernel, in one line of err with what mends it; devices: the interfaces. 0: they
 * can, as far as can be seen without doing it; or a negative errno. */
int hooks_lack(const struct hooks_where devices[], unsigned count, char *err, size_t err_len);
/* The handle of the filter of an instance of that name, in this namespace, at the first priority; 0: not known. */
unsigned hooks_handle(const char *name);
/* Put the programs there, the change recorded before; replace: another XDP program is taken off for good. 0, or a
 * negative errno with one line in err: then neither is on it. What the instance has left there is taken over, without a
 * packet that nobody judges. */
int hooks_set(struct state *s, const struct hooks_where *where, const struct hooks *h, bool replace, struct hooked *to,
              char *err, size_t err_len);
/* Is the filter for what leaves, where there is one, still there, in front of others'? Else it is set again, recorded
 * before; it has to be looked at again and again, for the kernel guards it from nobody. 0, 1: it was set again; or a
 * negative errno with one line in err. */
int hooks_keep(struct state *s, const struct hooks_where *where, const struct hooks *h, struct hooked *on, char *err,
               size_t err_len);
/* Let go of the descriptors: what is pinned stays where it is. */
void hooks_leave(struct hooked *h);
/* Is the XDP program of that number, on the device, what an instance of that name has left there? */
bool hooks_left(const char *name, const char *device, unsigned program);

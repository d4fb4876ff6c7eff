/* Programs of the kernel as filters of traffic control, in the hooks of clsact: a filter holds its program and outlives
 * the process that put it there, so whoever puts one there records it (host/state.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLSACT_FIRST = 1,    /* priority: in front of all that others have */
    CLSACT_OWN = 0x7079, /* priority: a place of prey's own, behind most */
    CLSACT_GATE = 2,     /* handle of the gate (runtime/io/steer/gate.h), for what arrives, at CLSACT_OWN */
    CLSACT_TEXT = 24     /* bytes of the words of a record */
};

/* The place of a filter. */
struct clsact {
    unsigned ifindex;
    bool leaves; /* for what leaves; else for what arrives */
    uint16_t priority;
    uint32_t handle; /* tells filters of one priority apart */
};

/* The words for a record's `before`: the interface, and whether it has the hooks already. They are read by
 * clsact_undo. */
void clsact_before(unsigned ifindex, bool made, char text[CLSACT_TEXT]);

/* Put the program there, in one step in the place of the one that is there, and in front of all others of its priority.
 * 0, or a negative errno: -ENOENT, the kernel has no such hooks or filters (modules); -EINVAL, another kind of filter,
 * or one for a single protocol, has the priority; or what clsact_obstacle says. Then nothing is changed. Needs
 * CAP_NET_ADMIN and CAP_BPF. */
int clsact_set(const struct clsact *at, int program);
/* Likewise, but the program runs no longer than this process holds the descriptor *held, the caller's to close: after
 * that the filter lets everything pass. */
int clsact_set_held(const struct clsact *at, int program, int *held);
/* Take it off. 0 also where it is not there; or a negative errno. */
int clsact_drop(const struct clsact *at);
/* Take it off as clsact_before's words say: with the hooks, if there were none before and nobody else has a filter.
 * The interface is the words'. */
int clsact_undo(const char *before, bool leaves, uint16_t priority, uint32_t handle);
/* Is the interface of these words gone for good, and with it all that they say? */
bool clsact_is_over(const char *before);

/* Has the interface these hooks? */
bool clsact_is_there(unsigned ifindex);
/* Take the hooks off, if nobody has a filter in them. */
void clsact_end(unsigned ifindex);
/* One line about a clsact_set that failed, on the device of that name: what happened, and what mends it. */
void clsact_why(const struct clsact *at, int failed, const char *device, char *err, size_t err_len);

/* What else stands in the place of the hooks: -EEXIST, the older one for what arrives, ingress; -EOPNOTSUPP, a list of
 * filters that several interfaces share; 0: nothing. */
int clsact_obstacle(const struct clsact *at);
/* What clsact_set would say of what others have there: 0, -EINVAL, or what clsact_obstacle says. */
int clsact_taken(const struct clsact *at);

/* What stands in that place now. */
struct clsact_seen {
    bool there;
    unsigned behind;  /* how many others of the priority come before it */
    uint32_t program; /* its id */
};
/* 0 or a negative errno. */
int clsact_look(const struct clsact *at, struct clsact_seen *seen);
/* Has somebody a filter in the hooks of that interface? */
bool clsact_has_filters(unsigned ifindex);
/* Where the kernel lacks links, put a filter into a network namespace made for it, and take both away. Returns what
 * clsact_set says; 0 also where no namespace can be made. */
int clsact_try(void);

/* Does the kernel lack links of traffic control, which Linux 6.6 brought? Tried; filters are what it has instead. */
bool clsact_needed(void);

/* Kernel programs as filters of traffic control in the clsact hooks. A filter holds its program and outlives the
 * process that set it, so the caller must record it (host/state.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLSACT_FIRST = 1,    /* priority: before all others */
    CLSACT_OWN = 0x7079, /* priority: prey's own, after most */
    CLSACT_GATE = 2,     /* handle of the gate (runtime/io/steer/gate.h), for arriving packets, at CLSACT_OWN */
    CLSACT_TEXT = 24     /* bytes of the words in a record */
};

/* Place of a filter */
struct clsact {
    unsigned ifindex;
    bool leaves; /* true: for leaving packets; false: for arriving ones */
    uint16_t priority;
    uint32_t handle; /* distinguishes filters of one priority */
};

/* Write the words for a record's `before`: the interface, and if its hooks are prey's. clsact_undo reads them. */
void clsact_before(unsigned ifindex, bool made, char text[CLSACT_TEXT]);

/* Set the program's filter, which replaces its predecessor in one step and comes before all others of its priority.
 * Return 0, or a negative errno without a change: -ENOENT: the kernel lacks the hooks or filters (modules); -EINVAL:
 * the priority has another kind of filter, or one for a single protocol; or the result of clsact_obstacle. Needs
 * CAP_NET_ADMIN and CAP_BPF. */
int clsact_set(const struct clsact *at, int program);
/* The same, but the program runs only while this process has the descriptor *held, which the caller closes; afterwards
 * the filter passes all packets */
int clsact_set_held(const struct clsact *at, int program, int *held);
/* Remove the filter. Return 0, also if there is none, or a negative errno. */
int clsact_drop(const struct clsact *at);
/* Remove the filter on the interface in clsact_before's words; and the hooks, if they were prey's and have no other
 * filter */
int clsact_undo(const char *before, bool leaves, uint16_t priority, uint32_t handle);
/* True if the interface of these words is gone for good */
bool clsact_is_over(const char *before);

/* True if the interface has the hooks */
bool clsact_is_there(unsigned ifindex);
/* Remove the hooks if they have no filter */
void clsact_end(unsigned ifindex);
/* Write one line about a failed clsact_set on a device: what happened, and the remedy */
void clsact_why(const struct clsact *at, int failed, const char *device, char *err, size_t err_len);

/* Find what occupies the hooks' place: -EEXIST: the older ingress, for arriving packets only; -EOPNOTSUPP: filters
 * shared by several interfaces; 0: nothing */
int clsact_obstacle(const struct clsact *at);
/* Test if others' filters would make clsact_set fail. Return 0, -EINVAL, or the result of clsact_obstacle. */
int clsact_taken(const struct clsact *at);

/* The filter at a place */
struct clsact_seen {
    bool there;
    unsigned behind;  /* number of filters of the priority before it */
    uint32_t program; /* id of the filter's program */
};
/* Find the filter at a place. Return 0 or a negative errno. */
int clsact_look(const struct clsact *at, struct clsact_seen *seen);
/* True if the interface's hooks have a filter */
bool clsact_has_filters(unsigned ifindex);
/* On a kernel without links, set and remove a filter in a new network namespace. Return the result of clsact_set; 0
 * also if no namespace can be made. */
int clsact_try(void);

/* True if the kernel lacks traffic control links (Linux 6.6), found by trying; filters take their place */
bool clsact_needed(void);

/* Which interface of the rules a frame of a capture came in on: all by --on the same, else by the names that a pcapng
 * has for its interfaces, and by --map. */
#pragma once

#include <stdio.h>

#include "runtime/base/options.h"
#include "runtime/capture/capture.h"
#include "vm/keyed/keyed.h"
#include "vm/vm.h"

struct ports {
    const struct program *program;
    const struct options *o;
    uint16_t *id;      /* [count] as rules ask for it: IFACE_NONE, IFACE_OTHER or a declared one */
    const char **name; /* [count] as the capture calls it; 0: "", or what --on says */
    uint32_t count, room;
    struct hash_key key;
    uint32_t *slots; /* of names, by their hash; 0: free */
    uint32_t slot_count;
    bool used[OPTIONS_MAPS]; /* --map that a name of the capture was found for */
};

/* p NULL: names alone, which no program knows. 0, or -1 with a line in err. ports_fini in any case. */
int ports_init(struct ports *ports, const struct program *p, const struct options *o, char *err, size_t err_len);
void ports_fini(struct ports *ports);
/* The port of an interface of this name in this capture: a capture_named_fn. */
int ports_named(void *ports, const char *path, const char *name);
/* Have the capture's frames say by `port` where they came in. */
void ports_ask(struct ports *ports, struct capture *c);
/* The capture's name of one that the rules do not name; NULL: they name it, or nobody knows which it is. */
const char *port_unnamed(const struct ports *ports, uint16_t port);

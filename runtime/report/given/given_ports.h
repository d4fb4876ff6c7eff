/* Mapping of a capture's frames to the rules' interfaces: with --on the same interface for all, else by the
 * interface names of a pcapng, and by --map. */
#pragma once

#include <stdio.h>

#include "runtime/base/options/run_options.h"
#include "runtime/capture/capture.h"
#include "runtime/report/given/addresses.h"
#include "vm/keyed/keyed.h"
#include "vm/vm.h"

struct ports {
    const struct program *program;
    const struct options *o;
    const struct given_addresses *addresses;
    uint16_t *id;      /* [count] id of the port's frames: the port's id in rules, or a separate id (addresses.h) */
    uint16_t *as;      /* [count] the port's id in rules: IFACE_NONE, IFACE_OTHER or a declared one */
    const char **name; /* [count] name in the capture; of port 0: "", or the name that --on gives */
    uint32_t count, room;
    struct hash_key key;
    uint32_t *slots; /* ports by hash of their names; 0: free */
    uint32_t slot_count;
    bool used[OPTIONS_MAPS]; /* a name of the capture used the --map */
};

/* Initialise. p NULL: names only, without a program. addresses: NULL, or those of the program's interfaces; the
 * caller keeps them. Return 0, or -1 with a line in err. Call ports_fini in any case. */
int ports_init(struct ports *ports, const struct program *p, const struct options *o,
               const struct given_addresses *addresses, char *err, size_t err_len);
void ports_fini(struct ports *ports);
/* Return the port of an interface of this name in this capture: a capture_named_fn. */
int ports_named(void *ports, const char *path, const char *name);
/* Set `port` in the capture's frames to their arrival interface. */
void ports_ask(struct ports *ports, struct capture *c);
/* Return the rules' name of the port's interface, or its device; NULL: the rules do not name it. */
const char *port_is(const struct ports *ports, uint32_t port);
/* Return the capture's name of an interface that the rules do not name; NULL: they name it, or it is unknown. */
const char *port_unnamed(const struct ports *ports, uint16_t port);

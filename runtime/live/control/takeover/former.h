/* Remains of programs before the running one: parts that flows still use, owners' keys and roles, guard rules, the
 * program that returns without a confirmation. They change only by a reload, so they are sent once, with the
 * program's text. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vm/worker/owner.h"

struct archive;
struct control;
struct program;

/* Return a line that names the part that can't be handed over; NULL: none. */
const char *former_lacks(const struct control *control);
void former_write(const struct control *control, struct archive *a);
/* Return the program as it runs there, with a reference of its own, or NULL with one line in err. This and the next
 * two functions read, in this order; the bytes are hostile. */
struct program *former_program(struct program *file, struct archive *a, char *err, size_t err_len);
/* Read the part that guard rules and a trial need into a start that has set no rules yet. False: damaged, or out of
 * memory. */
bool former_rest(struct control *control, struct archive *a);
/* Read the owners of that program. *owners: NULL for a single worker. False: damaged, or out of memory. */
bool former_owners(struct program *p, const struct owners_cfg *cfg, unsigned workers, struct archive *a,
                   struct owners **owners);

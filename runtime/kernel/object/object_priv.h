/* An object while it is read, and its types. */
#pragma once

#include <stdbool.h>

#include "runtime/kernel/object/object.h"

struct object_file {
    const char *name; /* name of its source, without the end: "look" */
    const uint8_t *bytes;
    struct btf *types; /* types of this object */
    uint32_t first;    /* number of the object's first type among all types, minus one */
};
/* Return the section's bytes, or NULL if absent. */
const void *object_section(const struct object_file *f, const char *name, uint32_t *len);

/* Begin the types of all objects, add those of one object, and make them ready for the kernel (three functions).
 * False: out of memory. */
bool object_types_begin(struct objects *o);
bool object_types(struct objects *o, struct object_file *f);
bool object_types_end(struct objects *o);
void object_types_fini(struct objects *o);
void object_file_fini(struct object_file *f);
/* Set the type and the lines of the function of that name, which begins at byte `at` of the section. */
bool object_describe(struct objects *o, const struct object_file *f, const char *name, const char *section, uint32_t at,
                     struct object_function *to);
/* Put tests of a function's pointer arguments in front of it (object_null.c). False: out of memory. */
bool object_test_pointers(const struct object_file *f, const char *name, struct object_function *to);

/* One object while it is read, and its types. */
#pragma once

#include <stdbool.h>

#include "runtime/kernel/object/object.h"

struct object_file {
    const char *name; /* of its source, without the end: "look" */
    const uint8_t *bytes;
    struct btf *types; /* its own */
    uint32_t first;    /* where they begin among all, less one */
};
/* The section's bytes, NULL: it has none such. */
const void *object_section(const struct object_file *f, const char *name, uint32_t *len);

/* All false: out of memory. Types of all objects: begun, one object's added, and made ready for the kernel. */
bool object_types_begin(struct objects *o);
bool object_types(struct objects *o, struct object_file *f);
bool object_types_end(struct objects *o);
void object_types_fini(struct objects *o);
void object_file_fini(struct object_file *f);
/* Fill in the type of the function of that name, and its lines, which begins so many bytes into the section. */
bool object_describe(struct objects *o, const struct object_file *f, const char *name, const char *section, uint32_t at,
                     struct object_function *to);
/* Tests of the pointers that it is given, in front of it (object_null.c). False: out of memory. */
bool object_test_pointers(const struct object_file *f, const char *name, struct object_function *to);

/* Functions of the stages, from objects that clang made in the build and that are embedded in preyrun. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "vm/kernel/gen/gen.h"

/* One line of source, for the verifier's messages. The offsets are in the types' strings. */
struct object_line {
    uint32_t at; /* index of the instruction within its function */
    uint32_t file, text, place;
};

struct object_function {
    struct code_function code; /* names local to a file begin with the file's: "look/parse" */
    bool is_own;               /* static in its file, so the kernel's verifier walks it again for each call */
    uint32_t type;             /* number of its BTF_KIND_FUNC in objects.btf */
    uint32_t line_count;
    const struct object_line *lines;
};

struct object_place {
    char *name;
    uint32_t at;
};
struct btf;

struct objects {
    struct object_function *functions;
    uint32_t function_count;
    uint32_t template_type; /* type of generated functions: that of `code_template` */
    uint32_t turn_type;     /* type of a loop's body: that of `code_turn` */
    bool counted;
    const void *btf; /* types of all objects, as the kernel takes them */
    uint32_t btf_len;
    /* Constants of all objects, one behind the other. */
    uint8_t *constants;
    uint32_t constants_len;
    uint32_t place_count;
    struct object_place *places; /* beginning of each object's constants */
    struct btf *types;
};

/* Read the objects. counted: the form with counted loops (vm/kernel/loop.bpf.h). NULL: one line in err: out of memory,
 * or no objects (built with KERNEL=0). */
struct objects *objects_new(bool counted, char *err, size_t err_len);
void objects_free(struct objects *o); /* NULL is fine */

/* Return the offset in the constants of the section with that name ("look/.rodata"), or UINT32_MAX. */
uint32_t objects_constant(const struct objects *o, const char *name);

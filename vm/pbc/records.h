/* Records whose fields have rows in fields.def. */
#pragma once

enum fields_of {
#define RECORD(ident, ...) FIELDS_##ident,
#define END(...)
#define FIELD(...)
#define RUN(...)
#define FLAG(...)
#include "vm/pbc/fields.def"
    FIELDS_KINDS
};
/* Parts of texts, as bits for fields_print (vm/words/words.h) */
enum { PART_REST, PART_MODE, PART_ANSWER, PART_BOUNDS, PART_LATER, PART_LAST, PART_COUNT };

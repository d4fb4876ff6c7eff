/* Named figures in sections: lines for a person, or one JSON object with an object per section. A line's key is its
 * words with `_` between them, and the unit behind it if there is one: `peak_memory_kib`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lang/json.h"

struct figures {
    FILE *out;
    bool json;
    bool inside, more; /* inside a section; the open object has a member already */
    /* Destination of figures_words, as JSON. */
    struct json_words words;
};

void figures_begin(struct figures *f, FILE *out, bool json);
void figures_end(struct figures *f);

/* Begin a section. Sections do not nest; each name is used once. */
void figures_section(struct figures *f, const char *name);
/* Print a number. `unit`: ms, bytes, KiB, ns or nothing, followed by words, for text output only. Leading blanks of
 * `what` mark it as a part of the line above. */
void figures_count(struct figures *f, const char *what, uint64_t value, const char *unit);
void figures_real(struct figures *f, const char *what, double value, unsigned decimals, const char *unit);

/* Print words unchanged, for a person only. */
void figures_say(struct figures *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Print a number for JSON only. */
void figures_number(struct figures *f, const char *key, double value, unsigned decimals);

/* Begin a list of things in a section, for JSON only: each is between begin and end, with its own members. */
void figures_list_begin(struct figures *f, const char *key);
void figures_list_end(struct figures *f);
void figures_item_begin(struct figures *f);
void figures_item_end(struct figures *f);
void figures_text(struct figures *f, const char *key, const char *value);
void figures_bool(struct figures *f, const char *key, bool value);

/* Return the stream for words of a line that form a member in JSON: `out` itself, or, up to figures_words_end, the
 * value of `key`. */
FILE *figures_words(struct figures *f, const char *key);
void figures_words_end(struct figures *f);

/* Figures with names, in sections: lines for a person, or one JSON object with an object a section. A line's key is its
 * words with `_` between them, and the unit behind them where it is one: `peak_memory_kib`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lang/json.h"

struct figures {
    FILE *out;
    bool json;
    bool inside, more; /* a section is open; something stands before in what is open */
    /* What figures_words writes into, as JSON. */
    struct json_words words;
};

void figures_begin(struct figures *f, FILE *out, bool json);
void figures_end(struct figures *f);

/* What follows belongs to it. Sections do not hold one another; names are each used once. */
void figures_section(struct figures *f, const char *name);
/* `unit`: ms, bytes, KiB, ns or nothing, with words of explanation behind it, which are for a person alone. Leading
 * blanks of `what` say what it is a part of. */
void figures_count(struct figures *f, const char *what, uint64_t value, const char *unit);
void figures_real(struct figures *f, const char *what, double value, unsigned decimals, const char *unit);

/* For a person alone: words as they are. */
void figures_say(struct figures *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* For JSON alone. */
void figures_number(struct figures *f, const char *key, double value, unsigned decimals);

/* A list of things within a section, for JSON alone: each between begin and end, with members of its own. */
void figures_list_begin(struct figures *f, const char *key);
void figures_list_end(struct figures *f);
void figures_item_begin(struct figures *f);
void figures_item_end(struct figures *f);
void figures_text(struct figures *f, const char *key, const char *value);
void figures_bool(struct figures *f, const char *key, bool value);

/* Where words of a line go that are a member for JSON: `out` itself, or, up to figures_words_end, the value of `key`.
 */
FILE *figures_words(struct figures *f, const char *key);
void figures_words_end(struct figures *f);

/* Text filled from a document. A pattern is the text itself; words in braces come from the document:
 *
 *     {name}            text, or the digits of a number           {flows.now}: member of a member; {.}: the object
 *     {#name}           a number as people read it: 18,204         {#a+b}: the sum; {#a.*}: that of a's members
 *     {#name|frame}     with its noun: "1 frame", "18,204 frames"; {#name|it was|they were}: another plural
 *     {=name|it|them}   the word only
 *     {~name}           a duration; the end of the name is its unit: _ns, _us, _ms or _s
 *     {@name}           a moment
 *     {^name}           a rate per second, of bytes if the name ends with bytes_per_s
 *     {$}               the object's own key
 *     {name:-12} {#name:14}   a column of that width; below 0: to the left     {name:<24}: at most so wide
 *     {?name part}     the part, if the member is not missing, null, false, 0 or empty; {!name part}: if it is
 *     {/name part}     the part, filled from that member; nothing if it is missing or null
 *     {*name|before|between|part|after}   the part for each element or member; the last may be left out. `before` and
 *                       `after` are around all of them, and are left out where there are none
 *     {*name?cond|...   only those elements for which the condition holds
 *
 * A condition is a name, `!` with a name, or name=text; one of several separated by commas must hold. A missing
 * member reads as 0 or "". Patterns are constants of the program: tests/lint/patterns.py looks for their names in
 * documents. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The forms of values. width: of a column, 0: none. */
struct fill_hand {
    void (*text)(FILE *out, int width, const char *text);
    void (*number)(FILE *out, int width, uint64_t n);
    void (*time)(FILE *out, int width, uint64_t ns);
    void (*moment)(FILE *out, int width, const char *iso); /* "2024-03-01T09:14:03Z"; "": not known */
    void (*rate)(FILE *out, int width, const cJSON *v, bool bytes);
};

/* Write a pattern with values of `of`, which may be NULL. */
void fill_with(FILE *out, const struct fill_hand *hand, const cJSON *of, const char *pattern);
/* The same for a terminal: moments are local times, "09:12:51" if today, else "2026-11-20 09:12". */
void fill(FILE *out, const cJSON *of, const char *pattern);
/* Return the member of that path, "flows.live"; NULL if there is none. */
const cJSON *document_at(const cJSON *of, const char *path);

/* Printing of the documents that commands are answered with. Members that are not there are 0 or "". */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/report/text.h"

/* Its numbers, which cJSON has read as doubles, get back the digits that they have in the text of it, of `len` bytes,
 * for print_json alone: they are no numbers to the functions below then. False: memory is out. */
bool keep_digits(cJSON *document, const char *text, size_t len);
/* As one line. */
void print_json(const cJSON *document);

const cJSON *part(const cJSON *object, const char *member);
const char *text_at(const cJSON *object, const char *member);
uint64_t number_at(const cJSON *object, const char *member);
bool is_true(const cJSON *object, const char *member);
/* 12,203 */
const char *count_at(const cJSON *object, const char *member, char buf[TEXT_NUMBER]);

/* A time as documents write it: "09:12:51" of the same day, else "2026-11-20 09:12"; "" for none. Local time. */
const char *when_at(const cJSON *object, const char *member, char buf[TEXT_TIME]);

/* Printing of answers. A missing member reads as 0 or "". */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/report/text.h"

/* Replace the document's numbers, which cJSON read as doubles, by their digits in its text of `len` bytes. Only
 * print_json can use them then: the functions below no longer see numbers. False: out of memory. */
bool keep_digits(cJSON *document, const char *text, size_t len);
/* Print the document as one line. */
void print_json(const cJSON *document);

const cJSON *part(const cJSON *object, const char *member);
const char *text_at(const cJSON *object, const char *member);
uint64_t number_at(const cJSON *object, const char *member);
bool is_true(const cJSON *object, const char *member);
/* 12,203 */
const char *count_at(const cJSON *object, const char *member, char buf[TEXT_NUMBER]);

/* Return a document's time as local time: "09:12:51" if today, else "2026-11-20 09:12"; "" for none. */
const char *when_at(const cJSON *object, const char *member, char buf[TEXT_TIME]);

/* Pieces of HTML. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct cJSON;

/* Text, as text: nothing in it is markup, in an attribute's quotes neither. */
void html_text(FILE *out, const char *s);
/* 18,204 */
void html_number(FILE *out, uint64_t n);
/* "18.2 M", three digits at least: for what changes while one looks. */
void html_short(FILE *out, uint64_t n);
/* "1.4 GB/s" of bytes, in bits. */
void html_bits(FILE *out, uint64_t bytes_per_s);
/* "2024-03-01 09:14:03" of "2024-03-01T09:14:03Z" */
void html_date(FILE *out, const char *iso);
/* "3 h 4 min" */
void html_time(FILE *out, uint64_t seconds);
/* A piece with members of `of` in it: {name} its text, {#name} a number, {@name} a date, {~name} seconds as a time. */
void html_fill(FILE *out, const struct cJSON *of, const char *piece);

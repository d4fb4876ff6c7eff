/* What whoever makes JSON needs beside cJSON. */
#pragma once

#include <stdint.h>

struct cJSON;

/* Written as it is: cJSON would pass it through a double. */
void json_number(struct cJSON *to, const char *key, uint64_t n);
/* Cleaned of control bytes and what is not UTF-8. */
void json_text(struct cJSON *to, const char *key, const char *text);
/* "2024-03-01T09:14:03Z"; null for 0. */
void json_time(struct cJSON *to, const char *key, uint64_t wall_ns);
/* A new object at the end of an array. */
struct cJSON *json_object(struct cJSON *array);

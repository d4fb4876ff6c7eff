/* Additions to cJSON. */
#pragma once

#include <stdint.h>

struct cJSON;

/* Add a number with all its digits, because cJSON would convert it to a double. */
void json_number(struct cJSON *to, const char *key, uint64_t n);
/* Add text, cleaned of control bytes and invalid UTF-8; NULL: null. */
void json_text(struct cJSON *to, const char *key, const char *text);
/* Add "2024-03-01T09:14:03Z", or "2024-03-01T09:14:03.118000000Z" with all digits; null for 0. */
void json_time(struct cJSON *to, const char *key, uint64_t wall_ns);
void json_moment(struct cJSON *to, const char *key, uint64_t wall_ns);
/* Append a new object to an array. */
struct cJSON *json_object(struct cJSON *array);

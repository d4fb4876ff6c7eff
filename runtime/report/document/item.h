/* Members of the document; NULL, "" or 0 if absent. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline const cJSON *item(const cJSON *of, const char *key) { return cJSON_GetObjectItemCaseSensitive(of, key); }

/* Return a value's text; for a number, its digits, because numbers are raw JSON, so that no digit is lost. */
static inline const char *value_text(const cJSON *v)
{
    return cJSON_IsString(v) || cJSON_IsRaw(v) ? v->valuestring : "";
}

static inline uint64_t value_number(const cJSON *v) { return strtoull(value_text(v), NULL, 10); }

static inline const char *item_text(const cJSON *of, const char *key) { return value_text(item(of, key)); }

static inline uint64_t item_number(const cJSON *of, const char *key) { return value_number(item(of, key)); }

static inline bool item_true(const cJSON *of, const char *key) { return cJSON_IsTrue(item(of, key)); }

/* True if the member exists and is not null. */
static inline bool item_known(const cJSON *of, const char *key)
{
    const cJSON *v = item(of, key);
    return v && !cJSON_IsNull(v);
}

#include "runtime/report/json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/report/text.h"

void json_number(cJSON *to, const char *key, uint64_t n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, n);
    cJSON_AddRawToObject(to, key, digits);
}

void json_text(cJSON *to, const char *key, const char *text)
{
    char *clean = strdup(text);
    cJSON_AddStringToObject(to, key, clean ? text_clean(clean) : "");
    free(clean);
}

void json_time(cJSON *to, const char *key, uint64_t wall_ns)
{
    const time_t s = (time_t)(wall_ns / 1000000000u);
    struct tm tm;
    char text[TEXT_TIME];
    if (!wall_ns || !gmtime_r(&s, &tm)) {
        cJSON_AddNullToObject(to, key);
        return;
    }
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    cJSON_AddStringToObject(to, key, text);
}

cJSON *json_object(cJSON *array)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddItemToArray(array, one);
    return one;
}

/* Members that cJSON lacks: whole 64-bit numbers, text or null, moments (json.h) */
#include "runtime/report/json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/report/text.h"

void json_number(cJSON *to, const char *key, uint64_t n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, n);
    cJSON_AddRawToObject(to, key, digits);
}

void json_text(cJSON *to, const char *key, const char *text)
{
    char *clean = text ? strdup(text) : NULL;
    cJSON_AddItemToObject(to, key, text ? cJSON_CreateString(clean ? text_clean(clean) : "") : cJSON_CreateNull());
    free(clean);
}

void json_moment(cJSON *to, const char *key, uint64_t wall_ns)
{
    char text[TEXT_TIME];
    json_text(to, key, wall_ns ? text_iso(wall_ns, text) : NULL);
}

void json_time(cJSON *to, const char *key, uint64_t wall_ns)
{
    char text[TEXT_TIME];
    text_iso(wall_ns, text);
    strcpy(strchr(text, '.'), "Z");
    json_text(to, key, wall_ns ? text : NULL);
}

cJSON *json_object(cJSON *array)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddItemToArray(array, one);
    return one;
}

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
    char *clean = strdup(text);
    cJSON_AddStringToObject(to, key, clean ? text_clean(clean) : "");
    free(clean);
}

void json_time(cJSON *to, const char *key, uint64_t wall_ns)
{
    char text[TEXT_TIME];
    text_iso(wall_ns, text);
    strcpy(strchr(text, '.'), "Z");
    cJSON_AddItemToObject(to, key, wall_ns ? cJSON_CreateString(text) : cJSON_CreateNull());
}

cJSON *json_object(cJSON *array)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddItemToArray(array, one);
    return one;
}

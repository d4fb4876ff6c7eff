/* See print.h. */
#include "runtime/preyctl/print.h"

#include <time.h>

void print_json(const cJSON *document)
{
    char *text = cJSON_PrintUnformatted(document);
    puts(text ? text : "null");
    cJSON_free(text);
}

const cJSON *part(const cJSON *object, const char *member) { return cJSON_GetObjectItemCaseSensitive(object, member); }

const char *text_at(const cJSON *object, const char *member)
{
    const char *text = cJSON_GetStringValue(part(object, member));
    return text ? text : "";
}

uint64_t number_at(const cJSON *object, const char *member)
{
    const cJSON *item = part(object, member);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

bool is_true(const cJSON *object, const char *member) { return cJSON_IsTrue(part(object, member)); }

const char *count_at(const cJSON *object, const char *member, char buf[TEXT_NUMBER])
{
    return text_number(number_at(object, member), buf);
}

const char *when_at(const cJSON *object, const char *member, char buf[TEXT_TIME])
{
    struct tm t = {0}, today;
    const time_t now = time(NULL);
    *buf = 0;
    if (!strptime(text_at(object, member), "%Y-%m-%dT%H:%M:%S", &t)) return buf;
    const time_t at = timegm(&t);
    localtime_r(&now, &today);
    localtime_r(&at, &t);
    const bool same_day = t.tm_year == today.tm_year && t.tm_yday == today.tm_yday;
    strftime(buf, TEXT_TIME, same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M", &t);
    return buf;
}

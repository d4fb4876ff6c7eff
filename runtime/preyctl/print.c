#include "runtime/preyctl/print.h"

#include <string.h>
#include <time.h>

/* Find the next number in the text outside of strings; cJSON has parsed the text. Return its length; 0: none. */
static size_t next_number(const char **at, const char *end)
{
    bool in_string = false;
    for (; *at < end; ++*at) {
        if (**at == '\\' && in_string)
            ++*at;
        else if (**at == '"')
            in_string = !in_string;
        else if (!in_string && strchr("-0123456789", **at) && **at)
            break;
    }
    size_t len = 0;
    while (*at + len < end && (*at)[len] && strchr("+-.eE0123456789", (*at)[len])) len++;
    return len;
}

/* Put digits into the tree, whose numbers have the text's order. The service's documents are only a few levels deep. */
static bool walk(cJSON *item, const char **at, const char *end)
{
    bool fine = true;
    for (; item && fine; item = item->next) {
        if (item->child) fine = walk(item->child, at, end);
        if (!cJSON_IsNumber(item)) continue;
        const size_t len = next_number(at, end);
        char *digits = cJSON_malloc(len + 1);
        if (!digits) return false;
        memcpy(digits, *at, len);
        digits[len] = 0;
        *at += len;
        item->valuestring = digits;
        item->type = (item->type & ~0xff) | cJSON_Raw;
    }
    return fine;
}

bool keep_digits(cJSON *document, const char *text, size_t len) { return walk(document, &text, text + len); }

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

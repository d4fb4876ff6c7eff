/* Documents read with their numbers as digits, because a double would round those above 2^53 (print_json.h) */
#include "runtime/preyctl/print_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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
static bool digits_walk(cJSON *item, const char **at, const char *end)
{
    bool fine = true;
    for (; item && fine; item = item->next) {
        if (item->child) fine = digits_walk(item->child, at, end);
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

cJSON *document_parse(const char *text, size_t len)
{
    cJSON *document = cJSON_ParseWithLength(text, len);
    if (document && digits_walk(document, &text, text + len)) return document;
    cJSON_Delete(document);
    return NULL;
}

void print_json(const cJSON *document)
{
    char *text = cJSON_PrintUnformatted(document);
    puts(text ? text : "null");
    cJSON_free(text);
}

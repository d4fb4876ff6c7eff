/* See print.h. */
#include "runtime/preyctl/print.h"

void print_json(const cJSON *document)
{
    char *text = cJSON_PrintUnformatted(document);
    puts(text ? text : "null");
    cJSON_free(text);
}

const char *text_at(const cJSON *object, const char *member)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, member));
    return text ? text : "";
}

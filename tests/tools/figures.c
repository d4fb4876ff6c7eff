/* Prints figures of the JSON that preyrun printed at its end, without starting an interpreter for each:
 * figures FILE number KEY…: the number under the keys, such as `live lost` or `interfaces 0 packets`.
 * figures FILE by_rule NAME: packets that the rules of that name decided.
 * figures FILE adds_up: `equal` if the frames by verdict, by decider, by interface and judged are equally many; else
 * the four numbers. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cJSON *read_json(const char *path)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = fopen(path, "r");
    if (!f) return NULL;
    const bool read = getdelim(&text, &len, '\0', f) >= 0;
    fclose(f);
    cJSON *all = read ? cJSON_ParseWithOpts(text, NULL, 1) : NULL; /* nothing after it */
    free(text);
    return all;
}

static int64_t packets(const cJSON *of)
{
    return (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(of, "packets"));
}

static int64_t sum(const cJSON *of)
{
    int64_t n = 0;
    const cJSON *one;
    cJSON_ArrayForEach(one, of) n += packets(one);
    return n;
}

static int number(const cJSON *at, char **keys)
{
    for (; *keys && at; keys++)
        at = cJSON_IsArray(at) ? cJSON_GetArrayItem(at, atoi(*keys)) : cJSON_GetObjectItemCaseSensitive(at, *keys);
    if (!at) return 1;
    if (cJSON_IsNumber(at) && at->valuedouble == (double)(int64_t)at->valuedouble)
        printf("%" PRId64 "\n", (int64_t)at->valuedouble);
    else if (cJSON_IsString(at))
        puts(at->valuestring);
    else {
        char *text = cJSON_PrintUnformatted(at);
        puts(text ? text : "");
        free(text);
    }
    return 0;
}

static int by_rule(const cJSON *all, const char *name)
{
    int64_t n = 0;
    const cJSON *rule;
    cJSON_ArrayForEach(rule, cJSON_GetObjectItemCaseSensitive(all, "rules"))
    {
        const char *is = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(rule, "rule"));
        if (is && !strcmp(is, name)) n += packets(rule);
    }
    printf("%" PRId64 "\n", n);
    return 0;
}

static int adds_up(const cJSON *all)
{
    const int64_t verdicts = sum(cJSON_GetObjectItemCaseSensitive(all, "verdicts")),
                  decided = sum(cJSON_GetObjectItemCaseSensitive(all, "decided_by")),
                  came = sum(cJSON_GetObjectItemCaseSensitive(all, "interfaces")),
                  frames = (int64_t)cJSON_GetNumberValue(
                      cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(all, "live"), "frames"));
    if (verdicts == decided && decided == came && came == frames)
        puts("equal");
    else
        printf("(%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ")\n", verdicts, decided, came, frames);
    return 0;
}

static int say(const cJSON *all, int count, char **words)
{
    if (!strcmp(words[0], "number") && count > 1) return number(all, words + 1);
    if (!strcmp(words[0], "by_rule") && count == 2) return by_rule(all, words[1]);
    if (!strcmp(words[0], "adds_up")) return adds_up(all);
    fputs("figures: FILE number KEY…, FILE by_rule NAME or FILE adds_up\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 3) return say(NULL, 1, (char *[]){"", NULL});
    cJSON *all = read_json(argv[1]);
    if (!all) {
        fprintf(stderr, "figures: %s has no JSON\n", argv[1]);
        return 1;
    }
    const int status = say(all, argc - 2, argv + 2);
    cJSON_Delete(all);
    return status;
}

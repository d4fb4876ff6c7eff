/* Sets that rules fill: with a limit for each key they are meters, without one live sets */
#include <arpa/inet.h>
#include <string.h>

#include "compiler/import/nft/nft_priv.h"

/* Return the number of leading ones if the other bits are zero; 0: not such a mask. */
static unsigned mask_length(const cJSON *mask)
{
    const char *text = cJSON_GetStringValue(mask);
    uint8_t bytes[16] = {0};
    if (!text || (inet_pton(AF_INET, text, bytes) != 1 && inet_pton(AF_INET6, text, bytes) != 1)) return 0;
    unsigned length = 0;
    while (length < 128 && bytes[length / 8] & 0x80 >> length % 8) length++;
    for (unsigned i = length; i < 128; i++)
        if (bytes[i / 8] & 0x80 >> i % 8) return 0;
    return length;
}

/* Read a key such as `ip saddr & 255.255.255.0`. False: not the network of an address. */
static bool masked_key(const cJSON *both, struct subject *s)
{
    if (!both->child || subject_of(both->child, s) || (s->about != ASK_FROM && s->about != ASK_TO)) return false;
    s->length = (uint8_t)mask_length(both->child->next);
    return s->length != 0;
}

/* Find the key by which a set is filled; packets without such a field are not counted. */
static bool filled_key(const cJSON *key, struct subject *s)
{
    const cJSON *inside;
    const char *kind = nft_kind(key, &inside);
    if (kind && !strcmp(kind, "elem")) return filled_key(cJSON_GetObjectItemCaseSensitive(inside, "val"), s);
    if (kind && !strcmp(kind, "&")) return masked_key(inside, s);
    return !subject_of(key, s) && !s->special;
}

/* Return the time that the element stays, in seconds; 0: the statement names none. */
static uint64_t element_time(const cJSON *elem)
{
    const cJSON *inside, *time = NULL;
    const char *kind = nft_kind(elem, &inside);
    if (kind && !strcmp(kind, "elem")) time = cJSON_GetObjectItemCaseSensitive(inside, "timeout");
    return cJSON_IsNumber(time) && time->valuedouble >= 1 && time->valuedouble < 1e12 ? (uint64_t)time->valuedouble : 0;
}

/* Return the first statement for each key that does more than count packets; NULL if there is none. */
static const cJSON *first_asking(const cJSON *stmt)
{
    const cJSON *one = cJSON_IsArray(stmt) ? stmt->child : stmt, *inside;
    for (; one; one = cJSON_IsArray(stmt) ? one->next : NULL) {
        const char *kind = nft_kind(one, &inside);
        if (kind && strcmp(kind, "counter") != 0 && strcmp(kind, "last") != 0) return one;
    }
    return NULL;
}

static bool is_limit(const cJSON *statement)
{
    const cJSON *inside;
    const char *kind = nft_kind(statement, &inside);
    return kind && !strcmp(kind, "limit");
}

/* Make the rules add to the set; the statements after it become separate rules. */
static void add_to_set(struct reading_rule *r, const struct subject *key, struct set *set, struct adding a)
{
    set->changes = true;
    a.to = set;
    a.destination = key->about == ASK_TO;
    if (!a.for_s) a.for_s = set->stays_s;
    for (struct rule *one = r->first; one; one = one->next) {
        one->act = ACT_ADD;
        one->adding = a;
    }
    r->copied = true;
}

void read_set_statement(struct reading_rule *r, const cJSON *statement)
{
    const cJSON *stmt = cJSON_GetObjectItemCaseSensitive(statement, "stmt"),
                *elem = cJSON_GetObjectItemCaseSensitive(statement, "elem"),
                *key = elem ? elem : cJSON_GetObjectItemCaseSensitive(statement, "key");
    const char *name = nft_member(statement, elem ? "set" : "name"), *op = nft_member(statement, "op");
    const cJSON *one = first_asking(stmt);
    struct subject s;
    if (name && name[0] == '@') name++;
    struct set *set = elem && name ? ruleset_find_set(r->nft->s, r->nft->scope, name) : NULL;
    if (op && !strcmp(op, "delete")) {
        read_apart(r, "prey's rules can't remove members from a set");
        return;
    }
    if (!filled_key(key, &s)) {
        (one ? read_unsaid : read_apart)(r, one ? "prey counts only per address"
                                                : "prey's rules add only a source or a destination to a set");
        return;
    }
    const bool adds = set && set->kind == ABOUT_ADDRESSES && (s.about == ASK_FROM || s.about == ASK_TO) && !s.length;
    const struct adding a = {.renews = op && !strcmp(op, "update"), .counts = one, .for_s = element_time(elem)};
    want_implied(r, &s);
    if (!one && !adds) {
        read_apart(r, set ? "prey's rules add only a source or a destination to a set" : "the file has no such set");
    } else if (!one) {
        add_to_set(r, &s, set, a);
    } else if (cJSON_IsArray(stmt) && first_asking(one->next)) {
        read_unsaid(r, "the rule counts per several fields at once");
    } else {
        if (adds && is_limit(one)) {
            add_to_set(r, &s, set, a);
            r->copied = false;
            reading_go_on(r);
            if (r->full) return;
        }
        read_by_key(r, &s, one, name);
    }
}

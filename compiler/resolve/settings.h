/* Limits, timeouts and the hash key in the program */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct compile;
struct node;

/* Hash key of machines whose rules do not set one: published, so that all agree */
#define HASH_KEY_DEFAULT "prey hash key 1"

void settings_init(struct compile *c); /* set all defaults */
/* Take N_LIMITS, N_TIMEOUTS or N_HASH_KEY, and ignore other statements. */
void settings_take(struct compile *c, const struct node *n);

/* Return the i-th key with its default, in the order of PBC_SETTING_FIELDS; false past the last. */
bool setting_usual(unsigned i, const char **key, bool *timeout, uint64_t *value);

/* Two programs compared: what `preyctl impact` says without asking anybody. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

#include "vm/program/program.h"

/* Pools that differ in their servers, by name: [{pool, new, gone, servers: [{name, was, now}]}], weights; null where
 * there is no such server. */
cJSON *compared_pools(const struct program *old, const struct program *new);
/* {translated: [was, now], flows: [was, now]}: each with the program that runs and
 * with the other one. `translated`: connections that source ports allow, null: no service translates; `flows`: places
 * in the flow table (`limits`).
 */
cJSON *compared_capacity(const struct program *old, const struct program *new);

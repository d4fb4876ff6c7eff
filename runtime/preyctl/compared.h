/* Comparison of two programs: the part of `preyctl impact` that needs no service. */
#pragma once

#include <cjson/cJSON.h>
#include <stdio.h>

#include "vm/program/program.h"

/* Return the pools whose servers differ, by name: [{pool, new, gone, servers: [{name, was, now}]}], with weights; null:
 * no such server. */
cJSON *compared_pools(const struct program *old, const struct program *new);
/* Return {translated: [was, now], flows: [was, now]} for the running program and the other one. `translated`:
 * connections that source ports allow, null: no service translates; `flows`: size of the flow table (`limits`). */
cJSON *compared_capacity(const struct program *old, const struct program *new);

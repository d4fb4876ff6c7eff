/* Devices that no firewall judges: refused in a reload, told and shut at a start. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* True if the rules leave no device unjudged that they or -i name, nor name one that this machine lacks, except for
 * those of --allow-unjudged and of `allows` (with commas; NULL: none), those that the rules in force shut for no less,
 * or name in vain, too; and with --monitor. False: `why` tells them with a remedy. */
bool judged_all(const struct rules *rules, const struct program *p, const char *allows, char *why, size_t len);
/* Print what the program of a start leaves unjudged, and what becomes of it, as --preflight does. */
void judged_notice(const struct rules *rules);
/* True if --allow-unjudged is without a name; then print the names that it could have. */
bool judged_nameless(const struct rules *rules);
/* Report what the program in force leaves unjudged and which of its rules never match, and keep both
 * (rules->unjudged, rules->never). */
void judged_tell(struct rules *rules);
/* Do so again for what devices that came or went have changed. Call once per second. */
void judged_tick(struct rules *rules);

/* Devices that no firewall judges: refused in a reload, reported and shut at a start. */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* True if the rules leave no device unjudged that they or -i name, and name no missing device. Exempt are the
 * devices of --allow-unjudged and `allows` (with commas; NULL: none), those that the rules in force also shut or
 * name in vain, and all with --monitor. False: `why` lists the devices with a remedy. */
bool judged_all(const struct rules *rules, const struct program *p, const char *allows, char *why, size_t len);
/* Print the devices that a start's program leaves unjudged, and their fate, as --preflight does. */
void judged_notice(const struct rules *rules);
/* True if --allow-unjudged has no name; then print possible names. */
bool judged_nameless(const struct rules *rules);
/* Report the devices that the program in force leaves unjudged, and its rules that never match; keep both
 * (rules->unjudged, rules->never). */
void judged_tell(struct rules *rules);
/* Report these again after devices came or went. Call once per second. */
void judged_tick(struct rules *rules);

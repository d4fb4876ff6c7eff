/* Does some firewall judge each interface that is served? A name in the rules that nobody bears leaves one open. */
#pragma once

#include "runtime/live/rules/state.h"

/* Each interface that is served is judged by a firewall in every direction that the rules have some for, and this
 * machine has every device that they name; or that may be otherwise (--allow-unjudged, --monitor). False: `why` says
 * what is open, and how to go on. */
bool judged_all(const struct rules *rules, const struct program *p, char *why, size_t len);
/* Firewalls of interfaces that this machine has and -i does not name: each is told, for nobody judges by them here. */
void judged_notice(const struct rules *rules);
/* The program in force leaves something open: it is told, and rules->unjudged says it from now on. */
void judged_tell(struct rules *rules);

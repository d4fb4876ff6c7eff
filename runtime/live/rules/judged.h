/* Check that a firewall judges each served interface. A misspelt interface name in the rules leaves one open. */
#pragma once

#include "runtime/live/rules/state.h"

/* True if the rules leave no gap, or gaps are allowed (--allow-unjudged, --monitor). A gap is a served interface that
 * no firewall judges in a direction which some firewall judges, or a device in the rules that this machine lacks.
 * False: `why` names the gaps and a remedy. */
bool judged_all(const struct rules *rules, const struct program *p, char *why, size_t len);
/* Print a notice for each firewall of an interface that this machine has and -i does not name: it judges nothing. */
void judged_notice(const struct rules *rules);
/* Tell what the program in force leaves unjudged, and keep it in rules->unjudged. */
void judged_tell(struct rules *rules);

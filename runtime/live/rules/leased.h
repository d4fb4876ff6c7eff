/* Leased addresses (DHCP, DHCPv6, router advertisements) whose renewal the rules do not let in */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Print a notice for each served interface with such an address, if the rules do not accept the reply that renews
 * it. */
void leased_notice(const struct rules *rules);

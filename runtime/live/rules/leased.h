/* Addresses that are leased, by DHCP, DHCPv6 or a router's advertisement, under rules that shut their renewal out */
#pragma once

#include "runtime/live/rules/rules_state.h"

/* Print a notice for each served interface with such an address, if the rules do not accept the answer that renews
 * it. */
void leased_notice(const struct rules *rules);

/* Descriptors of the request YIELD, in this order; a service whose workers share no interface gets the first three
 * only. */
#pragma once

enum { YIELD_RECORD, YIELD_OUT, YIELD_ERR, YIELD_DEAL, YIELD_TABLES, YIELD_FDS };

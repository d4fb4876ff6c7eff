/* Live sets that --sets-group names and the rules lack. */
#pragma once

struct rules;

/* Print a notice for each: a reload may bring it. Call at a start and after each change of programs. */
void granted_notice(const struct rules *rules);

/* Live sets named by --sets-group that the rules lack. */
#pragma once

struct rules;

/* Print a notice for each of these sets, because a reload may add it. Call at a start and after each change of
 * programs. */
void granted_notice(const struct rules *rules);

/* Live sets named by --sets-group that the rules lack. */
#pragma once

struct rules;

/* Print a notice for each, since a reload may add it. Call at a start and after each change of programs. */
void granted_notice(const struct rules *rules);

/* Filters: the conditions of the rule language, as a program that the service runs on packets or flows. */
#pragma once

/* The words as they stand on the command line, compiled: *fd is what goes with the question (hand.h), -1 where there
 * are no words. 0, or 2 after lines that say what is wrong. */
int filter_hand(const char *const words[], unsigned count, int *fd);

/* Filters: conditions of the rule language, compiled to a program that the service runs on packets or flows. */
#pragma once

/* Compile the words of the command line. *fd goes with the question (hand.h); -1: no words. Return 0, or 2 after
 * lines with the reason. */
int filter_hand(const char *const words[], unsigned count, int *fd);

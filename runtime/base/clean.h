/* Cleaning of text that others wrote, before it is shown. */
#ifndef RUNTIME_BASE_CLEAN_H
#define RUNTIME_BASE_CLEAN_H

/* Replace control bytes and what is not UTF-8 by `?`, in place. Returns s. */
char *text_clean(char *s);

#endif

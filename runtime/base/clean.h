/* Cleaning of text that others wrote, before it is shown. */
#pragma once

/* Replace control bytes and what is not UTF-8 by `?`, in place. Returns s. */
char *text_clean(char *s);

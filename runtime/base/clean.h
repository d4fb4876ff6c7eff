/* Cleaning of untrusted text before it is shown. */
#pragma once

/* Replace control bytes and invalid UTF-8 by `?`, in place. Return s. */
char *text_clean(char *s);

/* The word that confirms a trial: whoever began it knows it, and nobody confirms another's trial by mistake. */
#pragma once

enum { WORD_LEN = 9 /* four syllables of two letters, and a zero */ };

/* Draw a word that can be spoken, one of 26 million: `kotabimu`. */
void word_draw(char word[WORD_LEN]);

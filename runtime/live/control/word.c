#include "runtime/live/control/word.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/random.h>

void word_draw(char word[WORD_LEN])
{
    static const char first[] = "bdfgklmnprstvz", second[] = "aeiou"; /* 14 and 5 letters */
    uint8_t drawn[WORD_LEN - 1] = {0};
    (void)!getrandom(drawn, sizeof drawn, 0);
    for (size_t i = 0; i < sizeof drawn; i++)
        word[i] = i % 2 ? second[drawn[i] % (sizeof second - 1)] : first[drawn[i] % (sizeof first - 1)];
    word[sizeof drawn] = 0;
}

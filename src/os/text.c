#include "os/text.h"

#include <stdbool.h>

/* The length of a character by its first byte; 0: no printable character begins with it. */
static size_t length_by_first_byte(unsigned char first)
{
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    return first >= 0xc2 && first < 0xe0   ? 2
           : first >= 0xe0 && first < 0xf0 ? 3
           : first >= 0xf0 && first < 0xf5 ? 4
                                           : 0;
}

/* How many of a character's bytes are present. An overlong form, a surrogate and a number above U+10FFFF count 1. */
static size_t count_present(const unsigned char *c, size_t bytes)
{
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf0 && c[1] < 0x90) ||
        (c[0] == 0xf4 && c[1] >= 0x90))
        return 1;
    size_t found = 1;
    while (found < bytes && (c[found] & 0xc0) == 0x80)
        found++;
    return found;
}

size_t text_character(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t bytes = length_by_first_byte(c[0]);
    return bytes > 1 && count_present(c, bytes) < bytes ? 0 : bytes;
}

void text_make_printable(char *text)
{
    while (*text) {
        const unsigned char *c = (const unsigned char *)text;
        size_t bytes = text_character(text);
        if (bytes == 0) {
            size_t wanted = length_by_first_byte(c[0]), found = wanted > 1 ? count_present(c, wanted) : 0;
            bool is_cut_off = found > 0 && text[found] == '\0';
            *text = is_cut_off ? '\0' : '?';
            bytes = !is_cut_off;
        }
        text += bytes;
    }
}

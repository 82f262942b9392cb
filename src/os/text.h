/* text.h: text for people that may have bytes in it which nobody vouches for. */
#ifndef OS_TEXT_H
#define OS_TEXT_H

#include <stddef.h>

/* Bytes of the printable UTF-8 character that begins at `text`; 0 when none does, as at the end. Looks no further than
 * a NUL. */
size_t text_character(const char *text);

/* Make a NUL-terminated text printable UTF-8: each byte that is not becomes '?', and a character that was cut off at
 * the end goes. A hostile writer must not reach anybody's terminal with control characters. */
void text_mend(char *text);

#endif

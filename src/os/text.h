/* text.h: making untrusted text printable. */
#ifndef OS_TEXT_H
#define OS_TEXT_H

#include <stddef.h>

/* The length in bytes of the printable UTF-8 character at `text`; 0 when no such character begins there. Reads no byte
 * after a NUL. */
size_t text_character(const char *text);

/* Make a NUL-terminated text printable UTF-8. Each byte that is not part of a printable character becomes '?', and an
 * incomplete character at the end is removed. So another process cannot send control characters to a terminal. */
void text_make_printable(char *text);

#endif

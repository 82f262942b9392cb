#include "check.h"

uint64_t statuses_hash;

void require_status(const char *call, pmipc_status status, uint64_t allowed)
{
    statuses_hash = statuses_hash * 31 + (uint64_t)status + 1;
    if ((unsigned)status < 64 && (allowed >> status & 1))
        return;
    fprintf(stderr, "%s ended with %s (%d)\n", call, pmipc_status_name(status), (int)status);
    abort();
}

/* The length of the printable UTF-8 character that begins here; 0 otherwise. */
static size_t character_bytes(const unsigned char *c)
{
    if (c[0] < 0x80)
        return c[0] >= 0x20 && c[0] != 0x7f;
    size_t bytes = c[0] >= 0xc2 && c[0] < 0xe0   ? 2
                   : c[0] >= 0xe0 && c[0] < 0xf0 ? 3
                   : c[0] >= 0xf0 && c[0] < 0xf5 ? 4
                                                 : 0;
    for (size_t i = 1; i < bytes; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    bool no_character = (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf4 && c[1] >= 0x90);
    return overlong || no_character ? 0 : bytes;
}

void require_text(const char *what, const char *text, size_t bytes)
{
    const unsigned char *c = memchr(text, '\0', bytes) ? (const unsigned char *)text : NULL;
    size_t more = 1;
    while (c && *c && more) {
        more = character_bytes(c);
        c += more;
    }
    if (c && more)
        return;
    fprintf(stderr, "%s: not terminated, or not printable UTF-8: '%.*s'\n", what, (int)bytes, text);
    abort();
}

void require_message(const char *call, pmipc_status status, const pmipc_error *error)
{
    REQUIRE(error->status == status);
    require_text(call, error->text, sizeof error->text);
    REQUIRE(error->text[0] != '\0');
}

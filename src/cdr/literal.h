/* literal.h: values in .msg text, which are defaults and constants. */
#ifndef CDR_LITERAL_H
#define CDR_LITERAL_H

#include "cdr/types.h"

/* The rest of the text that is being parsed. */
struct cdr_text {
    const char *at;
    const char *end;
};

static inline void cdr_skip_space(struct cdr_text *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\t'))
        text->at++;
}

/* Whether only space or a comment follows. */
static inline bool cdr_text_is_finished(struct cdr_text *text)
{
    cdr_skip_space(text);
    return text->at == text->end || *text->at == '#';
}

/* Parse the value of a field of this type, up to the end of the line or a comment. On failure `reason` is set. */
bool cdr_literal_parse(struct cdr_arena *arena, const pmipc_cdr_field *type, uint32_t item_bytes, struct cdr_text *text,
                       struct cdr_constant *value, const char **reason);

#endif

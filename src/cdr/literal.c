#include "cdr/literal.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CDR_NUMBER_BYTES 63u

static void cdr_store_integer(void *item, uint64_t value, uint32_t item_bytes)
{
    const uint8_t narrow8 = (uint8_t)value;
    const uint16_t narrow16 = (uint16_t)value;
    const uint32_t narrow32 = (uint32_t)value;
    const void *const narrow = item_bytes == 1   ? (const void *)&narrow8
                               : item_bytes == 2 ? (const void *)&narrow16
                               : item_bytes == 4 ? (const void *)&narrow32
                                                 : (const void *)&value;
    memcpy(item, narrow, item_bytes);
}

static const char *cdr_parse_bool(const char *digits, void *item)
{
    uint8_t value = strcasecmp(digits, "true") == 0 || strcmp(digits, "1") == 0;
    if (!value && strcasecmp(digits, "false") != 0 && strcmp(digits, "0") != 0)
        return "a bool must be true, false, 1 or 0";
    memcpy(item, &value, 1);
    return NULL;
}

/* Decimal, also with leading zeros, or hexadecimal. */
static const char *cdr_parse_integer(const char *digits, pmipc_dtype dtype, uint32_t item_bytes, void *item)
{
    static const char out_of_range[] = "the value does not fit its type";
    bool negative = *digits == '-';
    digits += negative || *digits == '+';
    bool hexadecimal = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    const char *first = digits + (hexadecimal ? 2 : 0);
    if (!*first || strspn(first, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") != strlen(first))
        return "not an integer";
    errno = 0;
    unsigned long long magnitude = strtoull(first, NULL, hexadecimal ? 16 : 10);
    uint64_t highest = UINT64_MAX >> (64 - 8 * item_bytes);
    bool is_signed = PMIPC_DTYPE_CODE(dtype) == PMIPC_CODE_INT;
    if (is_signed)
        highest = (highest >> 1) + negative;
    else if (negative && magnitude)
        return out_of_range;
    if (errno || magnitude > highest)
        return out_of_range;
    cdr_store_integer(item, negative ? -(uint64_t)magnitude : magnitude, item_bytes);
    return NULL;
}

static const char *cdr_parse_float(const char *digits, uint32_t item_bytes, void *item)
{
    /* The program's locale may use a decimal comma. */
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (!plain)
        return "no memory";
    char *end;
    double wide = strtod_l(digits, &end, plain);
    freelocale(plain);
    if (end == digits || *end)
        return "not a number";
    float narrow = (float)wide;
    if (item_bytes == 4 && isinf(narrow) && !isinf(wide))
        return "the value does not fit its type";
    memcpy(item, item_bytes == 4 ? (const void *)&narrow : (const void *)&wide, item_bytes);
    return NULL;
}

static const char *cdr_parse_number(const pmipc_cdr_field *type, uint32_t item_bytes, struct cdr_text *text,
                                    const char *stops, void *item)
{
    char digits[CDR_NUMBER_BYTES + 1];
    size_t length = 0;
    for (; text->at < text->end && !strchr(stops, *text->at) && *text->at; text->at++) {
        if (length == CDR_NUMBER_BYTES)
            return "the value is too long";
        digits[length++] = *text->at;
    }
    while (length && (digits[length - 1] == ' ' || digits[length - 1] == '\t'))
        length--;
    digits[length] = '\0';
    if (type->dtype == PMIPC_BOOL)
        return cdr_parse_bool(digits, item);
    if (PMIPC_DTYPE_CODE(type->dtype) == PMIPC_CODE_FLOAT)
        return cdr_parse_float(digits, item_bytes, item);
    return cdr_parse_integer(digits, type->dtype, item_bytes, item);
}

/* The next character of UTF-8, or UINT32_MAX. */
static uint32_t cdr_next_character(const uint8_t **at, const uint8_t *end)
{
    uint32_t lead = *(*at)++;
    if (lead < 0x80)
        return lead;
    int follow = lead >= 0xc2 && lead < 0xe0   ? 1
                 : lead >= 0xe0 && lead < 0xf0 ? 2
                 : lead >= 0xf0 && lead < 0xf5 ? 3
                                               : 0;
    uint32_t character = lead & (0x3fu >> follow);
    for (int i = 0; i < follow; i++) {
        if (*at == end || (**at & 0xc0) != 0x80)
            return UINT32_MAX;
        character = character << 6 | (*(*at)++ & 0x3fu);
    }
    return follow ? character : UINT32_MAX;
}

/* Convert UTF-8 to the characters of a wstring: UTF-16, each unit in 4 bytes. */
static const char *cdr_widen(struct cdr_arena *arena, pmipc_cdr_span *span)
{
    uint32_t *wide = cdr_arena_allocate(arena, span->count * 4);
    const uint8_t *at = span->data, *end = at + span->count;
    uint64_t count = 0;
    if (!wide)
        return "no memory";
    while (at < end) {
        uint32_t character = cdr_next_character(&at, end);
        if (character > 0x10ffff)
            return "not UTF-8";
        if (character > 0xffff) {
            wide[count++] = 0xd800 + ((character - 0x10000) >> 10);
            character = 0xdc00 + (character & 0x3ff);
        }
        wide[count++] = character;
    }
    *span = (pmipc_cdr_span){wide, count};
    return NULL;
}

/* The closing quote of the text that begins at `at`. NULL: it is missing. */
static const char *cdr_find_quote(const char *at, const char *end, char quote)
{
    for (; at < end && *at != quote; at++)
        at += *at == '\\' && at + 1 < end && at[1] == quote;
    return at < end ? at : NULL;
}

/* A string in quotes, with a backslash before quotes inside, or without quotes up to a stop character. */
static const char *cdr_parse_string(struct cdr_arena *arena, const pmipc_cdr_field *type, struct cdr_text *text,
                                    const char *stops, pmipc_cdr_span *span)
{
    const char quote = text->at < text->end && (*text->at == '"' || *text->at == '\'') ? *text->at++ : '\0';
    const char *end = quote ? cdr_find_quote(text->at, text->end, quote) : text->at;
    if (!end)
        return "the string does not end with its quote";
    while (!quote && end < text->end && *end && !strchr(stops, *end))
        end++;
    char *bytes = cdr_arena_allocate(arena, (size_t)(end - text->at) + 1);
    size_t length = 0;
    if (!bytes)
        return "no memory";
    for (; text->at < end; text->at++)
        if (!quote || *text->at != '\\' || text->at[1] != quote)
            bytes[length++] = *text->at;
    text->at += quote != '\0';
    while (!quote && length && (bytes[length - 1] == ' ' || bytes[length - 1] == '\t'))
        bytes[--length] = '\0';
    if (!quote && length == 0)
        return "a value is missing";
    *span = (pmipc_cdr_span){bytes, length};
    const char *reason = type->dtype == PMIPC_CDR_WSTRING ? cdr_widen(arena, span) : NULL;
    if (!reason && type->text_bound && span->count > type->text_bound)
        reason = "the string is longer than its bound";
    return reason;
}

/* One value, or the values between brackets. */
static const char *cdr_parse_values(struct cdr_arena *arena, const pmipc_cdr_field *type, uint32_t item_bytes,
                                    struct cdr_text *text, struct cdr_constant *value)
{
    bool is_text = cdr_dtype_is_text(type->dtype), is_list = type->is_array || type->is_sequence;
    size_t size = is_text ? sizeof(pmipc_cdr_span) : item_bytes;
    const char *stops = is_list ? ",]#" : "#";
    unsigned char *items = NULL;
    uint32_t count = 0, capacity = 0;
    if (is_list && (text->at == text->end || *text->at++ != '['))
        return "the value of an array must begin with '['";
    cdr_skip_space(text);
    bool is_closed = is_list && text->at < text->end && *text->at == ']';
    for (bool more = !is_closed; more;) {
        items = cdr_arena_grow(arena, items, count, &capacity, size);
        if (!items)
            return "no memory";
        void *item = items + count * size;
        const char *reason = is_text ? cdr_parse_string(arena, type, text, stops, item)
                                     : cdr_parse_number(type, item_bytes, text, stops, item);
        if (reason)
            return reason;
        count++;
        cdr_skip_space(text);
        more = is_list && text->at < text->end && *text->at == ',';
        is_closed = is_list && text->at < text->end && *text->at == ']';
        text->at += more;
        cdr_skip_space(text);
    }
    text->at += is_closed;
    if (is_list && !is_closed)
        return "the value of an array must end with ']'";
    if ((type->is_array && count != type->length) || (type->is_sequence && type->length && count > type->length))
        return "the number of values does not fit the length of the array";
    *value = (struct cdr_constant){items, count};
    return NULL;
}

bool cdr_literal_parse(struct cdr_arena *arena, const pmipc_cdr_field *type, uint32_t item_bytes, struct cdr_text *text,
                       struct cdr_constant *value, const char **reason)
{
    *reason = cdr_parse_values(arena, type, item_bytes, text, value);
    if (!*reason && !cdr_text_is_finished(text))
        *reason = "unexpected text after the value";
    return !*reason;
}

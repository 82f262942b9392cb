#include "ros/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- writing ---- */

/* Make room for `bytes` more and a NUL. */
static bool ros_text_reserve(struct ros_text *text, size_t bytes)
{
    size_t needed = text->length + bytes + 1;
    if (!ros_text_is_valid(text))
        return false;
    if (needed <= text->capacity)
        return true;
    char *grown = text->is_fixed ? NULL : realloc(text->bytes, needed * 2);
    text->is_full = !grown;
    if (!grown)
        return false;
    text->bytes = grown;
    text->capacity = needed * 2;
    return true;
}

void ros_text_add(struct ros_text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !ros_text_reserve(text, (size_t)length))
        return;
    va_start(arguments, format);
    vsnprintf(text->bytes + text->length, text->capacity - text->length, format, arguments);
    va_end(arguments);
    text->length += (size_t)length;
}

uint32_t ros_utf8_decode(const unsigned char *at, size_t left, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint32_t bytes = at[0] < 0x80 ? 1 : at[0] >= 0xf0 && at[0] < 0xf8 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc0 ? 2 : 0;
    if (bytes == 0 || bytes > left || at[0] >= 0xf8)
        return 0;
    *code = bytes == 1 ? at[0] : at[0] & (0x7fu >> bytes);
    for (uint32_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (at[i] & 0x3fu);
    }
    bool is_surrogate = *code >= 0xd800 && *code < 0xe000;
    return *code < least[bytes] || *code > 0x10ffff || is_surrogate ? 0 : bytes;
}

static void ros_json_add_code(struct ros_text *text, uint32_t code)
{
    static const char shorts[] = "\"\"\\\\\nn\rr\tt\bb\ff";
    for (size_t i = 0; i < sizeof shorts - 1; i += 2)
        if (code == (unsigned char)shorts[i]) {
            ros_text_add(text, "\\%c", shorts[i + 1]);
            return;
        }
    if (code >= ' ' && code <= '~')
        ros_text_add(text, "%c", (char)code);
    else if (code < 0x10000)
        ros_text_add(text, "\\u%04x", code);
    else
        ros_text_add(text, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
}

void ros_json_add_string(struct ros_text *text, const char *string, size_t bytes)
{
    ros_text_add(text, "\"");
    for (size_t i = 0; i < bytes && !text->is_not_utf8;) {
        uint32_t code;
        uint32_t length = ros_utf8_decode((const unsigned char *)string + i, bytes - i, &code);
        if (length)
            ros_json_add_code(text, code);
        else
            text->is_not_utf8 = true;
        i += length;
    }
    ros_text_add(text, "\"");
}

/* ---- reading ---- */

bool ros_json_take(struct ros_json *json, const char *word)
{
    size_t length = strlen(word);
    if (json->is_broken || (size_t)(json->end - json->at) < length || memcmp(json->at, word, length) != 0)
        return false;
    json->at += length;
    return true;
}

void ros_json_expect(struct ros_json *json, const char *word)
{
    if (!ros_json_take(json, word))
        json->is_broken = true;
}

static uint32_t ros_json_hex(struct ros_json *json)
{
    uint32_t value = 0;
    for (int i = 0; i < 4 && !json->is_broken; i++) {
        char c = json->at < json->end ? *json->at++ : ' ';
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        json->is_broken = digit == 16;
        value = value << 4 | (digit & 15);
    }
    return value;
}

/* The character after a backslash. */
static uint32_t ros_json_escape(struct ros_json *json)
{
    static const char shorts[] = "\"\"\\\\//n\nr\rt\tb\bf\f";
    char c = json->at < json->end ? *json->at++ : ' ';
    for (size_t i = 0; i < sizeof shorts - 1; i += 2)
        if (c == shorts[i])
            return (unsigned char)shorts[i + 1];
    if (c != 'u') {
        json->is_broken = true;
        return 0;
    }
    uint32_t code = ros_json_hex(json);
    if (code < 0xd800 || code >= 0xe000)
        return code;
    ros_json_expect(json, "\\u");
    uint32_t low = ros_json_hex(json);
    if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
        json->is_broken = true;
    return 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
}

/* `to` has room for four bytes. */
static size_t ros_utf8_encode(uint32_t code, char *to)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    size_t bytes = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = bytes - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)((0xf00u >> bytes & 0xff) | code);
    return bytes;
}

void ros_json_string(struct ros_json *json, char *string, size_t capacity)
{
    size_t length = 0;
    ros_json_expect(json, "\"");
    while (!json->is_broken && !ros_json_take(json, "\"")) {
        if (json->at == json->end || length + 5 > capacity) {
            json->is_broken = true;
            break;
        }
        unsigned char c = (unsigned char)*json->at++;
        uint32_t code = c == '\\' ? ros_json_escape(json) : c;
        json->is_broken = json->is_broken || code == 0;
        /* Bytes that are not escaped are copied unchanged, also those of UTF-8. */
        if (c == '\\')
            length += ros_utf8_encode(code, string + length);
        else
            string[length++] = (char)c;
    }
    string[json->is_broken ? 0 : length] = '\0';
}

uint32_t ros_json_number(struct ros_json *json)
{
    uint64_t value = 0;
    const char *begin = json->at;
    while (!json->is_broken && json->at < json->end && *json->at >= '0' && *json->at <= '9') {
        value = value * 10 + (uint64_t)(*json->at++ - '0');
        json->is_broken = value > UINT64_C(1) << 31;
    }
    json->is_broken = json->is_broken || json->at == begin;
    return json->is_broken ? 0 : (uint32_t)value;
}

/* ros2msg.c: parse .msg text, alone or followed by the types that it needs, as in MCAP files. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cdr/literal.h"
#include "cdr/types.h"
#include "os/error.h"

struct cdr_parser {
    pmipc_cdr_types *types;
    struct cdr_message *message; /* the type whose fields are parsed; NULL between a separator and its "MSG:" */
    uint32_t line;
    pmipc_error *error;
};

__attribute__((format(printf, 2, 3))) static pmipc_status cdr_parse_fail(struct cdr_parser *parser, const char *format,
                                                                         ...)
{
    va_list arguments;
    char reason[PMIPC_CDR_MAX_NAME + 160];
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    return error_set(parser->error, PMIPC_INVALID_ARGUMENT, 0, "%s%sline %u: %s",
                     parser->message ? parser->message->name : "", parser->message ? ", " : "", parser->line, reason);
}

static pmipc_status cdr_parse_no_memory(struct cdr_parser *parser)
{
    return error_set(parser->error, PMIPC_NO_MEMORY, 0, "no memory for the description of %s", parser->message->name);
}

static bool cdr_take(struct cdr_text *text, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(text->end - text->at) < length || memcmp(text->at, word, length) != 0)
        return false;
    text->at += length;
    return true;
}

static bool cdr_is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static struct cdr_text cdr_take_word(struct cdr_text *text, bool with_slashes)
{
    struct cdr_text word = {text->at, text->at};
    while (word.end < text->end && (cdr_is_word(*word.end) || (with_slashes && *word.end == '/')))
        word.end++;
    text->at = word.end;
    return word;
}

/* A length or bound of 1 or more. 0: it is missing or not valid. */
static uint32_t cdr_take_length(struct cdr_text *text)
{
    uint64_t value = 0;
    while (text->at < text->end && *text->at >= '0' && *text->at <= '9' && value <= INT32_MAX)
        value = value * 10 + (uint64_t)(*text->at++ - '0');
    return value <= INT32_MAX ? (uint32_t)value : 0;
}

/* "float64", "string<=10", "Point", "geometry_msgs/Point". */
static pmipc_status cdr_parse_base_type(struct cdr_parser *parser, struct cdr_text *text, struct cdr_field_type *field)
{
    struct cdr_text word = cdr_take_word(text, true);
    size_t length = (size_t)(word.end - word.at);
    const struct cdr_primitive *primitive = cdr_primitive_find(word.at, length);
    if (primitive) {
        field->field.dtype = primitive->dtype;
        field->item_bytes = primitive->item_bytes;
        field->field.type_name = cdr_dtype_name(primitive->dtype);
        if (cdr_dtype_is_text(primitive->dtype) && cdr_take(text, "<=")) {
            field->field.text_bound = cdr_take_length(text);
            if (field->field.text_bound == 0)
                return cdr_parse_fail(parser, "the bound of a string must be a number from 1 to %d", INT32_MAX);
        }
        return PMIPC_OK;
    }
    char full_name[PMIPC_CDR_MAX_NAME + 1];
    bool is_time = length == 4 && memcmp(word.at, "time", 4) == 0;
    bool is_duration = length == 8 && memcmp(word.at, "duration", 8) == 0;
    if (is_time || is_duration)
        strcpy(full_name, is_time ? "builtin_interfaces/msg/Time" : "builtin_interfaces/msg/Duration");
    else if (!cdr_name_complete(full_name, word.at, length, parser->message->name))
        return cdr_parse_fail(parser, "'%.*s' is not a type", (int)(length < 80 ? length : 80), word.at);
    field->field.dtype = PMIPC_CDR_MESSAGE;
    field->field.type_name = cdr_arena_copy_text(&parser->types->arena, full_name, strlen(full_name));
    field->is_relative = !is_time && !is_duration && !memchr(word.at, '/', length);
    return field->field.type_name ? PMIPC_OK : cdr_parse_no_memory(parser);
}

/* The base type, and "[]", "[9]" or "[<=9]". */
static pmipc_status cdr_parse_type(struct cdr_parser *parser, struct cdr_text *text, struct cdr_field_type *field)
{
    pmipc_status status = cdr_parse_base_type(parser, text, field);
    if (status || !cdr_take(text, "["))
        return status;
    field->field.is_sequence = true;
    if (cdr_take(text, "]"))
        return PMIPC_OK;
    field->field.is_sequence = cdr_take(text, "<=");
    field->field.is_array = !field->field.is_sequence;
    field->field.length = cdr_take_length(text);
    if (field->field.length == 0 || !cdr_take(text, "]"))
        return cdr_parse_fail(parser, "the length of an array must be a number from 1 to %d, followed by ']'",
                              INT32_MAX);
    return PMIPC_OK;
}

/* The value after a name. The set of types owns it. */
static pmipc_status cdr_parse_value(struct cdr_parser *parser, struct cdr_text *text,
                                    const struct cdr_field_type *field, struct cdr_constant *value)
{
    const char *reason;
    cdr_skip_space(text);
    if (field->field.dtype == PMIPC_CDR_MESSAGE)
        return cdr_parse_fail(parser, "'%s' is a message and cannot have a value", field->field.name);
    if (!cdr_literal_parse(&parser->types->arena, &field->field, field->item_bytes, text, value, &reason))
        return cdr_parse_fail(parser, "'%s': %s", field->field.name, reason);
    return PMIPC_OK;
}

/* "TYPE NAME", "TYPE NAME DEFAULT" or "TYPE NAME=CONSTANT". */
static pmipc_status cdr_parse_field(struct cdr_parser *parser, struct cdr_text *text)
{
    struct cdr_field_type field = {.line = parser->line};
    pmipc_status status = cdr_parse_type(parser, text, &field);
    if (status)
        return status;
    const char *type_end = text->at;
    cdr_skip_space(text);
    struct cdr_text name = cdr_take_word(text, false);
    size_t length = (size_t)(name.end - name.at);
    if (length == 0 || name.at == type_end || (*name.at >= '0' && *name.at <= '9'))
        return cdr_parse_fail(parser, "expected a type and then a name");
    if (length > PMIPC_CDR_MAX_NAME)
        return cdr_parse_fail(parser, "the name has %zu bytes, at most %d are allowed", length, PMIPC_CDR_MAX_NAME);
    field.field.name = cdr_arena_copy_text(&parser->types->arena, name.at, length);
    if (!field.field.name)
        return cdr_parse_no_memory(parser);
    const char *name_end = text->at;
    cdr_skip_space(text);
    if (cdr_take(text, "=")) {
        /* Constants are not part of messages. They are only checked. */
        struct cdr_constant constant;
        if (field.field.is_array || field.field.is_sequence)
            return cdr_parse_fail(parser, "the constant '%s' cannot be an array", field.field.name);
        return cdr_parse_value(parser, text, &field, &constant);
    }
    if (!cdr_text_is_finished(text)) {
        if (text->at == name_end)
            return cdr_parse_fail(parser, "'%c' cannot be part of a name", *text->at >= ' ' ? *text->at : '?');
        status = cdr_parse_value(parser, text, &field, &field.default_value);
    }
    if (status)
        return status;
    pmipc_error error;
    status = cdr_message_append(parser->types, parser->message, &field, &error);
    return status == PMIPC_INVALID_ARGUMENT ? cdr_parse_fail(parser, "%s", error.text)
           : status                         ? cdr_parse_no_memory(parser)
                                            : PMIPC_OK;
}

/* "MSG: package/Name" after a separator. */
static pmipc_status cdr_parse_heading(struct cdr_parser *parser, struct cdr_text *text)
{
    char full_name[PMIPC_CDR_MAX_NAME + 1];
    if (!cdr_take(text, "MSG:"))
        return cdr_parse_fail(parser, cdr_take(text, "IDL:") ? "IDL descriptions are not supported, only MSG"
                                                             : "expected 'MSG: package/Name' after a line of '='");
    cdr_skip_space(text);
    struct cdr_text name = cdr_take_word(text, true);
    if (!cdr_text_is_finished(text) || !cdr_name_complete(full_name, name.at, (size_t)(name.end - name.at), NULL))
        return cdr_parse_fail(parser, "expected the name of a type, package/Name, after 'MSG:'");
    pmipc_error error;
    pmipc_status status = cdr_types_begin(parser->types, full_name, &parser->message, &error);
    if (status)
        parser->message = NULL;
    return status == PMIPC_INVALID_ARGUMENT ? cdr_parse_fail(parser, "%s", error.text)
           : status                         ? error_set(parser->error, status, 0, "%s", error.text)
                                            : PMIPC_OK;
}

static bool cdr_is_separator(const struct cdr_text *text)
{
    for (const char *c = text->at; c < text->end; c++)
        if (*c != '=')
            return false;
    return text->end - text->at >= 3;
}

static pmipc_status cdr_parse_line(struct cdr_parser *parser, struct cdr_text text)
{
    while (text.end > text.at && (text.end[-1] == ' ' || text.end[-1] == '\t' || text.end[-1] == '\r'))
        text.end--;
    if (cdr_text_is_finished(&text))
        return PMIPC_OK;
    if (cdr_is_separator(&text)) {
        parser->message = NULL;
        return PMIPC_OK;
    }
    return parser->message ? cdr_parse_field(parser, &text) : cdr_parse_heading(parser, &text);
}

pmipc_status pmipc_cdr_types_add(pmipc_cdr_types *types, const char *name, const char *text, size_t text_bytes,
                                 pmipc_error *error)
{
    if (!types || !name || (!text && text_bytes))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "types, name and text must not be NULL");
    if (text_bytes > CDR_MAX_TEXT_BYTES)
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "%s: the description has %zu bytes, at most %u are allowed",
                         name, text_bytes, CDR_MAX_TEXT_BYTES);
    char full_name[PMIPC_CDR_MAX_NAME + 1];
    if (!cdr_name_complete(full_name, name, strlen(name), NULL))
        return error_set(error, PMIPC_INVALID_ARGUMENT, 0, "'%.80s' is not the name of a message type", name);
    struct cdr_parser parser = {.types = types, .error = error};
    pmipc_status status = cdr_types_begin(types, full_name, &parser.message, error);
    const char *end = text ? text + text_bytes : text;
    for (const char *at = text; at < end && !status;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            line_end = end;
        parser.line++;
        status = cdr_parse_line(&parser, (struct cdr_text){at, line_end});
        at = line_end == end ? end : line_end + 1;
    }
    return status;
}
